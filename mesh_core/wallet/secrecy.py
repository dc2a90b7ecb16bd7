"""Keeps what is in this process's memory out of core dumps: for every process that holds seeds, or shows phrases and takes passphrases."""

import ctypes
import resource
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def refuse_core_dumps() -> None:
    """No core dump of this process from here on, and on Linux no other process of the same user may look into it (ptrace, /proc/PID/environ).

    Processes that it starts inherit the limit, and nothing else of it. The limit alone does not hold where the kernel hands dumps to a program, as most
    distributions let it.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
