"""Orders for the wallets, given to the wallets' process. What comes of them arrives as that process's events."""

from collections.abc import Mapping

from mesh_app.orders.order import Order
from mesh_app.orders.wallets import CreateWallet, Pay
from mesh_app.services.context import Handler, Revealer, WorkContext


class WalletDesk:
    """The wallets of this home."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {Pay: self.pay, CreateWallet: self.create}

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """None yet."""
        return {}

    async def close(self) -> None:
        """Nothing of its own runs: the workbench stops the wallets' process."""

    async def pay(self, order: Pay) -> None:
        """Order a payment; a fault of it arrives as the wallet's own event. LocalFault if the wallets' process does not run."""
        self._context.wallets.require_running()
        self._context.in_background(self._context.wallets.pay(order.wallet, order.to, order.amount, order.text), tells_itself=True)

    async def create(self, order: CreateWallet) -> None:
        """Make an empty wallet. LocalFault."""
        await self._context.wallets.create(order.name)
