"""Small files that must be whole, durable and private: seeds, identity keys, certificates.

A file is never half there: it is written under a temporary name, flushed to the disk and then given its name, and the directory is flushed too
(without that a power cut can take back the name although the content was safe).
"""

import errno
import fcntl
import os
import stat
import sys
import tempfile
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault

PRIVATE_FILE_MODE = 0o600
PRIVATE_DIRECTORY_MODE = 0o700
OTHERS_MASK = 0o077
READ_LIMIT_BYTES = 64 * 1024
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems without hard links answer."""


def write_atomically(path: Path, data: bytes, mode: int = PRIVATE_FILE_MODE, *, overwrite: bool = False) -> None:
    """Make `path` hold exactly `data`, durably, or leave it as it was.

    Without `overwrite` an existing file is never touched and FileExistsError is raised, also when two processes try at once (the name is given by a
    hard link, which fails where the name exists; a check followed by a rename would let the second process replace the first one's key).
    Every other failure raises LocalFault(KEY_FILE). The temporary file stands in the same folder and is removed on failure.
    """
    try:
        _write_then_name(path, data, mode, overwrite=overwrite)
    except FileExistsError:
        raise
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot write {path}: {error.strerror or error}") from error


def read_private(path: Path, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
    """Content of a secret file; raises LocalFault(KEY_FILE) if it is missing, too long, not a regular file, or open to other users.

    The mode is checked on the opened file, not on the name, so the file cannot be exchanged between check and use.
    A secret that others can read is refused, not silently repaired: it may have been read already, and its owner has to know.
    """
    try:
        data = _read_if_private(path, limit_bytes)
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > limit_bytes:
        raise LocalFault(ErrorCode.KEY_FILE, f"{path} is longer than {limit_bytes} bytes")
    return data


def read_at_most(path: Path, limit_bytes: int) -> bytes:
    """The first `limit_bytes` of any file that somebody names, however long it is. Raises OSError.

    A named pipe that nobody writes to is empty: to wait for a writer would be to wait for ever. One that somebody writes to is read to its end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit_bytes)
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> None:
    """Create `path` and its missing parents with mode 0700, durably; existing folders keep their mode. Raises OSError."""
    if path.is_dir():
        return
    if path.parent != path:
        make_private_directory(path.parent)
    path.mkdir(mode=PRIVATE_DIRECTORY_MODE, exist_ok=True)
    flush_directory(path.parent)


def flush_directory(path: Path) -> None:
    """Make the names inside the folder `path` survive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_then_name(path: Path, data: bytes, mode: int, *, overwrite: bool) -> None:
    descriptor, temporary_name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(temporary_name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            flush_file(descriptor)
        if overwrite:
            temporary.replace(path)
        else:
            _name_first(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_directory(path.parent)


def _name_first(temporary: Path, path: Path) -> None:
    """Give a file its name unless that is taken. FileExistsError, OSError.

    Where the file system has no hard links (FAT, as on a stick that carries a receipt away), the name is taken by an empty file first, and that is replaced: a
    crash in between leaves it there, and nobody's file is ever overwritten.
    """
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE_FILE_MODE))
        temporary.replace(path)


def _read_if_private(path: Path, limit_bytes: int) -> bytes:
    # O_NONBLOCK: a named pipe in the place of the file would otherwise block the open for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise LocalFault(ErrorCode.KEY_FILE, f"{path} is not a regular file")
        mode = stat.S_IMODE(status.st_mode)
        if mode & OTHERS_MASK:
            raise LocalFault(
                ErrorCode.KEY_FILE,
                f"{path} holds a secret but has mode {mode:04o}: other users of this machine may read or change it; run: chmod 600 '{path}'",
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit_bytes + 1)
    finally:
        os.close(descriptor)


def flush_file(descriptor: int) -> None:
    """Force the content to the medium. On macOS fsync only reaches the drive's cache; F_FULLFSYNC empties that too."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)
