"""The laboratory screen. Goal: one key for each attack, answers as they come, deviations in plain sight, and proofs that can be read, checked, taken away."""

from pathlib import Path
from typing import Any

import pytest

from mesh_app.actions.laboratory import ATTACK_ACTIONS
from mesh_app.orders.laboratory import LaunchAttack, VerifyProof
from mesh_app.screens.proof_dialog import ProofDialog
from mesh_app.widgets.attack_list import AttackList
from mesh_app.widgets.byte_diff import diff_rows, differing_bytes
from mesh_app.widgets.line_view import LineView, width_of
from mesh_core.protocol.identifiers import compute_proof_id
from mesh_core.types.evidence import EQUIVOCATION_PROOF
from testnet.attacks.catalogue import ATTACKS, SPLIT_2_2
from tests.tui import laboratory_story as story
from tests.tui.conftest import Desk, Running


async def tell(running: Running, *events: Any) -> None:
    for event in events:
        running.bench.emit(event)
    await running.settle()


async def enter(running: Running, *events: Any) -> None:
    await tell(running, story.catalogue(), *events)
    await running.press("5")


def test_every_attack_has_one_key_of_its_own() -> None:
    assert [*ATTACK_ACTIONS] == [attack.id for attack in ATTACKS]
    assert [action.label for action in ATTACK_ACTIONS.values()] == [attack.name for attack in ATTACKS]
    assert len({action.keys for action in ATTACK_ACTIONS.values()}) == len(ATTACKS)


async def test_each_key_orders_its_attack_out_of_the_faucet_and_looks_at_everybody_else(desk: Desk) -> None:
    async with desk() as running:
        await enter(running)
        for action in ATTACK_ACTIONS.values():
            await running.press(action.keys)
        orders = [order for order in running.bench.orders if isinstance(order, LaunchAttack)]
        assert [order.attack for order in orders] == [attack.id for attack in ATTACKS]
        assert {order.payer for order in orders} == {"faucet"}
        assert [one.name for one in orders[0].bystanders] == ["alice", "bob"]
        assert running.app.screen.query_one(AttackList).cursor == ATTACKS[-1].id
        await running.press("g", "enter")
        last = running.bench.orders[-1]
        assert isinstance(last, LaunchAttack)
        assert last.attack == ATTACKS[0].id


async def test_before_an_attack_its_plan_and_the_promise_are_there(desk: Desk) -> None:
    async with desk() as running:
        await enter(running)
        text = running.pane_text("#attack")
        assert "Two payments of one slot" in text
        assert "to less than a quorum" in text
        assert "→ 0401" in text
        promise = " ".join(running.pane_text("#promise").split())
        assert SPLIT_2_2.promise in promise
        assert "“Locked accounts”" in promise
        assert running.pane_text("#attacks").count("· not made yet") == len(ATTACKS)


async def test_answers_stand_in_the_lanes_as_they_come(desk: Desk) -> None:
    events = story.split()
    async with desk() as running:
        await enter(running, *events[:5])
        assert "◐ running" in running.pane_text("#attacks")
        first = next(line for line in running.pane_text("#attack").splitlines() if line.startswith("◇ A"))
        assert (first.count("✓ vote"), first.count("◌")) == (1, 1)
        await tell(running, *events[5:-1])
        lines = running.pane_text("#attack").splitlines()
        assert [line.count("✓ vote") + 10 * line.count("✗ 0401 ⚑") for line in lines if line.startswith("◇ ")][:4] == [2, 2, 20, 20]
        assert "rule 4 CONFLICT, 0401 CONFLICTS_WITH_VOTE: slot 1 has" in running.pane_text("#attack")
        assert "2 of 4, 3 needed" in running.pane_text("#attack")
        # A second one is refused with words, and nothing is ordered.
        await running.press("b")
        assert "“Double spend, 2-2” is under way: one attack at a time" in running.toasts()
        assert running.bench.orders == []
        await tell(running, events[-1])
        assert "✔ contained" in running.pane_text("#attacks")
        assert "✔ locked: neither settles  as specified, 900 ms" in running.pane_text("#attack")
        assert "next slot 1 → next slot 1, locked" in running.pane_text("#attack")
        assert "2876285a… in slot 0, as before" in running.pane_text("#attack")


async def test_what_is_not_as_specified_cannot_be_overlooked(desk: Desk) -> None:
    wrong = story.answer(1, "A", 3, "vote", as_expected=False)
    async with desk() as running:
        await enter(running, *story.begun(), story.sent(1, "A", (3,), ("0401",)), wrong, story.over(deviations=("V4 answered A with: vote",)))
        assert "✖ NOT so" in running.pane_text("#attacks")
        text = running.pane_text("#attack")
        assert "✖ NOT as specified" in text
        assert "✖ V4 answered A with: vote" in text
        assert "✓ vote!" in text
        tones = {span.text.strip(): span.tone for line in running.app.screen.query_one("#attack")._lines for span in line}  # type: ignore[attr-defined]
        assert tones["✖ V4 answered A with: vote"] == "down"


async def test_attack_that_could_not_be_made_says_why_and_can_be_tried_again(desk: Desk) -> None:
    async with desk() as running:
        await enter(running, *story.begun(), story.failed("the laboratory's process ended (-9)"))
        assert "! could not be carried out: the laboratory's process ended (-9)" in running.pane_text("#attack")
        assert "a tries again" in running.pane_text("#attack")
        await running.press("a")
        assert len(running.bench.orders) == 1


