"""Whether something grows, and what a soak makes of its samples."""

import math

import pytest

from testnet.bench.report import tables_of
from testnet.bench.results import Result
from testnet.bench.soak import disk_of_certificate, worst
from testnet.bench.tables import as_text
from testnet.bench.trend import Verdict, fit, judge
from testnet.cli import main

MIB = 2**20


def samples(per_hour: float, *, minutes: int = 60, noise: float = 0.0) -> list[tuple[float, float]]:
    """One a five seconds, of 60 MiB that grow; the first minute takes ten MiB more at once, as a start does."""
    found = []
    for step in range(minutes * 12):
        at_s = 5.0 * step
        start = 10 * MIB * min(1.0, at_s / 60)
        found.append((at_s, 50 * MIB + start + per_hour * at_s / 3600 + noise * math.sin(step)))
    return found


def test_constant_memory_is_flat_also_behind_a_start_that_grows() -> None:
    trend = fit(samples(0.0, noise=100_000.0))
    assert trend is not None
    assert trend.verdict is Verdict.FLAT
    assert abs(trend.per_hour) < 0.2 * MIB


def test_leak_is_found_and_measured() -> None:
    trend = fit(samples(3 * MIB, noise=100_000.0))
    assert trend is not None
    assert trend.verdict is Verdict.GROWS
    assert trend.per_hour == pytest.approx(3 * MIB, rel=0.1)
    assert trend.low <= trend.per_hour <= trend.high


def test_run_that_is_too_short_says_so() -> None:
    assert fit([]) is None
    assert fit(samples(3 * MIB, minutes=4)) is None, "all of it is warm-up"
    jumping = [(at_s, 60 * MIB + (2 * MIB if int(at_s) // 100 % 2 else 0)) for at_s in range(0, 1800, 5)]
    trend = fit([(float(at_s), float(size)) for at_s, size in jumping])
    assert trend is not None
    assert trend.low < 0 < trend.high
    assert trend.verdict is Verdict.UNDECIDED


def test_verdict_looks_at_both_ends_of_the_interval() -> None:
    assert judge(-1.0, 1.9, 100.0) is Verdict.FLAT
    assert judge(1.9, 2.1, 100.0) is Verdict.UNDECIDED
    assert judge(2.1, 3.0, 100.0) is Verdict.GROWS


def test_one_that_grows_decides() -> None:
    assert worst([Verdict.FLAT, Verdict.GROWS, Verdict.UNDECIDED]) is Verdict.GROWS
    assert worst([Verdict.FLAT, Verdict.UNDECIDED]) is Verdict.UNDECIDED
    assert worst([Verdict.FLAT]) is Verdict.FLAT
    assert worst([]) is Verdict.UNDECIDED


def test_disk_is_counted_for_each_validator() -> None:
    assert disk_of_certificate([(0.0, 10, 1000), (5.0, 30, 9000)], 4) == 100.0
    assert disk_of_certificate([(0.0, 10, 1000), (5.0, 10, 9000)], 4) is None
    assert disk_of_certificate([], 4) is None


def test_table_of_an_early_end() -> None:
    memory = {"V1": {"first_rss": MIB, "last_rss": 2 * MIB, "most_rss": 2 * MIB, "first_pss": MIB, "last_pss": MIB}}
    figures = {
        "minutes": 0.5,
        "payments": 7,
        "skipped": 0,
        "failures": [],
        "p50_ms": 20.0,
        "p99_ms": 40.0,
        "certificates": 12,
        "disk_of_certificate_bytes": None,
        "memory": memory,
        "trends": {"V1": None},
        "verdict": "undecided",
        "is_right": True,
    }
    text = as_text(tables_of(Result("soak", "2026-11-23", "x", 0, {}, {"rate": 5.0}, figures)))
    assert "too short a run to decide" in text
    assert "too short" in text


@pytest.mark.parametrize("options", [["--minutes", "0"], ["--rate", "0"], ["--wallets", "1"], ["--every", "0"]])
def test_nothing_to_measure_is_wrong_usage(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "soak", *options])
    assert ended.value.code == 2
