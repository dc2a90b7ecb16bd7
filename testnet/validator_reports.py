"""What validators say of themselves when they are asked (`--status`), what the system says of their processes, and their configuration: while somebody looks.

    {"event": "validator_report", "t_ns": …, "validator": 2, "report": {…}, "cpu_percent": 3.5, "memory_bytes": 61000000}
    {"event": "validator_config", "t_ns": …, "validator": 2, "path": "…/v3/validator.toml", "lines": ["…"]}

A configuration holds no secret: it names the files that do.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from mesh_core.errors import LocalFault
from mesh_core.validator.config import load_config
from mesh_core.validator.status import ask_status
from testnet.child import Event
from testnet.layout import NetworkFolder
from testnet.supervisor import Supervisor, ValidatorState

INTERVAL_S = 2.0
CONFIG_LIMIT_BYTES = 64 * 1024
CONFIG_MOST_LINES = 1_000
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ValidatorReports:
    """Asks all validators every two seconds while anybody watches."""

    def __init__(self, folder: NetworkFolder, supervisor: Supervisor, publish: Callable[[Event], None]) -> None:
        self._folder = folder
        self._supervisor = supervisor
        self._publish = publish
        self._asking: asyncio.Task[None] | None = None
        self._watchers: set[str] = set()
        self._spent: dict[int, tuple[int, float, float]] = {}
        """Process id, its seconds of processor time, and when that was, by validator."""
        self._configs: dict[int, tuple[int, int]] = {}

    def watch(self, who: str, is_watched: bool) -> None:
        """Somebody begins to look, who is told the configurations anew, or does not look any more. A validator that is being asked is heard to the end."""
        if is_watched and who not in self._watchers:
            self._watchers.add(who)
            self._configs.clear()
            if self._asking is None:
                self._asking = asyncio.get_running_loop().create_task(self._ask_all(), name="reports of validators")
        elif not is_watched:
            self._watchers.discard(who)
            if not self._watchers and self._asking is not None:
                self._asking.cancel()
                self._asking = None

    async def close(self) -> None:
        """Ask no more."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask_all(self) -> None:
        while True:
            await asyncio.gather(*(self._ask(index, state) for index, state in enumerate(self._supervisor.states)))
            await asyncio.sleep(INTERVAL_S)

    async def _ask(self, index: int, state: ValidatorState) -> None:
        self._tell_config(index)
        if state is not ValidatorState.UP:
            return  # a paused one would keep whoever asks waiting
        pid = self._supervisor.pid(index)
        try:
            report = json.loads(await asyncio.to_thread(self._answer, index))
        except (LocalFault, ValueError):
            return  # it ends, or is another program
        cpu_percent, memory_bytes = (None, None) if pid is None else self._process(index, pid)
        self._publish(
            {
                "event": "validator_report",
                "t_ns": time.monotonic_ns(),
                "validator": index,
                "report": report,
                "cpu_percent": cpu_percent,
                "memory_bytes": memory_bytes,
            }
        )

    def _answer(self, index: int) -> str:
        return ask_status(load_config(self._folder.validator(index).config).data_dir)

    def _process(self, index: int, pid: int) -> tuple[float | None, int | None]:
        """Share of one core since the last look, and resident memory; None where the system does not tell."""
        try:
            spent_s, memory_bytes = read_process(pid)
        except (OSError, ValueError, IndexError):
            return None, None
        now = time.monotonic()
        before = self._spent.get(index)
        self._spent[index] = (pid, spent_s, now)
        if before is None or before[0] != pid or now <= before[2]:
            return None, memory_bytes
        return round(max(0.0, spent_s - before[1]) / (now - before[2]) * 100, 1), memory_bytes

    def _tell_config(self, index: int) -> None:
        path = self._folder.validator(index).config
        with contextlib.suppress(OSError):
            status = path.stat()
            identity = (status.st_mtime_ns, status.st_size)
            if self._configs.get(index) == identity:
                return
            with path.open("rb") as file:
                text = file.read(CONFIG_LIMIT_BYTES).decode("utf-8", "replace")
            self._configs[index] = identity
            lines = text.splitlines()[:CONFIG_MOST_LINES]
            self._publish({"event": "validator_config", "t_ns": time.monotonic_ns(), "validator": index, "path": str(path), "lines": lines})


def read_process(pid: int) -> tuple[float, int]:
    """Seconds of processor time and bytes of resident memory of a process. OSError, ValueError, IndexError where the system does not tell."""
    process = Path("/proc") / str(pid)
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    pages = int((process / "statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND, pages * _PAGE_BYTES
