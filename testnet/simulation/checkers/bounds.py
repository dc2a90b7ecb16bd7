"""INV-17: what others can make grow stays within its limit."""

from collections import Counter

from typing_extensions import override

from mesh_core.protocol.parking import MAX_PARKED_COUNT
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.validator_node import ValidatorNode

MOST_VOTES_OF_ACCOUNT = 2
"""One that the database remembers, and a newer one that only the journal knows, where the commit that held both that vote and the certificate was lost."""


class Bounds(Checker):
    """A validator holds undecided votes of an account in its next slot only, or in two after a loss, and parks no more certificates than it may."""

    name = "INV-17"

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        if node.runner is None or node.is_faulty:
            return
        machine = node.runner.machine
        several = Counter(sender for sender, _ in machine.votes.locks)
        if several and max(several.values()) > MOST_VOTES_OF_ACCOUNT:
            self.violated(f"{node.name} holds {max(several.values())} undecided votes of one account")
        if machine.parked_count > MAX_PARKED_COUNT:
            self.violated(f"{node.name} has parked {machine.parked_count} certificates")
