"""What a line does to datagrams, one condition at a time, with a clock that is a number."""

import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from testnet.conditions import FORM_KEYS, GOOD, HEADER_BYTES, PATH_BYTES, QUEUE_S, Conditions, Transmitter, Way, read_conditions

SHARES = st.floats(0, 1)
CONDITIONS = st.builds(
    Conditions,
    is_cut=st.booleans(),
    delay_ms=st.floats(0, 500),
    loss=SHARES,
    jitter_ms=st.floats(0, 50),
    reordering=SHARES,
    duplication=SHARES,
    bandwidth_kbit_s=st.one_of(st.just(0.0), st.floats(64, 1e6)),
)
SENDINGS = st.lists(st.tuples(st.floats(0, 0.05), st.integers(0, 9000)), max_size=30)
"""(seconds since the one before, size)"""


def way(seed: int = 1) -> Way:
    return Way(random.Random(seed))


def sent(conditions: Conditions, count: int, size_bytes: int = 100, seed: int = 1) -> list[tuple[float, ...]]:
    """Arrivals of datagrams a second apart, each in seconds after its own sending."""
    one = way(seed)
    return [tuple(due - now for due in one.arrivals(conditions, size_bytes, float(now))) for now in range(count)]


@given(CONDITIONS, SENDINGS, st.integers())
def test_whatever_the_line_nothing_comes_before_its_delay_and_the_same_seed_gives_the_same(conditions: Conditions, sendings: Any, seed: int) -> None:
    one, other, now = way(seed), way(seed), 0.0
    for gap_s, size_bytes in sendings:
        now += gap_s
        arrivals = one.arrivals(conditions, size_bytes, now)
        assert arrivals == other.arrivals(conditions, size_bytes, now)
        assert len(arrivals) <= 2
        assert all(due >= now + conditions.delay_ms / 1000 for due in arrivals)


@given(st.lists(st.tuples(CONDITIONS, st.floats(0, 0.05), st.integers(0, 9000)), max_size=30), st.integers())
def test_without_reordering_nothing_is_overtaken_however_the_line_changes(steps: Any, seed: int) -> None:
    one, now, last = way(seed), 0.0, -math.inf
    for conditions, gap_s, size_bytes in steps:
        now += gap_s
        in_order = Conditions(**{**{name: getattr(conditions, name) for name in conditions.__dataclass_fields__}, "reordering": 0.0})
        for due in one.arrivals(in_order, size_bytes, now):
            assert due >= last
            last = due


@given(CONDITIONS)
def test_what_processes_tell_each_other_is_what_they_read(conditions: Conditions) -> None:
    assert read_conditions(conditions.form()) == conditions
    assert tuple(conditions.form()) == FORM_KEYS


def test_a_good_line_does_nothing() -> None:
    assert sent(GOOD, 3) == [(0.0,)] * 3
    assert read_conditions({}) == GOOD
    assert [read_conditions({name: 1}).is_good for name in ("delay_ms", "loss", "jitter_ms", "reordering", "duplication")] == [False] * 5
    assert not read_conditions({"bandwidth_kbit_s": 8}).is_good
    assert not Conditions(is_cut=True).is_good


def test_a_cut_line_loses_everything() -> None:
    assert sent(Conditions(is_cut=True), 5) == [()] * 5


def test_loss_is_the_share_that_was_asked_for() -> None:
    lost = sum(not arrivals for arrivals in sent(Conditions(loss=0.1), 4000))
    assert 340 <= lost <= 460  # 400, and three standard deviations of 19


def test_a_datagram_of_several_pieces_is_lost_as_often_as_one_of_them() -> None:
    lost = sum(not arrivals for arrivals in sent(Conditions(loss=0.1), 4000, size_bytes=3 * PATH_BYTES))
    assert 1000 <= lost <= 1170  # 1 - 0.9^3 of 4000 are 1084, and three standard deviations of 28


def test_jitter_is_exponential_with_its_mean_on_top_of_the_delay_and_has_an_end() -> None:
    late_ms = [arrivals[0] * 1000 - 20 for arrivals in sent(Conditions(delay_ms=20, jitter_ms=4), 4000)]
    assert 3.8 <= statistics.mean(late_ms) <= 4.2
    assert 2.6 <= statistics.median(late_ms) <= 2.95  # the median of an exponential is 0.693 of its mean
    assert max(late_ms) <= 40.000001


