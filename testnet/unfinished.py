"""A home whose first start was interrupted: what lies there of a network that was never completed, and what may be done about it.

`network.toml` is written last, so a home without it never had a network that ran, unless somebody took the file away. The two look alike but for the marks
that validators leave: one that has run has data, or a vote journal, or no `first-start` beside its key. Its keys may have voted, and are never put aside.
"""

from collections.abc import Mapping
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.files import flush_directory, make_private_directory
from mesh_core.storage.key_file import KeyKind, read_seed
from mesh_core.storage.wallet_store import find_key_kind, has_records, list_wallets
from testnet.layout import NetworkFolder, ValidatorFolder

ASIDE_NAME = "interrupted"
ASIDE_MOST = 1000


def put_aside_unfinished(folder: NetworkFolder) -> Path | None:
    """Move what is left of an interrupted first start into HOME/interrupted-N, so that a new one can begin; returns that folder, None if nothing was left.

    Nothing is deleted, and wallets stay where they are. LocalFault (STORE_UNAVAILABLE) where validators have run: then only `network.toml` is missing.
    """
    # An empty folder is nothing that was left: volumes of containers are mounted there, and cannot be moved.
    left = sorted(path for path in folder.home.glob("v[0-9]*") if any(path.iterdir()))
    has_run = [path.name for path in left if _has_run(ValidatorFolder(path))]
    if has_run:
        raise LocalFault(
            ErrorCode.STORE_UNAVAILABLE,
            f"{folder.home} holds validators that have run ({', '.join(has_run)}) and no {folder.network_file.name}: put a copy of that file back,"
            f" or choose another folder. To give this network up, move {', '.join(path.name for path in left)} and {folder.genesis_file.name} away",
        )
    # A profile that stayed would keep the next one from being written, or be that of a network that was made without any.
    left += [path for path in (folder.genesis_file, folder.profile_file) if path.exists()]
    if not left:
        return None
    aside = next((path for number in range(1, ASIDE_MOST) if not (path := folder.home / f"{ASIDE_NAME}-{number}").exists()), None)
    if aside is None:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{folder.home} holds {ASIDE_MOST - 1} interrupted starts: choose another folder")
    make_private_directory(aside)
    for path in left:
        path.rename(aside / path.name)
    flush_directory(aside)
    flush_directory(folder.home)
    return aside


def find_seeds(folder: NetworkFolder, wallets: Mapping[str, int]) -> dict[str, bytes]:
    """Seeds (secret) of those of these wallets that are there already: an interrupted start has made them, or their owner. LocalFault (WALLET_EXISTS).

    A new genesis gives them their money. It can give none to a wallet whose key it cannot read, and one that was used on another network cannot be opened
    on this one.
    """
    found: dict[str, bytes] = {}
    for name in (name for name in list_wallets(folder.wallets) if name in wallets):
        reason = None
        if find_key_kind(folder.wallets, name) is not KeyKind.PLAIN:
            reason = "has no seed that can be read here"
        elif has_records(folder.wallets, name):
            reason = "was used on another network"
        if reason is not None:
            where = folder.wallets / name
            text = f"a new network makes a wallet '{name}', and the one that is there {reason}: move {where} away, or choose another home"
            raise LocalFault(ErrorCode.WALLET_EXISTS, text)
        found[name] = read_seed(folder.wallets / name, None)
    return found


def _has_run(validator: ValidatorFolder) -> bool:
    if validator.data_dir.exists() or validator.vote_journal.exists():
        return True
    return validator.identity_key.exists() and not validator.first_start.exists()
