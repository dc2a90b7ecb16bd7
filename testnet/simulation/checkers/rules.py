"""INV-14, the part that a single vote shows: what breaks one of the nine rules gets no vote of a correct validator."""

from typing_extensions import override

from testnet.simulation.checkers.checker import Checker
from testnet.simulation.network import Sent, Way


class Rules(Checker):
    """The clients that break rules tell the ghost what they ask for; nothing of it may come back signed."""

    name = "INV-14"

    @override
    def on_sent(self, sent: Sent) -> None:
        vote = sent.vote if sent.way is Way.ANSWER else None
        if vote is None or not self.world.is_correct(sent.sender.name):
            return
        name = self.world.ghost.forbidden.get(vote.statement.transition_id)
        if name is not None:
            self.violated(f"{sent.sender.name} voted for a transition with {name}")
