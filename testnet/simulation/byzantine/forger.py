"""A client that makes certificates out of fewer votes than a quorum."""

from typing_extensions import override

from mesh_core.protocol.identifiers import Identified
from mesh_core.types.certificate import Signer
from mesh_core.types.messages import SettlementCertificate
from testnet.attacks.forgeries import forge_certificates
from testnet.simulation.byzantine.client import Client

ROUNDS_MOST = 3


class Forger(Client):
    """Has one validator's vote, and offers certificates that count it three times, or fill up with what is none. Afterwards it pays honestly."""

    name = "forger"

    @override
    async def run(self) -> None:
        for _ in range(ROUNDS_MOST):
            await self.pause(0.3, 2.0)
            draft = self.draft_payment()
            candidate = self.sign(draft)
            await self._forge(candidate)
            signers = await self.insist(candidate)
            if not self.is_quorum(signers):
                return
            await self.deliver_to_all(candidate, signers)
            self.advance(candidate, draft.new_opening)

    async def _forge(self, candidate: Identified) -> None:
        votes = await self.ask_for_votes(candidate, [self.draw.whole(0, len(self.links) - 1)])
        for validator, signature in votes.items():
            signer = Signer(self.world.genesis.committee.validators.index(validator), signature)
            for data in forge_certificates(candidate, signer, self.world.genesis.committee.quorum_threshold, self.draw):
                self.count("forged certificate")
                await self.ask(self.draw.whole(0, len(self.links) - 1), SettlementCertificate(0, data))
