"""The validators screen: what its keys order, what is asked first, logs that are followed, filtered, wrapped and cleared, lines, configuration, figures."""

from itertools import pairwise
from typing import Any

import pytest
from textual.widgets import ContentSwitcher, Input, Static

from mesh_app.orders.order import Order
from mesh_app.orders.validators import (
    CutLine,
    HealAllLines,
    HealLine,
    KillValidator,
    LiftQuarantine,
    LoseOnLine,
    MarkLog,
    PauseValidator,
    RestartAll,
    RestartValidator,
    ResumeValidator,
    SlowLine,
    StartValidator,
    StopValidator,
    WatchValidators,
    WipeValidator,
)
from mesh_app.screens.confirm import Confirm
from mesh_app.state import FLAG_QUARANTINE
from mesh_app.widgets.log_pane import LogPane, line_breaks
from mesh_core.types.confirmation import lifting_sentence
from tests.tui.conftest import Desk, Running
from tests.tui.fake_workbench import VALIDATORS
from tests.unit.app.test_operation import line_event, log_event, report_event

HANDSHAKE = "2026-11-23 04:17:13,596 INFO mesh_core.network.connection handshake with V2 (initiator): HELLO sent"


def ordered(running: Running) -> list[Order]:
    """What was ordered, but for who looks."""
    return [order for order in running.bench.orders if not isinstance(order, WatchValidators)]


def process(index: int, state: str, **fields: Any) -> dict[str, Any]:
    return {
        "event": "validator_state",
        "t_ns": 2_000_000_000,
        "validator": index,
        "state": state,
        "pid": None,
        "exit": None,
        "restarts": 0,
        "detail": "",
        **fields,
    }


async def tell(running: Running, *events: dict[str, Any]) -> None:
    for event in events:
        running.bench.events.put_nowait(event)
    await running.settle()


