"""The script that shows what a testnet must be able to do, run as it stands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import REPOSITORY

SCRIPT = REPOSITORY / "testnet" / "drill.sh"
LIMIT_S = 280


@pytest.mark.timeout(300)
def test_drill_ends_with_four_identical_states(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(["sh", SCRIPT, tmp_path / "net"], env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("\nall of it held\n")
    assert "good: 4 equal digests, the supply of 1,000,010,000 adds up" in done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("spendable")] == ["750"]
    assert not (tmp_path / "net" / "control.sock").exists()
