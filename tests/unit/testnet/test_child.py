"""A child process that prints anything, ends at any moment, or does not want to end: its parent reads on and gets rid of it."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from testnet.child import SHOWN_GARBAGE_CHARACTERS, Child, Event, parse_line
from tests.e2e.processes import START_S, until_ended
from tests.unit.network.peers import eventually
from tests.unit.testnet.fake_child import GARBAGE

FAKE = "tests.unit.testnet.fake_child"


@asynccontextmanager
async def child(tmp_path: Path, mode: str) -> AsyncIterator[tuple[Child, list[Event]]]:
    events: list[Event] = []
    process = await Child.start(FAKE, [mode], tmp_path / "child.log", events.append)
    try:
        yield process, events
    finally:
        process.signal(signal.SIGKILL)
        await process.ended


async def test_a_pipe_in_the_place_of_the_log_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Waiting for its reader would stop the loop, and with it everything that whoever starts the child does."""
    os.mkfifo(tmp_path / "child.log")
    for is_read in (False, True):
        reading = os.open(tmp_path / "child.log", os.O_RDONLY | os.O_NONBLOCK) if is_read else None
        with pytest.raises(OSError, match=r"No such device|is no file to write a log to"):
            await Child.start(FAKE, ["ready"], tmp_path / "child.log", lambda event: None)
        if reading is not None:
            os.close(reading)


def names(events: list[Event]) -> list[str]:
    return [str(event["event"]) for event in events]


async def until_ready(events: list[Event]) -> None:
    await eventually(lambda: "ready" in names(events), within_s=START_S)


async def test_garbage_is_passed_on_as_garbage_and_what_follows_is_read(tmp_path: Path) -> None:
    async with child(tmp_path, "garbage") as (_, events):
        await until_ready(events)
        assert names(events) == ["garbage"] * len(GARBAGE) + ["ready"]
        assert max(len(event["text"]) for event in events[:-1]) <= SHOWN_GARBAGE_CHARACTERS
        assert events[0]["text"] == "not JSON\n"


async def test_line_without_an_end_is_dropped_and_what_follows_is_read(tmp_path: Path) -> None:
    async with child(tmp_path, "huge") as (_, events):
        await until_ready(events)
        assert set(names(events[:-1])) <= {"garbage"}


async def test_listener_that_fails_is_told_the_next_line_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if event["event"] == "odd":
            raise TypeError("unhashable type: 'list'")

    process = await Child.start(FAKE, ["odd"], tmp_path / "child.log", listen)
    await until_ready(heard)
    assert names(heard) == ["odd", "ready"]
    assert "could not be taken in" in caplog.text
    assert await process.stop(START_S) == 0


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"7", b'{"event": null}', b'{"event": ["ready"]}', b"\xc3\x28", b"[" * 99_999, b"9" * 9_999])
def test_line_that_is_no_event_becomes_garbage(line: bytes) -> None:
    assert parse_line(line)["event"] == "garbage"


async def test_end_without_a_word_is_an_end(tmp_path: Path) -> None:
    async with child(tmp_path, "exit") as (process, events):
        assert await process.ended == 3
        assert events == []


async def test_child_that_does_not_want_to_stop_is_killed(tmp_path: Path) -> None:
    async with child(tmp_path, "stubborn") as (process, events):
        await until_ready(events)
        assert await process.stop(0.1) == -signal.SIGKILL


async def test_child_without_output_is_still_waited_for(tmp_path: Path) -> None:
    """It closed its standard output: its leash is drawn, and the end is its exit and not its silence."""
    async with child(tmp_path, "mute") as (process, events):
        await until_ready(events)
        async with asyncio.timeout(START_S):
            assert await process.ended == 0


async def test_end_of_standard_input_is_the_leash(tmp_path: Path) -> None:
    async with child(tmp_path, "ready") as (process, events):
        await until_ready(events)
        process.release()
        async with asyncio.timeout(START_S):
            assert await process.ended == 0
        process.send({"too": "late"})
        process.signal(signal.SIGTERM)


async def test_child_sees_no_terminal_and_no_signal_of_the_keyboard(tmp_path: Path) -> None:
    async with child(tmp_path, "ready") as (process, events):
        await until_ready(events)
        assert events[-1]["terminals"] == [False, False, False]
        assert events[-1]["session"] == process.pid != os.getsid(0)


async def test_log_takes_standard_error_is_private_and_keeps_what_is_there(tmp_path: Path) -> None:
    for _ in range(2):
        async with child(tmp_path, "exit") as (process, _):
            await process.ended
    log = tmp_path / "child.log"
    assert log.read_text() == "mode exit\n" * 2
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_modules_of_the_present_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests.py").write_text("raise SystemExit(99)")
    monkeypatch.chdir(tmp_path)
    async with child(tmp_path, "ready") as (_, events):
        await until_ready(events)


PARENT = """
import asyncio, sys
from pathlib import Path
from testnet.child import Child

async def main():
    process = await Child.start("tests.unit.testnet.fake_child", ["ready"], Path(sys.argv[1]), lambda event: print(event["pid"], flush=True))
    await process.ended

asyncio.run(main())
"""


async def test_killed_parent_leaves_no_child(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, str(tmp_path / "child.log"), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with asyncio.timeout(START_S):
        pid = json.loads(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await until_ended(pid)
