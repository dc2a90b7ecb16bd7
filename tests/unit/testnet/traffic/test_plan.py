"""Traffic comes at the rate that was asked for, and the same seed makes the same traffic."""

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from testnet.traffic.plan import Arrivals, MeasurePlan, TrafficPlan, arrivals, check_measure, check_traffic, split_roles

PLAN = TrafficPlan(rate=20.0, arrivals=Arrivals.POISSON, amount_least=1, amount_most=100, wallets=8, duration_s=None, seed=1)
MEASURE = MeasurePlan(payments=100, at_once=1, wallets=2, warm_up=5, amount=1)
PLANS = st.builds(
    TrafficPlan,
    rate=st.floats(0.5, 200),
    arrivals=st.sampled_from(Arrivals),
    amount_least=st.integers(1, 50),
    amount_most=st.integers(50, 10_000),
    wallets=st.integers(2, 32),
    duration_s=st.none(),
    seed=st.integers(0, 2**32),
)


@given(PLANS)
@settings(max_examples=60, deadline=None)
def test_the_rate_is_kept(plan: TrafficPlan) -> None:
    count = 1_000
    last = next(itertools.islice(arrivals(plan), count - 1, None)).at_s
    if plan.arrivals is Arrivals.STEADY:
        assert last == pytest.approx((count - 1) / plan.rate)
    else:
        # The sum of so many exponential gaps: six standard deviations are left once in a thousand million plans.
        assert abs(last * plan.rate - count) < 6 * math.sqrt(count)


@given(PLANS, st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_the_same_seed_makes_the_same_payments_in_order_and_within_their_bounds(plan: TrafficPlan, seconds: int) -> None:
    bounded = replace(plan, duration_s=float(seconds), rate=min(plan.rate, 20.0))
    made = [*arrivals(bounded)]
    assert made == [*arrivals(bounded)]
    assert all(earlier.at_s < later.at_s for earlier, later in itertools.pairwise(made))
    assert all(0 <= one.at_s < seconds and plan.amount_least <= one.amount <= plan.amount_most and 0 <= one.lot < 1 for one in made)


def test_another_seed_makes_other_payments() -> None:
    first, second = (next(arrivals(replace(PLAN, seed=seed))) for seed in (1, 2))
    assert first.at_s != second.at_s


def test_poisson_gaps_spread_as_exponential_ones_do() -> None:
    times = [one.at_s for one in itertools.islice(arrivals(PLAN), 5_000)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    # A share of 1 - 1/e is shorter than the mean; equal gaps would give about a half.
    assert sum(gap < mean for gap in gaps) / len(gaps) == pytest.approx(1 - 1 / math.e, abs=0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0.0},
        {"rate": 1_001.0},
        {"rate": math.nan},
        {"amount_least": 0},
        {"amount_least": 101},
        {"amount_most": 10_001},
        {"wallets": 1},
        {"wallets": 33},
        {"duration_s": 0.5},
        {"duration_s": math.inf},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    check_traffic(PLAN)
    with pytest.raises(LocalFault) as caught:
        check_traffic(replace(PLAN, **wrong))
    assert caught.value.code is ErrorCode.CONFIG_INVALID


@pytest.mark.parametrize(
    "wrong",
    [{"payments": 0}, {"payments": 10_001}, {"at_once": 0}, {"at_once": 3}, {"wallets": 1}, {"wallets": 33}, {"warm_up": -1}, {"amount": 0}, {"amount": 1_001}],
)
def test_a_measurement_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    check_measure(MEASURE)
    with pytest.raises(LocalFault) as caught:
        check_measure(replace(MEASURE, **wrong))
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_the_richest_pay_and_the_others_are_paid() -> None:
    assert split_roles(["a", "b", "c"], {"a": 1, "b": 9, "c": 5}, 1) == (["b"], ["c", "a"])
    payers, payees = split_roles(["a", "b"], {"a": 1, "b": 9}, 2)
    assert sorted(payers) == sorted(payees) == ["a", "b"]
