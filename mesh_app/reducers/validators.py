"""Reducers of the validators' own lines (`mesh_core.validator.lines`). Each carries the index that the supervisor added."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields
from mesh_app.format import amount, milliseconds, short
from mesh_app.reducers.network import find_validator
from mesh_app.reducers.note import Notes, Reducer, validator_note, who
from mesh_app.spans import validator_name
from mesh_app.state import MAX_CERTIFICATES, MAX_WORKS, VOTE_RATE_SECONDS, CertificateView, State, Work

_NANOSECONDS_PER_SECOND: Final = 1_000_000_000


def ready(state: State, fields: Fields, t_ns: int) -> Notes:
    """It listens and votes."""
    validator = find_validator(state, fields)
    log_length, digest = fields.integer("log_length"), fields.hexadecimal("state_digest")
    # A simulated validator has neither: no process has the number 0, and nobody listens on that port.
    pid, port = fields.integer("pid") or None, fields.integer("port")
    address = f"{fields.text('host')}:{port}" if port else ""
    backend = fields.text("backend")
    validator.pid, validator.address, validator.backend = pid, address, backend
    validator.log_length, validator.state_digest = log_length, digest
    validator.ready_ns = validator.last_line_ns = t_ns
    return (validator_note(validator.index, "ready", f"{f'listens on {address}' if address else 'answers'}, log {amount(log_length)}, {backend}", tone="up"),)


def status(state: State, fields: Fields, t_ns: int) -> Notes:
    """Its figures, once a second. Too regular for the event stream."""
    validator = find_validator(state, fields)
    log_length, digest = fields.integer("log_length"), fields.hexadecimal("state_digest")
    accounts, outputs, fee_pool = (fields.integer(name, default=0) for name in ("accounts_count", "outputs_count", "fee_pool"))
    cast, refused = fields.integer("votes_cast"), fields.integer("votes_refused", default=0)
    connections, waiting, parked, flags = (fields.integer(name, default=0) for name in ("connections_count", "proofs_waiting", "parked_count", "flags"))
    last_commit_ms = fields.ms("last_commit_ms", default=0.0)
    peers_up = fields.integers("peers_up")
    held_sum, public_sum = (fields.optional_hexadecimal(name) or "" for name in ("held_sum", "public_sum"))
    validator.log_length, validator.state_digest, validator.last_line_ns = log_length, digest, t_ns
    validator.accounts_count, validator.outputs_count, validator.fee_pool = accounts, outputs, fee_pool
    validator.votes_cast, validator.votes_refused = cast, refused
    validator.connections_count, validator.proofs_waiting, validator.parked_count, validator.flags = connections, waiting, parked, flags
    validator.peers_up = peers_up
    validator.held_sum, validator.public_sum = held_sum, public_sum
    validator.last_commit_ms = last_commit_ms or validator.last_commit_ms
    return ()


def vote_requested(state: State, fields: Fields, t_ns: int) -> Notes:
    """A vote request passed the two cheapest rules here."""
    validator = find_validator(state, fields)
    transition_id = fields.hexadecimal("transition_id")
    work = _work(state, transition_id, validator.index)
    if work.arrived_ns is None:
        work.arrived_ns = t_ns
    return ()


def vote_cast(state: State, fields: Fields, t_ns: int) -> Notes:
    """A vote is durable and leaves."""
    validator = find_validator(state, fields)
    sender, sequence, transition_id = fields.hexadecimal("sender"), fields.integer("sequence"), fields.hexadecimal("transition_id")
    is_timed = fields.has("durable_ms")
    rules_ms, proof_ms, durable_ms, total_ms = (
        fields.ms(name, default=None if is_timed else 0.0) for name in ("rules_ms", "proof_ms", "durable_ms", "total_ms")
    )
    work = _work(state, transition_id, validator.index)
    work.cast_ns = t_ns
    work.rules_ms, work.proof_ms, work.durable_ms, work.total_ms = rules_ms, proof_ms, durable_ms, total_ms
    validator.votes_cast += 1
    validator.last_commit_ms = durable_ms if is_timed else validator.last_commit_ms
    second = t_ns // _NANOSECONDS_PER_SECOND
    validator.votes_by_second[second] = validator.votes_by_second.get(second, 0) + 1
    while len(validator.votes_by_second) > VOTE_RATE_SECONDS:
        del validator.votes_by_second[min(validator.votes_by_second)]
    proof = f"range proof {milliseconds(proof_ms)}, " if proof_ms else ""
    times = f": {proof}disk {milliseconds(durable_ms)}" if is_timed else ""
    told = f"signs for {who(state, sender)} #{sequence} ({short(transition_id)}){times}"
    return (validator_note(validator.index, "vote", told, payment=_payment_of(state, transition_id)),)


def vote_rejected(state: State, fields: Fields, t_ns: int) -> Notes:
    """A rule refused."""
    validator = find_validator(state, fields)
    sender, sequence, transition_id = fields.hexadecimal("sender"), fields.integer("sequence"), fields.hexadecimal("transition_id")
    code, rule, name, reason = fields.text("code"), fields.integer("rule"), fields.text("name"), fields.text("reason")
    work = _work(state, transition_id, validator.index)
    work.arrived_ns = t_ns if work.arrived_ns is None else work.arrived_ns
    validator.votes_refused += 1
    told = f"refuses {who(state, sender)} #{sequence}: {code} rule {rule} {name}, {reason}"
    return (validator_note(validator.index, "refusal", told, tone="down", payment=_payment_of(state, transition_id)),)


def certificate_applied(state: State, fields: Fields, t_ns: int) -> Notes:
    """A certificate changed its ledger and is durable."""
    validator = find_validator(state, fields)
    cert_id, log_index, kind = fields.hexadecimal("cert_id"), fields.integer("log_index"), fields.text("kind")
    sender, sequence = fields.hexadecimal("sender"), fields.integer("sequence")
    recipients, signers, durable_ms = fields.hexadecimals("recipients"), fields.integers("signers"), fields.ms("durable_ms", default=0.0)
    certificate = state.certificates.get(cert_id)
    if certificate is None:
        certificate = CertificateView(cert_id, kind, sender, sequence, recipients, signers, t_ns)
        state.certificates[cert_id] = certificate
        while len(state.certificates) > MAX_CERTIFICATES:
            del state.certificates[next(iter(state.certificates))]
    certificate.applied_ns[validator.index] = t_ns
    disk = f", disk {milliseconds(durable_ms)}" if fields.has("durable_ms") else ""
    told = f"{short(cert_id)} of {who(state, sender)} #{sequence}, log index {log_index}{disk}"
    return (validator_note(validator.index, "applied", told, payment=state.payment_by_certificate.get(cert_id)),)


def certificate_parked(state: State, fields: Fields, t_ns: int) -> Notes:
    """A certificate waits for others."""
    validator = find_validator(state, fields)
    cert_id, missing = fields.hexadecimal("cert_id"), fields.hexadecimals("missing")
    awaited = ", ".join(short(other) for other in missing) or "its account's earlier certificates"
    return (validator_note(validator.index, "parked", f"{short(cert_id)} waits for {awaited}", tone="wait", payment=state.payment_by_certificate.get(cert_id)),)


def safety_alarm(state: State, fields: Fields, t_ns: int) -> Notes:
    """Two conflicting certificates exist; this validator has halted."""
    validator = find_validator(state, fields)
    offenders = fields.hexadecimals("offenders")
    state.alarm = f"{validator.name} halted: two conflicting certificates, signed by {', '.join(short(key) for key in offenders) or 'nobody named'}"
    return (validator_note(validator.index, "ALARM", state.alarm, tone="proof"),)


def peer(state: State, fields: Fields, t_ns: int) -> Notes:
    """Its connection to another validator changed."""
    validator = find_validator(state, fields)
    other, is_up, detail = fields.validator("peer"), fields.truth("up"), fields.text("detail", default="")
    told = f"{validator_name(other)} {'connected' if is_up else 'lost'}{f': {detail}' if detail else ''}"
    return (validator_note(validator.index, "peer", told, tone="dim" if is_up else "wait"),)


def sync_progress(state: State, fields: Fields, t_ns: int) -> Notes:
    """It fetches what it missed."""
    validator = find_validator(state, fields)
    peer, height, target = fields.validator("peer"), fields.integer("height"), fields.integer("target")
    per_second = round(fields.ms("certificates_per_s"))
    validator.catching_up = f"{amount(height)} of {amount(target)} · {amount(per_second)}/s"
    told = f"read {amount(height)} of {amount(target)} certificates of {validator_name(peer)}, {amount(per_second)} a second"
    return (validator_note(validator.index, "sync", told, tone="dim"),)


def stopping(state: State, fields: Fields, t_ns: int) -> Notes:
    """It stops, and says why."""
    validator = find_validator(state, fields)
    return (validator_note(validator.index, "process", f"stops: {fields.text('reason')}", tone="wait"),)


def fatal(state: State, fields: Fields, t_ns: int) -> Notes:
    """It cannot start or go on. The text says what to do, so it stays on its card."""
    validator = find_validator(state, fields)
    code, text = fields.text("code"), fields.text("text")
    validator.last_error = f"{text} [{code}]"
    return (validator_note(validator.index, "fatal", validator.last_error, tone="down"),)


def _work(state: State, transition_id: str, validator: int) -> Work:
    """What a validator reported of a transition. It may come before the wallet says which payment that is, so it is kept by transition."""
    works = state.works.get(transition_id)
    if works is None:
        works = state.works[transition_id] = {}
        while len(state.works) > MAX_WORKS:
            del state.works[next(iter(state.works))]
    return works.setdefault(validator, Work())


def _payment_of(state: State, transition_id: str) -> int | None:
    return state.payment_by_transition.get(transition_id)


REDUCERS: Final[Mapping[str, Reducer]] = {
    "ready": ready,
    "status": status,
    "vote_requested": vote_requested,
    "vote_cast": vote_cast,
    "vote_rejected": vote_rejected,
    "certificate_applied": certificate_applied,
    "certificate_parked": certificate_parked,
    "safety_alarm": safety_alarm,
    "peer": peer,
    "sync_progress": sync_progress,
    "stopping": stopping,
    "fatal": fatal,
}
