"""From the machine's events to lines for people and screens, with the times that were measured on the way."""

from dataclasses import dataclass

from mesh_core.errors import RULE_NAMES, rule_of
from mesh_core.protocol.identifiers import compute_proof_id
from mesh_core.types import events
from mesh_core.types.evidence import EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof, Offender
from mesh_core.validator import lines


@dataclass(slots=True)
class Timing:
    """Times of one request, on the machine's monotonic clock in nanoseconds; 0 where a step was not taken. `source` is the address that it came from."""

    received_ns: int
    source: str = ""
    rules_done_ns: int = 0
    persisted_ns: int = 0
    proof_ms: float = 0.0


Line = (
    lines.VoteRequested
    | lines.VoteCast
    | lines.VoteRejected
    | lines.CertificateApplied
    | lines.CertificateParked
    | lines.EquivocationFound
    | lines.SafetyAlarmRaised
)


def narrate(body: events.EventBody, timing: Timing, now_ns: int) -> Line | None:
    """The line for an event, or None for one that has none. Called when the event leaves, so `now_ns` is the end of the durable write."""
    match body:
        case events.VoteRequested(sender, sequence, transition_id):
            return lines.VoteRequested(timing.received_ns, sender, sequence, transition_id)
        case events.VoteCast(vote):
            statement = vote.statement
            return lines.VoteCast(
                t_ns=now_ns,
                sender=statement.sender,
                sequence=statement.sequence,
                transition_id=statement.transition_id,
                rules_ms=_ms(timing.received_ns, timing.rules_done_ns),
                proof_ms=round(timing.proof_ms, 3),
                durable_ms=_ms(timing.persisted_ns, now_ns),
                total_ms=_ms(timing.received_ns, now_ns),
            )
        case events.VoteRejected(sender, sequence, transition_id, code):
            rule = rule_of(code)
            return lines.VoteRejected(now_ns, sender, sequence, transition_id, f"{code:04x}", rule, RULE_NAMES[rule], code.name)
        case events.CertificateApplied(log_index, cert_id, certificate):
            core = certificate.transition.core
            return lines.CertificateApplied(
                t_ns=now_ns,
                cert_id=cert_id,
                log_index=log_index,
                kind=core.kind.name.lower(),
                sender=core.sender,
                sequence=core.sequence,
                recipients=tuple(output.owner for output in core.outputs),
                signers=tuple(vote.validator_index for vote in certificate.votes),
                durable_ms=_ms(timing.persisted_ns, now_ns),
            )
        case events.CertificateParked(cert_id, missing):
            return lines.CertificateParked(now_ns, cert_id, missing)
        case events.Equivocation(proof):
            return _narrate_equivocation(proof, now_ns)
        case events.SafetyAlarm(report):
            return lines.SafetyAlarmRaised(now_ns, tuple(proof.validator for proof in report.proofs))
        case _:
            return None


def _narrate_equivocation(proof: EquivocationProof, now_ns: int) -> lines.EquivocationFound:
    is_client = isinstance(proof, ClientEquivocation)
    return lines.EquivocationFound(
        t_ns=now_ns,
        proof_id=compute_proof_id(proof),
        offender=proof.owner if isinstance(proof, ClientEquivocation) else proof.validator,
        kind=(Offender.CLIENT if is_client else Offender.VALIDATOR).name.lower(),
        sender=proof.owner if isinstance(proof, ClientEquivocation) else proof.sender,
        sequence=proof.sequence,
        id_a=proof.id_a,
        id_b=proof.id_b,
        proof=EQUIVOCATION_PROOF.encode(proof),
    )


def _ms(start_ns: int, end_ns: int) -> float:
    return round((end_ns - start_ns) / 1e6, 3) if start_ns else 0.0
