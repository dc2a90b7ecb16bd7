"""Attacks and evidence in the state. Goal: everything that the laboratory tells can be seen afterwards, and nothing that is broken or old changes anything."""

import json
from typing import Any

from mesh_app.model import State, apply
from mesh_app.proof_words import convicted, proof_json, run_json
from mesh_app.state.laboratory import MAX_PROOFS, MAX_RUNS, MAX_STEPS
from mesh_core.protocol.identifiers import compute_proof_id
from mesh_core.types.evidence import EQUIVOCATION_PROOF
from mesh_core.types.json_form import json_form
from testnet.attacks.catalogue import ATTACKS, SPLIT_2_2
from testnet.attacks.events import AttackStep
from tests.tui import laboratory_story as story
from tests.tui.fake_workbench import FakeWorkbench


def played(*events: Any) -> State:
    bench = FakeWorkbench()
    bench.boot()
    bench.emit(story.catalogue())
    for event in events:
        bench.emit(event)
    state = State(now_ns=bench.now_ns())
    while not bench.events.empty():
        apply(state, json.loads(json.dumps(bench.events.get_nowait())))
    return state


def test_catalogue_is_what_the_laboratory_has() -> None:
    state = played()
    assert [*state.laboratory.attacks] == [attack.id for attack in ATTACKS]
    view = state.laboratory.attacks[SPLIT_2_2.id]
    assert (view.name, view.kind, view.promise, view.sections) == (SPLIT_2_2.name, "contained", SPLIT_2_2.promise, SPLIT_2_2.sections)
    assert [(row.phase, row.item, row.answers) for row in view.plan] == [(1, "A", ("vote",)), (1, "B", ("vote",)), (2, "B", ("0401",)), (2, "A", ("0401",))]


def test_attack_under_way_and_over() -> None:
    events = story.split()
    state = played(*events[:6])
    run = state.laboratory.running
    assert run is not None
    assert (run.account, run.is_over, run.voters("A"), run.voters("B")) == ("mallory-1", False, (0, 1), ())
    state = played(*events)
    run = state.laboratory.run_of(SPLIT_2_2.id)
    assert run is state.laboratory.last
    assert run is not None
    assert state.laboratory.running is None
    assert state.unreadable_count == 0
    assert run.votes_items == ("A", "B")
    assert (run.voters("A"), run.voters("B")) == ((0, 1), (2, 3))
    refusal = run.sendings[3].answers[1]
    assert (refusal.code, refusal.rule, refusal.name, refusal.reason, refusal.proves) == ("0401", 4, "CONFLICT", "CONFLICTS_WITH_VOTE", True)
    assert run.end is not None
    assert (run.end.as_specified, run.end.outcome, run.end.votes) == (True, SPLIT_2_2.outcome, (("A", 2), ("B", 2)))
    assert [effect.changed for effect in run.end.effects] == [False, True, False, False]
    assert json.loads(run_json(run))["end"]["as_specified"] is True
    told = [entry.text for entry in state.entries if entry.source == "attack"]
    assert told[-1] == "Double spend, 2-2: votes A 2, B 2; locked: neither settles, as specified"


def test_deviation_is_told_as_an_alarm() -> None:
    deviations = ("V4 answered A with: vote", "the account is not locked, and should be locked")
    state = played(*story.begun(), story.over(deviations=deviations))
    run = state.laboratory.last
    assert run is not None
    assert run.end is not None
    assert (run.end.as_specified, run.end.deviations) == (False, deviations)
    assert [entry.text for entry in state.entries if entry.kind == "ALARM"][1:] == [*deviations]


def test_attack_that_could_not_be_made() -> None:
    state = played(*story.begun(), story.failed("the laboratory's process ended (-9)"))
    run = state.laboratory.last
    assert run is not None
    assert (run.is_over, run.end, run.failed) == (True, None, "the laboratory's process ended (-9)")
    assert state.laboratory.running is None


def test_evidence_of_the_laboratory_and_of_real_life_is_one_proof() -> None:
    proof = story.client_proof()
    proof_id = compute_proof_id(proof).hex()
    state = played(*story.split())
    [view] = state.laboratory.proofs.values()
    assert (view.id, view.kind, view.validator, view.run, view.held_by) == (proof_id, "client", None, 1, {0, 1, 2, 3})
    assert bytes.fromhex(view.data) == EQUIVOCATION_PROOF.encode(proof)
    first, second = view.statements
    assert {first.transition_id, second.transition_id} == {story.statement(number).transition_id.hex() for number in (1, 2)}
    assert (first.network_id, first.sender, first.sequence) == (second.network_id, second.sender, second.sequence)
    assert {len(first.data), len(second.data)} == {224}
    assert convicted(state, view) == "mallory-1"
    assert json.loads(proof_json(view))["proof"] == view.data


def test_proof_that_a_validator_found_by_itself_is_kept() -> None:
    """Nobody was in the laboratory: a real validator has voted twice, and another one tells."""
    state = played(story.found_by(0, story.validator_proof(3)))
    [view] = state.laboratory.proofs.values()
    assert (view.kind, view.validator, view.run, view.held_by) == ("validator", 3, None, {0})
    assert convicted(state, view) == "V4"


def test_verification_belongs_to_its_proof() -> None:
    proof, other = story.client_proof(), story.validator_proof(3)
    state = played(story.found_by(0, proof), story.found_by(0, other), story.checked(proof, holds=False))
    view = state.laboratory.proofs[compute_proof_id(proof).hex()]
    assert view.verification is not None
    assert (view.verification.holds, [check.holds for check in view.verification.checks]) == (False, [True, False])
    assert state.laboratory.proofs[compute_proof_id(other).hex()].verification is None


def test_what_is_broken_or_old_changes_nothing() -> None:
    state = played(*story.split())
    before = (state.unreadable_count, run_json(state.laboratory.runs[1]))
    found = json_form(story.found_by(0, story.client_proof()))
    apply(state, {**found, "proof": "00", "proof_id": "11" * 32})
    apply(state, {**json_form(story.over()), "effects": [{"who": "alice"}]})
    apply(state, {**json_form(story.answer(1, "A", 0, "vote")), "ms": -1})
    assert state.unreadable_count == before[0] + 3
    # Of runs and proofs that were forgotten: no error, and no effect.
    for event in (story.answer(1, "A", 0, "vote", run=99), story.over(run=99), story.checked(story.validator_proof(2)), story.answer(77, "A", 0, "vote")):
        apply(state, json_form(event))
    assert (state.unreadable_count, run_json(state.laboratory.runs[1])) == (before[0] + 3, before[1])
    assert len(state.laboratory.proofs) == 1


def test_everything_that_grows_is_bounded() -> None:
    state = played()
    for number in range(1, MAX_RUNS + 11):
        for event in story.begun(run=number):
            apply(state, json_form(event))
    for number in range(MAX_STEPS + 10):
        apply(state, json_form(AttackStep(5, MAX_RUNS + 10, SPLIT_2_2.id, str(number))))
    proof = story.found_by(0, story.client_proof())
    for number in range(MAX_PROOFS + 10):
        apply(state, {**proof, "proof_id": f"{number:064x}"})
    assert [*state.laboratory.runs] == [*range(11, MAX_RUNS + 11)]
    assert state.laboratory.last is not None
    assert (len(state.laboratory.last.steps), state.laboratory.last.steps[-1].text) == (MAX_STEPS, str(MAX_STEPS + 9))
    assert len(state.laboratory.proofs) == MAX_PROOFS
