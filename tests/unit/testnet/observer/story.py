"""What a real observer tells of real machines: two payments and a claim, looked at from all sides; as it went through a pipe."""

import json
from typing import Any

from tests.cluster import Cluster
from tests.unit.network.peers import eventually
from tests.unit.testnet.observer.machines import Observed

Event = dict[str, Any]


async def observe() -> list[Event]:
    """Log, certificates, checks, Bob's account, outputs, a comparison, and one with V4 silent."""
    cluster = Cluster()
    alice, bob = cluster.account("alice"), cluster.account("bob")
    first = cluster.pay(alice, (bob, 500))
    cluster.claim(bob, first)
    cluster.pay(alice, (bob, 7))
    observed = Observed(cluster)
    observed.observer.start()
    await observed.observer.perform({"command": "watch", "validator": None})
    await eventually(observed.is_read)
    rows = observed.rows()
    for command in (
        *({"command": "certificate", "cert_id": row["cert_id"]} for row in rows),
        {"command": "verify", "cert_id": rows[0]["cert_id"]},
        {"command": "account", "owner": bob.keys.owner.hex(), "end": None},
        {"command": "outputs"},
        {"command": "compare"},
    ):
        await observed.observer.perform(command)
    observed.sights.silent = {3}
    observed.sights.look()
    await observed.observer.perform({"command": "compare"})
    await observed.observer.close()
    found: list[Event] = [json.loads(json.dumps(event)) for event in observed.events]
    return found
