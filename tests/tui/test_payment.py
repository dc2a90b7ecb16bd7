"""The payment screen. Goal: a payment can be made with the keyboard alone, and everything that happens to it is on the screen, as it happens."""

import pytest
from textual.widgets import Input

from mesh_app.messages import Ordered
from mesh_app.orders.wallets import Pay
from mesh_app.screens.pay import PayScreen
from mesh_app.state import Payment
from mesh_core.wallet import events
from tests.tui.conftest import Desk, Running
from tests.tui.fake_workbench import MS, address, digest, unknown_wallet


async def test_payment_by_keyboard_alone_reaches_the_workbench(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p")
        await running.type("500")
        await running.press("enter")
        assert running.bench.orders == [Pay("alice", "bob", 500, "")]
        requests = {id(message): message.order.amount for message in running.messages if isinstance(message, Ordered) and isinstance(message.order, Pay)}
        assert [*requests.values()] == [500]


async def test_all_fields_by_keyboard_reach_the_workbench(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3", "p", "shift+tab", "shift+tab")
        assert running.focused_id == "from"
        await running.press("right", "tab")
        to = running.app.screen.query_one("#to", Input)
        assert running.focused_id == "to"
        to.value = ""
        await running.type("alice")
        await running.press("tab")
        await running.fill("7,000")
        await running.press("tab")
        await running.fill("thank you [b]")
        running.bench.balances["bob"] = 8_000
        running.bench.emit(running.bench.wallet("bob"))
        await running.settle()
        await running.press("enter")
        assert running.bench.orders == [Pay("bob", "alice", 7_000, "thank you [b]")]


async def test_payment_typed_in_one_burst_loses_no_key(desk: Desk) -> None:
    async with desk() as running:
        await running.burst("p", "5", "0", "0", "enter")
        await running.wait_until(lambda: running.bench.orders == [Pay("alice", "bob", 500, "")])


async def test_what_is_typed_after_enter_is_not_paid(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p")
        await running.burst("5", "enter", "0", "0", "tab", "x")
        await running.wait_until(lambda: running.bench.orders == [Pay("alice", "bob", 5, "")])


async def test_payment_to_an_address_reaches_the_workbench(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p")
        running.app.screen.query_one("#to", Input).value = str(address("stranger"))
        await running.fill("5")
        await running.press("enter")
        assert running.bench.orders == [Pay("alice", str(address("stranger")), 5, "")]


async def test_focus_leaves_the_form_after_paying_so_that_enter_does_not_pay_twice(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p")
        await running.fill("500")
        await running.press("enter", "enter", "enter")
        assert len(running.bench.orders) == 1
        assert running.focused_id == "payments"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("0", "at least 1"),
        ("-1", "no negative amounts"),
        ("1e9", "digits only"),
        ("abc", "digits only"),
        ("3.5", "digits only"),
        ("1,5", "digits only"),
        ("10000", "at most 9,999"),
        ("99999999999999999999", "more than any account can hold"),
    ],
)
async def test_nonsense_amount_gives_a_message_and_changes_nothing(desk: Desk, typed: str, message: str) -> None:
    async with desk() as running:
        before = dict(running.app.state.wallets)
        await running.press("p")
        await running.fill(typed)
        assert message in running.pane_text("#verdict").replace("\n", " ")
        await running.press("enter")
        assert running.bench.orders == []
        assert running.app.state.wallets == before
        assert running.focused_id == "amount"


async def test_empty_amount_is_a_hint_and_enter_goes_there(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p", "tab", "enter")
        assert running.focused_id == "amount"
        assert running.bench.orders == []


async def test_unknown_recipient_names_the_wallets_that_there_are(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p")
        running.app.screen.query_one("#to", Input).value = "nobody"
        await running.settle()
        assert "alice, bob, faucet" in running.pane_text("#verdict").replace("\n", " ")


async def test_refused_order_is_told_in_the_form(desk: Desk) -> None:
    async with desk() as running:
        running.bench.refusal = unknown_wallet()
        await running.press("p")
        await running.fill("500")
        await running.press("enter")
        await running.wait_until(lambda: "one payment at a time" in running.pane_text("#verdict").replace("\n", " "))


async def test_fault_of_the_wallet_is_told_in_the_form(desk: Desk) -> None:
    async with desk() as running:
        await running.press("p")
        running.bench.emit(events.WalletFault(running.bench.now_ns(), "alice", None, "1309", "the account is stuck"))
        await running.settle()
        assert "the account is stuck" in running.pane_text("#verdict")


async def test_votes_appear_lane_by_lane(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        story, _ = running.bench.payment("alice", "bob", 500, "lunch", running.bench.now_ns())
        shown = []
        for _, event in story:
            running.bench.emit(event)
            await running.settle()
            shown.append(lanes_with_votes(running))
            if isinstance(event, events.VoteReceived):
                count = f"{event.votes_count} of 3 needed" if event.votes_count < 3 else f"{event.votes_count} votes, 3 needed"
                assert count in running.pane_text("#payment")
        order = [lanes for position, lanes in enumerate(shown) if position == 0 or lanes != shown[position - 1]]
        assert order == [[], ["V1"], ["V1", "V3"], ["V1", "V2", "V3"], ["V1", "V2", "V3", "V4"]]
        assert "44.8 ms ✔ 3rd ◀ quorum" in running.pane_text("#payment")


def lanes_with_votes(running: Running) -> list[str]:
    return [line[:2] for line in running.pane_text("#payment").splitlines() if line[:1] == "V" and "✔" in line]


async def test_settled_payment_shows_certificate_delivery_steps_and_claim(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, "lunch"))
        await running.settle()
        payment, claim = running.pane_text("#payment"), running.pane_text("#claim")
        certificate = digest("certificate", "alice", 0).hex()
        assert certificate[:16] in payment
        assert "signed by V1 V2 V3" in payment
        assert "1,874 bytes" in payment
        assert "4/4" in payment
        for step in ("build", "prove", "check", "sign", "store", "vote", "certify", "apply"):
            assert any(step in line and " ms" in line for line in payment.splitlines()), step
        assert "(proof 66.2 ms)" in payment
        assert "+ network" in payment
        assert "3 needed" in claim
        assert "4/4" in claim
        assert "bob brings home 500" in str(running.app.screen.query_one("#claim").border_title)
        assert running.app.state.wallets["bob"].balance == 500


async def test_rejection_shows_code_rule_name_and_reason(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        bench = running.bench
        bench.emit(
            events.PaymentStarted(bench.now_ns(), 1, "alice", "send", 500, 1, ((digest("owner", "bob"), 500, ""),), 0),
            events.RequestSent(bench.now_ns(), 1, 2, "vote"),
            events.VoteRefusalReceived(
                bench.now_ns() + 9_000_000, 1, 2, "0503", 5, "SEQUENCE", "PREV_MISMATCH", "head differs", "the wallet is behind", None, 9.0
            ),
        )
        await running.settle()
        lane = next(line for line in running.pane_text("#payment").splitlines() if line.startswith("V3"))
        assert "✗" in lane
        assert "0503 rule 5 SEQUENCE: prev mismatch" in lane
        assert "head differs  → wallet: the wallet is behind" in running.pane_text("#payment")


async def test_failed_payment_says_why(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        bench = running.bench
        reason = "two transitions of this slot are signed, and neither can reach a quorum"
        bench.emit(
            events.PaymentStarted(bench.now_ns(), 1, "alice", "send", 500, 1, (), 0),
            events.PaymentState(bench.now_ns(), 1, "alice", "failed", reason),
        )
        await running.settle()
        assert reason in running.pane_text("#payment").replace("\n", " ")


async def test_payment_with_one_validator_down_settles_and_says_so(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        running.bench.down.add(1)
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        shown = running.pane_text("#payment")
        assert "no connection" in next(line for line in shown.splitlines() if line.startswith("V2"))
        assert "3/4, the rest catches up" in shown


async def test_payment_without_quorum_waits_with_what_is_missing(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        running.bench.down |= {0, 1}
        running.bench.play(running.bench.payment("alice", "bob", 500, "", running.bench.now_ns())[0])
        await running.settle()
        assert "2 of 3 needed, 1 missing" in running.pane_text("#payment")


async def test_form_warns_where_there_is_no_quorum(desk: Desk) -> None:
    async with desk() as running:
        running.bench.emit(running.bench.process(0, "stopped"), running.bench.process(1, "exited", exit_status=-9))
        await running.press("p")
        await running.fill("500")
        assert "only 2 of 4 validators are up" in running.pane_text("#verdict").replace("\n", " ")


async def test_newest_payment_is_in_focus_until_another_is_chosen(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        for amount in (100, 200):
            running.bench.play(running.bench.settled_payment("alice", "bob", amount, ""))
        await running.settle()
        assert in_focus(running).amount == 200
        await running.press("down")
        assert in_focus(running).is_claim or in_focus(running).amount == 100
        await running.press("G")
        assert in_focus(running).amount == 100
        running.bench.play(running.bench.settled_payment("alice", "bob", 300, ""))
        await running.settle()
        assert in_focus(running).amount == 100


def in_focus(running: Running) -> Payment:
    screen = running.app.screen
    assert isinstance(screen, PayScreen)
    payment = screen._payment()
    assert payment is not None
    return payment


async def test_claim_in_the_list_shows_its_payment_above(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        await running.press("up")
        assert in_focus(running).wallet == "alice"
        assert "bob brings home 500" in str(running.app.screen.query_one("#claim").border_title)


async def test_slow_motion_goes_through_all_votes_and_ends(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, ""))
        await running.settle()
        whole = running.pane_text("#payment")
        screen = running.app.screen
        assert isinstance(screen, PayScreen)
        await running.press("m")
        counts = []
        while is_playing(screen):
            running.bench.clock_ns += 50 * MS
            running.app.tick()
            counts.append(len(lanes_with_votes(running)))
        assert sorted(counts) == counts
        assert set(counts) == {0, 1, 2, 3, 4}
        assert running.pane_text("#payment") == whole


def is_playing(screen: PayScreen) -> bool:
    return screen._replay is not None


async def test_memo_with_markup_and_control_characters_is_shown_harmlessly(desk: Desk) -> None:
    memo = "[red]boo[/red] \x1b[2J\u202eevil"
    async with desk(size=(200, 60)) as running:
        await running.press("3")
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, memo))
        await running.settle()
        assert "[red]boo[/red] \\x1b[2J\\u202eevil" in running.screen_text()
        assert "\x1b" not in running.screen_text()
        await running.press("2", "j")
        running.app.screen.query_one("#incoming").focus()
        await running.press("z")
        assert "\\u202e" in running.screen_text()
        assert "\u202e" not in running.screen_text()


async def test_wide_characters_in_a_memo_keep_the_lines_straight(desk: Desk) -> None:
    async with desk(size=(200, 60)) as running:
        await running.press("3")
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, "晚饭 🍜 " * 20))
        await running.settle()
        assert {strip.cell_length for strip in running.app.screen._compositor.render_strips()} == {200}


async def test_payment_that_waits_says_for_what(desk: Desk) -> None:
    async with desk() as running:
        await running.press("3")
        running.bench.emit(events.PaymentQueued(running.bench.now_ns(), 1, "alice", "send", "until this wallet's payment before it is settled"))
        await running.settle()
        assert "waits until this wallet's payment before it is settled" in running.pane_text("#payment")
        assert "waiting" in running.pane_text("#payments")


async def test_a_recipient_is_suggested_as_soon_as_there_is_one(desk: Desk) -> None:
    """Wallets are told of one after the other: with the first alone there is nobody to pay."""
    async with desk(is_booted=False) as running:
        running.bench.emit(running.bench.network(), running.bench.wallet("alice"))
        await running.press("3")
        to = running.app.screen.query_one("#to", Input)
        assert to.value == ""
        running.bench.emit(running.bench.wallet("bob"), running.bench.wallet("faucet"))
        await running.settle()
        assert to.value == "bob"
