"""With one validator killed, stopped or cut off, no payment waits for a time-out. How much slower it is, `bench_payments` measures."""

from pathlib import Path

import pytest

from tests.e2e.bench_payments import CONDITIONS, TIMEOUT_MS, measure

PAYMENTS = 3


@pytest.mark.slow
async def test_no_payment_waits_for_a_validator_that_is_away(tmp_path: Path) -> None:
    """The first of them is made the moment it goes: nobody has noticed by then. Afterwards it is given everything, or the bench would not go on."""
    bench = await measure(tmp_path / "home", 1, PAYMENTS)
    assert {condition: len(times) for condition, times in bench.times.items()} == dict.fromkeys(CONDITIONS, PAYMENTS)
    assert [ms for times in bench.times.values() for ms in times if ms >= TIMEOUT_MS] == []
