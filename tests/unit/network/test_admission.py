"""Caps and token buckets, with a clock in the test's hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.network import admission
from mesh_core.network.admission import Admission, AdmissionLimits, source_of

GENEROUS = AdmissionLimits(connections_per_source=1000, connections=1000, half_open=1000, half_open_per_source=1000, rate_per_s=1e6, burst=1000)


def limits(**changes: float) -> AdmissionLimits:
    values = {name: getattr(GENEROUS, name) for name in GENEROUS.__slots__} | changes
    return AdmissionLimits(**values)


def test_connections_of_one_address_are_capped_and_a_closed_one_makes_room() -> None:
    door = Admission(limits(connections_per_source=2))
    assert [door.admit("10.0.0.1", now=0.0) for _ in range(2)] == [None, None]
    assert door.admit("10.0.0.1", now=0.0) == "too many connections from this address"
    assert door.admit("10.0.0.2", now=0.0) is None
    door.completed("10.0.0.1")
    door.closed("10.0.0.1", was_complete=True)
    assert door.admit("10.0.0.1", now=0.0) is None
    assert (door.connections, door.half_open) == (3, 3)


def test_unfinished_handshakes_are_capped_and_a_finished_one_makes_room() -> None:
    door = Admission(limits(half_open=1))
    assert door.admit("10.0.0.1", now=0.0) is None
    assert door.admit("10.0.0.2", now=0.0) == "too many unfinished handshakes"
    door.completed("10.0.0.1")
    assert door.admit("10.0.0.2", now=0.0) is None
    door.closed("10.0.0.2", was_complete=False)
    assert door.half_open == 0


def test_unfinished_handshakes_of_one_address_leave_room_for_others() -> None:
    door = Admission(limits(half_open=5, half_open_per_source=2))
    assert [door.admit("10.0.0.1", now=0.0) for _ in range(2)] == [None, None]
    assert door.admit("10.0.0.1", now=0.0) == "too many unfinished handshakes from this address"
    assert door.admit("10.0.0.2", now=0.0) is None
    door.completed("10.0.0.1")
    assert door.admit("10.0.0.1", now=0.0) is None
    door.closed("10.0.0.1", was_complete=False)
    assert door.admit("10.0.0.1", now=0.0) is None
    assert door.admit("10.0.0.1", now=0.0) is not None


def test_all_connections_are_capped() -> None:
    door = Admission(limits(connections=2))
    assert [door.admit(f"10.0.0.{index}", now=0.0) for index in range(3)] == [None, None, "too many connections"]


def test_bucket_refuses_after_the_burst_and_refills_with_time() -> None:
    door = Admission(limits(rate_per_s=2.0, burst=3))
    assert [door.admit("10.0.0.1", now=5.0) for _ in range(4)] == [None, None, None, "too many new connections from this address"]
    assert door.admit("10.0.0.1", now=5.4) is not None
    assert door.admit("10.0.0.1", now=5.6) is None
    assert door.admit("10.0.0.2", now=5.6) is None, "another address has a bucket of its own"


def test_refused_connections_are_not_counted() -> None:
    door = Admission(limits(rate_per_s=0.0, burst=1))
    door.admit("10.0.0.1", now=0.0)
    for _ in range(10):
        assert door.admit("10.0.0.1", now=0.0) is not None
    assert (door.connections, door.half_open) == (1, 1)


def test_buckets_of_a_flood_of_addresses_do_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "REMEMBERED_SOURCES", 10)
    door = Admission(GENEROUS)
    for index in range(200):
        assert door.admit(f"10.0.1.{index}", now=0.0) is None
        door.closed(f"10.0.1.{index}", was_complete=False)
    assert len(door._buckets) == 10
    assert door._open == {}


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_source_is_an_address_or_a_site(host: str, source: str) -> None:
    assert source_of(host) == source


@given(st.lists(st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1"]), st.booleans(), st.booleans()), max_size=60))
def test_counters_return_to_zero_whatever_happens(history: list[tuple[str, bool, bool]]) -> None:
    door = Admission(limits(connections_per_source=5, half_open=7, connections=9))
    live: list[tuple[str, bool]] = []
    for host, completes, closes in history:
        if door.admit(host, now=0.0) is None:
            if completes:
                door.completed(host)
            live.append((host, completes))
        if closes and live:
            oldest, was_complete = live.pop(0)
            door.closed(oldest, was_complete=was_complete)
        assert door.connections == len(live) <= 9
        assert door.half_open == sum(not complete for _, complete in live) <= 7
    for host, was_complete in live:
        door.closed(host, was_complete=was_complete)
    assert (door.connections, door.half_open, door._open, door._half_open_of) == (0, 0, {}, {})
