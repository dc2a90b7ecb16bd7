"""INV-17: what others can make grow stays within its limit."""

from collections import Counter

from typing_extensions import override

from mesh_core.protocol.parking import MAX_PARKED_COUNT
from mesh_core.types.basic import PublicKey
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.validator_node import ValidatorNode


class Bounds(Checker):
    """A validator holds one undecided vote of an account, and parks no more certificates than it may.

    A database that was restored beside the journal, or has lost its last commit, has forgotten certificates, and not the votes in the slots behind them:
    there may be one vote more for each slot that somebody can certify and that is not applied here.
    """

    name = "INV-17"

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        if node.runner is None or node.is_faulty:
            return
        machine = node.runner.machine
        for sender, count in Counter(sender for sender, _ in machine.votes.locks).items():
            if count > 1 and count > 1 + self._forgotten_count(sender, machine.ledger.account_or_zero(sender).sequence):
                self.violated(f"{node.name} holds {count} undecided votes of one account")
        if machine.parked_count > MAX_PARKED_COUNT:
            self.violated(f"{node.name} has parked {machine.parked_count} certificates")

    def _forgotten_count(self, sender: PublicKey, sequence: int) -> int:
        """Slots of an account from this one on for which there are, or can be, certificates."""
        last = sequence
        while self.world.ghost.certifiable((sender, last)):
            last += 1
        return last - sequence
