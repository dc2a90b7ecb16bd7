"""One payment's time, taken apart along the way that decided it. Pure: made from what the wallet's process and the validators told, on the machine's one clock.

A payment is final when the vote arrives that completes the quorum, and the certificate is durable. So the way that decided it is the local steps, then the
exchange with the validator of that vote, then the certificate. The parts add up to the whole but for the steps from one to the next.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from testnet.child import Event
from testnet.traffic.latencies import percentile

STEPS: Final = {"waited": "wait", "built": "build", "proved": "prove", "checked": "check", "signed": "sign", "stored": "durable at the wallet"}
WAY: Final = ("network there", "verify", "durable at the validator", "network back")
PARTS: Final = (*STEPS.values(), *WAY, "assemble")
"""In order. `verify`: the rules and the range proof, its turn among the validator's threads included; `network`: both ways of the deciding vote, with all that
QUIC and the processes at its ends take; `assemble`: votes checked, the certificate put together, and durable at the wallet."""
SLOWEST: Final = 10
"""So many of the slowest payments are kept with their parts."""
CERTAIN: Final = frozenset({"done", "failed"})


@dataclass(slots=True)
class PaymentStory:
    """What was told of one payment. Times are of the monotonic clock in ns; `votes` and `acks` are (moment, validator) in the order of their coming."""

    number: int
    called_ns: int
    steps_ms: dict[str, float] = field(default_factory=dict)
    transition_id: str = ""
    asked_ns: dict[int, int] = field(default_factory=dict)
    votes: list[tuple[int, int]] = field(default_factory=list)
    certified_ns: int | None = None
    payment_ms: float | None = None
    acks: list[tuple[int, int]] = field(default_factory=list)
    state: str = ""
    works: dict[int, "ValidatorWork"] = field(default_factory=dict)


@dataclass(slots=True)
class ValidatorWork:
    """What one validator did for a payment. `proof_ms` is the check itself, without its turn."""

    arrived_ns: int | None = None
    cast_ns: int | None = None
    durable_ms: float = 0.0
    proof_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One payment, in ms from the call: to its certificate, and to the acknowledgement that completes a quorum. `parts` are empty where a line was missing."""

    number: int
    certificate_ms: float
    acks_ms: float
    decided_by: int
    parts: dict[str, float]
    verify_ms: tuple[float, ...]
    """The check of the proof at each validator."""


class StoryBook:
    """Takes the events of all processes, in any order, and has the stories of one wallet's payments."""

    def __init__(self) -> None:
        self.stories: dict[int, PaymentStory] = {}
        self._works: dict[str, dict[int, ValidatorWork]] = {}

    def take(self, event: Event) -> None:
        """One event of a wallet or a validator."""
        match event:
            case {"event": "payment_started", "kind": "send", "payment": int(number), "t_ns": int(called_ns)}:
                self.stories[number] = PaymentStory(number, called_ns)
            case {"event": "vote_requested", "validator": int(index), "transition_id": str(transition), "t_ns": int(t_ns)}:
                work = self._work(transition, index)
                work.arrived_ns = t_ns if work.arrived_ns is None else work.arrived_ns
            case {"event": "vote_cast", "validator": int(index), "transition_id": str(transition), "t_ns": int(t_ns)}:
                work = self._work(transition, index)
                if work.cast_ns is None:
                    work.cast_ns, work.durable_ms, work.proof_ms = t_ns, float(event["durable_ms"]), float(event["proof_ms"])
            case {"payment": int(number)} if number in self.stories:
                self._tell(self.stories[number], event)
            case _:
                pass

    def latest(self) -> PaymentStory | None:
        """The payment that began last."""
        return next(reversed(self.stories.values()), None)

    def _work(self, transition: str, index: int) -> ValidatorWork:
        return self._works.setdefault(transition, {}).setdefault(index, ValidatorWork())

    def _tell(self, story: PaymentStory, event: Event) -> None:
        t_ns = int(event["t_ns"])
        match event:
            case {"event": "payment_step", "step": str(step), "ms": float() | int() as ms}:
                story.steps_ms[step] = float(ms)
                if event.get("transition_id"):
                    story.transition_id = str(event["transition_id"])
                    story.works = self._works.setdefault(story.transition_id, {})
            case {"event": "request_sent", "request": "vote", "validator": int(index)}:
                story.asked_ns.setdefault(index, t_ns)
            case {"event": "vote_received", "validator": int(index)}:
                story.votes.append((t_ns, index))
            case {"event": "certificate", "payment_ms": float() | int() as payment_ms} if story.certified_ns is None:
                story.certified_ns, story.payment_ms = t_ns, float(payment_ms)
            case {"event": "delivered", "validator": int(index), "status": "applied" | "already_applied"}:
                story.acks.append((t_ns, index))
            case {"event": "payment_state", "state": str(state)}:
                story.state = state
            case _:
                pass


