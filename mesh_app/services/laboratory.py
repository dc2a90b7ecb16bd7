"""Orders for the laboratory, given to its process. What it does and what validators answer arrives as attack_* events."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from mesh_app.orders.laboratory import LaunchAttack, VerifyProof
from mesh_app.orders.order import Order
from mesh_app.services.context import Handler, Revealer, WorkContext
from testnet.attacks.service import LaboratoryService

PAYMENT_TEXT: Final = "for the laboratory"


class LaboratoryDesk:
    """One attack at a time. Its process is started when it is first needed."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context
        self._payer = ""
        self._laboratory = LaboratoryService(context.folder, context.genesis.committee.size, context.supervisor, self._pay, context.publish)

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {LaunchAttack: self.launch, VerifyProof: self.verify}

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """No secrets."""
        return {}

    def begin(self) -> None:
        """Say which attacks there are, for whoever shows a screen."""
        self._laboratory.tell_catalogue()

    async def launch(self, order: LaunchAttack) -> None:
        """Begin. LocalFault (LABORATORY): another attack is under way."""
        attacking = self._laboratory.launch(order.attack, [asdict(one) for one in order.bystanders])
        self._payer = order.payer
        self._context.in_background(attacking)

    async def verify(self, order: VerifyProof) -> None:
        """Have a proof verified; its checks come as an event."""
        self._context.in_background(self._laboratory.check(order.data))

    async def close(self) -> None:
        """Ends its process."""
        await self._laboratory.stop()

    async def _pay(self, address: str, amount: int) -> str:
        return await self._context.wallets.pay(self._payer, address, amount, PAYMENT_TEXT)
