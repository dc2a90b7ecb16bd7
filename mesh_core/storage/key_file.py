"""A wallet's key on the disk: one small private file, written once and never overwritten.

WALLET/seed      mesh-seed 1            64 hexadecimal digits: the seed as it is
                 mesh-sealed-seed 1     the seed under a passphrase (`crypto/sealing.py`), in hexadecimal digits
WALLET/address   beside a sealed seed: the address, so that it can be shown without the passphrase. Public
WALLET/view      mesh-view-key 1        owner (32 bytes) and view secret (32 bytes): reads everything, signs nothing

A file of 64 digits without the first line counts, too: so the first version wrote it, and so somebody may who has only the digits left.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from mesh_core.crypto.keys import SEED_BYTES, ViewKey, ViewOnlyKeys, WalletKeys
from mesh_core.crypto.sealing import MODERATE, SEALED_SEED, SealedSeed, SealingCost, open_seed, seal_seed
from mesh_core.crypto.signatures import is_acceptable_key
from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.storage.files import read_private, write_atomically
from mesh_core.types.address import Address, parse_address
from mesh_core.types.basic import PublicKey

SEED_NAME: Final = "seed"
VIEW_NAME: Final = "view"
ADDRESS_NAME: Final = "address"
PLAIN_LINE: Final = b"mesh-seed 1\n"
SEALED_LINE: Final = b"mesh-sealed-seed 1\n"
VIEW_LINE: Final = b"mesh-view-key 1\n"
_KEY_BYTES: Final = 32
_FIRST_LINE: Final = re.compile(rb"(mesh-[a-z-]{1,20} [0-9]{1,9})\n")
_HEX: Final = re.compile(rb"((?:[0-9a-f]{2})+)\n?")

AskPassphrase = Callable[[str], str]
"""Gives the passphrase of a wallet, by the wallet's name. Called only where the seed is sealed. LocalFault (WALLET_SEALED) where nobody can be asked."""


class KeyKind(Enum):
    """What a wallet's key file holds."""

    PLAIN = "plain"
    SEALED = "sealed"
    VIEW_ONLY = "view-only"


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a new seed is sealed: under this passphrase (secret), at this cost."""

    passphrase: str = field(repr=False)
    cost: SealingCost = MODERATE


@dataclass(frozen=True, slots=True)
class _KeyFile:
    """The content of a key file, its form checked."""

    kind: KeyKind
    seed: bytes = field(default=b"", repr=False)
    sealed: SealedSeed | None = None
    view: ViewOnlyKeys | None = None


def has_key(folder: Path) -> bool:
    """Whether a folder holds a wallet's key. OSError if that cannot be seen."""
    return (folder / SEED_NAME).exists() or (folder / VIEW_NAME).exists()


def find_kind(folder: Path) -> KeyKind:
    """What the key file of a wallet holds. LocalFault: KEY_FILE (missing, damaged, or open to others), STORE_FORMAT (a later version's)."""
    return _load(folder).kind


def read_keys(folder: Path, ask_passphrase: AskPassphrase | None) -> WalletKeys | ViewOnlyKeys:
    """The keys of a wallet (secret). LocalFault as `find_kind`; WALLET_SEALED where nobody can be asked, PASSPHRASE where it is another one."""
    loaded = _load(folder)
    if loaded.view is not None:
        return loaded.view
    keys = WalletKeys.from_seed(_unseal(folder, loaded, ask_passphrase))
    if loaded.sealed is not None and _read_address(folder) not in (None, keys.address):
        # Whoever changed it wants what is paid to this wallet.
        raise LocalFault(ErrorCode.KEY_FILE, f"{folder / ADDRESS_NAME} is not the address of this seed: somebody changed it; delete it")
    return keys


def find_address(folder: Path) -> Address | None:
    """The address of a wallet, without a passphrase; None where only the passphrase would tell it. LocalFault as `find_kind`."""
    loaded = _load(folder)
    if loaded.view is not None:
        return loaded.view.address
    return WalletKeys.from_seed(loaded.seed).address if loaded.sealed is None else _read_address(folder)


def read_seed(folder: Path, ask_passphrase: AskPassphrase | None) -> bytes:
    """The seed of a wallet: 32 bytes, secret. LocalFault as `read_keys`; VIEW_ONLY where the wallet has none."""
    loaded = _load(folder)
    if loaded.view is not None:
        raise LocalFault(ErrorCode.VIEW_ONLY, f"the wallet '{folder.name}' is view-only: it has no seed")
    return _unseal(folder, loaded, ask_passphrase)


