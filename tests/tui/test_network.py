"""The network screen. Goal: what the validators are doing is seen at once, and their processes obey the keys."""

import pytest

from mesh_app.orders.order import Order
from mesh_app.orders.validators import KillValidator, RestartValidator, StartValidator, StopValidator, ValidatorOrder
from mesh_app.widgets.certificate_list import CertificateList
from mesh_app.widgets.event_stream import EventStream
from mesh_app.widgets.validator_card import ValidatorCard
from mesh_core.validator import lines
from tests.tui.conftest import Desk, Running
from tests.tui.fake_workbench import digest, of_validator


def card(running: Running, index: int) -> str:
    return f"{running.app.screen.query_one(f'#validator-{index}').border_title}\n{running.pane_text(f'#validator-{index}')}"


async def test_cards_show_state_process_figures_and_equal_digests(desk: Desk) -> None:
    async with desk() as running:
        for index in range(4):
            shown = card(running, index)
            assert f"V{index + 1} ● up" in shown
            assert str(4101 + index) in shown
            assert f"{digest('state', 0).hex()[:8]} =" in shown
            assert "libsodium" in shown
        assert "quorum ■■■■ 3 needed" in running.pane_text("#summary")
        assert "tolerates 1 more failure" in running.pane_text("#summary")
        assert "sums to supply" in running.pane_text("#summary")


async def test_supply_audit_shows_both_sides_of_the_equation_and_who_says_so(desk: Desk) -> None:
    async with desk() as running:
        shown = running.pane_text("#summary")
        assert "Σ 3 balances + Σ 0 outputs" in shown
        assert "(1,000,010,000 supply − 0 fees) · V" in shown
        point = digest("sum", 0).hex()
        assert shown.count(f"= {point[:8]} {point[8:16]}") == 2
        assert "✔ equal says V1 ✔ V2 ✔" in shown
        running.bench.emit(running.bench.status(1) | {"held_sum": "ab" * 32})
        await running.settle()
        assert "✖ NOT EQUAL says V1 ✔ V2 ✖ NOT EQUAL" in running.pane_text("#summary")


async def test_ledger_that_nobody_has_read_is_not_called_too_large(desk: Desk) -> None:
    async with desk() as running:
        for index in range(4):
            running.bench.emit(running.bench.status(index) | {"held_sum": None, "public_sum": None})
        audit = {"event": "audit", "t_ns": running.bench.now_ns(), "supply_audit": None, "digests_equal": True}
        running.bench.emit({**audit, "is_read": False})
        await running.settle()
        assert "audit  · ledger not read" in running.pane_text("#summary")
        assert "when screen 4 has read the log" in running.pane_text("#summary")
        running.bench.emit(audit)
        await running.settle()
        assert "audit  · too large now" in running.pane_text("#summary")


async def test_a_certificate_is_in_sight_on_the_smallest_screen_also_beside_an_error(desk: Desk) -> None:
    async with desk(size=(60, 18)) as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        running.bench.emit({"event": "fault", "t_ns": 1, "wallet": None, "payment": None, "code": "1502", "text": "V3 did not start " * 20})
        await running.settle()
        # A pane that has grown less is painted when the layout has come about.
        await running.settle()
        pane = running.app.screen.query_one("#certificates")
        assert pane.size.height >= 1
        assert "bob claims" in running.pane_text("#certificates").splitlines()[0]


async def test_certificates_are_filtered_by_words_and_open_in_the_ledger(desk: Desk) -> None:
    async with desk() as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        running.app.screen.query_one("#certificates").focus()
        await running.press("slash")
        await running.type("alice")
        assert [line for line in running.pane_text("#certificates").splitlines() if "bob" in line] != []
        assert "claims" not in running.pane_text("#certificates")
        await running.press("enter", "enter")
        await running.wait_until(lambda: running.app.current_mode == "ledger")


async def test_event_stream_shows_one_validator_alone_and_words_that_are_typed(desk: Desk) -> None:
    async with desk() as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        running.app.screen.query_one("#events").focus()
        await running.press("v", "v")
        lines_shown = running.pane_text("#events").splitlines()
        assert lines_shown
        assert all(" V2 " in line for line in lines_shown)
        assert "V2 alone" in str(running.app.screen.query_one("#events").border_title)
        await running.press("v", "v", "v", "slash")
        await running.type("applied v3")
        assert all("applied" in line for line in running.pane_text("#events").splitlines())
        await running.press("escape")
        assert len(running.pane_text("#events").splitlines()) > 5


async def test_different_digest_of_one_validator_is_marked(desk: Desk) -> None:
    async with desk() as running:
        running.bench.emit(running.bench.status(2) | {"state_digest": "ab" * 32})
        await running.settle()
        assert "abababab ≠" in card(running, 2)


async def test_killed_validator_is_marked_by_glyph_and_word_and_costs_tolerance(desk: Desk) -> None:
    async with desk() as running:
        running.bench.emit(running.bench.process(2, "exited", exit_status=-9))
        await running.settle()
        assert "V3 ✖ killed" in card(running, 2)
        assert "■■■□" in running.pane_text("#summary")
        assert "none to spare" in running.pane_text("#summary")
        assert "up 3/4" in running.pane_text("#status-bar")


async def test_validator_that_cannot_start_shows_its_reason(desk: Desk) -> None:
    async with desk() as running:
        fatal = lines.Fatal(running.bench.now_ns(), "1502", "port taken")
        running.bench.emit(of_validator(3, fatal), running.bench.process(3, "exited", exit_status=1))
        await running.settle()
        assert "port taken" in card(running, 3)
        assert "exited 1" in card(running, 3)


