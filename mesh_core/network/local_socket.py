"""Unix sockets between processes of one user: a file that nobody else may open, under a path of any length."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

SOCKET_MODE = 0o600
DESCRIPTORS = Path("/proc/self/fd")
"""Leads to open folders by short names, where the system has it."""


def bind_private(path: Path) -> socket.socket:
    """A socket at `path`, not blocking, bound and not yet listening. OSError.

    The caller owns the folder, so a socket that lies there is left over from a process that has ended. Anything else there is left alone: FileExistsError.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is no socket")
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode that the descriptor has before `bind`; elsewhere the folder, which only its user may enter, guards it until `chmod`.
        os.fchmod(bound.fileno(), SOCKET_MODE)
        with _short_name(path) as name:
            bound.bind(name)
        path.chmod(SOCKET_MODE)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A blocking socket to whoever listens at `path`; `timeout_s` holds for connecting and for each later step.

    OSError: FileNotFoundError or ConnectionRefusedError where nobody listens, TimeoutError where nobody answers.
    """
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(timeout_s)
        with _short_name(path) as name:
            connected.connect(name)
    except BaseException:
        connected.close()
        raise
    return connected


@contextlib.contextmanager
def _short_name(path: Path) -> Iterator[str]:
    """A name for a socket that a socket address has room for: about 100 bytes, which a folder of a user's data easily exceeds. OSError."""
    if not DESCRIPTORS.exists():
        yield str(path)  # too long a name is then refused by the system, in words: "AF_UNIX path too long"
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(DESCRIPTORS / str(folder) / path.name)
    finally:
        os.close(folder)
