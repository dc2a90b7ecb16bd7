"""The workstation with a fake workbench, without animations, and helpers that wait for conditions and never for seconds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from textual.events import Key
from textual.keys import key_to_character
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input

from mesh_app.app import MeshApp
from mesh_app.setup import Setup
from mesh_app.spans import plain
from mesh_app.widgets.line_view import LineView
from tests.tui.fake_workbench import FakeWorkbench

Desk = Callable[..., AbstractAsyncContextManager["Running"]]


class Running:
    """A running workstation: its pilot, its workbench, and all messages that were sent."""

    def __init__(self, app: MeshApp, pilot: Pilot[None], bench: FakeWorkbench, messages: list[Message]) -> None:
        self.app = app
        self.pilot = pilot
        self.bench = bench
        self.messages = messages
        self.expected_mishaps: list[str] = []
        """Words of the bugs that a test brings about itself, in order; any other bug fails it."""

    async def settle(self) -> None:
        """All waiting events are on the screen."""
        self.app.tick()
        while not self.bench.events.empty():
            self.app.tick()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Keys, one after the other, and their effect."""
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Characters into the field in focus."""
        names = {" ": "space", "-": "minus", ".": "full_stop", ",": "comma", "[": "left_square_bracket", "]": "right_square_bracket", "/": "slash"}
        await self.pilot.press(*(names.get(character, character) for character in text))
        await self.settle()

    async def burst(self, *keys: str) -> None:
        """Keys faster than anything can react, as a fast typist, a slow machine or a pasted script sends them."""
        for key in keys:
            self.app.post_message(Key(key, key_to_character(key)))
        await self.pilot.pause()
        await self.settle()

    async def fill(self, text: str) -> None:
        """Text into the field in focus at once, where the single keys are not what is tested."""
        assert isinstance(self.app.focused, Input)
        self.app.focused.insert_text_at_cursor(text)
        await self.pilot.pause()
        await self.settle()

    async def wait_until(self, condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Waits for a condition; fails with what the screen shows."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            if asyncio.get_running_loop().time() > deadline:
                pytest.fail(f"not in {seconds} s; the screen:\n{self.screen_text()}")
            await self.pilot.pause(0.01)

    @property
    def focused_id(self) -> str | None:
        """The id of the widget in focus."""
        return self.app.focused.id if self.app.focused is not None else None

    def screen_text(self) -> str:
        """Everything on the screen, as text."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    def pane_text(self, selector: str) -> str:
        """The lines of one pane."""
        return "\n".join(plain(line) for line in self.app.screen.query_one(selector, LineView)._lines)

    def toasts(self) -> list[str]:
        """What the toasts say."""
        return [notification.message for notification in self.app._notifications]


@pytest.fixture
def desk() -> Desk:
    """`async with desk(size=(120, 40)) as running`: four validators up, three wallets."""

    @asynccontextmanager
    async def open_desk(*, size: tuple[int, int] = (120, 40), is_booted: bool = True, **options: Any) -> AsyncIterator[Running]:
        bench = FakeWorkbench()
        messages: list[Message] = []
        app = MeshApp(bench, Setup(**options))
        app.animation_level = "none"
        if is_booted:
            bench.boot()
        async with app.run_test(size=size, notifications=True, message_hook=messages.append) as pilot:
            running = Running(app, pilot, bench, messages)
            await running.settle()
            yield running
        seen = app.mishaps.seen
        assert len(seen) == len(running.expected_mishaps), seen
        assert all(words in line for words, line in zip(running.expected_mishaps, seen, strict=True)), seen

    return open_desk
