"""Reading a file that a person names, or that lies in a folder where something else may have been put: regular files only, and never more than expected.

`open` would wait for ever for somebody to write into a named pipe, a terminal or a pipe would never end, and a device has no size: a process that opens such a
thing while it starts hangs without a word, and one that opens it while it runs answers nobody meanwhile.
"""

import errno
import io
import os
import stat
from pathlib import Path


class NotPlainError(OSError):
    """Something that is no regular file, or one that is longer than expected. `strerror` says which."""


def open_plain_file(path: Path) -> io.BufferedReader:
    """A regular file, opened for reading. OSError, NotPlainError; nothing that is opened here is ever waited for.

    What is opened is looked at, and not the name, which may stand for something else a moment later.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise NotPlainError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise NotPlainError(errno.EINVAL, "is not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_plain_file(path: Path, limit_bytes: int, *, refused_mode: int = 0) -> bytes:
    """A regular file's content, whole. OSError, NotPlainError where it is longer.

    `refused_mode` are rights that nobody may have on it: a secret that others can read is refused (PermissionError), for it may have been read already.
    """
    with open_plain_file(path) as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & refused_mode:
            raise PermissionError(errno.EACCES, f"has mode {mode:04o}, it must not be readable by others (0600)", str(path))
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise NotPlainError(errno.EFBIG, f"is longer than {limit_bytes:,} bytes", str(path))
    return content
