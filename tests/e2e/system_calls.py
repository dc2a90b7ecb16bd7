"""The library system_calls.c in a validator's process: its writes, fsyncs and datagrams are written down, and its disk can be told to fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("system_calls.c")

NEEDS_SYSTEM_CALLS = [
    pytest.mark.skipif(sys.platform != "linux", reason="system calls are watched by a preloaded library, as Linux has them"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the library that watches system calls cannot be made"),
]


def make_library(folder: Path) -> Path:
    """Compile the library into `folder`."""
    made = folder / "system_calls.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(made), str(SOURCE), "-ldl"], check=True)
    return made


class WatchedDisk:
    """A folder whose files a process writes under observation. `calls` is what it did; `fail` and `mend` change what the disk does from now on."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.calls = folder / "calls"
        self._fault = folder / "fault"
        self.environment = {
            "LD_PRELOAD": str(library),
            "MESH_TEST_CALLS": str(self.calls),
            "MESH_TEST_FOLDER": str(folder),
            "MESH_TEST_FAULT": str(self._fault),
        }

    def fail(self, call: str, name: str) -> None:
        """From now on `write` finds the disk full, or `sync` finds it broken, for files whose name ends with `name`."""
        self._fault.write_text(f"{call} {name}")

    def mend(self) -> None:
        """All is well again."""
        self._fault.unlink(missing_ok=True)