async def test_without_a_laboratory_or_a_payer_a_key_says_so(desk: Desk) -> None:
    async with desk() as running:
        await running.press("5")
        assert "No laboratory here" in running.pane_text("#attacks")
        await running.press("a")
        assert any("no laboratory here" in toast for toast in running.toasts())
        await tell(running, story.catalogue())
        running.app.state.wallets.clear()
        await running.press("a")
        assert any("no wallet here can pay" in toast for toast in running.toasts())
        assert running.bench.orders == []


@pytest.mark.parametrize("has_laboratory", [False, True])
async def test_no_word_of_an_empty_pane_is_cut_off(desk: Desk, has_laboratory: bool) -> None:
    """At 80 x 24, where the lists have the least room."""
    async with desk(size=(80, 24)) as running:
        await tell(running, *((story.catalogue(),) if has_laboratory else ()))
        await running.press("5")
        for name in ("#attacks", "#attack", "#proofs"):
            pane = running.app.screen.query_one(name, LineView)
            assert [line for line in running.pane_text(name).splitlines() if width_of(line) > pane.size.width] == []
        assert ("Press a: double spend." in running.pane_text("#proofs")) is has_laboratory
        assert ("Attacks are made on the network" in running.pane_text("#attack")) is not has_laboratory


async def test_proof_opens_side_by_side_is_verified_copied_and_written(desk: Desk, tmp_path: Path) -> None:
    proof = story.client_proof()
    data = EQUIVOCATION_PROOF.encode(proof).hex()
    async with desk() as running:
        await enter(running, *story.split())
        network = running.app.state.network
        assert network is not None
        running.app.state.network = type(network)(**{**{name: getattr(network, name) for name in network.__slots__}, "home": str(tmp_path)})
        assert "mallory-1" in running.pane_text("#proofs")
        running.app.screen.query_one("#proofs").focus()
        await running.press("enter")
        assert isinstance(running.app.screen, ProofDialog)
        text = running.pane_text("#proof-in-full")
        assert "The owner of mallory-1 signed two transitions for slot 1." in text
        assert "First statement" in text
        assert "= network" in text
        assert f"≠ transition  differs in {differing_bytes(proof.id_a.hex(), proof.id_b.hex())} of 32 bytes" in text
        assert proof.id_a.hex()[:8] in text
        assert proof.id_b.hex()[:8] in text
        await running.press("V")
        assert running.bench.orders == [VerifyProof(compute_proof_id(proof).hex(), data)]
        await tell(running, story.checked(proof))
        assert "✔ It holds, by the genesis document alone: 2 checks, 0.4 ms" in running.pane_text("#proof-in-full")
        await running.press("y")
        assert running.app.clipboard == data
        await running.press("o")
        [written] = (tmp_path / "exports").iterdir()
        assert written.read_text().strip() == data
        await running.press("escape")
        assert "✔ holds" in running.pane_text("#proofs")


async def test_evidence_of_real_life_is_listed_and_filtered(desk: Desk) -> None:
    async with desk() as running:
        await enter(running, story.found_by(0, story.client_proof()), story.found_by(1, story.validator_proof(3)))
        assert len(running.pane_text("#proofs").splitlines()) == 2
        running.app.screen.query_one("#proofs").focus()
        await running.press("slash")
        await running.type("v4")
        [row] = running.pane_text("#proofs").splitlines()
        assert "V4" in row


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)])
async def test_everything_is_on_the_screen_at_every_size(desk: Desk, size: tuple[int, int]) -> None:
    async with desk(size=size) as running:
        await enter(running, *story.split())
        screen = running.app.screen
        shown = [widget for widget in screen.query("AttackList, AttackPane, ProofList, PromisePane, ProofPane") if widget.display]
        assert {"attacks", "attack", "proofs"} <= {widget.id for widget in shown}
        for widget in shown:
            assert widget.region.right <= size[0]
            assert widget.region.bottom <= size[1] - 1
            assert widget.size.height >= 1
        assert "promise" in running.screen_text() or size[1] < 34
        assert "V4" in running.pane_text("#attack")


def test_differing_bytes_stand_out_and_equal_ones_do_not() -> None:
    [(left, right, differs)] = diff_rows("aabbccdd11", "aabbcfdd11", 40)
    assert differs
    assert [(span.text, span.tone) for span in left] == [("aabb", "dim"), ("cc", "proof"), ("dd 11", "dim")]
    assert [(span.text, span.tone) for span in right] == [("aabb", "dim"), ("cf", "proof"), ("dd 11", "dim")]
    assert [row[2] for row in diff_rows("00" * 16, "00" * 15 + "01", 17)] == [False, True]
    assert differing_bytes("aabb", "aacc") == 1


async def test_newest_proof_opens_from_wherever_the_focus_is(desk: Desk) -> None:
    async with desk() as running:
        await running.press("5", "P")
        assert any("no proof yet" in toast for toast in running.toasts())
        await enter(running, *story.split())
        assert running.focused_id == "attacks"
        await running.press("P")
        await running.wait_until(lambda: isinstance(running.app.screen, ProofDialog))
        assert running.bench.orders == []


async def test_what_a_demonstration_says_stands_on_a_proof_too(desk: Desk) -> None:
    async with desk() as running:
        await enter(running, *story.split())
        running.bench.events.put_nowait({"event": "caption", "t_ns": running.bench.now_ns(), "text": "Two signatures of one key."})
        await running.press("P")
        await running.wait_until(lambda: isinstance(running.app.screen, ProofDialog) and "Two signatures of one key." in running.screen_text())
