"""Keeps what is in this process's memory out of core dumps: seeds and passphrases lie there while a command runs."""

import ctypes
import resource
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def refuse_core_dumps() -> None:
    """No core dump of this process from here on, and on Linux no other process of the same user may look into it (ptrace, /proc/PID/environ).

    The limit alone does not hold where the kernel hands dumps to a program, as most distributions let it.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
