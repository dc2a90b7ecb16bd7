"""Large blocks stay apart from the heap. In processes of their own: how the C library allocates is decided once, for all that follows."""

import ctypes
import os
import subprocess
import sys

import pytest

from mesh_core.validator.heap import keep_large_blocks_apart

SCRIPT = """
import ctypes, sys
from mesh_core.validator.heap import keep_large_blocks_apart

class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

if sys.argv[1] == "apart":
    assert keep_large_blocks_apart()
library = ctypes.CDLL(None)
library.mallinfo2.restype = Mallinfo2
bytearray(16 * 2**20)  # taken from the system, and freed at once
before = library.mallinfo2().hblks
kept = bytearray(4 * 2**20)
print(library.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="not glibc 2.33 or newer")
@pytest.mark.parametrize(("mode", "blocks_apart"), [("as it is", 0), ("apart", 1)])
def test_large_block_is_taken_from_the_system_also_after_a_larger_one_was_freed(mode: str, blocks_apart: int) -> None:
    # What somebody has told the C library for all programs of this machine is no concern of this test.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_") and name != "GLIBC_TUNABLES"}
    done = subprocess.run([sys.executable, "-c", SCRIPT, mode], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) == blocks_apart


def test_other_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_large_blocks_apart() is False
