"""INV-3 and INV-4: one slot, one transition. No two certificates can be formed for a slot, and no correct validator ever votes twice there."""

from typing_extensions import override

from mesh_core.types.basic import Hash32
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.ghost import Slot
from testnet.simulation.network import Sent, Way
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


class NoDoubleVote(Checker):
    """The votes that a correct validator has ever sent, over all its lives, hold one transition for each slot."""

    name = "INV-4"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._voted: dict[tuple[str, Slot], Hash32] = {}

    @override
    def on_sent(self, sent: Sent) -> None:
        vote = sent.vote if sent.way is Way.ANSWER else None
        if vote is None or not self.world.is_correct(sent.sender.name):
            return
        statement = vote.statement
        key = sent.sender.name, (statement.sender, statement.sequence)
        first = self._voted.setdefault(key, statement.transition_id)
        if first != statement.transition_id:
            self.violated(
                f"{sent.sender.name} voted for {first.hex()[:16]} and for {statement.transition_id.hex()[:16]} in slot {statement.sequence} "
                f"of {statement.sender.hex()[:16]}"
            )
