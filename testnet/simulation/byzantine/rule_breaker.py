"""A client that breaks each of the nine rules in turn, as cleverly as its own key allows. No correct validator may vote for any of it."""

from collections.abc import Callable
from dataclasses import replace

from typing_extensions import override

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening, add_commitments, commit
from mesh_core.protocol.construction import Draft, Payment
from mesh_core.protocol.identifiers import Identified
from mesh_core.types.basic import Hash32
from mesh_core.types.transition import Claim, Kind, OutputKey
from testnet.attacks.forgeries import in_the_name_of, pretended_statement, with_more_left, with_negative_amount, with_other_self_memo
from testnet.simulation.byzantine.client import Client
from testnet.simulation.entropy import Stream
from testnet.simulation.proofs import prove_any
from testnet.simulation.world import World

STOLEN = 1_000
"""What is to be had from nothing."""


class RuleBreaker(Client):
    """One attempt after the other, each to all validators, until all were made or the run ends."""

    name = "rule-breaker"

    def __init__(self, world: World, keys: WalletKeys, draw: Stream) -> None:
        super().__init__(world, keys, draw)
        self._attempts: dict[str, Callable[[], Identified | None]] = {
            "another network": self._in_another_network,
            "somebody else's key": self._with_a_stolen_name,
            "a later slot": self._ahead,
            "another predecessor": self._on_another_head,
            "somebody else's output": self._claiming_what_is_not_ours,
            "an output that does not exist": self._claiming_nothing,
            "a lower fee": self._with_another_fee,
            "more than there is": self._unbalanced,
            "a negative amount": self._with_a_negative_amount,
            "a proof of another transition": self._with_a_used_proof,
        }

    @override
    async def run(self) -> None:
        for name in self.draw.sample(list(self._attempts), len(self._attempts)):
            await self.pause(0.2, 1.5)
            candidate = self._attempts[name]()
            if candidate is not None:
                self.count(f"rule broken: {name}")
                await self.try_forbidden(candidate, name)

    # --- The attempts

    def _draft(self) -> Draft:
        payee = self.draw.choice(self.world.wallets)
        return self.draft_payment([Payment(payee.keys.address, self.draw.whole(1, STOLEN))])

    def _in_another_network(self) -> Identified:
        draft = self._draft()
        return self.sign(replace(draft, core=replace(draft.core, network_id=Hash32(self.draw(32)))))

    def _with_a_stolen_name(self) -> Identified:
        draft = self._draft()
        victim = self.draw.choice(self.world.wallets)
        return self.sign(in_the_name_of(draft, victim.keys.owner))

    def _ahead(self) -> Identified:
        draft = self._draft()
        return self.sign(replace(draft, core=replace(draft.core, sequence=draft.core.sequence + 1)))

    def _on_another_head(self) -> Identified:
        draft = self._draft()
        return self.sign(replace(draft, core=replace(draft.core, prev=Hash32(self.draw(32)))))

    def _with_another_fee(self) -> Identified:
        """Balanced all the same."""
        draft = self._draft()
        fee = draft.core.fee + (1 if draft.core.fee == 0 else -1)
        opening = Opening(draft.new_opening.value + draft.core.fee - fee, draft.new_opening.blinding)
        return self.sign(Draft(replace(draft.core, fee=fee, new_balance=commit(opening)), opening, draft.output_openings))

    def _unbalanced(self) -> Identified:
        return self.sign(with_more_left(self._draft(), STOLEN))

    def _with_a_negative_amount(self) -> Identified:
        draft = with_negative_amount(self._draft())
        proof = self.world.proofs.prove(pretended_statement(draft), draft.new_opening, draft.output_openings, self.draw)
        return self.sign(draft, proof)

    def _with_a_used_proof(self) -> Identified:
        """The same commitments in another transition."""
        draft = self._draft()
        proof = prove_any(draft, self.world.proofs, self.draw)
        return self.sign(with_other_self_memo(draft, self.draw), proof)

    def _claiming_what_is_not_ours(self) -> Identified | None:
        """An output that waits for somebody else: its commitment is public, and the sum of commitments needs no opening."""
        for node in self.world.correct_validators:
            if node.runner is None:
                continue
            ledger = node.runner.machine.ledger
            for wallet in self.world.wallets:
                for key in ledger.outputs_of(wallet.keys.owner):
                    output = ledger.output(key)
                    if output is not None:
                        return self._claim(Claim(key.cert_id, key.index, output.commitment))
        return None

    def _claiming_nothing(self) -> Identified:
        key = OutputKey(Hash32(self.draw(32)), 0)
        return self._claim(Claim(key.cert_id, key.index, commit(Opening(STOLEN, 7))))

    def _claim(self, claim: Claim) -> Identified:
        draft = self._draft()
        core = replace(draft.core, kind=Kind.RECEIVE, fee=0, outputs=(), claims=(claim,), new_balance=add_commitments((self.state.balance, claim.commitment)))
        return self.sign(Draft(core, Opening(0, 0), ()), b"")
