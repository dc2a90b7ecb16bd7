"""A client that pays itself, claims it, and claims it again."""

from dataclasses import replace

from typing_extensions import override

from mesh_core.crypto.pedersen import commit
from mesh_core.protocol.construction import Draft, OpenedOutput, Payment, draft_receive
from mesh_core.types.basic import Hash32
from mesh_core.types.transition import OutputKey
from testnet.simulation.byzantine.client import MOST_SHARE, Client

ROUNDS_MOST = 3


class DoubleClaimer(Client):
    """An output can be claimed once: not in a later slot again, and not twice in one transition."""

    name = "double-claimer"

    @override
    async def run(self) -> None:
        for _ in range(ROUNDS_MOST):
            await self.pause(0.3, 2.0)
            draft = self.draft_payment([Payment(self.keys.address, self.draw.whole(1, self.opening.value // MOST_SHARE))])
            paid = await self._settle(draft)
            if paid is None:
                return
            own = OpenedOutput(OutputKey(paid, 0), draft.core.outputs[0].commitment, draft.output_openings[0])
            await self._try(self._claim([own, own]), "an output twice in one claim")
            if await self._settle(self._claim([own])) is None:
                return
            await self._try(self._claim([own]), "an output that is claimed already")

    def _claim(self, outputs: list[OpenedOutput]) -> Draft:
        draft = draft_receive(self.keys, self.world.genesis, self.state, self.opening, outputs[:1])
        if len(outputs) > 1:
            opening = draft.new_opening + outputs[1].opening
            core = replace(draft.core, claims=draft.core.claims * 2, new_balance=commit(opening))
            draft = replace(draft, core=core, new_opening=opening)
        self.world.ghost.on_draft(draft)
        return draft

    async def _settle(self, draft: Draft) -> Hash32 | None:
        """The certificate's id."""
        candidate = self.sign(draft)
        signers = await self.insist(candidate)
        if not self.is_quorum(signers):
            return None
        await self.deliver_to_all(candidate, signers)
        self.advance(candidate, draft.new_opening)
        return candidate.cert_id

    async def _try(self, draft: Draft, why: str) -> None:
        self.count("claimed twice")
        await self.try_forbidden(self.sign(draft), why)
