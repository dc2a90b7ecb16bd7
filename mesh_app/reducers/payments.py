"""Reducers of a payment's way, as the paying or claiming wallet tells it (`mesh_core.wallet.events`)."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields, MalformedEventError, StaleEventError
from mesh_app.format import amount, counted, milliseconds, short, size
from mesh_app.reducers.note import Note, Notes, Reducer, who
from mesh_app.spans import Tone, validator_name
from mesh_app.state import MAX_PAYMENTS, FormedCertificate, Output, Payment, Recipient, Refusal, State, Step

MAX_CLAIMS: Final = 16
"""Outputs that one RECEIVE may claim."""
VOTE_REQUEST: Final = "vote"
CERTIFICATE_REQUEST: Final = "certificate"


def payment_queued(state: State, fields: Fields, t_ns: int) -> Notes:
    """A send or claim was ordered and has to wait. What it pays is told when it begins."""
    number, name, kind, reason = fields.integer("payment"), fields.text("wallet"), fields.text("kind"), fields.text("reason")
    payment = _add(state, Payment(state.payments_count + 1, number, name, kind, 0, 0, (), 0, started_ns=t_ns, last_ns=t_ns, state="waiting", reason=reason))
    return (_note(payment, "waits", reason, tone="wait"),)


def payment_started(state: State, fields: Fields, t_ns: int) -> Notes:
    """A send or a claim begins, also one that waited. A number of one that had begun is another run of the wallet's process: a new payment."""
    number, name, kind = fields.integer("payment"), fields.text("wallet"), fields.text("kind")
    value, fee, sequence = fields.integer("amount"), fields.integer("fee"), fields.integer("sequence")
    recipients = tuple(Recipient(*recipient) for recipient in fields.recipients("recipients"))
    payment = state.payment_by_number.get(number)
    if payment is None or payment.state != "waiting":
        payment = _add(state, Payment(state.payments_count + 1, number, name, kind, value, fee, recipients, sequence, started_ns=t_ns, last_ns=t_ns))
    else:
        payment.amount, payment.fee, payment.recipients, payment.sequence = value, fee, recipients, sequence
        payment.started_ns, payment.state, payment.reason = t_ns, "building", ""
    if payment.is_claim:
        payment.claims = _claimed_outputs(state, payment)
        for cert_id, _ in payment.claims:
            state.claim_by_certificate[cert_id] = payment.key
        told = f"claims {amount(value)}"
    else:
        told = f"pays {amount(value)} to {', '.join(who(state, recipient.owner) for recipient in recipients) or 'nobody'}, fee {amount(fee)}"
    return (_note(payment, "payment", f"{told} (#{sequence})", tone="strong"),)


def payment_step(state: State, fields: Fields, t_ns: int) -> Notes:
    """A local step is done."""
    payment, step, ms, transition_id = _payment(state, fields), fields.text("step"), fields.ms("ms"), fields.optional_hexadecimal("transition_id")
    payment.steps[step] = Step(t_ns, ms)
    payment.last_ns = t_ns
    if transition_id:
        payment.transition_id = transition_id
        state.payment_by_transition[transition_id] = payment.key
    return (_note(payment, "step", f"{step} in {milliseconds(ms)}", tone="dim"),)


def request_sent(state: State, fields: Fields, t_ns: int) -> Notes:
    """A request left for a validator. The first vote request is zero on the lanes' axis."""
    payment, index, request = _payment(state, fields), fields.validator(), fields.text("request")
    lane = payment.lane(index)
    if request == VOTE_REQUEST:
        payment.asked_ns = t_ns if payment.asked_ns is None else payment.asked_ns
        lane.asked_ns = t_ns if lane.asked_ns is None else lane.asked_ns
        lane.attempts_count += 1
        payment.state = "voting" if payment.state == "building" else payment.state
    elif request == CERTIFICATE_REQUEST:
        lane.sent_ns = t_ns if lane.sent_ns is None else lane.sent_ns
    payment.last_ns = t_ns
    return ()


def vote_received(state: State, fields: Fields, t_ns: int) -> Notes:
    """A valid vote arrived."""
    payment, index, signature = _payment(state, fields), fields.validator(), fields.hexadecimal("signature")
    votes_count, ms = fields.integer("votes_count"), fields.ms("ms")
    lane = payment.lane(index)
    if lane.vote_ns is None:
        lane.vote_ns, lane.vote_ms, lane.signature, lane.rank = t_ns, ms, signature, votes_count
    payment.last_ns = t_ns
    return (_note(payment, "vote", f"{validator_name(index)} after {milliseconds(ms)}: {counted(votes_count, 'vote')}, {state.quorum} needed"),)


def vote_refused(state: State, fields: Fields, t_ns: int) -> Notes:
    """A validator refused."""
    payment, index = _payment(state, fields), fields.validator()
    refusal = Refusal(
        t_ns=t_ns,
        ms=fields.ms("ms"),
        code=fields.text("code"),
        rule=fields.integer("rule"),
        name=fields.text("name"),
        reason=fields.text("reason"),
        text=fields.text("text", default=""),
        action=fields.text("action", default=""),
        has_proof=bool(fields.optional_hexadecimal("proof")),
    )
    payment.lane(index).refusal = refusal
    payment.last_ns = t_ns
    told = f"{validator_name(index)} refused after {milliseconds(refusal.ms)}: {refusal.code} rule {refusal.rule} {refusal.name}, {refusal.reason}"
    return (_note(payment, "refusal", f"{told}{f'; wallet: {refusal.action}' if refusal.action else ''}", tone="down"),)


