"""Mutations of how certificates are applied."""

from mesh_core.protocol.ledger import Ledger
from mesh_core.types.transition import OutputKey


def keep_claimed_output() -> None:
    """RECEIVE does not delete the output that it claims."""

    def keep(self: Ledger, key: OutputKey) -> None:
        return

    Ledger._take_output = keep  # type: ignore[method-assign]
