"""With one validator killed, stopped or cut off, no payment waits for a time-out. How much slower it is, `bench_payments` measures.

Method: each of the wallet's time-outs that is a second or more is made so long here that no busy machine takes as long for a payment. So whatever waits for one
is seen.
"""

from functools import partial
from pathlib import Path

import pytest

from mesh_core.network import link
from mesh_core.network.link import LinkSettings
from mesh_core.wallet import asking, client, fetching
from mesh_core.wallet.client import ValidatorClient
from tests.e2e.bench_payments import CONDITIONS, measure

PAYMENTS = 3
TIMEOUT_S = 20.0


@pytest.fixture
def _long_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of connections, requests and questions."""
    settings = partial(LinkSettings, silence_s=TIMEOUT_S, connect_timeout_s=TIMEOUT_S, handshake_timeout_s=TIMEOUT_S)
    monkeypatch.setattr(link, "LinkSettings", settings)
    monkeypatch.setattr(client, "LinkSettings", settings)
    monkeypatch.setattr(ValidatorClient.request, "__defaults__", (TIMEOUT_S,))
    monkeypatch.setattr(asking, "QUERY_TIMEOUT_S", TIMEOUT_S)
    monkeypatch.setattr(fetching, "QUERY_TIMEOUT_S", TIMEOUT_S)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_long_timeouts")
async def test_no_payment_waits_for_a_validator_that_is_away(tmp_path: Path) -> None:
    """The first of them is made the moment it goes: nobody has noticed by then. Afterwards it is given everything, or the bench would not go on."""
    bench = await measure(tmp_path / "home", 1, PAYMENTS)
    assert {condition: len(times) for condition, times in bench.times.items()} == dict.fromkeys(CONDITIONS, PAYMENTS)
    assert [ms for times in bench.times.values() for ms in times if ms >= TIMEOUT_S * 1000] == []
