"""A process that is measured, and what the system knows of it: processor time, memory. From /proc, so on Linux alone."""

import asyncio
import os
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Child, Event

START_S: Final = 60.0
STOP_S: Final = 20.0
LOOK_AGAIN_S: Final = 0.01


class Running:
    """A child that speaks JSON lines. An async context manager: leaving it ends the child."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path, on_event: Callable[[Event], None] | None = None) -> None:
        self._module = module
        self._arguments = arguments
        self._log = log
        self._on_event = on_event
        self._child: Child | None = None
        self._changed = asyncio.Event()
        self.latest: dict[str, Event] = {}
        """The last event of each name."""

    async def __aenter__(self) -> "Running":
        self._child = await Child.start(self._module, self._arguments, self._log, self._take)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._child is not None, "it was started"
        return self._child.pid

    def send(self, command: Event) -> None:
        """A line to its standard input."""
        assert self._child is not None, "it was started"
        self._child.send(command)

    async def event(self, name: str, within_s: float = START_S) -> Event:
        """The last event of a name; waits for the first. LocalFault (VALIDATOR_START) if it ends before, or takes too long."""
        await self.until(lambda: name in self.latest, f"its line '{name}'", within_s)
        return self.latest[name]

    async def until(self, condition: Callable[[], bool], what: str, within_s: float = START_S) -> None:
        """Return when a condition holds that its events change. LocalFault (VALIDATOR_START) names what was waited for."""
        assert self._child is not None, "it was started"
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + within_s
        while not condition():
            if self._child.ended.done():
                raise LocalFault(ErrorCode.VALIDATOR_START, f"{self._module} ended without {what}: see {self._log}: {self._last_words()}")
            if loop.time() >= ends_at:
                raise LocalFault(ErrorCode.VALIDATOR_START, f"{self._module} has not reached {what} within {within_s:g} s: see {self._log}")
            self._changed.clear()
            waiting = loop.create_task(self._changed.wait())
            try:
                await asyncio.wait((waiting, self._child.ended), timeout=ends_at - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._child is not None:
            await self._child.stop(STOP_S)

    def _take(self, event: Event) -> None:
        self.latest[event["event"]] = event
        if self._on_event is not None:
            self._on_event(event)
        self._changed.set()

    def _last_words(self) -> str:
        return str(self.latest.get("fatal", {}).get("text", "")) or self._log.read_text(encoding="utf-8", errors="replace")[-300:].strip()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has spent so far, all threads, in steps of a clock tick. LocalFault (CONFIG_INVALID) where the system does not tell."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> dict[str, int]:
    """`rss`: bytes of a process that are in memory; `pss`: the same, pages shared with others divided among them. LocalFault (CONFIG_INVALID)."""
    found: dict[str, int] = {}
    for line in _read(pid, "smaps_rollup").splitlines():
        name, _, rest = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name.lower()] = int(rest.split()[0]) * 1024
    return found


def disk_bytes(*paths: Path) -> int:
    """Bytes of files, and of everything in folders."""
    return sum(file.stat().st_size for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())


def _read(pid: int, name: str) -> str:
    try:
        return (Path("/proc") / str(pid) / name).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"the system does not tell of process {pid} in /proc: this is measured on Linux alone") from error


async def until(condition: Callable[[], bool], what: str, within_s: float) -> None:
    """Return when a condition holds. LocalFault (VALIDATOR_START) names what was waited for."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + within_s
    while not condition():
        if loop.time() >= ends_at:
            raise LocalFault(ErrorCode.VALIDATOR_START, f"{what} has not come within {within_s:g} s")
        await asyncio.sleep(LOOK_AGAIN_S)


def median_of(values: Sequence[float]) -> float:
    """The middle one, 0 of none."""
    return statistics.median(values) if values else 0.0
