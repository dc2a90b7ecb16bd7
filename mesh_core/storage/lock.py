"""One owner for one file: the operating system's lock that keeps a second process away.

Two validators on one database would each hold a lock table in memory and vote twice; SQLite in WAL mode does not prevent that.
The kernel drops the lock when the process ends, however it ends, so there is nothing to clean up after a crash.
"""

import fcntl
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault

LOCK_SUFFIX = ".lock"
LOCK_FILE_MODE = 0o600
PID_LIMIT_BYTES = 32
COMMAND_WORD = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,39}")


class StoreLocked(LocalFault):
    """Another process owns a file; `owner` names it for people."""

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(ErrorCode.STORE_LOCKED, f"{path} is in use by {owner}; stop it first, or choose another folder")
        self.owner = owner


class OwnerLock:
    """Exclusive ownership of a file, held from `acquire` until `release` or the end of the process.

    It is inherited by a forked child and then lasts until both are gone: worker processes must be spawned, not forked.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path) -> "OwnerLock":
        """Own `path` through `path.lock`, into which the process id is written. Raises LocalFault(STORE_LOCKED) naming path and owner, or OSError."""
        lock_path = path.with_name(path.name + LOCK_SUFFIX)
        while True:
            # No link is followed: in a folder that somebody else has packed it could lead to any file of this user, which would be emptied here.
            descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, LOCK_FILE_MODE)
            with _taking(descriptor, path):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_current = _is_same_file(descriptor, lock_path)
                if is_current:
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
            if is_current:
                return cls(descriptor)
            # Somebody deleted the lock file between our open and our lock: what we hold guards nothing.
            os.close(descriptor)

    @classmethod
    def keep_away(cls, path: Path) -> "OwnerLock | None":
        """Keep owners away from `path` where this user may read its lock file and not write it; None where it has none, so nobody has ever owned it.

        LocalFault(STORE_LOCKED) where it is owned now, or OSError.
        """
        try:
            descriptor = os.open(path.with_name(path.name + LOCK_SUFFIX), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        with _taking(descriptor, path):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return cls(descriptor)

    def release(self) -> None:
        """Give up ownership. The lock file stays: deleting it would let two processes lock two different files of that name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def _taking(descriptor: int, path: Path) -> Iterator[None]:
    """Closes the descriptor of `path`'s lock file where the block fails; a lock that another process has becomes StoreLocked with its owner's name."""
    try:
        try:
            yield
        except BlockingIOError:
            raise StoreLocked(path, _read_owner(descriptor)) from None
    except BaseException:
        os.close(descriptor)
        raise


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _read_owner(descriptor: int) -> str:
    """The owner as it wrote itself in; for people only, the lock does not depend on it."""
    text = os.pread(descriptor, PID_LIMIT_BYTES, 0).decode("ascii", "replace").strip()
    if not text.isdigit():
        return "another process"
    name = _read_command(int(text))
    return f"process {text} ({name})" if name else f"process {text}"


def _read_command(pid: int) -> str:
    """A process's program and the command given to it, where the system tells; nothing of its other arguments, which are its user's own affair.

    Behind an option stands its value and not a command, as far as anybody here can know.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    if Path(words[0]).name.startswith("python"):
        words = list(itertools.dropwhile(lambda word: word.startswith("-"), words[1:]))
    named = [Path(word).name for word in words[:1]] + words[1:2]
    return " ".join(word for word in named if COMMAND_WORD.fullmatch(word))