def has_all(story: PaymentStory, quorum: int, validators_count: int) -> bool:
    """Whether everything is told that a sample is made of: nothing is under way any more."""
    told = sum(work.cast_ns is not None for work in story.works.values())
    return story.state in CERTAIN and len(story.acks) >= quorum and told >= min(len(story.votes), validators_count)


def sample_of(story: PaymentStory, quorum: int) -> Sample | None:
    """The sample of a payment; None for one that is not final, or not acknowledged by a quorum."""
    if story.payment_ms is None or story.certified_ns is None or len(story.acks) < quorum:
        return None
    decided_ns, decided_by = story.votes[quorum - 1] if len(story.votes) >= quorum else (story.certified_ns, -1)
    checks = tuple(work.proof_ms for work in story.works.values() if work.cast_ns is not None and work.proof_ms > 0)
    acks_ms = _ms(story.called_ns, story.acks[quorum - 1][0])
    return Sample(story.number, story.payment_ms, acks_ms, decided_by, _parts(story, decided_by, decided_ns), checks)


def _parts(story: PaymentStory, decided_by: int, decided_ns: int) -> dict[str, float]:
    work = story.works.get(decided_by)
    asked_ns, certified_ns = story.asked_ns.get(decided_by), story.certified_ns
    if work is None or work.arrived_ns is None or work.cast_ns is None or asked_ns is None or certified_ns is None:
        return {}
    parts = {name: story.steps_ms.get(step, 0.0) for step, name in STEPS.items()}
    at_validator_ms = _ms(work.arrived_ns, work.cast_ns)
    way = (_ms(asked_ns, work.arrived_ns), at_validator_ms - work.durable_ms, work.durable_ms, _ms(work.cast_ns, decided_ns))
    parts |= {name: round(max(0.0, ms), 3) for name, ms in zip(WAY, way, strict=True)}
    parts["assemble"] = _ms(decided_ns, certified_ns)
    return parts


def figures_of(samples: Sequence[Sample], floor_ms: float, target_ms: float) -> dict[str, Any]:
    """What a run came to: distributions beside their floors, the split, and how much of it proofs alone would have taken. Milliseconds."""
    proofs_ms = _rank([sample.parts["prove"] for sample in samples if sample.parts] or [0.0], 50)
    verify_ms = _rank([*itertools.chain.from_iterable(sample.verify_ms for sample in samples)] or [0.0], 50)
    split = [sample.parts for sample in samples if sample.parts]
    return {
        "payments": len(samples),
        "certificate": _distribution([sample.certificate_ms for sample in samples], floor_ms, target_ms, proofs_ms + verify_ms),
        "acks": _distribution([sample.acks_ms for sample in samples], 2 * floor_ms, target_ms, proofs_ms + verify_ms),
        "prove_ms": proofs_ms,
        "verify_ms": verify_ms,
        "split_of": len(split),
        "split": {name: {"median": _rank(found, 50), "p99": _rank(found, 99)} for name in PARTS if (found := [parts[name] for parts in split])},
        "certificates_ms": sorted(sample.certificate_ms for sample in samples),
        "acks_ms": sorted(sample.acks_ms for sample in samples),
        "slowest": [_form(sample) for sample in sorted(samples, key=lambda sample: -sample.certificate_ms)[:SLOWEST]],
    }


def _distribution(values: Sequence[float], floor_ms: float, target_ms: float, proofs_ms: float) -> dict[str, Any]:
    median = _rank(values, 50)
    return {
        "median": median,
        "p90": _rank(values, 90),
        "p99": _rank(values, 99),
        "longest": max(values),
        "floor": floor_ms,
        "above_floor": round(median - floor_ms, 3),
        "in_proofs": round(median / proofs_ms, 2) if proofs_ms else None,
        "within_target": sum(value <= target_ms for value in values),
    }


def _form(sample: Sample) -> dict[str, Any]:
    decided_by = f"V{sample.decided_by + 1}" if sample.decided_by >= 0 else None
    return {"payment": sample.number, "certificate": sample.certificate_ms, "acks": sample.acks_ms, "decided_by": decided_by, "parts": sample.parts}


def _rank(values: Sequence[float], percent: float) -> float:
    return percentile(sorted(values), percent)


def _ms(start_ns: int, end_ns: int) -> float:
    return round((end_ns - start_ns) / 1e6, 3)
