"""The wallets screen. Goal: what a wallet opens stands beside what everybody else sees of it."""

import pytest

from mesh_app.messages import CertificateWanted
from mesh_app.orders.wallets import AskFaucet, Claim, HideAmounts, LockWallet, ShowHistory
from mesh_app.widgets.wallet_detail import large_digits
from mesh_app.widgets.wallet_list import HIDDEN
from tests.tui.conftest import Desk, Running
from tests.tui.fake_workbench import address, digest
from tests.tui.wallet_events import details, entry, history, qr, shut


async def tell(running: Running, *events: object) -> None:
    running.bench.emit(*events)
    await running.settle()


def without_gaps(text: str) -> str:
    return text.replace(" ", "").replace("\n", "")


async def test_balance_stands_beside_all_32_bytes_of_the_commitment(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        assert running.pane_text("#opened").startswith("\n".join(large_digits("10,000")))
        assert digest("commitment", "alice", 10_000, 0).hex() in without_gaps(running.pane_text("#commitment"))


async def test_balance_is_what_the_commitment_opens_to_also_while_something_leaves(desk: Desk) -> None:
    """Validators still see the balance before a payment that is not final."""
    async with desk() as running:
        running.bench.balances["alice"] = 9_000
        await running.press("2")
        await tell(running, running.bench.wallet("alice", in_flight=1_000, state="paying"), details(running.bench, "alice", in_flight=1_000))
        assert running.pane_text("#opened").startswith("\n".join(large_digits("10,000")))
        assert "−1,000 on its way" in running.pane_text("#opened")
        assert "paying" in running.pane_text("#wallets")
        assert "9,000" in running.pane_text("#parts")
        assert digest("flight", "alice").hex()[:8] in running.pane_text("#parts")
        assert "nothing: 32 zero bytes" in running.pane_text("#parts")


async def test_cursor_chooses_the_wallet_that_the_panes_show(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "down")
        assert running.pane_text("#opened").startswith("\n".join(large_digits("0")))
        await running.press("a")
        assert str(address("bob")) in without_gaps(running.pane_text("#address"))
        assert running.focused_id == "address"
        await running.press("y")
        assert running.app.clipboard == str(address("bob"))


async def test_address_is_copied_with_one_key(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "down", "y")
        assert running.app.clipboard == str(address("bob"))
        assert "copied: address of bob" in running.toasts()


async def test_commitment_is_copied_where_it_is_in_focus(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        running.app.screen.query_one("#commitment").focus()
        await running.press("y")
        assert running.app.clipboard == digest("commitment", "alice", 10_000, 0).hex()


async def test_history_shows_both_directions_with_names_memos_and_states_and_can_be_filtered(desk: Desk) -> None:
    async with desk(size=(200, 60)) as running:
        await running.press("2")
        entries = (
            entry(1, "bob", 500, is_sent=True, text="lunch"),
            entry(2, "faucet", 70, is_sent=False, status="claimed", text="\x1b[2Jgift"),
            entry(3, "stranger", None, is_sent=False, status="unopenable", text="value does not open"),
        )
        await tell(running, history(running.bench, "alice", *entries))
        newest, middle, oldest = running.pane_text("#history").splitlines()
        assert all(part in newest for part in ("?", "✖ unopenable", "value"))
        assert all(part in middle for part in ("+70", "from faucet", "✔ claimed"))
        assert "\x1b" not in running.screen_text()
        assert all(part in oldest for part in ("−500", "to bob", "“lunch”"))
        running.app.screen.query_one("#history").focus()
        await running.press("slash", *"lunch", "enter")
        assert len(running.pane_text("#history").splitlines()) == 1
        assert "1 of 3" in running.screen_text()
        await running.press("y")
        assert running.app.clipboard == digest("certificate", 1).hex()
        await running.press("enter")
        assert {message.cert_id for message in running.messages if isinstance(message, CertificateWanted)} == {digest("certificate", 1).hex()}


async def test_incoming_outputs_are_shown_with_those_that_cannot_be_opened(desk: Desk) -> None:
    async with desk() as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, "lunch"))
        await running.press("2", "down", "right_square_bracket")
        assert "✔ claimed" in running.pane_text("#incoming")
        assert "“lunch”" in running.pane_text("#incoming")
        event = {
            "event": "incoming",
            "t_ns": 1,
            "wallet": "bob",
            "cert_id": "00",
            "index": 0,
            "sender": "11",
            "amount": None,
            "text": "tag",
            "status": "unopenable",
        }
        await tell(running, event)
        assert "✖ unopenable" in running.pane_text("#incoming")
        assert "burnt by its sender" in running.pane_text("#incoming")


