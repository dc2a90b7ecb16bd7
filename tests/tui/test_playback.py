"""A journal that is played again. Goal: the same screens, byte by byte, in the journal's time; and what a demonstration says is on them."""

import asyncio
import io
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static
from typing_extensions import override

from mesh_app.recording.cast import CastHeader, CastWriter, read_cast
from mesh_app.recording.frame import Frame
from mesh_app.recording.playback import play
from mesh_app.recording.screen import take_frame
from mesh_app.recording.session import COVER
from mesh_app.screens.live_modal import LiveModal
from testnet.journal import Entry, Header, Journal
from tests.tui.conftest import Desk
from tests.tui.fake_workbench import FakeWorkbench

SIZE = (100, 30)


def story() -> Journal:
    """Four validators; a payment by keys; its lanes in slow motion."""
    bench = FakeWorkbench()
    entries: list[Entry] = []

    def tell(at_ms: int, **event: object) -> None:
        entries.append(Entry(at_ms, event={"t_ns": bench.now_ns() + at_ms * 1_000_000, **event}))

    def drain(at_ms: int) -> None:
        while not bench.events.empty():
            entries.append(Entry(at_ms, event=bench.events.get_nowait()))

    tell(0, event="chapter", title="1 · A network")
    tell(0, event="caption", text="Four validators, four processes.")
    bench.boot()
    drain(0)
    tell(500, event="key_shown", key="p")
    entries.extend(Entry(at_ms, key=key) for at_ms, key in ((500, "p"), (700, "5"), (800, "0"), (900, "0"), (1_100, "enter")))
    bench.play(bench.settled_payment("alice", "bob", 500, ""))
    drain(1_500)
    entries.append(Entry(2_000, key="m"))
    tell(3_500, event="chapter", title="2 · The end")
    return Journal(Header("SIM", bench.now_ns(), {}), tuple(entries), 4_000)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def record(journal: Journal) -> tuple[str, list[Frame]]:
    file = io.StringIO()
    writer = CastWriter(file, CastHeader(*SIZE))
    frames = []
    async for shot in play(journal, size=SIZE):
        if shot.chapter is not None:
            writer.marker(shot.at_ms, shot.chapter)
        writer.frame(shot.at_ms, shot.frame)
        frames.append(shot.frame)
    return file.getvalue(), frames


async def test_same_bytes_where_the_processor_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual takes a process that computes little for one that is done. One that is not let, because others compute, looks just like that."""
    expected, _ = await record(story())

    async def not_let(_min_sleep: float = 0, _max_sleep: float = 0) -> None:
        await asyncio.sleep(0)

    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", not_let)
    assert (await record(story()))[0] == expected


async def test_same_journal_gives_the_same_bytes() -> None:
    first, frames = await record(story())
    second, _ = await record(story())
    assert first == second
    assert len(frames) == 41
    assert "1 · A network" in frames[0].text()
    assert "Four validators, four processes." in frames[0].text()
    assert " SIM" in frames[0].text()
    assert "alice → bob" in frames[16].text()
    moving = {frame.text() for frame in frames[20:30]}
    assert len(moving) > 5, "slow motion moves in the journal's time"
    assert '"m","2 · The end"' in first


async def test_key_that_is_shown_stays_for_two_seconds() -> None:
    _, frames = await record(story())
    rows = [next(line for line in frame.text().splitlines() if "1 · A network" in line) for frame in frames[:35]]
    assert [" p " in row for row in rows] == [5 <= tick < 25 for tick in range(35)]


@pytest.mark.parametrize("keys", [["o"], ["ctrl+r", "1", "ctrl+r"], ["ctrl+s"], ["y"], ["p", "7", "7", "shift+home", "ctrl+c"]], ids=" ".join)
async def test_a_strangers_journal_writes_no_file_and_puts_nothing_on_the_clipboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: list[str]) -> None:
    """It says which folder is the home, holds the text that is offered, and presses the keys."""
    copied: list[str] = []
    monkeypatch.setattr(App, "copy_to_clipboard", lambda _, text: copied.append(text))
    monkeypatch.setattr(App, "deliver_screenshot", lambda *_, **__: copied.append("a picture"))
    bench = FakeWorkbench()
    bench.boot()
    bench.play(bench.settled_payment("alice", "bob", 500, ""))
    bench.emit(bench.network() | {"home": str(tmp_path)})
    events = [Entry(0, event=bench.events.get_nowait()) for _ in range(bench.events.qsize())]
    journal = Journal(Header("LIVE", bench.now_ns(), {}), (*events, *(Entry(100 * number, key=key) for number, key in enumerate(keys, 1))), 1_000)
    await record(journal)
    assert copied == []
    assert names_in(tmp_path) == []


async def test_frame_is_what_the_terminal_would_show_also_behind_a_dialog(desk: Desk) -> None:
    async with desk(size=(100, 30)) as running:
        assert take_frame(running.app).text() == running.screen_text()
        await running.press("q")
        shown = take_frame(running.app).text()
        assert "Quit? 4 validators will be stopped." in shown
        assert "V1 ● up" in shown


async def test_session_is_recorded_until_the_key_is_pressed_again(desk: Desk, tmp_path: Path) -> None:
    async with desk(size=SIZE) as running:
        running.bench.emit(running.bench.network() | {"home": str(tmp_path)})
        await running.settle()
        await running.press("ctrl+r")
        assert "● REC" in running.pane_text("#status-bar")
        running.bench.clock_ns += 1_000_000_000
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        await running.press("3", "ctrl+r")
        await running.settle()
        assert "REC" not in running.pane_text("#status-bar")
    [recording] = (tmp_path / "exports").iterdir()
    header, events = read_cast(recording.read_text().splitlines(), recording.name)
    assert (header.width, header.height) == SIZE
    assert any("alice → bob" in event.data for event in events)


async def test_secret_on_the_screen_is_covered_in_a_recording(desk: Desk, tmp_path: Path) -> None:
    class Secret(LiveModal):
        HOLDS_SECRET = True
        CSS_PATH = None

        @override
        def compose(self) -> ComposeResult:
            yield Static("abandon ability able")

    async with desk(size=SIZE) as running:
        running.bench.emit(running.bench.network() | {"home": str(tmp_path)})
        await running.settle()
        await running.press("ctrl+r")
        await running.app.push_screen(Secret(running.app.state))
        await running.settle()
        assert "abandon ability" in running.screen_text()
        running.app.tick()
        running.app.pop_screen()
        await running.settle()
        await running.press("ctrl+r")
    [recording] = (tmp_path / "exports").iterdir()
    text = recording.read_text()
    assert "abandon" not in text
    assert COVER in text
