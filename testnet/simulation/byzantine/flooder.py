"""A client that asks for votes with proofs that prove nothing, as fast as it gets answers, before and after everything else is healed."""

import asyncio

from typing_extensions import override

from mesh_core.protocol.construction import Draft
from mesh_core.protocol.identifiers import Identified
from testnet.simulation.byzantine.client import Client
from testnet.simulation.proofs import prove_any

BURSTS_MOST = 30
BURST = 4
"""So many different transitions at a time, each to all validators."""


class Flooder(Client):
    """Every rule but the last holds, so each request costs a verification unless the validator has had enough of this account."""

    name = "flooder"

    @override
    async def run(self) -> None:
        draft = self.draft_payment()
        size = len(prove_any(draft, self.world.proofs, self.draw))
        for _ in range(BURSTS_MOST):
            await self.pause(0.2, 1.0)
            several = [self._make(draft, size) for _ in range(BURST)]
            for candidate in several:
                self.count("invalid proof")
                self.forbid(candidate, "a proof that proves nothing")
            await asyncio.gather(*(self.ask_for_votes(candidate) for candidate in several))

    def _make(self, draft: Draft, size: int) -> Identified:
        """Another proof makes another transition. One slot, signed often: no honest owner does that either."""
        return self.sign(draft, self.draw(size))
