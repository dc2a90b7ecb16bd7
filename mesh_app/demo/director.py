"""Plays a scenario on the running workstation, as a person would: by keys, one step after the other, waiting for what each step promises.

Used as Textual's `auto_pilot`, in a terminal as well as without one. Everything that the workstation is given passes through `TappedWorkbench`, which writes
the journal: events when they are taken in, keys when they are pressed.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from textual.app import App
from textual.pilot import Pilot
from typing_extensions import override

from mesh_app.actions import KEY_NAMES
from mesh_app.app import MeshApp
from mesh_app.demo.conditions import Scene
from mesh_app.demo.scenario import Chapter, Scenario, ScenarioStep
from mesh_app.orders.order import Order
from mesh_app.ports import Event, Workbench
from mesh_app.recording.screen import take_frame
from mesh_core.errors import ErrorCode, LocalFault
from testnet.journal import JournalWriter

POLL_S: Final = 0.05
KEY_PAUSE_S: Final = 0.35
"""Between two keys: fast enough not to bore, slow enough to be followed."""
LETTER_PAUSE_S: Final = 0.12
_NANOSECONDS_PER_MILLISECOND: Final = 1_000_000


class _TappedQueue(asyncio.Queue[Event]):
    """Tells of each event that is taken out."""

    def __init__(self, source: asyncio.Queue[Event], on_event: Callable[[Event], None]) -> None:
        super().__init__()
        self._source = source
        self._on_event = on_event

    @override
    def empty(self) -> bool:
        return super().empty() and self._source.empty()

    @override
    def get_nowait(self) -> Event:
        event = self._source.get_nowait() if super().empty() else super().get_nowait()
        self._on_event(event)
        return event


class TappedWorkbench:
    """Another workbench, and a journal of what it gives. Implements `ports.Workbench`."""

    def __init__(self, bench: Workbench, journal: JournalWriter | None) -> None:
        self._bench = bench
        self._journal = journal
        self._start_ns = bench.now_ns()
        self._events = _TappedQueue(bench.events, self._on_event)
        self.fault: LocalFault | None = None
        """Why nothing more goes into the journal: a full disk must not take the screen with it."""

    @property
    def mode(self) -> str:
        """What the other one says."""
        return self._bench.mode

    @property
    def events(self) -> asyncio.Queue[Event]:
        """Its events, and those of the demonstration."""
        return self._events

    @property
    def at_ms(self) -> int:
        """Time since the beginning."""
        return (self._bench.now_ns() - self._start_ns) // _NANOSECONDS_PER_MILLISECOND

    @property
    def start_ns(self) -> int:
        """The clock of the events at the beginning."""
        return self._start_ns

    def now_ns(self) -> int:
        """Its clock."""
        return self._bench.now_ns()

    async def do(self, order: Order) -> None:
        """Passed on."""
        await self._bench.do(order)

    async def reveal(self, order: Order) -> str:
        """Passed on; secrets are in no journal."""
        return await self._bench.reveal(order)

    def tell(self, event: str, **fields: str) -> None:
        """An event of the demonstration's own."""
        self._events.put_nowait({"event": event, "t_ns": self.now_ns(), **fields})

    def pressed(self, key: str) -> None:
        """A key is pressed now."""
        if self._journal is not None:
            self._write(self._journal.key, key)

    def _on_event(self, event: Event) -> None:
        if self._journal is not None:
            self._write(self._journal.event, event)

    def _write(self, write: Callable[[int, Any], None], what: Event | str) -> None:
        try:
            if self.fault is None:
                write(self.at_ms, what)
        except LocalFault as fault:
            self.fault = fault


class _LeftError(Exception):
    """The person has left the workstation: nothing more is played, nor waited for."""


class Director:
    """Plays one scenario. `fault` says afterwards why it could not be played to the end, where it could not; `is_done` that it was."""

    def __init__(self, scenario: Scenario, bench: TappedWorkbench, *, speed: float = 1.0, progress: Callable[[str], None] = lambda _: None) -> None:
        """`speed`: how much faster than written; what is waited for takes as long as it takes."""
        self._scenario = scenario
        self._bench = bench
        self._speed = speed
        self._progress = progress
        self.fault: LocalFault | None = None
        self.is_done = False

    async def conduct(self, pilot: Pilot[Any]) -> None:
        """Play all chapters, and end the application."""
        app = pilot.app
        assert isinstance(app, MeshApp)
        try:
            for number, chapter in enumerate(self._scenario.chapters, 1):
                self._progress(f"{number}/{len(self._scenario.chapters)} {chapter.title}")
                await self._play(chapter, app, pilot)
            self.is_done = True
        except LocalFault as fault:
            self.fault = fault
        except _LeftError:
            pass
        finally:
            app.exit()

    async def _play(self, chapter: Chapter, app: MeshApp, pilot: Pilot[Any]) -> None:
        begin = time.monotonic()
        self._bench.tell("chapter", title=chapter.title)
        self._bench.tell("caption", text="")
        for step in chapter.steps:
            if self._bench.fault is not None:
                raise self._bench.fault
            await self._sleep(step.at_s - (time.monotonic() - begin) * self._speed, app)
            if step.caption is not None:
                self._bench.tell("caption", text=step.caption)
            await self._press(step, pilot)
            await self._await(step, chapter, app)
            if step.is_poster:
                self._bench.tell("poster")
            await self._sleep(step.hold_s, app)

    async def _press(self, step: ScenarioStep, pilot: Pilot[Any]) -> None:
        if step.is_typed:
            self._bench.tell("key_shown", key="".join(step.keys))
        for key in step.keys:
            if not step.is_typed:
                self._bench.tell("key_shown", key=KEY_NAMES.get(key, key.replace("ctrl+", "^")))
            await self._sleep(LETTER_PAUSE_S if step.is_typed else KEY_PAUSE_S, pilot.app)
            # What is on the screen is what the key was pressed upon: in the journal it comes after all of it.
            if isinstance(pilot.app, MeshApp):
                pilot.app.tick()
            await pilot.pause()
            self._bench.pressed(key)
            await pilot.press(key)

    async def _await(self, step: ScenarioStep, chapter: Chapter, app: MeshApp) -> None:
        if step.condition is None:
            return
        deadline = time.monotonic() + step.within_s
        while not step.condition(Scene(app.state, str(app.current_mode), lambda: take_frame(app).text())):
            if time.monotonic() > deadline:
                text = f"chapter {chapter.title!r}: {step.condition_words!r} did not come true within {step.within_s:g} s"
                raise LocalFault(ErrorCode.INTERNAL, text)
            await self._sleep(POLL_S * self._speed, app)

    async def _sleep(self, seconds: float, app: App[Any]) -> None:
        end = time.monotonic() + seconds / self._speed
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, POLL_S))
            if not app.is_running:
                raise _LeftError
