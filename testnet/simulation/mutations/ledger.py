"""Mutations of how certificates are applied and made durable."""

import asyncio
from collections.abc import Sequence

from mesh_core.protocol.effects import Record
from mesh_core.protocol.ledger import Ledger
from mesh_core.types.transition import OutputKey
from testnet.simulation.stores import SimulatedValidatorStore


def keep_claimed_output() -> None:
    """RECEIVE does not delete the output that it claims."""

    def keep(self: Ledger, key: OutputKey) -> None:
        return

    Ledger._take_output = keep  # type: ignore[method-assign]


def apply_in_two_steps() -> None:
    """The records of one certificate become durable in two commits."""
    real = SimulatedValidatorStore.persist

    def in_two(self: SimulatedValidatorStore, records: Sequence[Record], journal: Sequence[bytes] = ()) -> "asyncio.Future[None]":
        first = real(self, records[: len(records) // 2], journal)
        second: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go_on(_: object) -> None:
            real(self, records[len(records) // 2 :]).add_done_callback(lambda done: second.set_result(None) if done.exception() is None else None)

        for key, value in records[len(records) // 2 :]:
            self.writer.show(key, value)
        first.add_done_callback(go_on)
        return second

    SimulatedValidatorStore.persist = in_two  # type: ignore[method-assign]
