"""Certificates for others, at a pace that leaves room for votes.

Whoever catches up may ask as fast as it likes, and so may whoever wants to harm: reading and encoding megabytes takes the time of the one event loop that
answers vote requests, too. So each source of requests has a budget; beyond it answers are delayed, not refused, since a validator that is far behind is no
offender. One answer is short, so that a vote request that arrives meanwhile waits for a millisecond or two and not for a whole frame.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mesh_core.types.messages import SyncCertificates, SyncRequest
from mesh_core.validator.pacing import BulkPace
from mesh_core.validator.ports import Session

BYTES_PER_S = 4 * 1024 * 1024
BURST_BYTES = 512 * 1024
MOST_BYTES_AT_ONCE = 64 * 1024
MOST_ITEMS_AT_ONCE = 64
"""The most of one answer, whatever was asked for."""
MAX_WAITING_PER_SESSION = 16
REMEMBERED_SOURCES = 1024
"""Budgets kept; the one unused for longest goes first, and is most likely full again anyway."""

REQUEST_BYTES = 2048
"""What a request costs at least. Without it, asking for nothing would be free."""
LOOK_UP_BYTES = 512
"""What asking for one certificate by its id costs: to find that it is not here takes a read of the file."""

Answer = Callable[[Session, SyncRequest], int]
"""Answers a request, and gives the bytes of certificates in the answer."""


@dataclass(slots=True)
class _Source:
    """One source's budget, which may be overdrawn by one answer, and what waits for it to recover, or for votes that go first."""

    bytes_left: float
    updated_at: float
    waiting: deque[tuple[Session, SyncRequest]] = field(default_factory=deque)
    waiting_since: float = 0.0
    """When the first of those came to be the first."""
    timer: asyncio.TimerHandle | None = None


class SyncServing:
    """The queue of SYNC_REQUESTs. All methods are called from one event loop."""

    def __init__(self, answer: Answer, pace: BulkPace) -> None:
        """`pace` says when an answer has to stand back behind votes."""
        self._answer = answer
        self._pace = pace
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._waiting_of: dict[Session, int] = {}

    @property
    def waiting_count(self) -> int:
        """Requests that are delayed."""
        return sum(self._waiting_of.values())

    def take(self, session: Session, request: SyncRequest) -> bool:
        """Answer a request, now or when its source's budget allows. False when too many of this session wait already: nobody needs so many at once."""
        source = self._source(session.source)
        now = asyncio.get_running_loop().time()
        if not source.waiting and self._delay(source, now, now) == 0.0:
            self._serve(source, session, request)
            return True
        if self._waiting_of.get(session, 0) >= MAX_WAITING_PER_SESSION:
            return False
        if not source.waiting:
            source.waiting_since = now
        source.waiting.append((session, request))
        self._waiting_of[session] = self._waiting_of.get(session, 0) + 1
        self._wake_later(source)
        return True

    def remove(self, session: Session) -> None:
        """Forget what a session that has ended waits for."""
        if self._waiting_of.pop(session, 0):
            source = self._sources[session.source]
            source.waiting = deque((other, request) for other, request in source.waiting if other is not session)

    def close(self) -> None:
        """Answer nobody any more."""
        for source in self._sources.values():
            source.waiting.clear()
            if source.timer is not None:
                source.timer.cancel()
        self._waiting_of.clear()

    def _source(self, name: str) -> _Source:
        source = self._sources.pop(name, None)
        if source is None:
            source = _Source(float(BURST_BYTES), asyncio.get_running_loop().time())
            self._forget_one()
        self._sources[name] = source
        return source

    def _forget_one(self) -> None:
        """Make room for another source. One for which somebody waits stays."""
        if len(self._sources) >= REMEMBERED_SOURCES:
            idle = next((name for name, source in self._sources.items() if not source.waiting), None)
            if idle is not None:
                del self._sources[idle]

    def _delay(self, source: _Source, since: float, now: float) -> float:
        """Seconds until a request that has waited since then is to be looked at again; 0 if it may be answered now."""
        source.bytes_left = min(float(BURST_BYTES), source.bytes_left + (now - source.updated_at) * BYTES_PER_S)
        source.updated_at = now
        if source.bytes_left < 0.0:
            # A little more than the arithmetic says: a timer may fire a clock tick early, and would then have to be set again.
            return -source.bytes_left / BYTES_PER_S + 0.001
        return self._pace.delay(since, now)

    def _serve(self, source: _Source, session: Session, request: SyncRequest) -> None:
        began = asyncio.get_running_loop().time()
        short = replace(request, max_items=min(request.max_items, MOST_ITEMS_AT_ONCE), max_bytes=min(request.max_bytes, MOST_BYTES_AT_ONCE))
        look_ups = len(request.mode.cert_ids) if isinstance(request.mode, SyncCertificates) else 0
        source.bytes_left -= REQUEST_BYTES + look_ups * LOOK_UP_BYTES + self._answer(session, short)
        now = asyncio.get_running_loop().time()
        self._pace.worked(now - began, now)

    def _wake_later(self, source: _Source) -> None:
        if source.timer is None and source.waiting:
            loop = asyncio.get_running_loop()
            source.timer = loop.call_later(self._delay(source, source.waiting_since, loop.time()), self._wake, source)

    def _wake(self, source: _Source) -> None:
        """One answer a turn of the loop, so that whatever else has arrived goes in between."""
        source.timer = None
        now = asyncio.get_running_loop().time()
        if source.waiting and self._delay(source, source.waiting_since, now) == 0.0:
            source.waiting_since = now
            session, request = source.waiting.popleft()
            left = self._waiting_of[session] - 1
            if left:
                self._waiting_of[session] = left
            else:
                del self._waiting_of[session]
            self._serve(source, session, request)
        self._wake_later(source)
