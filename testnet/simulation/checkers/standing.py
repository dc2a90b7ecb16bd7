"""A validator that nothing befell neither stops voting for good nor sees a conflict of certificates. Part of LIV-1: a quorum of them is needed."""

from typing_extensions import override

from testnet.simulation.checkers.checker import Checker
from testnet.simulation.validator_node import ValidatorNode


class Standing(Checker):
    """Quarantine is for validators whose disks have lost votes; nobody is ever halted while agreement holds."""

    name = "LIV-1"
    needs_agreement = True

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        self._look(node)

    @override
    def at_end(self) -> None:
        for node in self.world.validators:
            self._look(node)

    def _look(self, node: ValidatorNode) -> None:
        if node.runner is None:
            return
        machine = node.runner.machine
        if machine.halted:
            self.violated(f"{node.name} has halted")
        if machine.quarantine is not None and not node.has_lost_votes and not node.is_faulty:
            self.violated(f"{node.name} is in quarantine, and has lost nothing: {machine.quarantine}")
