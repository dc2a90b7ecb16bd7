"""The network that runs, as an event: what every screen must know before anything else makes sense."""

import time
from pathlib import Path

from mesh_core.protocol.genesis import Genesis
from testnet.child import Event


def network_event(genesis: Genesis, home: Path) -> Event:
    """The `network` event of a home."""
    doc = genesis.doc
    return {
        "event": "network",
        "t_ns": time.monotonic_ns(),
        "name": doc.name,
        "network_id": genesis.network_id.hex(),
        "validators": [key.hex() for key in doc.validators],
        "supply": doc.supply,
        "fee_base": doc.fee_base,
        "fee_per_output": doc.fee_per_output,
        "home": str(home),
    }