def test_reordering_lets_its_share_be_overtaken_and_by_how_much() -> None:
    held_ms = [arrivals[0] * 1000 for arrivals in sent(Conditions(reordering=0.25), 4000)]
    held = [ms for ms in held_ms if ms > 0]
    assert 920 <= len(held) <= 1080
    assert 0.999 <= min(held) < max(held) <= 20.001
    one = way()
    dues: list[float] = []
    for number in range(200):
        dues += one.arrivals(Conditions(reordering=0.25), 100, number / 1000)
    assert dues != sorted(dues)
    overtaken = sum(due > min(dues[number + 1 :], default=math.inf) for number, due in enumerate(dues))
    assert 30 <= overtaken <= 70, "and whoever is not held back is in turn"


def test_duplication_doubles_its_share() -> None:
    arrivals = sent(Conditions(duplication=0.5), 1000)
    assert {len(found) for found in arrivals} == {1, 2}
    assert 450 <= sum(len(found) == 2 for found in arrivals) <= 550
    assert all(found[0] == found[-1] for found in arrivals)


def test_bandwidth_spaces_datagrams_and_counts_their_headers() -> None:
    one, conditions = way(), Conditions(bandwidth_kbit_s=800, delay_ms=10)
    each_s = (1000 + HEADER_BYTES) * 8 / 800_000
    dues = [one.arrivals(conditions, 1000, 5.0)[0] for _ in range(4)]
    assert dues == pytest.approx([5.01 + each_s * number for number in (1, 2, 3, 4)])
    assert one.arrivals(conditions, 1000, 9.0)[0] == pytest.approx(9.01 + each_s), "the line was idle meanwhile"


def test_a_narrow_line_holds_a_bounded_queue_and_drops_its_tail() -> None:
    one, conditions = way(), Conditions(bandwidth_kbit_s=80)
    arrivals = [one.arrivals(conditions, 1000, 0.0) for _ in range(10)]
    each_s = (1000 + HEADER_BYTES) * 8 / 80_000
    passed = math.floor(QUEUE_S / each_s) + 1
    assert [bool(found) for found in arrivals] == [True] * passed + [False] * (10 - passed)
    assert one.arrivals(conditions, 1000, each_s), "there is room as soon as one has left"


def test_lines_of_one_device_wait_for_each_other_where_it_is_narrow() -> None:
    transmitter, narrow = Transmitter(), Conditions(bandwidth_kbit_s=800)
    one, other = Way(random.Random(1), transmitter), Way(random.Random(2), transmitter)
    each_s = (1000 + HEADER_BYTES) * 8 / 800_000
    assert [one.arrivals(narrow, 1000, 0.0)[0], other.arrivals(narrow, 1000, 0.0)[0]] == pytest.approx([each_s, 2 * each_s])
    assert other.arrivals(Conditions(delay_ms=3), 1000, 1.0) == (1.003,), "a line that is not narrow waits for nobody"


def test_what_is_lost_has_taken_its_time_on_the_line_all_the_same() -> None:
    one = way()
    assert one.arrivals(Conditions(bandwidth_kbit_s=80, loss=1.0), 1000, 0.0) == ()
    assert one.arrivals(Conditions(bandwidth_kbit_s=80), 1000, 0.0)[0] == pytest.approx(2 * (1000 + HEADER_BYTES) * 8 / 80_000)


@pytest.mark.parametrize(
    "form",
    [
        {"delay": 5},
        {"cut": 1},
        {"jitter_ms": -1},
        {"jitter_ms": 1001},
        {"jitter_ms": float("nan")},
        {"reordering": 1.5},
        {"duplication": "0"},
        {"duplication": True},
        {"bandwidth_kbit_s": 7},
        {"bandwidth_kbit_s": False, "loss": None},
        {"bandwidth_kbit_s": float("inf")},
        {"bandwidth_kbit_s": [1]},
    ],
)
def test_conditions_that_cannot_be(form: dict[str, Any]) -> None:
    with pytest.raises(LocalFault) as refusal:
        read_conditions(form)
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