def validator_silent(state: State, fields: Fields, t_ns: int) -> Notes:
    """A validator did not answer; it is asked again later."""
    payment, index, text = _payment(state, fields), fields.validator(), fields.text("text")
    lane = payment.lane(index)
    lane.silence_ns, lane.silence = t_ns, text
    return (_note(payment, "silent", f"{validator_name(index)}: {text}", tone="wait"),)


def certificate(state: State, fields: Fields, t_ns: int) -> Notes:
    """The certificate is durable at the wallet: the payment is final."""
    payment, cert_id, signers = _payment(state, fields), fields.hexadecimal("cert_id"), fields.integers("signers")
    formed = FormedCertificate(t_ns, cert_id, signers, fields.integer("size_bytes"), fields.ms("votes_ms"), fields.ms("payment_ms"))
    payment.certificate = formed
    payment.state = "certified" if payment.state in {"building", "voting"} else payment.state
    payment.last_ns = t_ns
    state.payment_by_certificate[cert_id] = payment.key
    if not payment.is_claim:
        state.last_payment_ms = formed.payment_ms
    names = " ".join(validator_name(index) for index in signers)
    told = f"{short(cert_id)} of {names}, {size(formed.size_bytes)}: final after {milliseconds(formed.payment_ms)}"
    return (_note(payment, "certificate", told, tone="up"),)


def delivered(state: State, fields: Fields, t_ns: int) -> Notes:
    """A validator acknowledged the certificate."""
    payment, index, word = _payment(state, fields), fields.validator(), fields.text("status")
    log_index, acks_count, ms = fields.integer("log_index"), fields.integer("acks_count"), fields.ms("ms")
    lane = payment.lane(index)
    lane.ack_ns, lane.ack_ms, lane.ack_status, lane.log_index = t_ns, ms, word, log_index
    payment.last_ns = t_ns
    return (
        _note(payment, "delivered", f"{validator_name(index)} {word.replace('_', ' ')} after {milliseconds(ms)} ({acks_count} of {len(state.validators)})"),
    )


def payment_state(state: State, fields: Fields, t_ns: int) -> Notes:
    """voting, certified, settled, done or failed."""
    payment, word = _payment(state, fields), fields.text("state")
    reason = "" if not fields.has("reason") else fields.text("reason")
    payment.state, payment.reason, payment.last_ns = word, reason, t_ns
    if word == "failed":
        return (_note(payment, "failed", reason or "failed", tone="down"),)
    if word == "done":
        return (_note(payment, "done", "applied by all validators", tone="up"),)
    return ()


def _add(state: State, payment: Payment) -> Payment:
    state.payments_count += 1
    state.payments[payment.key] = payment
    state.payment_by_number[payment.number] = payment
    state.highest_payment_number = max(state.highest_payment_number, payment.number)
    _forget_old(state)
    return payment


def _payment(state: State, fields: Fields) -> Payment:
    number = fields.integer("payment")
    payment = state.payment_by_number.get(number)
    if payment is not None:
        return payment
    if number <= state.highest_payment_number:
        raise StaleEventError
    raise MalformedEventError(f"there is no payment {number}")


def _note(payment: Payment, kind: str, text: str, *, tone: Tone = "text") -> Note:
    return Note(payment.wallet, kind, text, tone=tone, payment=payment.key)


def _claimed_outputs(state: State, claim: Payment) -> tuple[tuple[str, int], ...]:
    """The outputs that a claim brings home: the oldest claimable ones of its wallet that are not in another claim, up to the claim's amount."""
    wallet = state.wallets.get(claim.wallet)
    if wallet is None:
        return ()
    chosen: list[Output] = []
    total = 0
    for output in wallet.outputs.values():
        if len(chosen) == MAX_CLAIMS or total == claim.amount:
            break
        if output.status == "claimable" and output.amount is not None and total + output.amount <= claim.amount and _is_free(state, output):
            chosen.append(output)
            total += output.amount
            output.claim = claim.key
    return tuple((output.cert_id, output.index) for output in chosen)


def _is_free(state: State, output: Output) -> bool:
    earlier = state.payments.get(output.claim) if output.claim is not None else None
    return earlier is None or earlier.state == "failed"


def _forget_old(state: State) -> None:
    """Drops the oldest payments that are final or failed; one that may still fail stays in sight, however old."""
    surplus = len(state.payments) - MAX_PAYMENTS
    if surplus <= 0:
        return
    over = [payment for payment in state.payments.values() if payment.is_final or payment.is_over][:surplus]
    for payment in over:
        del state.payments[payment.key]
        if state.payment_by_number.get(payment.number) is payment:
            del state.payment_by_number[payment.number]
        state.payment_by_transition.pop(payment.transition_id, None)
        if payment.certificate is not None:
            state.payment_by_certificate.pop(payment.certificate.cert_id, None)
        for cert_id, _ in payment.claims:
            state.claim_by_certificate.pop(cert_id, None)


REDUCERS: Final[Mapping[str, Reducer]] = {
    "payment_queued": payment_queued,
    "payment_started": payment_started,
    "payment_step": payment_step,
    "request_sent": request_sent,
    "vote_received": vote_received,
    "vote_refused": vote_refused,
    "validator_silent": validator_silent,
    "certificate": certificate,
    "delivered": delivered,
    "payment_state": payment_state,
}
