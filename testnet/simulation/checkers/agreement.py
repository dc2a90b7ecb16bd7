"""INV-3, INV-4 and LIV-6: one slot, one transition. No two certificates can be formed for it; no correct validator votes for two, and it repeats its vote."""

from typing_extensions import override

from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.types.certificate import Vote
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.ghost import Slot
from testnet.simulation.network import Sent, Way
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World


class Agreement(Checker):
    """Among all certificates that anybody has, or could form from votes that were sent, one slot has one transition."""

    name = "INV-3"

    @override
    def on_sent(self, sent: Sent) -> None:
        vote = sent.vote
        if vote is None:
            return
        slot = vote.statement.sender, vote.statement.sequence
        ids = self.world.ghost.certifiable(slot)
        if len(ids) > 1 and self.world.is_agreement_promised:
            self.violated(f"two transitions of slot {slot[1]} of {slot[0].hex()[:16]} can be certified: {ids[0].hex()[:16]} and {ids[1].hex()[:16]}")


class Voters(Checker):
    """A certificate that a correct validator applies bears the votes of a quorum of different validators, each of which has sent its vote, or is faulty."""

    name = "INV-3"

    @override
    def on_applied(self, node: ValidatorNode, index: int, checked: CheckedCertificate) -> None:
        slot = checked.core.sender, checked.core.sequence
        voted = self.world.ghost.votes.get(slot, {}).get(checked.transition_id, set())
        faulty = {validator.index for validator in self.world.validators if validator.is_faulty}
        signers = {vote.validator_index for vote in checked.certificate.votes}
        if not node.is_faulty and len(signers & (voted | faulty)) < self.world.genesis.committee.quorum_threshold:
            self.violated(f"{node.name} applied {checked.cert_id.hex()[:16]}, which {len(signers & voted)} validators have voted for")


class NoDoubleVote(Checker):
    """The votes that a correct validator has ever sent, over all its lives, hold one transition for each slot."""

    name = "INV-4"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._voted: dict[tuple[str, Slot], Vote] = {}

    @override
    def on_sent(self, sent: Sent) -> None:
        vote = sent.vote if sent.way is Way.ANSWER else None
        if vote is None or not self.world.is_correct(sent.sender.name):
            return
        statement = vote.statement
        slot = f"slot {statement.sequence} of {statement.sender.hex()[:16]}"
        first = self._voted.setdefault((sent.sender.name, (statement.sender, statement.sequence)), vote)
        if first.statement != statement:
            ids = f"{first.statement.transition_id.hex()[:16]} and for {statement.transition_id.hex()[:16]}"
            self.violated(f"{sent.sender.name} voted for {ids} in {slot}")
        elif first.signature != vote.signature:
            self.violated(f"{sent.sender.name} repeated its vote in {slot} with other bytes", "LIV-6")
