"""The C library's heap of a process that runs for months: large blocks go back to the system when they are freed.

glibc takes a block from the system by itself if it is larger than a threshold, 128 KiB at first, and gives it back when it is freed. But each such block
that is freed raises the threshold to its own size, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD). After the first few, large blocks come out of the heap like
all others and leave holes there, into which smaller blocks settle: the heap creeps up, although nothing in it grows (docs/benchmarks.md, "An hour of
payments").
"""

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""From glibc's malloc.h."""
THRESHOLD_BYTES: Final = 128 * 1024
"""Where glibc begins. Setting it, to whatever, ends its rise."""


def keep_large_blocks_apart() -> bool:
    """Fix the threshold for this process; False where the C library knows none (musl, macOS)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES) == 1
