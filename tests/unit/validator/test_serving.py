"""Certificates for others: a source gets so many bytes a second, whoever asks for more waits, and nobody's waiting costs without end.

The clock is the test's: `Ticking` runs timers when the test moves time.
"""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from mesh_core.errors import WireErrorCode
from mesh_core.types.basic import ZERO_HASH, Hash32
from mesh_core.types.messages import Message, SyncCertificates, SyncFromLog, SyncMode, SyncRequest
from mesh_core.validator.pacing import STAND_BACK_MOST_S, BulkPace
from mesh_core.validator.serving import (
    BURST_BYTES,
    BYTES_PER_S,
    LOOK_UP_BYTES,
    MAX_WAITING_PER_SESSION,
    MOST_BYTES_AT_ONCE,
    MOST_ITEMS_AT_ONCE,
    REMEMBERED_SOURCES,
    REQUEST_BYTES,
    SyncServing,
)

PAGE = 60_000


@dataclass(eq=False)
class Asking:
    """A session."""

    source: str = "192.0.2.1"
    queued_bytes: int = 0

    def send(self, message: Message) -> None:
        raise AssertionError

    def close(self, code: WireErrorCode, text: str) -> None:
        raise AssertionError


@dataclass
class Ticking:
    """An event loop's time and timers."""

    now: float = 0.0
    timers: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = field(default_factory=list)
    _number: int = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        self._number += 1
        entry = (self.now + delay, self._number, callback, args)
        heapq.heappush(self.timers, entry)
        timers = self.timers

        class Handle:
            def cancel(self) -> None:
                timers.remove(entry)

        return Handle()  # type: ignore[return-value]

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            self.now, _, callback, args = heapq.heappop(self.timers)
            callback(*args)
        self.now = end


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    loop = Ticking()
    monkeypatch.setattr("mesh_core.validator.serving.asyncio.get_running_loop", lambda: loop)
    return loop


@dataclass
class Served:
    """The serving, and whom it has answered."""

    answered: list[tuple[Asking, SyncRequest]] = field(default_factory=list)
    size: int = PAGE
    urgent_count: int = 0

    def __post_init__(self) -> None:
        self.serving = SyncServing(self._answer, BulkPace(lambda: self.urgent_count))

    def _answer(self, session: Any, request: SyncRequest) -> int:
        self.answered.append((session, request))
        return self.size

    @property
    def count(self) -> int:
        return len(self.answered)


def ask(mode: SyncMode | None = None, *, request_id: int = 1, items: int = 256, size: int = 262_144) -> SyncRequest:
    return SyncRequest(request_id, SyncFromLog(0, ZERO_HASH) if mode is None else mode, items, size)


def test_request_within_the_budget_is_answered_at_once_and_briefly(ticking: Ticking) -> None:
    served, session = Served(), Asking()
    assert served.serving.take(session, ask(request_id=7))
    [(answered, request)] = served.answered
    assert answered is session
    assert (request.request_id, request.max_items, request.max_bytes) == (7, MOST_ITEMS_AT_ONCE, MOST_BYTES_AT_ONCE)
    assert served.serving.take(session, ask(items=3, size=100))
    assert (served.answered[1][1].max_items, served.answered[1][1].max_bytes) == (3, 100)


def test_source_gets_so_many_bytes_a_second_whatever_it_asks(ticking: Ticking) -> None:
    served, session = Served(), Asking()
    seconds = 20
    for _ in range(seconds * 100):
        if served.serving._waiting_of.get(session, 0) < MAX_WAITING_PER_SESSION:
            assert served.serving.take(session, ask())
        ticking.run(0.01)
    sent = served.count * (PAGE + REQUEST_BYTES)
    assert BYTES_PER_S * seconds * 0.9 < sent <= BURST_BYTES + BYTES_PER_S * seconds + PAGE + REQUEST_BYTES


def test_delayed_requests_are_answered_in_order_without_being_asked_again(ticking: Ticking) -> None:
    served, session = Served(), Asking()
    for number in range(20):
        assert served.serving.take(session, ask(request_id=number))
    assert served.count < 20
    assert served.serving.waiting_count == 20 - served.count
    ticking.run(5.0)
    assert [request.request_id for _, request in served.answered] == list(range(20))
    assert served.serving.waiting_count == 0
    assert ticking.timers == []


