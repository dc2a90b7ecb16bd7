"""A short torture: processes are killed while payments go on, and every unit is where it belongs afterwards. `mesh-testnet torture` does it for longer."""

from pathlib import Path

import pytest

from testnet import torture as torture_module
from testnet.torture import ALLOCATION, torture

SECONDS = 10.0
WALLETS = 4
KILLS = 3
PAYMENTS = 10
"""At least; on a slow machine the torture takes longer until then."""


async def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    report = await torture(tmp_path / "home", seconds=SECONDS, seed=1, wallets_count=WALLETS, tell=said.append, kills_least=KILLS, payments_least=PAYMENTS)
    assert report.faults == []
    assert report.is_good
    assert report.validator_kills + report.wallet_kills >= KILLS
    assert report.payments_final >= PAYMENTS
    assert report.payments_ordered == report.payments_final + report.payments_interrupted
    assert (report.balances_sum, report.fee_pool) == (ALLOCATION * WALLETS - (report.fee_pool or 0), report.fee_pool)
    assert report.certificates is not None
    assert report.certificates > report.payments_final
    assert len(said) == 1


async def test_wallets_killed_again_and_again_lose_and_double_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the wallets as the only victims each kill hits payments in the middle."""
    monkeypatch.setattr(torture_module, "WALLETS_SHARE", 1.0)
    report = await torture(tmp_path / "home", seconds=SECONDS / 2, seed=2, wallets_count=WALLETS, tell=lambda _: None, kills_least=KILLS, payments_least=1)
    assert report.faults == []
    assert report.is_good
    assert (report.validator_kills, report.wallet_kills >= KILLS) == (0, True)
