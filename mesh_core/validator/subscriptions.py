"""Events to subscribers (docs/protocol.md, "Events"): live, filtered, and never at the expense of the validator.

A subscriber that does not read fast enough loses events and is told how many; one that reads nothing at all is cut off by its connection's own limit.
Each subscription numbers its own events from 1, without gaps. No history is kept: a subscription that asks for what came before begins with a GAP.
"""

from collections import Counter
from dataclasses import dataclass, field

from mesh_core.types.basic import PublicKey
from mesh_core.types.events import (
    CertificateApplied,
    EventBody,
    EventKind,
    Gap,
    VoteCast,
    VoteRejected,
    VoteRequested,
    encode_event_body,
    event_kind,
)
from mesh_core.types.messages import Event, Subscribe
from mesh_core.validator.ports import Clock, Session

MAX_SUBSCRIPTIONS_PER_SESSION = 16
MAX_SUBSCRIPTIONS_PER_SOURCE = 128
"""Each event is sealed anew for each subscription. Sixteen on each of 64 connections would cost more than the vote that they tell of."""
SLOW_BYTES = 1024 * 1024
"""Unacknowledged bytes of a session above which its events are dropped."""


@dataclass(slots=True)
class _Subscription:
    """One SUBSCRIBE: which kinds, which accounts (none: all), how many events were sent, how many dropped since."""

    kind_mask: int
    owners: frozenset[PublicKey]
    sent_count: int = 0
    dropped_count: int = 0


@dataclass(slots=True)
class Subscriptions:
    """All subscriptions of all sessions. `clock` stamps the events."""

    clock: Clock
    _by_session: dict[Session, list[_Subscription]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)
    """Subscriptions by source."""

    @property
    def count(self) -> int:
        """Number of subscriptions."""
        return sum(len(subscriptions) for subscriptions in self._by_session.values())

    def add(self, session: Session, request: Subscribe) -> bool:
        """Begin a subscription; False if the session, or all sessions of its source together, have too many."""
        subscriptions = self._by_session.setdefault(session, [])
        if len(subscriptions) >= MAX_SUBSCRIPTIONS_PER_SESSION or self._counts[session.source] >= MAX_SUBSCRIPTIONS_PER_SOURCE:
            return False
        self._counts[session.source] += 1
        subscription = _Subscription(request.kind_mask, frozenset(request.owners))
        subscriptions.append(subscription)
        if request.after_event:
            self._send(session, subscription, encode_event_body(Gap(0)))
        return True

    def remove(self, session: Session) -> None:
        """Forget a session that has ended."""
        ended = self._by_session.pop(session, ())
        self._counts[session.source] -= len(ended)
        if not self._counts[session.source]:
            del self._counts[session.source]

    def publish(self, body: EventBody) -> None:
        """Send an event to everybody who asked for it."""
        bit = 1 << event_kind(body)
        concerned = _owners_of(body)
        if not self._by_session:
            return
        encoded = encode_event_body(body)
        # A copy: a session that cannot take any more ends while it is sent to, and its subscriptions with it.
        for session, subscriptions in list(self._by_session.items()):
            for subscription in subscriptions:
                if subscription.kind_mask & bit and (not subscription.owners or concerned is None or concerned & subscription.owners):
                    self._offer(session, subscription, encoded)

    def _offer(self, session: Session, subscription: _Subscription, encoded: tuple[EventKind, bytes]) -> None:
        if session.queued_bytes > SLOW_BYTES:
            subscription.dropped_count += 1
            return
        if subscription.dropped_count:
            self._send(session, subscription, encode_event_body(Gap(subscription.dropped_count)))
            subscription.dropped_count = 0
        self._send(session, subscription, encoded)

    def _send(self, session: Session, subscription: _Subscription, encoded: tuple[EventKind, bytes]) -> None:
        subscription.sent_count += 1
        session.send(Event(subscription.sent_count, self.clock.time_ms(), *encoded))


def _owners_of(body: EventBody) -> frozenset[PublicKey] | None:
    """Accounts that an event concerns; None for an event that concerns everybody."""
    match body:
        case VoteRequested() | VoteRejected():
            return frozenset((body.sender,))
        case VoteCast(vote):
            return frozenset((vote.statement.sender,))
        case CertificateApplied(_, _, certificate):
            core = certificate.transition.core
            return frozenset((core.sender, *(output.owner for output in core.outputs)))
        case _:
            return None
