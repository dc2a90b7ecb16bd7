"""The network that runs, as an event: what every screen must know before anything else makes sense."""

import time
from pathlib import Path

from mesh_core.protocol.genesis import Genesis
from testnet.child import Event


def network_event(genesis: Genesis, home: Path | None, t_ns: int | None = None) -> Event:
    """The `network` event of a home; without one, of a network that is simulated. `t_ns`: another clock than the machine's."""
    doc = genesis.doc
    return {
        "event": "network",
        "t_ns": time.monotonic_ns() if t_ns is None else t_ns,
        "name": doc.name,
        "network_id": genesis.network_id.hex(),
        "validators": [key.hex() for key in doc.validators],
        "supply": doc.supply,
        "fee_base": doc.fee_base,
        "fee_per_output": doc.fee_per_output,
        "home": "" if home is None else str(home),
    }
