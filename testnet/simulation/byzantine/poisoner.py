"""A client that pays with memos that do not open."""

from dataclasses import replace

from typing_extensions import override

from mesh_core.protocol.construction import Draft, Payment
from mesh_core.types.transition import Output
from testnet.attacks.forgeries import with_noise_for_memo
from testnet.simulation.byzantine.client import MOST_SHARE, Client

ROUNDS_MOST = 3


class Poisoner(Client):
    """Burns its own money, in front of wallets that must neither claim what they cannot open nor stop over it."""

    name = "poisoner"

    @override
    async def run(self) -> None:
        for _ in range(ROUNDS_MOST):
            await self.pause(0.3, 2.0)
            draft = self._poisoned()
            self.count("poison memo")
            candidate = self.sign(draft)
            signers = await self.insist(candidate)
            if not self.is_quorum(signers):
                return
            await self.deliver_to_all(candidate, signers)
            self.advance(candidate, draft.new_opening)

    def _poisoned(self) -> Draft:
        """Noise in the place of one memo, and in two others' each other's; a good one among them."""
        payees = self.draw.sample(self.world.wallets, 4)
        most = self.opening.value // (MOST_SHARE * len(payees))
        draft = self.draft_payment([Payment(payee.keys.address, self.draw.whole(1, most)) for payee in payees])
        noise, one, other, good = with_noise_for_memo(draft, 0, self.draw).core.outputs
        outputs = (noise, _with_memo_of(one, other), _with_memo_of(other, one), good)
        return replace(draft, core=replace(draft.core, outputs=outputs))


def _with_memo_of(output: Output, other: Output) -> Output:
    return replace(output, eph_pk=other.eph_pk, memo=other.memo)
