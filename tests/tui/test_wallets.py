"""The wallets screen. Goal: what a wallet opens stands beside what everybody else sees of it."""

import pytest

from mesh_app.orders.wallets import CreateWallet
from mesh_app.widgets.wallet_detail import large_digits
from tests.tui.conftest import Desk
from tests.tui.fake_workbench import address, digest


async def test_balance_stands_beside_all_32_bytes_of_the_commitment(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2")
        assert running.pane_text("#opened") == "\n".join(large_digits("10,000"))
        shown = running.pane_text("#commitment").replace(" ", "").replace("\n", "")
        assert digest("commitment", "alice", 10_000, 0).hex() in shown


async def test_cursor_chooses_the_wallet_that_the_panes_show(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "down")
        assert running.pane_text("#opened") == "\n".join(large_digits("0"))
        assert str(address("bob")) in running.pane_text("#address").replace("\n", "")


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


async def test_incoming_and_history_of_the_run(desk: Desk) -> None:
    async with desk() as running:
        running.bench.play(running.bench.settled_payment("alice", "bob", 500, "lunch"))
        await running.press("2")
        assert "−500" in running.pane_text("#history")
        assert "to bob" in running.pane_text("#history")
        await running.press("down")
        assert "✔ claimed" in running.pane_text("#incoming")
        assert "“lunch”" in running.pane_text("#incoming")
        assert "+500" in running.pane_text("#history")
        assert "from alice “lunch”" in running.pane_text("#history")


async def test_new_wallet_asks_for_a_free_name(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "n")
        await running.fill("bob")
        await running.press("enter")
        assert "a wallet of this name exists" in running.screen_text()
        await running.press("backspace")
        await running.fill("rendan")
        await running.press("enter")
        await running.wait_until(lambda: running.bench.orders == [CreateWallet("borendan")])


async def test_new_wallet_can_be_left_with_escape(desk: Desk) -> None:
    async with desk() as running:
        await running.press("2", "n", "escape")
        assert running.bench.orders == []
        assert len(running.app.screen_stack) == 1


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40)], ids=["60x18", "80x24", "120x40"])
async def test_balance_and_commitment_are_whole_at_every_size(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        await running.press("2", "G")
        assert digest("commitment", "faucet", 10**9, 0).hex() in running.pane_text("#commitment").replace(" ", "").replace("\n", "")
        assert "1,000,000,000" in running.pane_text("#wallets")
