"""INV-17: what others can make grow stays within its limit."""

from collections import Counter

from typing_extensions import override

from mesh_core.protocol.parking import MAX_PARKED_COUNT
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.validator_node import ValidatorNode


class Bounds(Checker):
    """A validator has one undecided vote for each account at most that exists or could begin to, and parks no more than it may."""

    name = "INV-17"

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        if node.runner is None or node.is_faulty:
            return
        machine = node.runner.machine
        # A database that was restored remembers an older vote of an account beside the newest one, which the journal knows.
        most = 1 if node.disk.replaced_count == 0 else 2
        several = Counter(sender for sender, _ in machine.votes.locks)
        if several and max(several.values()) > most:
            self.violated(f"{node.name} holds {max(several.values())} undecided votes of one account")
        if machine.parked_count > MAX_PARKED_COUNT:
            self.violated(f"{node.name} has parked {machine.parked_count} certificates")
