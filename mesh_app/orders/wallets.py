"""Orders for the wallets of this home."""

import shlex
from dataclasses import dataclass

from typing_extensions import override

from mesh_app.orders.order import Order


@dataclass(frozen=True, slots=True)
class Pay(Order):
    """Pay `amount` from a wallet to a wallet's name or an address, with a text that the recipient alone reads."""

    wallet: str
    to: str
    amount: int
    text: str

    @override
    def describe(self) -> str:
        return f"payment of {self.wallet}"

    @override
    def command_line(self) -> str:
        memo = f" --memo {shlex.quote(self.text)}" if self.text else ""
        return f"mesh-wallet --wallet {shlex.quote(self.wallet)} send --to {shlex.quote(self.to)} --amount {self.amount}{memo}"


@dataclass(frozen=True, slots=True)
class CreateWallet(Order):
    """Make an empty wallet."""

    name: str

    @override
    def describe(self) -> str:
        return f"create wallet {self.name}"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet --wallet {shlex.quote(self.name)} keygen"
