"""A client that signs two transitions for one slot and splits the validators between them."""

import asyncio

from typing_extensions import override

from mesh_core.crypto.pedersen import Opening
from mesh_core.protocol.certificates import build_certificate
from mesh_core.protocol.identifiers import Identified
from mesh_core.types.basic import PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE
from testnet.simulation.byzantine.client import Client

ROUNDS_MOST = 4
DELAYS_S = (0.0, 0.02, 2.0)


class Equivocator(Client):
    """Double spends as long as its account moves on. Validators that are with it vote for both; the others are asked all the same."""

    name = "equivocator"

    @override
    async def run(self) -> None:
        for _ in range(ROUNDS_MOST):
            await self.pause(0.5, 3.0)
            if not await self._spend_twice():
                return

    async def _spend_twice(self) -> bool:
        """One slot, two transitions. Whether one of them was certified, so that the account goes on."""
        rivals = [self._make(), self._make()]
        self.count("client-equivocation")
        votes: list[dict[PublicKey, Signature]] = [{}, {}]
        await asyncio.gather(*(self._ask(validator, rivals[which][0], votes[which], delay) for validator, which, delay in self._questions()))
        certified = False
        for (candidate, opening), gathered in zip(rivals, votes, strict=True):
            if len(gathered) < self.world.genesis.committee.quorum_threshold:
                continue
            # To one validator only: the others must learn of it from that one.
            one = self.draw.choice([node.index for node in self.world.correct_validators])
            await self.deliver(one, CERTIFICATE.encode(build_certificate(candidate.transition, gathered, self.world.genesis.committee)))
            self.advance(candidate, opening)
            certified = True
        return certified

    def _make(self) -> tuple[Identified, Opening]:
        draft = self.draft_payment()
        return self.sign(draft), draft.new_opening

    def _questions(self) -> list[tuple[int, int, float]]:
        """Which validator is asked for which of the two, and when: first some for the one and the others for the other, then each for what it was not asked."""
        first = self.draw.whole(1, len(self.links) - 1)
        order = self.draw.sample(range(len(self.links)), len(self.links))
        split = [(validator, 0 if position < first else 1) for position, validator in enumerate(order)]
        again = self.draw.choice(DELAYS_S)
        return [(validator, which, 0.0) for validator, which in split] + [(validator, 1 - which, self.draw.between(0.0, again)) for validator, which in split]

    async def _ask(self, validator: int, candidate: Identified, votes: dict[PublicKey, Signature], delay: float) -> None:
        await asyncio.sleep(delay)
        await self.ask_for_vote(validator, candidate, votes)
