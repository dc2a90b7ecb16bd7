"""Scenarios shown and recorded: live against real validators, or again from a journal; in a terminal, or into files."""

import asyncio
import contextlib
import gc
import importlib.metadata
import io
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from textual.pilot import Pilot

from mesh_app.app import MeshApp
from mesh_app.demo.director import Director, TappedWorkbench
from mesh_app.demo.scenario import Scenario
from mesh_app.exit_status import ExitStatus
from mesh_app.recording.cast import CastEvent, CastHeader, lines_of, read_cast
from mesh_app.recording.extras import FONT, PACKAGES, require_extra
from mesh_app.recording.outputs import NEEDS_EXTRA, Look, Outputs, check_outputs, fingerprint
from mesh_app.recording.pictures import PICTURE_MS, Picture, canvas_of, pictures_of
from mesh_app.recording.playback import TICK_MS, play
from mesh_app.services.replay import ReplayWorkbench
from mesh_app.services.workbench import LocalWorkbench
from mesh_app.setup import Setup
from mesh_core.crypto import ristretto
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.network.plain_file import open_plain_file
from testnet.genesis import seeded_keys
from testnet.journal import LIVE, SIMULATED, Header, Journal, read_journal, written_journal
from testnet.layout import NetworkFolder

LIVE_HOME_PREFIX: Final = "mesh-demo-"
REPLAYED: Final = "REPLAY"
"""In the place of LIVE, where a person might take what happened another day for what happens now."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a recording looks. `size` in cells; `speed` shortens what is shown, never what was measured."""

    size: tuple[int, int] = (120, 36)
    theme: str = "mesh-dark"
    font: Path | None = None
    cast_version: int = 2
    speed: float = 1.0


class Progress:
    """One line on standard error that is written over; silent where that is no terminal."""

    def __init__(self) -> None:
        self._stream: TextIO = sys.stderr
        self._is_shown = self._stream.isatty()
        self._last = 0.0

    def tell(self, text: str, part: float | None = None) -> None:
        """What goes on; `part` from 0 to 1 draws a bar."""
        if not self._is_shown or (part is not None and part < 1 and time.monotonic() - self._last < 0.1):
            return
        self._last = time.monotonic()
        bar = "" if part is None else f"[{'█' * int(part * 30):<30}] {part:4.0%} "
        self._stream.write(f"\r\x1b[K{bar}{text}")
        self._stream.flush()

    def clear(self) -> None:
        """The line is empty again."""
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


# --- Live -------------------------------------------------------------------------------------------------------------------------


async def play_live(scenario: Scenario, *, journal: Path | None, style: Style, headless: bool, seed: int | None, progress: Progress) -> None:
    """Play a scenario against four real validators in a temporary home. The journal is written beside its place and moved there at the end. LocalFault.

    With `headless` there is no terminal; else the person watches, and may press keys of their own, which are not recorded.
    """
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix=LIVE_HOME_PREFIX))
        folder = NetworkFolder(Path(home) / "home")
        workbench = LocalWorkbench(folder, auto_restart=True) if seed is None else LocalWorkbench(folder, key_entropy=seeded_keys(seed), auto_restart=True)
        workbench.open()
        header = Header(LIVE, workbench.now_ns(), about_run(scenario, seed))
        writer = None if journal is None else stack.enter_context(written_journal(journal, header))
        bench = TappedWorkbench(workbench, writer)
        director = Director(scenario, bench, speed=style.speed, progress=lambda text: progress.tell(text))
        app = MeshApp(bench, Setup(theme=style.theme))
        async with workbench, _ended_by_signals(app):
            workbench.watch_screen()
            starting = asyncio.get_running_loop().create_task(_start(workbench))
            try:
                await app.run_async(headless=headless, size=style.size if headless else None, auto_pilot=director.conduct)
            finally:
                starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await starting
        fault = director.fault or bench.fault
        if fault is not None:
            raise fault
        if app.return_code:
            raise LocalFault(ErrorCode.INTERNAL, "the screen ended with a fault")
        if writer is not None and not director.is_done:
            # Somebody quit: half a demonstration is none.
            raise LocalFault(ErrorCode.INTERNAL, "the demonstration was ended before its end; nothing of it was kept")
        if writer is not None:
            writer.end(bench.at_ms)


async def _start(workbench: LocalWorkbench) -> None:
    try:
        await workbench.start()
    except MeshError as error:
        workbench.tell_fault(error)
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def _ended_by_signals(app: MeshApp) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        loop.add_signal_handler(number, app.exit)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def about_run(scenario: Scenario, seed: int | None) -> dict[str, Any]:
    """What a journal says of the run that it holds: enough to judge its figures by."""
    names = ("mesh-protocol", "textual", "aioquic", "PyNaCl")
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: importlib.metadata.version(name) for name in names} | {"python": platform.python_version()},
        "machine": {"system": platform.system(), "architecture": platform.machine(), "cpu": _cpu_name(), "cores": os.cpu_count()},
        "group_library": ristretto.BACKEND,
        "seed": seed,
    }


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


# --- Again ------------------------------------------------------------------------------------------------------------------------