async def test_keys_order_what_they_say_for_the_validator_under_the_cursor(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6")
        assert running.focused_id == "validator-list"
        await running.press("down", "x", "r", "K", "space", "R")
        assert ordered(running) == [StopValidator(1), RestartValidator(1), KillValidator(1), PauseValidator(1), RestartAll()]
        assert running.app.state.entries[-5].text == "you: stop V2 · mesh-testnet stop V2"
        await running.press("s", "D")
        assert running.toasts()[-2:] == ["V2 runs already", "V2 runs: its data can be wiped only when it is stopped (x)"]
        await tell(running, process(1, "paused"))
        assert "‖ paused" in running.pane_text("#validator-list")
        assert "mesh-testnet resume V2" in running.pane_text("#facts")
        await running.press("P")
        assert ordered(running)[-1] == ResumeValidator(1)
        await tell(running, process(1, "exited", exit=-9, reason="killed as asked (SIGKILL)"))
        assert "killed as asked (SIGKILL)" in running.pane_text("#facts")
        assert "mesh-testnet start V2" in running.pane_text("#facts")
        await running.press("s")
        assert ordered(running)[-1] == StartValidator(1)


async def test_a_planted_liar_is_named(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6")
        await tell(running, process(0, "up", module="testnet.attacks.double_voter"))
        assert "testnet.attacks.double_voter" in running.pane_text("#facts")
        await tell(running, process(0, "up"))
        assert "planted" not in running.pane_text("#facts")


async def test_figures_are_asked_for_while_somebody_looks(desk: Desk) -> None:
    async with desk() as running:
        assert running.bench.orders == []
        before = len(running.app.state.entries)
        await running.press("6")
        await running.press("1")
        assert running.bench.orders == [WatchValidators(True), WatchValidators(False)]
        assert len(running.app.state.entries) == before, "who only looks leaves no line"


async def test_what_loses_the_quorum_is_asked_first(desk: Desk) -> None:
    async with desk() as running:
        await tell(running, process(3, "exited", exit=-9))
        await running.press("6", "space")
        assert isinstance(running.app.screen, Confirm)
        await running.press("n")
        assert ordered(running) == []
        await running.press("space", "y")
        assert ordered(running) == [PauseValidator(0)]


async def test_data_are_wiped_after_the_name_was_typed(desk: Desk) -> None:
    async with desk() as running:
        await tell(running, process(2, "exited", exit=-9))
        await running.press("6", "down", "down", "D")
        assert isinstance(running.app.focused, Input)
        await running.fill("V2")
        await running.press("enter")
        assert (isinstance(running.app.screen, Confirm), ordered(running)) == (True, [])
        running.app.focused.value = ""
        await running.fill("V3")
        await running.press("enter")
        assert ordered(running) == [WipeValidator(2)]


async def test_a_quarantine_is_lifted_after_the_sentence_was_typed(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6", "L")
        assert running.toasts()[-1] == "V1 is in no quarantine: there is nothing to lift"
        running.app.state.validators[0].flags = FLAG_QUARANTINE
        await tell(running, report_event(validator=0))
        assert "In quarantine" in running.pane_text("#facts")
        assert "votes may be forgotten" in running.pane_text("#facts").replace("\n", " ")
        await running.press("L")
        sentence = lifting_sentence(VALIDATORS[0])
        assert sentence in str(running.app.screen.query_one(".dialog-text", Static).render())
        await running.fill(sentence)
        await running.press("enter")
        assert ordered(running) == [LiftQuarantine(0, sentence)]


async def test_log_is_followed_until_one_scrolls_up_and_end_follows_again(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6")
        assert "V1 has written nothing yet" in running.pane_text("#log")
        await tell(running, log_event(*(f"line {number}" for number in range(100)), validator=0))
        assert running.pane_text("#log").endswith("▸ line 99")
        await running.press("tab", "up")
        await tell(running, log_event("more", validator=0))
        pane = running.app.screen.query_one(LogPane)
        assert "▸ line 98" in running.pane_text("#log")
        assert "more" not in running.pane_text("#log")
        assert "paused, f follows" in str(pane.border_title)
        await running.press("end")
        await tell(running, log_event("and more", validator=0))
        assert running.pane_text("#log").endswith("▸ and more")
        await running.press("pageup")
        assert "paused" in str(pane.border_title)
        await running.press("f")
        assert "following" in str(pane.border_title)
        await running.press("y")
        assert running.toasts()[-1] == "copied: line"
        await running.press("Y")
        assert running.toasts()[-1] == "copied: log of V1"


async def test_log_of_another_validator_is_another_log(desk: Desk) -> None:
    async with desk() as running:
        await tell(running, log_event("one", validator=0), log_event("two", validator=1))
        await running.press("6")
        assert running.pane_text("#log") == "▸ one"
        await running.press("down")
        assert running.pane_text("#log") == "▸ two"
        await running.press("tab", "m")
        assert ordered(running) == [MarkLog(1)]


async def test_filter_of_the_log_counts_and_goes_on_with_new_lines(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6")
        await tell(running, log_event(HANDSHAKE, "2026-11-23 04:17:14,000 ERROR mesh_core.x the disk is full", "other", validator=0))
        await running.press("tab", "slash")
        await running.type("disk")
        assert running.pane_text("#log") == "▸ 04:17:14,000 ERROR x the disk is full"
        assert "1 of 3" in running.screen_text()
        await tell(running, log_event("disk again", "nothing", validator=0))
        assert running.pane_text("#log").endswith("▸ disk again")
        assert "2 of 5" in running.screen_text()
        await running.press("enter", "escape")
        assert "nothing" in running.pane_text("#log")


async def test_long_lines_are_wrapped_at_words_or_cut_and_nothing_is_lost(desk: Desk) -> None:
    words = " ".join(f"word{number:03}" for number in range(100))
    async with desk(size=(80, 24)) as running:
        await running.press("6")
        await tell(running, log_event(words, "x" * 300, validator=0))
        pane = running.app.screen.query_one(LogPane)
        assert "".join(piece[2:] for piece in running.pane_text("#log").splitlines()).endswith("word099" + "x" * 300)
        await running.press("tab", "w")
        assert len(running.pane_text("#log").splitlines()) == 2
        assert running.pane_text("#log").count("…") == 2
        assert "cut, w wraps" in str(pane.border_title)
        await running.press("w", "home")
        assert running.pane_text("#log").startswith("▸ word000")


@pytest.mark.parametrize("text", ["", "short", "x" * 95, "one two " * 20, " " * 50, "a" * 9 + " " + "b" * 9 + " c"])
@pytest.mark.parametrize("width", [10, 11, 40])
def test_pieces_of_a_line_fit_and_make_the_line(text: str, width: int) -> None:
    breaks = line_breaks(text, width)
    pieces = [text[start:end] for start, end in pairwise(breaks)]
    assert "".join(pieces) == text
    assert all(len(piece) <= width for piece in pieces)
    assert len(pieces) >= 1


async def test_cleared_log_begins_anew_and_comes_back(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6")
        await tell(running, log_event("old", validator=0))
        await running.press("tab", "c")
        assert "c brings the others back" in running.pane_text("#log")
        await tell(running, log_event("new", validator=0))
        assert running.pane_text("#log") == "▸ new"
        await running.press("c", "c")
        assert running.pane_text("#log") == "  old\n▸ new"


async def test_tabs_by_key_and_mouse(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6", "l")
        views = running.app.screen.query_one(ContentSwitcher)
        assert (views.current, running.focused_id) == ("tab-links", "links")
        await running.press("right_square_bracket", "right_square_bracket")
        assert (views.current, running.focused_id) == ("tab-metrics", "metrics")
        await running.press("right_square_bracket", "left_square_bracket", "left_square_bracket")
        assert views.current == "tab-config"
        await running.pilot.click("#tabs", offset=(8, 0))
        await running.settle()
        assert views.current == "tab-links"


async def test_lines_are_cut_slowed_and_healed(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6", "l")
        assert "V1–V2 is direct" in running.pane_text("#links")
        await running.press("c", "plus", "percent_sign", "E")
        assert ordered(running) == [CutLine(0, 1), SlowLine(0, 1, 20.0), LoseOnLine(0, 1, 1.0), HealAllLines()]
        await running.press("e")
        assert running.toasts()[-1] == "the line V1–V2 is direct: there is nothing to heal"
        await tell(running, line_event("V1", "V2", delay_ms=20.0))
        assert "V1–V2 is slower by 20 ms each way" in running.pane_text("#links")
        await running.press("plus", "e")
        assert ordered(running)[-2:] == [SlowLine(0, 1, 50.0), HealLine(0, 1)]
        await tell(
            running, line_event("V1", "V2", cut=True), {"event": "line_counts", "t_ns": 9, "lines": [{"line": "V1>V2", "forwarded": 1, "dropped": 1234}]}
        )
        assert "V1–V2 is cut; 1,234 datagrams dropped" in running.pane_text("#links")
        rows = running.pane_text("#links").splitlines()
        assert "✖ cut" in rows[2]
        assert "✖ cut" in rows[3]
        assert "mesh-testnet link heal V1 V2" in running.pane_text("#links")
        assert "Links 1" in running.pane_text("#tabs")


async def test_cursor_of_the_matrix_skips_whoever_would_dial_itself_and_the_mouse_finds_lines(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6", "l", "down")
        await running.press("c")
        await running.press("down", "down", "down", "down", "left", "left", "left", "left", "c")
        assert ordered(running) == [CutLine(2, 1), CutLine(-1, 0)]
        for key in ("up", "up", "up", "up", "right", "right", "down", "left", "up", "right"):
            await running.pilot.press(key)
        await running.press("c")
        last = ordered(running)[-1]
        assert isinstance(last, CutLine)
        assert last.one != last.other
        await running.pilot.click("#links", offset=(2 + 9 + 3 * 13 + 2, 1 + 2 + 1))
        await running.press("c")
        assert ordered(running)[-1] == CutLine(1, 3)


async def test_reports_fill_matrix_and_metrics_and_go_stale(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6", "l")
        now = running.bench.clock_ns
        await tell(running, report_event(t_ns=now), report_event(t_ns=now, validator=0, report={"state_digest": "ef" * 32, "digest_log_length": 6}))
        assert "● 1.5 ms" in running.pane_text("#links").splitlines()[3]
        assert "4 %" in running.pane_text("#validator-list") or "costs" in running.pane_text("#facts")
        await running.press("right_square_bracket", "right_square_bracket")
        metrics = running.pane_text("#metrics")
        assert "cdcdcdcd ≠" in metrics
        assert "efefefef ≠" in metrics
        assert "quarantine" in metrics
        running.bench.clock_ns += 10_000_000_000
        await running.settle()
        await running.press("end")
        assert "0:10 ago" in running.pane_text("#metrics")
        await running.press("Y")
        assert running.toasts()[-1] == "copied: metrics"


async def test_configuration_is_shown_as_it_is(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6", "left_square_bracket", "left_square_bracket")
        assert "The file is being read." in running.pane_text("#config")
        lines = ["# One MESH validator.", "[validator]", 'identity_key = "identity.key"']
        await tell(running, {"event": "validator_config", "t_ns": 9, "validator": 0, "path": "/home/v1/validator.toml", "lines": lines})
        assert '3  identity_key = "identity.key"' in running.pane_text("#config")
        assert "/home/v1/validator.toml" in running.screen_text()
        await running.press("y")
        assert running.toasts()[-1] == "copied: configuration of V1"


async def test_last_error_stays_in_sight_when_everybody_is_dead(desk: Desk) -> None:
    async with desk() as running:
        await running.press("6")
        for index in range(4):
            await tell(running, process(index, "exited", exit=1, detail="the disk is full", reason="failed with status 1: the disk is full"))
        assert "Validators · 0 of 4 up" in running.screen_text()
        assert "the disk is full" in running.pane_text("#facts")
        assert "mesh-testnet start V1" in running.pane_text("#facts")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)])
async def test_every_tab_fits_every_size(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        await tell(running, *(log_event(HANDSHAKE, validator=index) for index in range(4)), report_event(t_ns=running.bench.clock_ns))
        await running.press("6")
        for _ in range(4):
            views = running.app.screen.query_one(ContentSwitcher)
            pane = running.app.screen.query_one(
                {"tab-log": "#log", "tab-links": "#links", "tab-config": "#config", "tab-metrics": "#metrics"}[str(views.current)]
            )
            assert pane.region.width >= 56 if size[0] < 100 else pane.region.width >= 70
            assert pane.region.height >= 6
            assert pane.region.right <= size[0]
            assert pane.region.bottom <= size[1]
            assert "V4" in running.pane_text("#validator-list")
            await running.press("right_square_bracket")
