"""Looking at processes from outside, and waiting for what they do."""

import os
from pathlib import Path

from tests.unit.network.peers import eventually

REPOSITORY = Path(__file__).parents[2]
START_S = 30.0
"""A process that is not ready by then never will be, however busy the machine."""
END_S = 30.0


def is_running(pid: int) -> bool:
    """Whether a process lives. One that has ended and that nobody has asked for its exit status (a zombie) does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return not Path("/proc/self").exists()
    return state not in {"Z", "X"}


async def until_ended(*pids: int, within_s: float = END_S) -> None:
    """Return when none of these processes lives any more."""
    await eventually(lambda: not any(is_running(pid) for pid in pids), within_s=within_s)
