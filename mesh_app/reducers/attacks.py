"""Reducers of the laboratory (`testnet.attacks`): what was tried, what each validator answered, what came of it; and every equivocation proof that is told."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields, MalformedEventError, StaleEventError
from mesh_app.format import short
from mesh_app.reducers.note import Note, Notes, Reducer, validator_note, who
from mesh_app.spans import validator_name
from mesh_app.state import State
from mesh_app.state.laboratory import (
    MAX_PROOFS,
    MAX_RUNS,
    MAX_SENDINGS,
    MAX_STEPS,
    AnswerView,
    AttackEnd,
    AttackRun,
    AttackStepView,
    AttackView,
    CheckView,
    EffectView,
    PlanRow,
    ProofView,
    SendingView,
    StatementView,
    VerificationView,
)
from mesh_core.errors import DecodeError
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation
from mesh_core.types.transition import STATEMENT, Statement

_SOURCE: Final = "attack"


# --- Attacks ---------------------------------------------------------------------------------------------------------------------------------------


def attack_catalogue(state: State, fields: Fields, t_ns: int) -> Notes:
    """Which attacks can be made here."""
    found = [
        AttackView(
            id=one.text("attack"),
            name=one.text("name"),
            line=one.text("line"),
            kind=one.text("kind"),
            plan=tuple(PlanRow(row.integer("phase"), row.text("item"), row.text("to"), row.texts("answers")) for row in one.objects("plan")),
            outcome=one.text("outcome"),
            promise=one.text("promise"),
            sections=one.texts("sections"),
        )
        for one in fields.objects("attacks")
    ]
    state.laboratory.attacks = {attack.id: attack for attack in found}
    return ()


def attack_started(state: State, fields: Fields, t_ns: int) -> Notes:
    """An attack begins with an account of its own."""
    run = AttackRun(fields.integer("run"), fields.text("attack"), fields.text("account"), fields.hexadecimal("owner"), t_ns)
    laboratory = state.laboratory
    laboratory.runs.pop(run.number, None)
    laboratory.runs[run.number] = run
    laboratory.latest[run.attack] = run.number
    while len(laboratory.runs) > MAX_RUNS:
        del laboratory.runs[next(iter(laboratory.runs))]
    return (Note(_SOURCE, "attack", f"{_title(state, run.attack)}: {run.account} attacks", tone="proof"),)


def attack_step(state: State, fields: Fields, t_ns: int) -> Notes:
    """Something was done on the way."""
    run, text = _find_run(state, fields), fields.text("text")
    run.steps.append(AttackStepView(t_ns, text))
    del run.steps[:-MAX_STEPS]
    return (Note(_SOURCE, "attack", text),)


def attack_sent(state: State, fields: Fields, t_ns: int) -> Notes:
    """Something goes to some validators."""
    run = _find_run(state, fields)
    sending = SendingView(
        number=fields.integer("sending"),
        t_ns=t_ns,
        item=fields.text("item"),
        kind=fields.text("kind"),
        what=fields.text("what"),
        id=fields.optional_hexadecimal("id") or "",
        size_bytes=fields.integer("size_bytes"),
        to=fields.integers("to"),
        expected=fields.texts("expected"),
    )
    run.sendings[sending.number] = sending
    while len(run.sendings) > MAX_SENDINGS:
        del run.sendings[next(iter(run.sendings))]
    names = ", ".join(validator_name(index) for index in sending.to) or "nobody"
    return (Note(_SOURCE, "attack", f"{sending.item} to {names}: {sending.what}"),)


def attack_answer(state: State, fields: Fields, t_ns: int) -> Notes:
    """What a validator answered."""
    run, number = _find_run(state, fields), fields.integer("sending")
    answer = AnswerView(
        t_ns=t_ns,
        validator=fields.validator("validator"),
        verdict=fields.text("verdict"),
        voted=fields.truth("voted"),
        code=fields.text("code", default="") if fields.has("code") else "",
        rule=fields.optional_integer("rule"),
        name=fields.text("name", default="") if fields.has("name") else "",
        reason=fields.text("reason", default="") if fields.has("reason") else "",
        text=fields.text("text"),
        proves=fields.truth("proves"),
        ms=fields.ms("ms"),
        as_expected=fields.truth("as_expected"),
    )
    sending = run.sendings.get(number)
    if sending is None:
        raise StaleEventError
    sending.answers[answer.validator] = answer
    return (validator_note(answer.validator, "attack", describe_answer(sending.item, answer), tone="text" if answer.as_expected else "down"),)


def describe_answer(item: str, answer: AnswerView) -> str:
    """An answer in a line for the event stream."""
    if answer.voted:
        said = f"votes for {item}"
    elif answer.code:
        said = f"refuses {item}: {answer.code} {answer.name}, {answer.text}{', with a proof that holds' if answer.proves else ''}"
    else:
        said = f"says {answer.text} to {item}"
    return said if answer.as_expected else f"{said} (NOT as specified)"


def attack_over(state: State, fields: Fields, t_ns: int) -> Notes:
    """What came of it."""
    run = _find_run(state, fields)
    effects = tuple(
        EffectView(one.text("who"), one.text("what"), one.text("before"), one.text("after"), one.truth("changed"), one.truth("good"))
        for one in fields.objects("effects")
    )
    end = AttackEnd(
        t_ns=t_ns,
        outcome=fields.text("outcome"),
        as_specified=fields.truth("as_specified"),
        deviations=fields.texts("deviations"),
        settled=fields.texts("settled"),
        votes=fields.counts("votes"),
        effects=effects,
    )
    run.end = end
    votes = ", ".join(f"{item} {count}" for item, count in end.votes)
    told = f"{_title(state, run.attack)}: {f'votes {votes}; ' if votes else ''}{end.outcome}"
    if end.as_specified:
        return (Note(_SOURCE, "attack", f"{told}, as specified", tone="proof"),)
    return (Note(_SOURCE, "ALARM", told, tone="down"), *(Note(_SOURCE, "ALARM", text, tone="down") for text in end.deviations))


def attack_failed(state: State, fields: Fields, t_ns: int) -> Notes:
    """It could not be carried out."""
    run, text = _find_run(state, fields), fields.text("text")
    run.failed = text or "no reason was given"
    return (Note(_SOURCE, "attack", f"{_title(state, run.attack)} could not be carried out: {run.failed}", tone="down"),)


def _find_run(state: State, fields: Fields) -> AttackRun:
    run = state.laboratory.runs.get(fields.integer("run"))
    if run is None:
        raise StaleEventError
    return run


def _title(state: State, attack: str) -> str:
    view = state.laboratory.attacks.get(attack)
    return view.name if view is not None else attack


# --- Evidence --------------------------------------------------------------------------------------------------------------------------------------


def attack_evidence(state: State, fields: Fields, t_ns: int) -> Notes:
    """An attack has led to a proof."""
    run, proof_id, data, convicted = _find_run(state, fields), fields.hexadecimal("proof_id"), fields.hexadecimal("proof"), fields.text("convicted")
    proof = keep_proof(state, proof_id, data, t_ns)
    proof.run = run.number
    if proof_id not in run.proofs:
        run.proofs.append(proof_id)
    return (Note(_SOURCE, "evidence", f"proof {short(proof_id)}: two signatures of one key for one slot convict {convicted}", tone="proof"),)


def equivocation(state: State, fields: Fields, t_ns: int) -> Notes:
    """A validator holds a proof that somebody signed two transitions for one slot."""
    index = fields.integer("validator", most=len(state.validators) - 1)
    offender, kind = fields.hexadecimal("offender"), fields.text("kind")
    sequence, id_a, id_b = fields.integer("sequence"), fields.hexadecimal("id_a"), fields.hexadecimal("id_b")
    if fields.has("proof"):
        keep_proof(state, fields.hexadecimal("proof_id"), fields.hexadecimal("proof"), t_ns).held_by.add(index)
    told = f"equivocation proven: {kind} {who(state, offender)} signed {short(id_a)} and {short(id_b)} for #{sequence}"
    return (validator_note(index, "evidence", told, tone="proof"),)


def attack_proof_checked(state: State, fields: Fields, t_ns: int) -> Notes:
    """A proof was verified on demand."""
    data, holds, ms = fields.hexadecimal("proof"), fields.truth("holds"), fields.ms("ms")
    checks = tuple(CheckView(one.text("title"), one.text("found"), one.truth("holds"), one.ms("ms")) for one in fields.objects("checks"))
    proof = next((proof for proof in state.laboratory.proofs.values() if proof.data == data), None)
    if proof is None:
        raise StaleEventError
    proof.verification = VerificationView(t_ns, holds, ms, checks)
    return (Note(_SOURCE, "evidence", f"proof {short(proof.id)} {'holds' if holds else 'does NOT hold'}: {len(checks)} checks, {ms:.2f} ms", tone="proof"),)


def keep_proof(state: State, proof_id: str, data: str, t_ns: int) -> ProofView:
    """The proof with these bytes, taken apart when it is first seen. MalformedEventError where they are none."""
    proofs = state.laboratory.proofs
    known = proofs.get(proof_id)
    if known is not None and known.data == data:
        return known
    proof = _decode_proof(state, proof_id, data, t_ns)
    proofs[proof_id] = proof
    while len(proofs) > MAX_PROOFS:
        del proofs[next(iter(proofs))]
    return proof


def _decode_proof(state: State, proof_id: str, data: str, t_ns: int) -> ProofView:
    try:
        proof = EQUIVOCATION_PROOF.decode(bytes.fromhex(data))
    except DecodeError as error:
        raise MalformedEventError(f"proof: {error.text}") from error
    is_client = isinstance(proof, ClientEquivocation)
    offender, sender = (proof.owner, proof.owner) if isinstance(proof, ClientEquivocation) else (proof.validator, proof.sender)
    network = state.network
    first, second = (
        _view_statement(Statement(proof.network_id, proof.epoch, sender, proof.sequence, transition_id), signature)
        for transition_id, signature in ((proof.id_a, proof.signature_a), (proof.id_b, proof.signature_b))
    )
    return ProofView(
        id=proof_id,
        kind="client" if is_client else "validator",
        offender=offender.hex(),
        validator=None if is_client or network is None else network.committee.index_of(offender),
        data=data,
        statements=(first, second),
        first_ns=t_ns,
    )


def _view_statement(statement: Statement, signature: bytes) -> StatementView:
    return StatementView(
        network_id=statement.network_id.hex(),
        epoch=statement.epoch,
        sender=statement.sender.hex(),
        sequence=statement.sequence,
        transition_id=statement.transition_id.hex(),
        signature=signature.hex(),
        data=STATEMENT.encode(statement).hex(),
    )


REDUCERS: Final[Mapping[str, Reducer]] = {
    reducer.__name__: reducer
    for reducer in (
        attack_catalogue,
        attack_started,
        attack_step,
        attack_sent,
        attack_answer,
        attack_evidence,
        attack_over,
        attack_failed,
        attack_proof_checked,
        equivocation,
    )
}
