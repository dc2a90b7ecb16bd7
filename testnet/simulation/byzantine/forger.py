"""A client that makes certificates out of fewer votes than a quorum."""

from dataclasses import replace

from typing_extensions import override

from mesh_core.protocol.identifiers import Identified
from mesh_core.types.basic import Signature
from mesh_core.types.certificate import SIGNER, Signer
from mesh_core.types.messages import SettlementCertificate
from testnet.simulation.byzantine.client import Client, encode_certificate
from testnet.simulation.entropy import Stream

ROUNDS_MOST = 3
ABSENT_INDEX = 200


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


def forge_certificates(candidate: Identified, signer: Signer, quorum: int, draw: Stream) -> list[bytes]:
    """Certificates with one true vote: repeated, alone, beside others' votes that are none, beside votes of nobody."""
    alone = encode_certificate(candidate, [signer])
    index = signer.validator_index
    others = [Signer(other, signer.signature) for other in range(quorum + 1) if other != index][: quorum - 1]
    made_up = [replace(other, signature=Signature(draw(64))) for other in others]
    absent = [Signer(ABSENT_INDEX + number, signer.signature) for number in range(quorum - 1)]
    return [
        repeat_signer(alone, quorum),
        alone,
        encode_certificate(candidate, sorted([signer, *others], key=lambda one: one.validator_index)),
        encode_certificate(candidate, sorted([signer, *made_up], key=lambda one: one.validator_index)),
        encode_certificate(candidate, [signer, *absent]),
    ]


def repeat_signer(alone: bytes, times: int) -> bytes:
    """The bytes of a certificate with one vote, with that vote so many times. No encoder of ours would write them."""
    vote = SIGNER.encode(Signer(0, Signature(bytes(64))))
    return alone[: -len(vote) - 1] + bytes((times,)) + alone[-len(vote) :] * times
