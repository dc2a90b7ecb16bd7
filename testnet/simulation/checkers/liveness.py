"""LIV-1 to LIV-4: after the faults everything that was begun is finished, everybody knows it, and everything that was paid is claimed."""

from typing_extensions import override

from mesh_core.wallet.records import OutgoingState
from testnet.simulation.checkers.checker import Checker

UNCERTIFIED = (OutgoingState.SIGNED,)


class Settlement(Checker):
    """LIV-1: what a correct wallet has signed is certified. LIV-4: what was paid to it is claimed and spendable."""

    name = "LIV-1"
    needs_agreement = True

    @override
    def is_satisfied(self) -> bool:
        return self._complaint() is None

    @override
    def at_end(self) -> None:
        complaint = self._complaint()
        if complaint is not None:
            self.violated(complaint[1], complaint[0])

    def _complaint(self) -> tuple[str, str] | None:
        for node in self.world.wallets:
            if node.wallet is None:
                return "LIV-1", f"the wallet {node.name} does not run"
            account = node.wallet.account
            if account.pending is not None:
                return "LIV-1", f"a transition of {node.name} is {account.pending.state.name} and has no certificate"
            for record in account.outgoing():
                if record.state in UNCERTIFIED or record.certificate is None:
                    return "LIV-1", f"a transition of {node.name} is {record.state.name} and has no certificate"
            if account.claimable(1):
                return "LIV-4", f"{node.name} has not claimed what was paid to it"
        return None


class Totality(Checker):
    """LIV-2 and LIV-3: what one correct validator has applied, all have, also those that were down or have lost their disk; their digests are equal."""

    name = "LIV-2"
    needs_agreement = True

    @override
    def is_satisfied(self) -> bool:
        return self._complaint() is None

    @override
    def at_end(self) -> None:
        complaint = self._complaint()
        if complaint is not None:
            self.violated(complaint)

    def _complaint(self) -> str | None:
        digests: dict[bytes, list[str]] = {}
        for node in self.world.correct_validators:
            if node.runner is None:
                return f"{node.name} does not run"
            digests.setdefault(node.runner.machine.ledger.compute_digest(), []).append(node.name)
        if len(digests) > 1:
            return f"the validators' states differ: {' | '.join('='.join(names) for names in digests.values())}"
        return None
