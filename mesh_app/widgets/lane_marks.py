"""When what happened on a validator's lane, in milliseconds after the first vote request. Pure arithmetic on the events' own times.

`until_ns` cuts the story off: what happened later does not exist yet. That is how a payment is played again slowly.
"""

from dataclasses import dataclass
from typing import Final

from mesh_app.state import Payment, State, Work

MIN_SCALE_MS: Final = 10.0
LATE_FACTOR: Final = 3.0
"""Acknowledgements later than this many times the certificate's time do not stretch the axis: a validator that was down for minutes would hide all the rest."""

_NICE_STEPS: Final = (1.0, 2.0, 2.5, 5.0)
_NO_WORK: Final = Work()


@dataclass(frozen=True, slots=True)
class LaneMarks:
    """Milliseconds after the first vote request; None for what has not happened."""

    asked: float | None
    arrived: float | None
    checked: float | None
    stored: float | None
    voted: float | None
    refused: float | None
    silent: float | None
    sent: float | None
    acknowledged: float | None


def lane_marks(state: State, payment: Payment, validator: int, until_ns: int | None = None) -> LaneMarks:
    """The marks of one lane."""
    lane = payment.lanes.get(validator)
    if payment.asked_ns is None or lane is None:
        return LaneMarks(*(None,) * 9)
    zero_ns = payment.asked_ns

    def mark(t_ns: int | None) -> float | None:
        return None if t_ns is None or (until_ns is not None and t_ns > until_ns) else max(0, t_ns - zero_ns) / 1e6

    work = state.works.get(payment.transition_id, {}).get(validator, _NO_WORK)
    stored = mark(work.cast_ns)
    return LaneMarks(
        asked=mark(lane.asked_ns),
        arrived=mark(work.arrived_ns),
        checked=max(0.0, stored - work.durable_ms) if stored is not None else None,
        stored=stored,
        voted=mark(lane.vote_ns),
        refused=mark(lane.refusal.t_ns) if lane.refusal is not None else None,
        silent=mark(lane.silence_ns),
        sent=mark(lane.sent_ns),
        acknowledged=mark(lane.ack_ns),
    )


def certificate_mark(payment: Payment, until_ns: int | None = None) -> float | None:
    """When the certificate was durable at the wallet."""
    certificate = payment.certificate
    if certificate is None or payment.asked_ns is None or (until_ns is not None and certificate.t_ns > until_ns):
        return None
    return max(0, certificate.t_ns - payment.asked_ns) / 1e6


def quorum_mark(payment: Payment, quorum: int, until_ns: int | None = None) -> float | None:
    """When the vote arrived that completed the quorum."""
    arrivals = sorted(lane.vote_ns for lane in payment.lanes.values() if lane.vote_ns is not None)
    if payment.asked_ns is None or len(arrivals) < quorum or (until_ns is not None and arrivals[quorum - 1] > until_ns):
        return None
    return max(0, arrivals[quorum - 1] - payment.asked_ns) / 1e6


def elapsed_mark(state: State, payment: Payment, until_ns: int | None = None) -> float:
    """How far the story has come: to the present while it waits for votes, else to its last event."""
    if payment.asked_ns is None:
        return 0.0
    waits = payment.certificate is None and not payment.is_over
    end_ns = until_ns if until_ns is not None else max(state.now_ns, payment.last_ns) if waits else payment.last_ns
    return max(0, end_ns - payment.asked_ns) / 1e6


def axis_scale(state: State, payment: Payment) -> float:
    """The length of the axis in milliseconds: round, and long enough for all marks but the very late ones."""
    certified = certificate_mark(payment)
    latest = MIN_SCALE_MS
    for validator in range(len(state.validators)):
        marks = lane_marks(state, payment, validator)
        for moment in (marks.stored, marks.voted, marks.refused, marks.acknowledged):
            if moment is not None and (certified is None or moment <= certified * LATE_FACTOR):
                latest = max(latest, moment)
    if certified is None:
        latest = max(latest, elapsed_mark(state, payment))
    else:
        latest = max(latest, certified)
    return round_up(latest * 1.02)


def round_up(ms: float) -> float:
    """The next of 10, 20, 25, 50, 100, 200, 250 … milliseconds."""
    power = 1.0
    while True:
        for step in _NICE_STEPS:
            if step * power >= ms:
                return step * power
        power *= 10
