"""The keyboard's thread: what is no text is dropped, keys before and after it arrive."""

import asyncio
import os
import pty
import threading
import tty
from collections.abc import Iterator
from typing import Any

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from mesh_app.terminal_driver import TerminalDriver


class Ears:
    """In place of the application: takes what the driver tells."""

    def __init__(self) -> None:
        self.errors: list[Any] = []

    def call_later(self, _: Any, error: Any) -> None:
        self.errors.append(error)

    def _handle_exception(self, error: Exception) -> None:
        raise AssertionError(error)


class Keyboard:
    """A driver that reads from a pseudo-terminal of its own."""

    def __init__(self) -> None:
        self.writer, self.reader = pty.openpty()
        self.heard: list[Message] = []
        self.ears = Ears()
        driver = TerminalDriver.__new__(TerminalDriver)
        driver.fileno = self.reader
        driver._debug = False
        driver.exit_event = threading.Event()
        driver._app = self.ears  # type: ignore[assignment]
        driver.process_message = self.heard.append  # type: ignore[assignment]
        os.set_blocking(self.writer, True)
        tty.setraw(self.reader)
        self.driver = driver
        self.thread = threading.Thread(target=driver.run_input_thread)
        self.thread.start()

    def send(self, data: bytes) -> None:
        os.write(self.writer, data)

    @property
    def keys(self) -> str:
        return "".join(message.character or "" for message in self.heard if isinstance(message, events.Key))

    async def until_heard(self, keys: str) -> None:
        async with asyncio.timeout(20):
            while keys not in self.keys:  # noqa: ASYNC110 - another thread hears
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self.driver.exit_event.set()
        self.thread.join(10)
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    found = Keyboard()
    yield found
    found.close()
    assert not found.thread.is_alive()


async def test_bytes_that_are_no_text_are_dropped(keyboard: Keyboard) -> None:
    keyboard.send(b"ab\xa7\xff\xfec")
    await keyboard.until_heard("abc")
    assert keyboard.keys == "abc"


async def test_character_in_two_pieces_is_one(keyboard: Keyboard) -> None:
    data = "é".encode()
    keyboard.send(data[:1])
    await asyncio.sleep(0.05)
    keyboard.send(data[1:] + b"x")
    await keyboard.until_heard("éx")


async def test_parser_that_fails_is_told_and_the_next_keys_arrive(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = XTermParser.feed

    def fail(self: XTermParser, data: str) -> Any:
        if "!" in data:
            raise ValueError("unbearable")
        return feed(self, data)

    monkeypatch.setattr(XTermParser, "feed", fail)
    keyboard.send(b"!")
    async with asyncio.timeout(20):
        while not keyboard.ears.errors:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    keyboard.send(b"ab")
    await keyboard.until_heard("ab")
    assert [str(error) for error in keyboard.ears.errors] == ["unbearable"]