async def test_validator_that_will_be_started_again_says_when(desk: Desk) -> None:
    async with desk() as running:
        running.bench.emit(
            running.bench.process(1, "exited", exit_status=-11), running.bench.process(1, "restarting", exit_status=-11, detail="again in 0.4 s")
        )
        await running.settle()
        assert "V2 ◐ restarting" in card(running, 1)
        assert "again in 0.4 s" in card(running, 1)
        assert "up 3/4" in running.pane_text("#status-bar")
        assert "restarting: again in 0.4 s" in running.pane_text("#events")


@pytest.mark.parametrize(("key", "kind"), [("r", RestartValidator), ("K", KillValidator), ("x", StopValidator)])
async def test_keys_act_on_the_validator_in_focus(desk: Desk, key: str, kind: type[ValidatorOrder]) -> None:
    async with desk() as running:
        await running.press("right", "l", key)
        await running.wait_until(lambda: running.bench.orders != [])
        assert running.bench.orders == [kind(2)]


async def test_start_key_starts_one_that_is_down_and_not_one_that_runs(desk: Desk) -> None:
    async with desk() as running:
        await running.press("s")
        assert running.bench.orders == []
        assert "V1 runs already" in running.toasts()
        running.bench.emit(running.bench.process(0, "stopped"))
        await running.settle()
        await running.press("s")
        await running.wait_until(lambda: running.bench.orders == [StartValidator(0)])


async def test_kill_that_breaks_the_quorum_asks_with_the_safe_answer_in_focus(desk: Desk) -> None:
    async with desk() as running:
        running.bench.emit(running.bench.process(3, "exited", exit_status=-9))
        await running.settle()
        await running.press("K")
        assert "quorum is lost" in running.screen_text()
        assert running.focused_id == "no"
        await running.press("enter")
        assert running.bench.orders == []
        await running.press("K", "y")
        await running.wait_until(lambda: running.bench.orders == [KillValidator(0)])


async def test_order_that_fails_is_told_and_the_workstation_lives_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(order: Order) -> None:
        raise OSError("no such file")

    async with desk() as running:
        monkeypatch.setattr(running.bench, "do", fail)
        running.expected_mishaps = ["OSError: no such file"]
        await running.press("r")
        await running.wait_until(lambda: any("no such file" in toast for toast in running.toasts()))
        assert running.app.is_running


async def test_certificates_are_listed_with_signers_and_appliers(desk: Desk) -> None:
    async with desk() as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        shown = running.pane_text("#certificates").splitlines()
        assert "bob claims" in shown[1]
        assert "alice → bob" in shown[2]
        assert "V1 V2 V3 ··" in shown[2]
        assert "140 ms" in shown[2]
        assert "4/4 ✔" in shown[2]


async def test_broken_lines_are_counted_and_shown_and_break_nothing(desk: Desk) -> None:
    async with desk() as running:
        bench = running.bench
        bench.emit({"event": "garbage", "t_ns": 1, "validator": 1, "text": "Traceback (most [b]recent\x07"})
        bench.emit({"event": "garbage", "t_ns": 1, "text": "wallet noise"}, {"event": "what is this", "t_ns": 2}, {"event": "vote_cast", "validator": 99})
        bench.events.put_nowait(["no", "object"])  # type: ignore[arg-type]
        await running.settle()
        assert running.app.state.unreadable_count == 5
        assert "5 unreadable" in str(running.app.screen.query_one("#events").border_title)
        shown = running.pane_text("#events")
        assert "unreadable line: Traceback (most [b]recent\\x07" in shown
        assert "unknown event what is this" in shown
        assert running.app.is_running


async def test_event_stream_pauses_when_scrolled_and_follows_again(desk: Desk) -> None:
    async with desk() as running:
        for index in range(60):
            running.bench.emit({"event": f"strange {index}", "t_ns": index})
        await running.settle()
        stream = running.app.screen.query_one(EventStream)
        stream.focus()
        await running.press("up", "up")
        assert not stream.follows
        cursor = stream.cursor
        running.bench.emit({"event": "later", "t_ns": 1})
        await running.settle()
        assert stream.cursor == cursor
        assert "later" not in running.pane_text("#events")
        await running.press("f")
        assert "later" in running.pane_text("#events")
        await running.press("k", "G")
        assert stream.follows


async def test_first_start_says_how_to_pay(desk: Desk) -> None:
    async with desk(is_booted=False) as running:
        assert "Not started yet." in card(running, 0)
        assert "Press s: starts it." in card(running, 0)
        running.bench.boot()
        await running.settle()
        assert "press p to pay" in running.pane_text("#summary")
        await running.press("3")
        assert "Type an amount" in running.pane_text("#payment")


async def test_mouse_chooses_a_card(desk: Desk) -> None:
    async with desk() as running:
        await running.pilot.click("#validator-3")
        await running.settle()
        assert isinstance(running.app.focused, ValidatorCard)
        assert running.app.focused.index == 3


async def test_newest_certificate_is_under_the_cursor_until_another_is_chosen(desk: Desk) -> None:
    async with desk() as running:
        certificates = running.app.screen.query_one(CertificateList)
        certificates.focus()
        for sequence in range(2):
            running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
            await running.settle()
            assert certificates.cursor == digest("certificate", "bob", sequence).hex()
        await running.press("down", "y")
        assert running.app.clipboard == digest("certificate", "alice", 1).hex()
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        assert certificates.cursor == digest("certificate", "alice", 1).hex()