async def record_journal(events: Path, paths: Sequence[Path], style: Style, progress: Progress, *, recorded: str = "replay") -> dict[str, Any]:
    """Play a journal into files; returns the manifest. LocalFault. Interrupted, it leaves no file.

    `recorded` says in the manifest whether the run was made for this recording ("live") or is an earlier one ("replay").
    """
    check_outputs(paths)
    journal, source = read_journal(events), fingerprint(events)
    title = journal.header.about.get("title")
    with Outputs(paths, CastHeader(*style.size, title if isinstance(title, str) else "MESH"), _look(style)) as outputs:
        end_ms = 0
        poster_ms = journal.poster_ms
        # Closed here and not whenever the loop ends: what it has opened must be closed by the task that opened it.
        async with contextlib.aclosing(play(journal, size=style.size, theme=style.theme)) as shots:
            async for shot in shots:
                at_ms = int(shot.at_ms / style.speed) // PICTURE_MS * PICTURE_MS
                outputs.add(Picture(at_ms, shot.frame, shot.chapter))
                if poster_ms is not None and shot.at_ms >= poster_ms:
                    outputs.take_poster()
                    poster_ms = None
                end_ms = at_ms + TICK_MS
                progress.tell("recording", min(1.0, shot.at_ms / max(1, journal.length_ms)))
        # What the journal says of itself stands apart: it could say anything, also that it was measured.
        about: dict[str, Any] = {"mode": journal.header.mode, "figures": _figures(journal.header.mode), "recorded": recorded}
        about |= {"events": {"file": events.name, **source}, "run": journal.header.about}
        return outputs.finish(end_ms, {**about, **_made_with(style, paths)}, progress.tell)


def _figures(mode: str) -> str:
    return "simulated, in virtual time" if mode == SIMULATED else "measured in the run that the events are of"


def _made_with(style: Style, paths: Sequence[Path]) -> dict[str, Any]:
    names = ["mesh-protocol", "textual"]
    names += [name for name in PACKAGES.values() if any(path.suffix in NEEDS_EXTRA for path in paths)]
    look = {
        "size": "x".join(str(side) for side in style.size),
        "theme": style.theme,
        "font": FONT if style.font is None else style.font.name,
        "speed": style.speed,
        "asciicast": style.cast_version,
    }
    return {"look": look, "made_with": {name: importlib.metadata.version(name) for name in names} | {"python": platform.python_version()}}


async def watch_journal(journal: Journal, style: Style) -> ExitStatus:
    """Play a journal in the terminal, in real time; q leaves. What it shows says that it is no live run."""
    mode = SIMULATED if journal.header.mode == SIMULATED else REPLAYED
    bench = ReplayWorkbench(replace(journal.header, mode=mode))
    app = MeshApp(bench, Setup(theme=style.theme, is_played=True))

    async def give(pilot: Pilot[Any]) -> None:
        begin = time.monotonic()
        for entry in journal.entries:
            while app.is_running and (now_ms := int((time.monotonic() - begin) * 1000 * style.speed)) < entry.at_ms:
                bench.at_ms = now_ms
                await asyncio.sleep(min(0.05, (entry.at_ms - now_ms) / 1000))
            if not app.is_running:
                return
            bench.at_ms = entry.at_ms
            if entry.event is not None:
                bench.events.put_nowait(entry.event)
            if entry.key is not None:
                app.tick()
                await pilot.pause()
                await pilot.press(entry.key)

    await app.run_async(auto_pilot=give)
    return ExitStatus.GOOD


def record_cast(source: Path, paths: Sequence[Path], style: Style, progress: Progress) -> dict[str, Any]:
    """Make films and pictures of an asciicast, by whatever program it was recorded. LocalFault. Interrupted, it leaves no file."""
    check_outputs(paths)
    if source.resolve() in {path.resolve() for path in paths}:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{source} would be written over itself")
    require_extra()
    with _readable(source):
        with _opened_cast(source) as (header, events):
            canvas = canvas_of(header, events)
        with _opened_cast(source) as (header, events), Outputs(paths, replace(header, width=canvas[0], height=canvas[1]), _look(style)) as outputs:
            end_ms = 0
            for picture in pictures_of(header, events, canvas):
                at_ms = int(picture.at_ms / style.speed) // PICTURE_MS * PICTURE_MS
                outputs.add(Picture(at_ms, picture.frame, picture.chapter))
                end_ms = at_ms + PICTURE_MS
                progress.tell(f"{source.name}: {end_ms / 1000:.0f} s")
            about: dict[str, Any] = {"mode": "CAST", "figures": "whatever the recording shows", "source": {"file": source.name, **fingerprint(source)}}
            made_with = _made_with(replace(style, size=canvas, theme="that of the recording"), paths)
            return outputs.finish(end_ms, {**about, **made_with}, progress.tell)


def _look(style: Style) -> Look:
    return Look(style.font, style.cast_version)


@contextlib.contextmanager
def _opened_cast(source: Path) -> Iterator[tuple[CastHeader, Iterator[CastEvent]]]:
    with io.TextIOWrapper(open_plain_file(source), encoding="utf-8") as file:
        yield read_cast(lines_of(file, str(source)), str(source))


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{source} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{source} is no asciicast: it is not UTF-8") from error


__all__ = ["Progress", "Style", "about_run", "play_live", "read_journal", "record_cast", "record_journal", "watch_journal"]
