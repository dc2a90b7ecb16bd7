"""Takes from a validator what a lost disk would: its database and its vote journal. Its keys stay.

What comes back is a validator that knows that it may have forgotten votes: it starts in quarantine, catches up from the others, and votes again only when its
operator says that it may (docs/operations.md, "A lost disk").
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import open_plain_file
from mesh_core.storage.files import flush_directory
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.validator_store import DATABASE_NAME, JOURNAL_NAME
from mesh_core.storage.vote_journal import MAGIC
from mesh_core.validator.config import load_config
from mesh_core.validator.status import SOCKET_NAME

_DATABASE_FILES = (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm", SOCKET_NAME)
"""Nothing else is deleted: a configuration may name any folder, and what lies there besides is nobody's to throw away."""


def wipe(config_path: Path) -> tuple[Path, ...]:
    """Delete the data of the validator with this configuration; returns the files that are gone. LocalFault: STORE_LOCKED while it runs, STORE_UNAVAILABLE."""
    config = load_config(config_path)
    database = config.data_dir / DATABASE_NAME
    found = [path for path in (*(config.data_dir / name for name in _DATABASE_FILES), config.vote_journal) if path.is_symlink() or path.exists()]
    try:
        _require_journal(config.vote_journal)
        with _owned(database), _owned(config.vote_journal):
            for path in found:
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in found}:
                flush_directory(folder)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the data in {config.data_dir} cannot be deleted: {error.strerror or error}") from error
    return tuple(found)


def _require_journal(path: Path) -> None:
    """A configuration may name any file, and may be somebody else's: what has another name is deleted if it begins as one. OSError, LocalFault."""
    if path.name == JOURNAL_NAME or not path.exists():
        return
    with open_plain_file(path) as file:
        if not MAGIC.startswith(file.read(len(MAGIC))):
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} is no vote journal, and is not deleted: nothing was")


@contextlib.contextmanager
def _owned(path: Path) -> Iterator[None]:
    """Nobody else uses the file meanwhile: a validator whose database vanished under it would go on voting by its memory. OSError, LocalFault."""
    if not path.parent.is_dir():
        yield
        return
    lock = OwnerLock.acquire(path)
    try:
        yield
    finally:
        lock.release()