def test_session_with_too_many_waiting_requests_is_told(ticking: Ticking) -> None:
    served, session = Served(), Asking()
    taken = [served.serving.take(session, ask()) for _ in range(100)]
    first_refused = taken.index(False)
    assert not any(taken[first_refused:])
    assert served.serving.waiting_count == MAX_WAITING_PER_SESSION
    assert first_refused == served.count + MAX_WAITING_PER_SESSION


def test_ten_sessions_of_one_address_share_one_budget_and_another_address_has_its_own(ticking: Ticking) -> None:
    served = Served()
    sessions = [Asking() for _ in range(10)]
    for session in sessions * 2:
        assert served.serving.take(session, ask())
    many = served.count
    assert many * (PAGE + REQUEST_BYTES) <= BURST_BYTES + PAGE + REQUEST_BYTES
    other = Asking(source="192.0.2.2")
    assert served.serving.take(other, ask())
    assert served.answered[-1][0] is other


@pytest.mark.parametrize(
    ("mode", "cost"),
    [
        (SyncFromLog(0, ZERO_HASH), REQUEST_BYTES),
        (SyncCertificates(tuple(Hash32(bytes([number]) * 32) for number in range(255))), REQUEST_BYTES + 255 * LOOK_UP_BYTES),
    ],
    ids=["log", "by id"],
)
def test_asking_for_what_is_not_there_costs_as_well(ticking: Ticking, mode: SyncMode, cost: int) -> None:
    served, session = Served(size=0), Asking()
    while served.serving.waiting_count == 0:
        assert served.serving.take(session, ask(mode))
    assert BURST_BYTES <= served.count * cost < BURST_BYTES + 2 * cost


def test_session_that_ends_is_not_answered_and_holds_up_nobody(ticking: Ticking) -> None:
    served, gone, other = Served(), Asking(), Asking()
    while served.serving.waiting_count < 3:
        assert served.serving.take(gone, ask())
    assert served.serving.take(other, ask(request_id=99))
    count = served.count
    served.serving.remove(gone)
    assert served.serving.waiting_count == 1
    ticking.run(5.0)
    assert [(session, request.request_id) for session, request in served.answered[count:]] == [(other, 99)]
    served.serving.remove(other)
    served.serving.remove(Asking(source="198.51.100.1"))


def test_closed_serving_answers_nobody(ticking: Ticking) -> None:
    served, session = Served(), Asking()
    while served.serving.waiting_count < 3:
        assert served.serving.take(session, ask())
    count = served.count
    served.serving.close()
    ticking.run(5.0)
    assert served.count == count
    assert ticking.timers == []


def test_budgets_of_many_sources_do_not_fill_the_memory(ticking: Ticking) -> None:
    served = Served()
    waiting = Asking(source="first")
    while served.serving.waiting_count == 0:
        assert served.serving.take(waiting, ask())
    for number in range(3 * REMEMBERED_SOURCES):
        assert served.serving.take(Asking(source=str(number)), ask())
    assert len(served.serving._sources) <= REMEMBERED_SOURCES + 1
    ticking.run(5.0)
    assert [session for session, _ in served.answered if session is waiting][-1] is waiting
    assert served.serving.waiting_count == 0


def test_answer_stands_back_behind_votes_that_are_under_way_and_leaves_when_they_are_done(ticking: Ticking) -> None:
    served = Served(urgent_count=1)
    assert served.serving.take(Asking(), ask(request_id=1))
    assert served.serving.take(Asking(source="192.0.2.2"), ask(request_id=2))
    ticking.run(STAND_BACK_MOST_S / 2)
    assert served.count == 0
    served.urgent_count = 0
    ticking.run(0.002)
    assert {request.request_id for _, request in served.answered} == {1, 2}
    assert ticking.timers == []


def test_answer_does_not_wait_for_ever_when_votes_never_end(ticking: Ticking) -> None:
    served, session = Served(urgent_count=1), Asking()
    for number in range(4):
        assert served.serving.take(session, ask(request_id=number))
    ticking.run(STAND_BACK_MOST_S * 0.9)
    assert served.count == 0
    ticking.run(5 * (STAND_BACK_MOST_S + 0.001))
    assert [request.request_id for _, request in served.answered] == [0, 1, 2, 3]