def write_seed(folder: Path, seed: bytes, sealing: Sealing | None) -> None:
    """Write the key file of a new wallet: its seed of 32 bytes (secret), sealed or plain. FileExistsError; LocalFault (KEY_FILE, PASSPHRASE)."""
    assert len(seed) == SEED_BYTES
    if sealing is None:
        body = PLAIN_LINE + seed.hex().encode("ascii")
    else:
        address = str(WalletKeys.from_seed(seed).address)
        write_atomically(folder / ADDRESS_NAME, f"{address}\n".encode("ascii"), overwrite=True)
        body = SEALED_LINE + SEALED_SEED.encode(seal_seed(seed, sealing.passphrase, os.urandom, sealing.cost)).hex().encode("ascii")
    write_atomically(folder / SEED_NAME, body + b"\n")


def write_view(folder: Path, keys: ViewOnlyKeys) -> None:
    """Write the key file of a new view-only wallet (secret). FileExistsError; LocalFault (KEY_FILE)."""
    write_atomically(folder / VIEW_NAME, format_view_key(keys).encode("ascii"))


def format_view_key(keys: ViewOnlyKeys) -> str:
    """The text of a view key's file, which is also what is exported and imported. Secret: whoever has it reads everything, for ever."""
    return f"{VIEW_LINE.decode('ascii')}{keys.owner.hex()}{keys.view_key.secret.hex()}\n"


def parse_view_key(text: bytes, name: str) -> ViewOnlyKeys:
    """The view key in such a text; `name` is where it came from. LocalFault (KEY_FILE)."""
    digits = _HEX.fullmatch(text.removeprefix(VIEW_LINE))
    data = b"" if digits is None or not text.startswith(VIEW_LINE) else bytes.fromhex(digits[1].decode("ascii"))
    if len(data) != 2 * _KEY_BYTES:
        raise LocalFault(ErrorCode.KEY_FILE, f"{name} holds no view key: expected the line '{VIEW_LINE.decode().strip()}' and 128 hexadecimal digits")
    owner = PublicKey(data[:_KEY_BYTES])
    if not is_acceptable_key(owner):
        raise LocalFault(ErrorCode.KEY_FILE, f"{name} holds a view key of an account that cannot exist: its owner is no acceptable Ed25519 key")
    return ViewOnlyKeys(owner, ViewKey(data[_KEY_BYTES:]))


def _load(folder: Path) -> _KeyFile:
    # A seed can do all that a view key can.
    if not (folder / SEED_NAME).exists() and (folder / VIEW_NAME).exists():
        return _KeyFile(KeyKind.VIEW_ONLY, view=parse_view_key(read_private(folder / VIEW_NAME), str(folder / VIEW_NAME)))
    path = folder / SEED_NAME
    content = read_private(path)
    for line, read in ((PLAIN_LINE, _read_plain), (SEALED_LINE, _read_sealed), (b"", _read_plain)):
        digits = _HEX.fullmatch(content.removeprefix(line)) if content.startswith(line) else None
        loaded = None if digits is None else read(bytes.fromhex(digits[1].decode("ascii")))
        if loaded is not None:
            return loaded
    first = _FIRST_LINE.match(content)
    if first is not None and first[0] not in (PLAIN_LINE, SEALED_LINE):
        text = f"{path} is a '{first[1].decode()}', this program knows 'mesh-seed 1' and 'mesh-sealed-seed 1': run the version of MESH that wrote it"
        raise LocalFault(ErrorCode.STORE_FORMAT, text)
    # The content is a secret even when it is damaged: the text says only its length.
    expected = "a sealed seed of version 1" if first is not None and first[0] == SEALED_LINE else "64 hexadecimal digits"
    raise LocalFault(ErrorCode.KEY_FILE, f"{path} is damaged: expected {expected}, found {len(content)} bytes")


def _read_address(folder: Path) -> Address | None:
    """The address beside a sealed seed; None where there is none, since nothing but convenience depends on it."""
    path = folder / ADDRESS_NAME
    if not path.exists():
        return None
    try:
        return parse_address(read_private(path).decode("ascii", "replace").strip()).address
    except LocalFault as fault:
        raise LocalFault(ErrorCode.KEY_FILE, f"{path} holds no address: {fault.text}; delete it") from fault


def _read_plain(data: bytes) -> _KeyFile | None:
    return _KeyFile(KeyKind.PLAIN, seed=data) if len(data) == SEED_BYTES else None


def _read_sealed(data: bytes) -> _KeyFile | None:
    try:
        return _KeyFile(KeyKind.SEALED, sealed=SEALED_SEED.decode(data))
    except DecodeError:
        return None


def _unseal(folder: Path, loaded: _KeyFile, ask_passphrase: AskPassphrase | None) -> bytes:
    if loaded.sealed is None:
        return loaded.seed
    if ask_passphrase is None:
        raise LocalFault(ErrorCode.WALLET_SEALED, f"the wallet '{folder.name}' is sealed with a passphrase, and nobody can be asked for it here")
    return open_seed(loaded.sealed, ask_passphrase(folder.name))
