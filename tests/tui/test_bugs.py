"""What a bug does to the screen: it is told in one line that names the log, and everything else goes on; where it cannot, the end is orderly."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.events import Key
from textual.message_pump import MessagePump
from textual.screen import ModalScreen

from mesh_app.app import MeshApp
from mesh_app.messages import StateWanted
from mesh_app.mishaps import MISHAPS_MOST
from mesh_app.screens.confirm import Confirm
from mesh_app.screens.network import NetworkScreen
from mesh_app.screens.wallets import WalletsScreen
from mesh_app.setup import Setup
from mesh_app.shell.surviving import Surviving
from mesh_app.state.about import About
from mesh_app.widgets.certificate_list import CertificateList
from mesh_app.widgets.unbroken import Unbroken
from tests.tui.conftest import Desk
from tests.tui.fake_workbench import FakeWorkbench


class BugError(Exception):
    """A bug of our own making."""


def fail(*_: object, **__: object) -> Any:
    raise BugError("it broke")


async def test_pane_that_fails_says_so_in_itself_and_the_others_live_on(desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async with desk(about=About(log="/home/mesh-app.log")) as running:
        running.expected_mishaps = ["BugError: it broke; details: /home/mesh-app.log"]
        monkeypatch.setattr(CertificateList, "build_lines", fail)
        running.bench.emit(running.bench.process(2, "exited", exit_status=-9))
        await running.settle()
        await running.settle()
        assert "✖ this pane failed: BugError: it broke" in running.pane_text("#certificates")
        assert "/home/mesh-app.log" in running.pane_text("#certificates")
        assert "✖ killed" in running.screen_text()
        assert "Traceback" not in running.screen_text()
        assert "BugError: it broke" in running.pane_text("#error-strip")
        assert "Traceback" in caplog.text
        monkeypatch.undo()
        running.bench.emit(running.bench.process(2, "starting"))
        await running.settle()
        assert "No certificate yet" in running.pane_text("#certificates")


async def test_bug_that_repeats_is_told_and_logged_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async with desk() as running:
        running.expected_mishaps = ["BugError"]
        monkeypatch.setattr(CertificateList, "build_lines", fail)
        for _ in range(5):
            running.bench.emit(running.bench.status(0))
            await running.settle()
        assert len(running.app.errors) == 1
        assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1


async def test_key_that_meets_a_bug_does_nothing_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as running:
        running.expected_mishaps = ["BugError"]
        monkeypatch.setattr(MeshApp, "action_zoom", fail)
        await running.press("z")
        assert "BugError" in running.pane_text("#error-strip")
        await running.press("2")
        assert running.app.current_mode == "wallets"


async def test_handler_of_a_pane_that_fails_leaves_the_pane_alive(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as running:
        running.expected_mishaps = ["BugError"]
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        monkeypatch.setattr(CertificateList, "on_click", fail)
        await running.pilot.click("#certificates", offset=(3, 3))
        await running.settle()
        assert "BugError" in running.pane_text("#error-strip")
        monkeypatch.undo()
        await running.press("escape", "j")
        assert running.app.screen.query_one(CertificateList).cursor == next(iter(running.app.state.certificates))


async def test_handler_of_a_screen_or_the_application_that_fails_leaves_both_alive(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as running:
        running.expected_mishaps = ["BugError", "BugError"]
        monkeypatch.setattr(NetworkScreen, "on_resize", fail)
        await running.pilot.resize_terminal(100, 30)
        await running.settle()
        monkeypatch.setattr(MeshApp, "_show", lambda self: [][1])
        running.app.post_message(StateWanted())
        await running.pilot.pause()
        monkeypatch.undo()
        running.expected_mishaps[1] = "IndexError"
        await running.press("2", "1")
        assert running.app.current_mode == "network"


async def test_timer_and_worker_that_fail_are_told(desk: Desk) -> None:
    async def work() -> None:
        raise BugError("in a worker")

    async with desk() as running:
        running.expected_mishaps = ["in a worker", "it broke"]
        running.app.run_worker(work())
        await running.wait_until(lambda: len(running.app.mishaps.seen) == 1)
        running.app.set_timer(0.001, fail)
        await running.wait_until(lambda: len(running.app.mishaps.seen) == 2)
        await running.press("2")
        assert running.app.current_mode == "wallets"


async def test_question_whose_handler_fails_can_still_be_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as running:
        running.expected_mishaps = ["BugError"]
        monkeypatch.setattr(Confirm, "on_button_pressed", fail)
        await running.press("q", "enter")
        assert isinstance(running.app.screen, Confirm)
        await running.press("n")
        assert running.app.current_mode == "network"


class Fragile(ModalScreen[None]):
    """A dialog of Textual's own making, whose loop ends with its first bug."""

    def on_key(self) -> None:
        raise BugError("in a stranger's dialog")


async def test_screen_that_takes_no_messages_any_more_ends_the_workstation_with_one_line(desk: Desk) -> None:
    async with desk() as running:
        running.expected_mishaps = ["in a stranger's dialog"]
        await running.app.push_screen(Fragile())
        running.app.post_message(Key("x", "x"))
        assert running.app._task is not None
        await asyncio.wait({running.app._task}, timeout=60)
        assert running.app.last_words == "BugError: in a stranger's dialog"
        assert running.app.return_code == 1


async def test_far_too_many_bugs_end_the_workstation(desk: Desk) -> None:
    async with desk() as running:
        for number in range(MISHAPS_MOST):
            running.app._handle_exception(BugError(str(number)))
        running.expected_mishaps = ["BugError"]
        assert running.app.last_words.startswith("BugError")


async def test_screen_that_cannot_be_made_says_so_and_the_others_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as running:
        running.expected_mishaps = ["BugError", "NoMatches"]
        monkeypatch.setattr(WalletsScreen, "compose_body", fail)
        await running.press("2")
        assert "✖ this screen failed: BugError: it broke" in running.screen_text()
        running.expected_mishaps = running.app.mishaps.seen[:]
        await running.press("1")
        assert "V1" in running.screen_text()


async def test_bug_before_there_is_a_screen_ends_with_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(NetworkScreen, "__init__", fail)
    app = MeshApp(FakeWorkbench(), Setup(about=About(log=str(tmp_path / "log"))))
    await asyncio.wait_for(app.run_async(headless=True), 60)
    assert app.last_words == "BugError: it broke"
    assert app.return_code == 1
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err + shown.out


def test_textual_dispatches_where_we_think_it_does() -> None:
    assert "_dispatch_message" in vars(MessagePump)
    assert "_dispatch_message" in vars(Unbroken)
    assert "_handle_exception" in vars(App)
    assert "_handle_exception" in vars(Surviving)