async def test_sealed_used_and_view_only_wallets_are_told_by_glyph_and_word(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        await tell(
            running,
            shut(running.bench, "vault", "sealed"),
            shut(running.bench, "cli", "in_use", "in use by process 7"),
            details(running.bench, "bob", key="view-only"),
        )
        shown = running.pane_text("#wallets")
        assert all(part in shown for part in ("○ vault", "sealed", "◌ cli", "in use", "◇ bob", "view only"))
        await running.press("down", "down", "down")
        assert "u unlocks it" in running.pane_text("#opened")
        assert running.pane_text("#parts") == ""
        await running.press("down")
        assert "In use by another program" in running.pane_text("#opened")


async def test_empty_home_names_the_key_that_fills_it(desk: Desk) -> None:
    async with desk(is_booted=False) as running:
        await running.press("2")
        assert "No wallet yet." in running.pane_text("#opened")
        assert "n creates one" in running.pane_text("#opened")
        await running.press("e")
        assert "no wallet is in focus" in running.toasts()


async def test_amounts_are_hidden_with_one_key_everywhere_on_the_screen(desk: Desk) -> None:
    async with desk(size=(200, 60)) as running:
        await running.press("2")
        await tell(running, details(running.bench, "alice"), history(running.bench, "alice", entry(1, "bob", 512, is_sent=True)))
        await running.press("v")
        assert running.bench.orders == [HideAmounts(hides=True)]
        await tell(running, {"event": "amounts_hidden", "t_ns": 1, "hidden": True})
        panes = "".join(running.pane_text(pane) for pane in ("#wallets", "#opened", "#parts", "#history"))
        assert HIDDEN in panes
        assert "10,000" not in panes
        assert "512" not in panes
        await running.press("v")
        assert running.bench.orders[-1] == HideAmounts(hides=False)


async def test_keys_order_what_the_wallet_in_focus_can_do_and_say_why_it_cannot(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        await tell(running, details(running.bench, "bob", key="view-only"), details(running.bench, "alice", key="sealed"))
        await tell(running, history(running.bench, "alice", entry(1, "bob", 5, is_sent=True), has_older=True))
        await running.press("f", "m", "L")
        assert running.bench.orders == [AskFaucet("alice", 10_000), ShowHistory("alice", 101), LockWallet("alice")]
        await running.press("C")
        assert "nothing waits to be claimed" in running.toasts()
        await tell(running, running.bench.wallet("alice", incoming=3))
        await running.press("C")
        assert running.bench.orders[-1] == Claim("alice")
        await running.press("u")
        assert "alice is open" in running.toasts()
        count = len(running.bench.orders)
        await running.press("down", "f", "R", "L")
        assert len(running.bench.orders) == count


async def test_payment_begins_with_the_wallet_in_focus(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "down", "down", "p")
        assert running.app.screen.query_one("#from").value == "faucet"  # type: ignore[attr-defined]


async def test_code_of_the_address_is_shown_where_it_fits(desk: Desk) -> None:
    async with desk(size=(120, 40)) as running:
        await running.press("2")
        await tell(running, qr(running.bench, "alice"))
        await running.press("Q")
        assert "▄" * 45 in running.screen_text()
        await running.press("escape")
        assert len(running.app.screen_stack) == 1
        await running.pilot.resize_terminal(80, 20)
        await running.press("Q")
        assert "the code needs 45x23" in running.screen_text()


async def test_extra_rows_open_the_forms(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "G", "enter")
        assert "Import a wallet" in running.screen_text()
        await running.press("escape", "up", "enter")
        assert "A new wallet" in running.screen_text()


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)], ids=["60x18", "80x24", "120x40", "200x60"])
async def test_balance_and_commitment_are_whole_at_every_size(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        await running.press("2", "down", "down")
        assert digest("commitment", "faucet", 10**9, 0).hex() in without_gaps(running.pane_text("#commitment"))
        assert "1,000,000,000" in running.pane_text("#wallets")
        opened = running.pane_text("#opened")
        assert "1,000,000,000" in opened or opened.startswith("\n".join(large_digits("1,000,000,000")))


async def test_wallet_in_focus_is_found_again_when_it_comes_later(desk: Desk) -> None:
    """At a start the wallets are told one after the other."""
    async with desk() as running:
        await running.press("2")
        wallets = running.app.screen.query_one("#wallets")
        wallets.restore({"wallet": "zoe", "hides_amounts": True})  # type: ignore[attr-defined]
        await running.settle()
        assert wallets.cursor == "alice"  # type: ignore[attr-defined]
        assert running.bench.orders == [HideAmounts(hides=True)]
        running.bench.balances["zoe"], running.bench.sequences["zoe"] = 5, 0
        await tell(running, running.bench.wallet("zoe"))
        assert wallets.cursor == "zoe"  # type: ignore[attr-defined]
        assert wallets.keep() == {"wallet": "zoe"}  # type: ignore[attr-defined]
        await tell(running, {"event": "amounts_hidden", "t_ns": 1, "hidden": True})
        assert wallets.keep() == {"wallet": "zoe", "hides_amounts": True}  # type: ignore[attr-defined]


async def test_click_on_a_row_that_is_no_wallet_opens_its_form(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        await running.pilot.click("#wallets", offset=(6, 4))
        await running.settle()
        assert "A new wallet" in running.screen_text()
