"""What people do in a simulation: random payments among the wallets, until enough of them are settled. Claims come by themselves."""

from mesh_core.protocol.construction import Payment
from testnet.simulation.entropy import Stream
from testnet.simulation.wallet_node import WalletNode
from testnet.simulation.world import World

MOST_OUTPUTS = 3
TEXTS = ("", "for the rent of May", "für Käse und Brot")
MOST_SHARE = 6
"""A payment is at most this part of the balance, so that many fit in."""


class Workload:
    """`run` issues payments until the settings' number of them is applied somewhere, or the time is over."""

    def __init__(self, world: World, draw: Stream) -> None:
        self._world = world
        self._draw = draw

    async def run(self, seconds: float) -> None:
        """Pay, at random times, from whoever has money, for so long at most."""
        world = self._world
        deadline = world.loop.time() + seconds
        while world.statistics.sends_count < world.settings.payments_count and world.loop.time() < deadline and not world.violations:
            await world.sleep(self._draw.between(0.0, 2.0) * world.settings.payment_interval)
            if world.statistics.sends_count + self._in_flight_count() > world.settings.payments_count:
                continue
            payer = self._draw.choice(world.wallets)
            payments = self._draft(payer)
            if payments:
                payer.pay(payments)
                world.on_node_event(payer.name, "pay", str(len(payments)))

    def pay_once_more(self) -> None:
        """One more payment, whatever was paid before: after the healing, beside strangers who go on."""
        for payer in self._world.wallets:
            payments = self._draft(payer)[:1]
            if payments and not payer.paying_count:
                payer.pay(payments)
                self._world.on_node_event(payer.name, "pay", "after the healing")
                return

    def _in_flight_count(self) -> int:
        return sum(wallet.paying_count for wallet in self._world.wallets)

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
