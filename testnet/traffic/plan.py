"""What traffic and measurements are made of, decided before the first payment: when, how much, to whom. Pure, and the same for the same seed."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from testnet.simulation.entropy import Stream

RATE_MOST: Final = 1_000.0
RATE_LEAST: Final = 0.01
WALLETS_LEAST: Final = 2
WALLETS_MOST: Final = 32
AMOUNT_MOST: Final = 10_000
DURATION_MOST_S: Final = 7 * 24 * 3600.0
PAYMENTS_MOST: Final = 10_000
WARM_UP_MOST: Final = 1_000
MEASURED_AMOUNT_MOST: Final = 1_000


class Arrivals(StrEnum):
    """How payments are spread over time. Poisson: as if many people paid independently; steady: one after the other at equal distances."""

    POISSON = "poisson"
    STEADY = "steady"


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """`rate` payments a second, of `amount_least` to `amount_most` units, by `wallets` wallets, for `duration_s` seconds or until stopped (None).

    `to` is who gets them: an address, or nothing where the wallets pay each other.
    """

    rate: float
    arrivals: Arrivals
    amount_least: int
    amount_most: int
    wallets: int
    duration_s: float | None
    seed: int
    to: str = ""


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """`payments` of `amount` units, `at_once` of them at any time, after `warm_up` others that do not count. Some of the `wallets` pay, the others are paid."""

    payments: int
    at_once: int
    wallets: int
    warm_up: int
    amount: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One payment: `at_s` seconds after the start. `lot` decides among whom is there then."""

    at_s: float
    amount: int
    lot: float


def check_traffic(plan: TrafficPlan) -> None:
    """LocalFault (CONFIG_INVALID) with words for whoever entered it."""
    _require(RATE_LEAST <= plan.rate <= RATE_MOST, f"the rate is {RATE_LEAST:g} to {RATE_MOST:g} payments a second")
    _require(1 <= plan.amount_least <= plan.amount_most <= AMOUNT_MOST, f"amounts are 1 to {AMOUNT_MOST:,} units, the smallest first")
    _require_wallets(plan.wallets)
    _require(plan.duration_s is None or 1 <= plan.duration_s <= DURATION_MOST_S, f"traffic lasts 1 to {DURATION_MOST_S:,.0f} seconds, or until it is stopped")


def check_measure(plan: MeasurePlan) -> None:
    """LocalFault (CONFIG_INVALID) with words for whoever entered it."""
    _require(1 <= plan.payments <= PAYMENTS_MOST, f"1 to {PAYMENTS_MOST:,} payments are measured")
    _require_wallets(plan.wallets)
    _require(1 <= plan.at_once <= plan.wallets, "at once at least 1, and at most as many as there are wallets: one wallet pays one after the other")
    _require(0 <= plan.warm_up <= WARM_UP_MOST, f"the warm-up is 0 to {WARM_UP_MOST:,} payments")
    _require(1 <= plan.amount <= MEASURED_AMOUNT_MOST, f"the amount is 1 to {MEASURED_AMOUNT_MOST:,} units")


def arrivals(plan: TrafficPlan) -> Iterator[Arrival]:
    """All payments of a plan, in time order; without end where the plan has none."""
    amounts, lots = Stream(f"traffic/{plan.seed}/amounts"), Stream(f"traffic/{plan.seed}/lots")
    for at_s in _times(plan):
        if plan.duration_s is not None and at_s >= plan.duration_s:
            return
        yield Arrival(at_s, amounts.whole(plan.amount_least, plan.amount_most), lots.unit())


def _times(plan: TrafficPlan) -> Iterator[float]:
    if plan.arrivals is Arrivals.STEADY:
        yield from (number / plan.rate for number in itertools.count())
        return
    gaps = Stream(f"traffic/{plan.seed}/arrivals")
    at_s = 0.0
    while True:
        # Exponential: the time to the next of many independent arrivals.
        at_s += -math.log1p(-gaps.unit()) / plan.rate
        yield at_s


def split_roles(names: list[str], balances: dict[str, int], at_once: int) -> tuple[list[str], list[str]]:
    """Who pays and who is paid in a measurement: the richest pay, so that money comes round again; where all pay, all are paid."""
    richest_first = sorted(names, key=lambda name: (-balances[name], names.index(name)))
    return richest_first[:at_once], richest_first[at_once:] or richest_first


def _require_wallets(wallets: int) -> None:
    _require(WALLETS_LEAST <= wallets <= WALLETS_MOST, f"{WALLETS_LEAST} to {WALLETS_MOST} wallets")


def _require(is_right: bool, words: str) -> None:
    if not is_right:
        raise LocalFault(ErrorCode.CONFIG_INVALID, words)
