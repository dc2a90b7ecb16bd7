"""A stretch of traffic: payments that come when the plan says, whether or not the ones before are final. So a network that is too slow is seen, not spared."""

import asyncio
from dataclasses import asdict
from typing import Any, Final

from typing_extensions import override

from mesh_core.errors import ErrorCode, MeshError
from mesh_core.types.address import Address, parse_address
from testnet.traffic.plan import TrafficPlan, arrivals
from testnet.traffic.run import Run, Surroundings

WINDOW: Final = 2_000
"""Percentiles of traffic are those of so many last payments: it may run for days."""
QUEUE_MOST: Final = 4
"""Payments that wait in one wallet. What comes then is left out and counted: nobody is served by a queue that only grows."""
RESERVE_PAYMENTS: Final = 20
LOW_PAYMENTS: Final = 5
END_PATIENCE_S: Final = 5.0


class TrafficRun(Run):
    """Pays until the plan ends or somebody stops it."""

    NAME = "traffic"

    def __init__(self, surroundings: Surroundings, plan: TrafficPlan) -> None:
        """LocalFault (ADDRESS_INVALID) if the plan's recipient is no address."""
        super().__init__(surroundings, WINDOW)
        self._plan = plan
        self._to: Address | None = parse_address(plan.to).address if plan.to else None
        self._names: list[str] = []
        self._waiting: dict[str, int] = {}
        self._turn = 0

    @override
    def describe(self) -> dict[str, Any]:
        return asdict(self._plan)

    @override
    async def _work(self) -> None:
        self._names = await self._near.purses.prepare(self._plan.wallets, self._units(RESERVE_PAYMENTS), lambda words: self._enter("preparing", words))
        self._waiting = dict.fromkeys(self._names, 0)
        self._enter("running")
        self.tally.begin()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for arrival in arrivals(self._plan):
            await asyncio.sleep(max(0.0, began + arrival.at_s - loop.time()))
            self._order(arrival.amount, arrival.lot)
        if self._plan.duration_s is not None:
            await asyncio.sleep(max(0.0, began + self._plan.duration_s - loop.time()))

    @override
    async def _finish(self, summary: dict[str, Any]) -> None:
        """What is under way may still become final, for a moment."""
        if self._tasks:
            self._enter("ending", "the last payments become final")
            await asyncio.wait(tuple(self._tasks), timeout=END_PATIENCE_S)
        await super()._finish(self._summary(summary["reason"], summary["text"]))
        await self.close()

    @override
    def _on_refusal(self, wallet: str, error: MeshError) -> None:
        if error.code is ErrorCode.INSUFFICIENT_FUNDS:
            self._refill(wallet)

    def _order(self, amount: int, lot: float) -> None:
        payer = self._next_payer(amount)
        if payer is None:
            self.tally.skipped += 1
            return
        others = [name for name in self._names if name != payer]
        to = self._to if self._to is not None else self._near.purses.wallet(others[int(lot * len(others))]).address
        self._waiting[payer] += 1
        self._spawn(self._pay_from(payer, to, amount))

    async def _pay_from(self, payer: str, to: Address, amount: int) -> None:
        try:
            await self._pay(self._near.purses.wallet(payer), to, amount)
        finally:
            self._waiting[payer] -= 1
        if self._near.purses.spendable(payer) < self._units(LOW_PAYMENTS):
            self._refill(payer)

    def _next_payer(self, amount: int) -> str | None:
        """Of those who have the money, who has the fewest payments waiting; the wallets take turns where several have."""
        self._turn += 1
        order = self._names[self._turn % len(self._names) :] + self._names[: self._turn % len(self._names)]
        purses = self._near.purses
        able = [name for name in order if self._waiting[name] < QUEUE_MOST and purses.spendable(name) >= amount + self._near.fee]
        return min(able, key=lambda name: (self._waiting[name], purses.wallet(name).is_busy), default=None)

    def _refill(self, name: str) -> None:
        self._near.purses.refill_behind(name, self._units(RESERVE_PAYMENTS), lambda fault: self._enter(self._phase, fault.text))

    def _units(self, payments: int) -> int:
        return payments * (self._plan.amount_most + self._near.fee)
