"""What people do in a simulation: random payments among the wallets, until enough of them are settled. Claims come by themselves."""

from mesh_core.protocol.construction import Payment
from testnet.simulation.entropy import Stream
from testnet.simulation.wallet_node import WalletNode
from testnet.simulation.world import World

MOST_OUTPUTS = 3
TEXTS = ("", "for the rent of May", "für Käse und Brot")
MOST_ISSUED = 2.5
MOST_SHARE = 6
"""A payment is at most this part of the balance, so that many fit in."""


class Workload:
    """`run` issues payments until the settings' number of them is applied somewhere, or more than twice as many were issued."""

    def __init__(self, world: World, draw: Stream) -> None:
        self._world = world
        self._draw = draw

    async def run(self) -> None:
        """Pay, at random times, from whoever has money."""
        issued, wanted = 0, self._world.settings.payments_count
        while self._world.statistics.sends_count < wanted and issued < MOST_ISSUED * wanted and not self._world.violations:
            await self._world.sleep(self._draw.between(0.0, 2.0) * self._world.settings.payment_interval)
            payer = self._draw.choice(self._world.wallets)
            payments = self._draft(payer)
            if payments:
                payer.pay(payments)
                issued += 1
                self._world.on_node_event(payer.name, "pay", str(len(payments)))

    def _draft(self, payer: WalletNode) -> list[Payment]:
        """One to three amounts for others; none if the wallet is down or poor."""
        if payer.wallet is None:
            return []
        spendable = payer.wallet.account.balance.spendable
        others = [wallet for wallet in self._world.wallets if wallet is not payer]
        receivers = self._draw.sample(others, min(len(others), self._draw.whole(1, MOST_OUTPUTS)))
        most = spendable // (MOST_SHARE * len(receivers))
        if most < 1:
            return []
        return [Payment(receiver.keys.address, self._draw.whole(1, most), self._draw.choice(TEXTS)) for receiver in receivers]
