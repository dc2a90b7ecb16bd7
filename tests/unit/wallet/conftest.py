"""A home and a network for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.wallet.bench import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Four validators, no wallet so far. All wallets are closed at the end."""
    made = Bench(tmp_path / "wallets")
    yield made
    await made.close()
