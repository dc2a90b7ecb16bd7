"""INV-1 and INV-2: nobody mints, nobody burns. As a group equation that needs no opening, and in plain numbers with the openings that the ghost knows."""

from typing_extensions import override

from testnet.simulation.checkers.checker import Checker
from testnet.simulation.validator_node import ValidatorNode


class Conservation(Checker):
    """`sum(balance) + sum(claimable) == (supply - fee_pool) * G`, at every correct validator after every change."""

    name = "INV-1"

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        if node.runner is not None and not node.runner.machine.ledger.audit_supply():
            self.violated(f"at {node.name} the commitments do not add up to the supply")


class PlainConservation(Checker):
    """The same in integers, and every balance and every claimable amount is in [0, supply]."""

    name = "INV-2"

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        if node.runner is None:
            return
        ledger = node.runner.machine.ledger
        openings = self.world.ghost.openings
        supply = ledger.genesis.doc.supply
        total = 0
        for owner in self.world.owners:
            account = ledger.account(owner)
            commitments = [] if account is None else [account.balance]
            outputs = [ledger.output(key) for key in ledger.outputs_of(owner)]
            commitments += [output.commitment for output in outputs if output is not None]
            for commitment in commitments:
                opening = openings.get(commitment)
                if opening is None:
                    self.violated(f"at {node.name} the account {owner.hex()[:16]} holds a commitment that nobody has opened")
                    return
                if not 0 <= opening.value <= supply:
                    self.violated(f"at {node.name} the account {owner.hex()[:16]} holds {opening.value} of a supply of {supply}")
                total += opening.value
        if total != supply - ledger.globals.fee_pool:
            self.violated(f"at {node.name} {total} is held, {supply - ledger.globals.fee_pool} should be")
