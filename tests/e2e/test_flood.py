"""A flood from one address, real processes: whoever pays from another address is served, and no validator's memory grows with it.

How fast is measured by `bench_flood.py`; here nothing depends on time.
"""

import json
from pathlib import Path

import pytest

from mesh_core.network.admission import AdmissionLimits
from tests.e2e.address_flood import KINDS
from tests.e2e.bench_flood import Flood, flooding, largest
from tests.e2e.local_network import LocalNetwork
from tests.unit.network.peers import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the flood needs a second loopback address, memory is read from /proc")

PATIENCE_S = 60.0
GROWTH_MIB = 60.0
"""Far above what was measured (10), far below what unbounded queues would take in these seconds."""


def met(flood: Flood, words: str) -> int:
    return sum(count for name, count in flood.counts.items() if words in name)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "sign", "count"), [("half-open", "closed", 64), ("oversize", "TOO_LARGE", 40), ("proofs", "RANGE_PROOF", 64)])
async def test_flood_is_met_and_payments_go_on(tmp_path: Path, kind: str, sign: str, count: int) -> None:
    assert kind in KINDS
    network = LocalNetwork(tmp_path / "home", {"alice": 10_000, "bob": 0} | {f"forging{number}": 1000 for number in range(8)})
    async with network.supervisor, network.wallets() as wallets:
        await network.supervisor.start_all()
        await wallets.pay("alice", "bob", 1, "before")
        before = largest(network)
        async with flooding(network, [kind]) as flood:
            await eventually(lambda: met(flood, sign) > 0, within_s=PATIENCE_S)
            for _ in range(3):
                await wallets.pay("alice", "bob", 1, "during")
            await eventually(lambda: met(flood, sign) >= count, within_s=PATIENCE_S)
            await wallets.pay("alice", "bob", 1, "still")
            assert largest(network) < before + GROWTH_MIB
            connections = [status["connections_count"] for status in network.statuses().values()]
            assert max(connections) <= AdmissionLimits().connections_per_source + 32, json.dumps(connections)
        # A wallet claims what has come in by then with one certificate, so their number says nothing.
        alice, bob = wallets.wallet("alice"), wallets.wallet("bob")
        await network.until_at_rest(alice, bob)
        assert (alice.account.state.sequence, bob.account.balance.spendable) == (5, 5)
        assert {status["supply_audit"] for status in network.statuses().values()} == {True}
        # Whoever flooded is forgotten when it has gone.
        await network.until(lambda: max(status["connections_count"] for status in network.statuses().values()) <= 16)
        assert [event for event in network.events if event["event"] in {"fatal", "safety_alarm", "equivocation"}] == []
        assert all("Traceback" not in network.folder.validator(index).log.read_text() for index in range(4))
