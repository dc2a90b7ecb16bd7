"""Percentiles and histograms against the plainest way to make them."""

import math
from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from testnet.traffic.latencies import BUCKETS_COUNT, BUCKETS_PER_DECADE, FIRST_BUCKET_MS, TARGET_BUCKET, Latencies, bucket_of, percentile

TIMES = st.lists(st.floats(0.0, 200_000.0, allow_nan=False), min_size=1, max_size=200)


def naive_percentile(times: list[float], percent: int) -> float:
    """The smallest of the times that at least so many percent of all do not exceed, by counting."""
    return min(one for one in times if Fraction(sum(other <= one for other in times), len(times)) >= Fraction(percent, 100))


@given(TIMES, st.integers(1, 100))
def test_percentiles_are_those_that_counting_gives(times: list[float], percent: int) -> None:
    assert percentile(sorted(times), percent) == naive_percentile(times, percent)


@given(TIMES, st.integers(1, 50))
def test_figures_and_buckets_are_those_of_the_last_payments(times: list[float], keep: int) -> None:
    latencies = Latencies(keep)
    for ms in times:
        latencies.add(ms)
    kept = times[-keep:]
    figures = latencies.figures()
    assert len(latencies) == len(kept)
    assert (figures["min_ms"], figures["max_ms"]) == (min(kept), max(kept))
    assert [figures[f"p{percent}_ms"] for percent in (50, 95, 99)] == [naive_percentile(kept, percent) for percent in (50, 95, 99)]
    assert math.isclose(figures["mean_ms"], sum(kept) / len(kept), abs_tol=0.001)
    assert latencies.within(300.0) == sum(ms <= 300.0 for ms in kept)
    assert {bucket[0]: bucket[1] for bucket in latencies.buckets()} == Counter(map(bucket_of, kept))


def test_nothing_measured_gives_no_figures() -> None:
    assert Latencies(10).figures() == {}
    assert Latencies(10).buckets() == []


@given(st.floats(1.001, 94_000.0))
def test_a_bucket_holds_what_lies_between_its_ends(ms: float) -> None:
    bucket = bucket_of(ms)
    begin, end = (FIRST_BUCKET_MS * 10 ** (edge / BUCKETS_PER_DECADE) for edge in (bucket, bucket + 1))
    assert begin * (1 - 1e-6) <= ms <= end * (1 + 1e-6)


def test_what_is_beyond_the_ends_stands_in_the_last_buckets() -> None:
    assert bucket_of(0.0) == bucket_of(0.5) == 0
    assert bucket_of(1e9) == BUCKETS_COUNT - 1


def test_the_target_is_an_edge() -> None:
    assert bucket_of(300.0) == TARGET_BUCKET - 1
    assert bucket_of(300.01) == TARGET_BUCKET
