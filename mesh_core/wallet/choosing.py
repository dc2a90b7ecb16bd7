"""Which wallet of a home is meant where a command names none: the one chosen with `use`, else the only one.

HOME/wallets/.current holds the name. The dot keeps it apart from wallets: no wallet's name has one.
"""

from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.storage.files import write_atomically
from mesh_core.storage.wallet_store import WALLET_NAME, list_wallets, require_wallet
from mesh_core.wallet.home_folder import HomeFolder

CURRENT_NAME: Final = ".current"
NAME_LIMIT_BYTES: Final = 64


def choose_wallet(folder: HomeFolder, option: str | None) -> str:
    """The wallet that a command uses. LocalFault: WALLET_UNKNOWN (none, several and none chosen, or the chosen one is gone), WALLET_NAME_INVALID."""
    if option is not None:
        return require_wallet(folder.wallets, option).name
    chosen = current_wallet(folder)
    if chosen is not None:
        try:
            return require_wallet(folder.wallets, chosen).name
        except LocalFault as fault:
            text = f"the wallet '{chosen}', which was chosen with 'mesh-wallet use', is gone: {fault.text}; choose another"
            raise LocalFault(ErrorCode.WALLET_UNKNOWN, text) from fault
    names = list_wallets(folder.wallets)
    if len(names) == 1:
        return names[0]
    if not names:
        raise LocalFault(ErrorCode.WALLET_UNKNOWN, f"there is no wallet in {folder.home}: make one with 'mesh-wallet keygen NAME'")
    text = f"several wallets are here ({', '.join(names)}): name one with --wallet, or choose one with 'mesh-wallet use NAME'"
    raise LocalFault(ErrorCode.WALLET_UNKNOWN, text)


def current_wallet(folder: HomeFolder) -> str | None:
    """The chosen wallet's name; None where none was chosen. What is no name counts as none."""
    try:
        name = read_plain_file(folder.wallets / CURRENT_NAME, NAME_LIMIT_BYTES).decode("ascii", "replace").strip()
    except OSError:
        return None
    return name if WALLET_NAME.fullmatch(name) else None


def use_wallet(folder: HomeFolder, name: str) -> None:
    """Choose a wallet. LocalFault: WALLET_UNKNOWN, WALLET_NAME_INVALID, KEY_FILE (the disk)."""
    require_wallet(folder.wallets, name)
    write_atomically(folder.wallets / CURRENT_NAME, f"{name}\n".encode("ascii"), overwrite=True)
