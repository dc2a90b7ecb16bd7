"""LIV-4 and LIV-7, in numbers: at the end each wallet, restored from its seed or not, knows its balance as the ledger commits to it."""

from typing_extensions import override

from testnet.simulation.checkers.checker import Checker


class Balances(Checker):
    """The opening that a wallet holds opens the commitment that the validators hold, and its sequence is theirs."""

    name = "LIV-7"
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
        ledger = next((node.runner.machine.ledger for node in self.world.correct_validators if node.runner is not None), None)
        for wallet in self.world.wallets:
            if wallet.wallet is None or ledger is None:
                return f"{wallet.name} does not run, or no validator does"
            account = wallet.wallet.account
            state = ledger.account_or_zero(wallet.keys.owner)
            opening = self.world.ghost.openings.get(state.balance)
            if account.state != state:
                return f"{wallet.name} believes in sequence {account.state.sequence}, the validators in {state.sequence}"
            if opening is not None and (opening.value, opening.blinding) != (account.opening.value, account.opening.blinding):
                return f"{wallet.name} believes to have {account.opening.value}, and has {opening.value}"
        return None
