"""The ledger screen, with what a real observer told of real machines. Goal: everything can be read, reached by keys and mouse, and is told apart."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mesh_app.messages import CertificateWanted
from mesh_app.orders.ledger import CompareValidators, ReadAccount, ReadCertificate, ReadPage, VerifyCertificate, WatchLog
from mesh_app.orders.order import Order
from mesh_app.widgets.filter_bar import FilteredList
from mesh_app.widgets.hex_view import HexView
from mesh_app.widgets.ledger_rows import LedgerRows
from mesh_app.widgets.tab_strip import TabStrip
from tests.cluster import wallet_keys
from tests.tui.conftest import Desk, Running
from tests.unit.testnet.observer.story import observe

Event = dict[str, Any]
LOOKING = {"ledger_log", "ledger_rows"}


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return asyncio.run(observe())


def cert_ids(told: list[Event]) -> list[str]:
    return [row["cert_id"] for event in told if event["event"] == "ledger_rows" for row in event["rows"]]


async def opened(running: Running, told: list[Event], *, only: set[str] | None = None) -> None:
    """The ledger with these events of the story; wallets have the keys that they have there."""
    for name in ("alice", "bob"):
        running.bench.emit(replace(running.bench.wallet(name), owner=wallet_keys(name).owner))
    running.bench.emit(*(event for event in told if only is None or event["event"] in only))
    await running.press("4")


def orders_of(running: Running, kind: type[Order]) -> list[Order]:
    return [order for order in running.bench.orders if isinstance(order, kind)]


async def test_the_log_is_asked_for_when_somebody_looks(desk: Desk) -> None:
    async with desk() as running:
        assert not orders_of(running, WatchLog), "nobody reads a log that nobody looks at"
        await running.press("4")
        assert orders_of(running, WatchLog) == [WatchLog()]
        running.bench.clock_ns += 200_000_000
        await running.settle()
        assert "asking the validators for their logs" in running.screen_text(), "told at once, and not with the next full second"
        await running.press("1", "4")
        assert orders_of(running, WatchLog) == [WatchLog()]


async def test_rows_with_names_the_newest_first(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        rows = running.pane_text("#ledger-rows").splitlines()
        assert [row.split()[1] if row.startswith("▸") else row.split()[0] for row in rows[1:4]] == ["2", "1", "0"]
        assert "alice → bob" in rows[1]
        assert "bob claims" in rows[2]
        assert "hidden" in rows[1]
        assert "the log of V1 · 3" in running.screen_text()


async def test_a_long_log_says_how_far_its_reading_is(desk: Desk, told: list[Event]) -> None:
    """Where the title has no room for it, and where rows are still missing, at every width."""
    log = next(event for event in told if event["event"] == "ledger_log" and event["validator"] is not None)
    async with desk(size=(100, 30)) as running:
        running.bench.emit({**log, "length": 12_345, "target": 1_000_000, "reading": True, "rate": 900.0, "error": ""})
        await running.press("4")
        assert running.pane_text("#ledger-rows").splitlines()[0] == "◌ reading 12,345 of 1,000,000  18:17 left"
        await running.pilot.resize_terminal(200, 60)
        await running.settle()
        assert running.pane_text("#ledger-rows").splitlines()[0].endswith("18:17 left  900/s  the oldest first")
        running.bench.emit({**log, "length": 12_345, "target": 1_000_000, "reading": True, "rate": 1e-308, "error": ""})
        await running.settle()
        assert "left" not in running.pane_text("#ledger-rows").splitlines()[0], "nobody knows"
        running.bench.emit({**log, "length": 999_900, "target": 1_000_000, "reading": True, "rate": 900.0, "error": ""})
        await running.settle()
        assert "reading 9" not in running.pane_text("#ledger-rows"), "what is read in a moment is not told"


async def test_the_certificate_under_the_cursor_is_asked_for_once(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told, only=LOOKING)
        newest = cert_ids(told)[2]
        await running.wait_until(lambda: orders_of(running, ReadCertificate) == [ReadCertificate(newest)])
        await running.press("down")
        await running.wait_until(lambda: orders_of(running, ReadCertificate)[1:] == [ReadCertificate(cert_ids(told)[1])])
        assert not any("you: read" in entry.text for entry in running.app.state.entries), "looking is not told"


async def test_a_certificate_in_words(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        shown = running.pane_text("#summary")
        assert "SEND, pays others" in shown
        assert "#2 in the log of V1" in shown
        assert "to bob  hidden (commitment" in shown
        await running.press("y")
        assert running.app.clipboard == cert_ids(told)[2]
        await running.press("enter", "Y")
        assert f'"cert_id": "{cert_ids(told)[2]}"' in running.app.clipboard


async def test_an_own_payment_shows_its_amount_as_known_here_only(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        running.bench.emit(
            {
                "event": "incoming",
                "t_ns": 1,
                "wallet": "bob",
                "cert_id": cert_ids(told)[0],
                "index": 0,
                "sender": "aa" * 32,
                "amount": 500,
                "text": "",
                "status": "claimed",
            }
        )
        await opened(running, told)
        rows = running.pane_text("#ledger-rows").splitlines()
        assert "−500" in rows[3]
        assert "bob claims" in rows[2]
        assert rows[2].endswith(" 500")
        await running.press("G")
        assert "500 units  opened by bob, known here only" in running.pane_text("#summary")


async def test_every_byte_has_a_name(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("x")
        assert running.focused_id == "hex"
        assert running.pane_text("#hex").splitlines()[0].startswith("0000  01 00 00")
        assert "version  byte 0" in running.pane_text("#hex")
        await running.press("n")
        assert "transition.length  bytes 1 to 4, 4 bytes" in running.pane_text("#hex")
        await running.press("w", "n", "n", "n", "n", "n")
        assert "transition.core.sender" in running.pane_text("#hex")
        assert wallet_keys("alice").owner.hex()[:40] in running.pane_text("#hex").replace("\n", "")
        assert "Its owner alone can sign for it." in running.pane_text("#hex").replace("\n", " ")
        await running.press("y")
        assert running.app.clipboard == wallet_keys("alice").owner.hex()
        await running.press("right", "b")
        assert "transition.core.sender" in running.pane_text("#hex"), "the first key press goes to the field's own beginning"
        await running.press("N", "G")
        view = running.app.screen.query_one(HexView)
        assert view.detail is not None
        assert view.cursor == len(view.detail.data) - 1
        assert "votes[2].signature.S" in running.pane_text("#hex")
        await running.press("down", "right", "l")
        assert view.cursor == len(view.detail.data) - 1, "the end is the end"
        await running.press("g", "j", "k", "h")
        assert view.cursor == 0


async def test_the_mouse_points_at_a_byte(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("x")
        await running.pilot.click("#hex", offset=(2 + 6 + 3 * 3, 1 + 1))
        view = running.app.screen.query_one(HexView)
        assert view.cursor == 16 + 3
        assert view.field is not None
        assert view.field.path == "transition.core.network_id"


async def test_checks_are_made_by_one_key_and_shown_with_their_times(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("G")
        await running.press("V")
        assert orders_of(running, VerifyCertificate) == [VerifyCertificate(cert_ids(told)[0])]
        assert any("you: verify" in entry.text and "mesh-wallet show" in entry.text for entry in running.app.state.entries)
        verified = next(event for event in told if event["event"] == "ledger_verified")
        running.bench.emit(verified | {"t_ns": running.app.state.now_ns + 1})
        await running.settle()
        shown = running.pane_text("#verify")
        assert "✓ all 13 checks hold" in shown
        assert "vote of V1" in shown
        assert "ms" in shown
        await running.press("end")
        assert "Bulletproofs+ for 2 commitments, bound to this transition" in running.pane_text("#verify").replace("\n", " ")
        await running.press("V")
        checks = [
            check | {"ok": False, "found": "the owner's signature does not verify"} if check["name"] == "owner" else check for check in verified["checks"]
        ]
        running.bench.emit(verified | {"t_ns": running.app.state.now_ns + 2, "ok": False, "checks": checks})
        await running.settle()
        assert "✗ 1 of 13 checks do not hold" in running.pane_text("#verify")
        assert "the owner's signature does not verify" in running.pane_text("#verify")


async def test_an_account_is_a_chain_that_leads_on(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told, only=LOOKING | {"ledger_certificate"})
        await running.press("down", "a")
        bob = wallet_keys("bob").owner.hex()
        assert orders_of(running, ReadAccount) == [ReadAccount(bob)]
        running.bench.emit(next(event for event in told if event["event"] == "ledger_account"))
        await running.settle()
        shown = running.pane_text("#account")
        assert "╹ #0" in shown
        assert "V4  ✓ the same" in shown
        assert "may claim" in shown
        await running.press("end", "enter")
        assert "RECEIVE, claims what was paid to it" in running.pane_text("#summary")


async def test_a_fact_leads_to_another_certificate_and_escape_leads_back(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("down", "enter")
        pane = running.app.screen.query_one("#summary")
        position = [line.strip("▸ ").split(" ")[0] for line in running.pane_text("#summary").splitlines()].index("claim")
        await running.press(*["down"] * position, "enter")
        assert running.app.screen.query_one(LedgerRows).cursor == 0
        assert running.app.focused is pane
        await running.press("escape")
        assert running.app.screen.query_one(LedgerRows).cursor == 1
        await running.press("escape")
        assert running.focused_id == "ledger-rows"
        await running.press("escape")
        assert running.app.current_mode == "network"


async def test_outputs_say_who_can_claim_them(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("u")
        shown = running.pane_text("#outputs")
        assert "◐ for bob" in shown
        assert "waiting in the whole network · 1" in shown


async def test_the_validators_are_compared(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told, only=LOOKING)
        await running.press("c")
        assert orders_of(running, CompareValidators) == [CompareValidators()]
        compared = [event for event in told if event["event"] == "ledger_comparison"][-1]
        running.bench.emit(compared | {"t_ns": running.app.state.now_ns + 1})
        await running.settle()
        shown = running.pane_text("#compare")
        assert "◐ V4 stands apart" in shown
        assert "V1  = 3" in shown
        assert "V4  ○" in shown
        assert "connection refused" in shown
        assert "✓ commitments add up to the supply" in shown


async def test_where_two_logs_part_is_shown(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told, only=LOOKING)
        await running.press("c")
        rows = [row for event in told if event["event"] == "ledger_rows" for row in event["rows"]]
        compared = next(event for event in told if event["event"] == "ledger_comparison")
        difference = {
            "index": 1,
            "here": rows[1],
            "there": rows[2],
            "only_here": [rows[1]],
            "only_there": [],
            "only_here_count": 1,
            "only_there_count": 0,
            "complete": True,
        }
        standings = [*compared["standings"]]
        standings[2] = standings[2] | {"verdict": "different", "text": "another order from #1 on; lacks 1", "difference": difference}
        running.bench.emit(compared | {"t_ns": running.app.state.now_ns + 1, "standings": standings})
        running.bench.emit({"event": "ledger_lie", "t_ns": 5, "validator": 1, "text": "what it sent for index 4 is no certificate"})
        await running.settle()
        shown = running.pane_text("#compare")
        assert "≠ V3 stands apart" in shown
        assert "V1 and V3 part at #1" in shown
        assert "only V1 holds 1 certificate:" in shown
        assert "V2 what it sent for index 4 is no certificate" in shown


async def test_the_filter_is_live_and_says_what_it_does_not_understand(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("slash")
        await running.fill("kind:send")
        rows = running.app.screen.query_one(LedgerRows)
        assert rows.filter_told == "2 of 3"
        assert "bob claims" not in running.pane_text("#ledger-rows")
        await running.fill(" from:carol")
        assert "'carol' is no name here" in running.pane_text("#ledger-rows").replace("\n", " ")
        await running.press("escape")
        assert "bob claims" in running.pane_text("#ledger-rows")
        await running.press("slash")
        await running.fill("?")
        assert "from:alice" in running.pane_text("#ledger-rows")
        assert running.app.screen.query_one(FilteredList).has_class("-filtered")
        assert running.app.screen.query_one(FilteredList).keep() == {}, "the next run does not begin with the language"


async def test_a_filter_keeps_up_with_new_rows(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("slash")
        await running.fill("kind:send")
        log = [event for event in told if event["event"] == "ledger_log"][-1]
        rows = [event for event in told if event["event"] == "ledger_rows"][-1]
        new = rows["rows"][0] | {"index": 3, "cert_id": "ab" * 32, "kind": "send"}
        running.bench.emit(rows | {"rows": [new]}, log | {"length": 4, "target": 4})
        await running.settle()
        assert running.app.screen.query_one(LedgerRows).filter_told == "3 of 4"


async def test_rows_of_long_ago_are_asked_for_when_they_come_into_sight(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        log = [event for event in told if event["event"] == "ledger_log"][-1]
        await opened(running, [*told, log | {"length": 1_000_000, "target": 1_000_000, "first": 0}], only=LOOKING)
        running.bench.emit({**log, "length": 1_000_000, "target": 1_000_000})
        await running.settle()
        assert "… reading" in running.pane_text("#ledger-rows")
        await running.wait_until(lambda: orders_of(running, ReadPage) == [ReadPage(999_800)])


async def test_another_validators_log_is_chosen_by_one_key(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("L")
        assert orders_of(running, WatchLog)[-1] == WatchLog(0)
        log = [event for event in told if event["event"] == "ledger_log"][-1]
        running.bench.emit(log | {"validator": 3, "chosen": True, "generation": log["generation"] + 1})
        await running.settle()
        await running.press("L")
        assert orders_of(running, WatchLog)[-1] == WatchLog(None)


async def test_a_certificate_of_another_screen_is_opened(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("1")
        running.app.post_message(CertificateWanted(cert_ids(told)[0]))
        await running.wait_until(lambda: running.app.current_mode == "ledger")
        await running.settle()
        assert running.app.screen.query_one(LedgerRows).cursor == 0
        assert running.focused_id == "summary"
        running.app.post_message(CertificateWanted("ee" * 32))
        await running.wait_until(lambda: ReadCertificate("ee" * 32) in running.bench.orders)


async def test_a_jump_before_the_log_is_read_goes_there_when_it_is(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        running.app.post_message(CertificateWanted(cert_ids(told)[1]))
        await running.wait_until(lambda: running.app.current_mode == "ledger")
        await running.settle()
        running.bench.emit(*told)
        await running.settle()
        assert running.app.screen.query_one(LedgerRows).cursor == 1
        assert "RECEIVE, claims" in running.pane_text("#summary")


async def test_an_account_in_sight_is_read_anew_when_it_moves(desk: Desk, told: list[Event]) -> None:
    async with desk() as running:
        await opened(running, told)
        await running.press("down", "a")
        assert not orders_of(running, ReadAccount), "the account is here already"
        log = [event for event in told if event["event"] == "ledger_log"][-1]
        rows = [event for event in told if event["event"] == "ledger_rows"][-1]
        claim = next(row for event in told if event["event"] == "ledger_rows" for row in event["rows"] if row["kind"] == "receive")
        running.bench.emit(rows | {"rows": [claim | {"index": 3, "cert_id": "ab" * 32, "sequence": 1}]}, log | {"length": 4, "target": 4})
        await running.settle()
        assert orders_of(running, ReadAccount) == [ReadAccount(wallet_keys("bob").owner.hex())]


async def test_tabs_are_walked_through_by_keys_and_mouse(desk: Desk, told: list[Event]) -> None:
    async with desk(size=(80, 24)) as running:
        await opened(running, told)
        strip = running.app.screen.query_one(TabStrip)
        assert strip.current == "list"
        assert not running.app.screen.query_one("#ledger-content").display
        await running.press("enter")
        assert (strip.current, running.focused_id) == ("summary", "summary")
        seen = []
        for _ in range(7):
            seen.append(strip.current)
            await running.press("right_square_bracket")
        assert seen == ["summary", "votes", "hex", "verify", "account", "outputs", "compare"]
        await running.press("left_square_bracket", "left_square_bracket")
        assert strip.current == "outputs"
        await running.pilot.click("#ledger-tabs", offset=(3, 0))
        await running.settle()
        assert (strip.current, running.focused_id) == ("list", "ledger-rows")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_bytes_are_reached_at_every_size(desk: Desk, told: list[Event], size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        await opened(running, told)
        await running.press("x")
        view = running.app.screen.query_one(HexView)
        assert running.app.screen.region.contains_region(view.region)
        assert view.region.height >= 10
        assert "0000  01 00 00" in running.pane_text("#hex")
        assert running.app.screen.query_one("#summary").is_on_screen == (size[0] == 200)
        await running.press("escape")
        assert running.focused_id == "ledger-rows"
        assert running.app.screen.query_one(LedgerRows).is_on_screen
