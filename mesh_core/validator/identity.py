"""A validator's keys: its Ed25519 identity, which votes, and its TLS identity, which does not. Both are made before the genesis that names them.

FOLDER/identity.key    32 secret bytes as 64 hexadecimal digits, mode 0600
FOLDER/tls.key         mode 0600
FOLDER/tls.crt         pinned by everybody who connects
FOLDER/first-start     the public key: this validator has never run. Deleted at its first start

A key without any data is either new, or has lost its disk and with it every vote that it cast. Only the file `first-start` tells the two apart: without it the
validator starts in quarantine.
"""

import re
from collections.abc import Callable
from pathlib import Path

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.network.tls import generate_tls_identity, save_tls_identity
from mesh_core.protocol.genesis import Genesis
from mesh_core.storage.files import flush_directory, make_private_directory, read_private, write_atomically
from mesh_core.storage.validator_store import DATABASE_NAME

IDENTITY_NAME = "identity.key"
TLS_KEY_NAME = "tls.key"
TLS_CERTIFICATE_NAME = "tls.crt"
FIRST_START_NAME = "first-start"
SEED_SIZE_BYTES = 32
MARK_LIMIT_BYTES = 4096
_SEED_TEXT = re.compile(rb"[0-9a-f]{64}\n?")


def init_identity(folder: Path, entropy: Callable[[int], bytes]) -> SigningKey:
    """Make a new validator's keys in `folder`, from 32 bytes of `entropy`. LocalFault (KEY_FILE) if one is there: keys are never overwritten."""
    try:
        make_private_directory(folder)
        existing = [name for name in (IDENTITY_NAME, TLS_KEY_NAME, TLS_CERTIFICATE_NAME) if (folder / name).exists()]
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot make the folder {folder}: {error.strerror or error}") from error
    if existing:
        raise LocalFault(ErrorCode.KEY_FILE, f"{folder / existing[0]} exists: a validator's keys are never overwritten; choose another folder")
    seed = entropy(SEED_SIZE_BYTES)
    key = SigningKey(seed)
    save_tls_identity(generate_tls_identity(), certificate_path=folder / TLS_CERTIFICATE_NAME, key_path=folder / TLS_KEY_NAME)
    # Before the key: a key alone would pass for one whose votes are lost.
    write_atomically(folder / FIRST_START_NAME, key.public_key.hex().encode("ascii") + b"\n", overwrite=True)
    try:
        write_atomically(folder / IDENTITY_NAME, seed.hex().encode("ascii") + b"\n")
    except FileExistsError:
        raise LocalFault(ErrorCode.KEY_FILE, f"{folder / IDENTITY_NAME} exists: a validator's keys are never overwritten") from None
    return key


def is_first_start(identity_key: Path, identity: SigningKey) -> bool:
    """Whether the validator whose key lies in `identity_key` has never run: the mark beside it must name this very key."""
    mark = identity_key.parent / FIRST_START_NAME
    try:
        return read_plain_file(mark, MARK_LIMIT_BYTES).strip() == identity.public_key.hex().encode("ascii")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot read {mark}: {error.strerror or error}") from error


def end_first_start(identity_key: Path) -> None:
    """Delete the mark, durably; from now on a lost disk is a lost disk. To be done before the first vote. LocalFault (KEY_FILE)."""
    mark = identity_key.parent / FIRST_START_NAME
    try:
        if mark.exists():
            mark.unlink()
            flush_directory(mark.parent)
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot delete {mark}, which a lost disk must not find: {error.strerror or error}") from error


def load_identity(path: Path, data_dir: Path) -> SigningKey:
    """The identity key in `path`. LocalFault: KEY_FILE if it is missing or damaged; KEY_MISSING_BESIDE_DATA if its validator's data are there without it.

    A new key would not help there: the committee knows the old one, and the votes in the data are its votes.
    """
    try:
        is_missing, has_data = not path.exists(), (data_dir / DATABASE_NAME).exists()
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot read {error.filename}: {error.strerror or error}") from error
    if is_missing:
        if has_data:
            raise LocalFault(
                ErrorCode.KEY_MISSING_BESIDE_DATA,
                f"{path} is missing, but {data_dir} holds a validator's data: put the key back that belongs to them",
            )
        raise LocalFault(ErrorCode.KEY_FILE, f"there is no identity key {path}: make one with mesh-app --validator --init {path.parent}")
    text = read_private(path)
    if not _SEED_TEXT.fullmatch(text):
        raise LocalFault(ErrorCode.KEY_FILE, f"{path} is damaged: expected 64 hexadecimal digits, found {len(text)} bytes")
    return SigningKey(bytes.fromhex(text.decode("ascii")))


def require_seat(identity: SigningKey, genesis: Genesis) -> int:
    """The validator's index in the committee. LocalFault (KEY_NOT_IN_COMMITTEE): nobody would count such a validator's votes."""
    index = genesis.committee.index_of(identity.public_key)
    if index is None:
        raise LocalFault(
            ErrorCode.KEY_NOT_IN_COMMITTEE,
            f"the identity key {identity.public_key.hex()} is none of the genesis document's {genesis.committee.size} validators: check both files",
        )
    return index
