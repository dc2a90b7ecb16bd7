"""A client that pays honestly and hands its certificates out oddly: one with other votes to each validator, or one to a single validator."""

import asyncio
from itertools import combinations, islice

from typing_extensions import override

from mesh_core.protocol.identifiers import Identified
from mesh_core.types.certificate import Signer
from testnet.attacks.forgeries import encode_certificate
from testnet.simulation.byzantine.client import Client

ROUNDS_MOST = 4
SETS_MOST = 64
"""Of 64 validators, 10^16 sets are quorums."""


class Splitter(Client):
    """One payment has one id, whoever assembled its certificate, and reaches everybody from whomever it was given to."""

    name = "splitter"

    @override
    async def run(self) -> None:
        for _ in range(ROUNDS_MOST):
            await self.pause(0.3, 2.0)
            draft = self.draft_payment()
            candidate = self.sign(draft)
            signers = await self.insist(candidate)
            if not self.is_quorum(signers):
                return
            if self.draw.chance(0.3):
                await self._deliver_to_one(candidate, signers)
            else:
                await self._deliver_different(candidate, signers)
            self.advance(candidate, draft.new_opening)

    async def _deliver_to_one(self, candidate: Identified, signers: list[Signer]) -> None:
        self.count("certificate to one validator")
        await self.deliver(self.draw.choice([node.index for node in self.world.correct_validators]), encode_certificate(candidate, signers))

    async def _deliver_different(self, candidate: Identified, signers: list[Signer]) -> None:
        """Each gets another set of votes, as far as there are others: all of them, or any quorum among them."""
        self.count("certificates with different votes")
        sets = [signers, *islice(combinations(signers, self.world.genesis.committee.quorum_threshold), SETS_MOST)]
        chosen = self.draw.sample(sets, len(sets))
        several = [encode_certificate(candidate, chosen[index % len(chosen)]) for index in range(len(self.links))]
        await asyncio.gather(*(self.deliver(index, data) for index, data in enumerate(several)))
