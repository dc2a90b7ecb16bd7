"""A measured run: so many payments, so many of them at once, each from the call to the certificate, and to the acknowledgement of 2f+1 validators."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from typing_extensions import override

from mesh_core.errors import LocalFault
from testnet.traffic.plan import MeasurePlan, split_roles
from testnet.traffic.records import write_record
from testnet.traffic.run import Run, Surroundings
from testnet.traffic.samples import PARTS, Sample


class MeasuredRun(Run):
    """As many payers as payments are made at once, each pays the next one when the one before is settled. The record is kept as a file."""

    NAME = "measure"

    def __init__(self, surroundings: Surroundings, plan: MeasurePlan, folder: Path) -> None:
        """`folder` takes the record."""
        super().__init__(surroundings, plan.payments)
        self._plan = plan
        self._folder = folder
        self._samples: list[Sample] = []

    @override
    def describe(self) -> dict[str, Any]:
        return asdict(self._plan)

    @override
    async def _work(self) -> None:
        plan, purses = self._plan, self._near.purses
        each = -(-(plan.payments + plan.warm_up) // plan.at_once)
        units = (each + 1) * (plan.amount + self._near.fee)
        names = await purses.prepare(plan.wallets, units, lambda words: self._enter("preparing", words))
        payers, payees = split_roles(names, {name: purses.spendable(name) for name in names}, plan.at_once)
        if plan.warm_up:
            self._enter("warming up", f"{plan.warm_up} payments that do not count")
            await self._pay_all(payers, payees, plan.warm_up, counts=False)
        self._enter("running")
        self.tally.begin()
        await self._pay_all(payers, payees, plan.payments, counts=True)

    async def _pay_all(self, payers: list[str], payees: list[str], count: int, *, counts: bool) -> None:
        numbers = itertools.islice(itertools.count(), count)
        paying = [self._spawn(self._pay_in_turn(payer, payees, numbers, counts=counts)) for payer in payers]
        try:
            await asyncio.gather(*paying)
        finally:
            for task in paying:
                task.cancel()

    async def _pay_in_turn(self, payer: str, payees: list[str], numbers: Iterator[int], *, counts: bool) -> None:
        others = [name for name in payees if name != payer]
        for number in numbers:
            wallet, payee = self._near.purses.wallet(payer), self._near.purses.wallet(others[number % len(others)])
            await self._pay(wallet, payee.address, self._plan.amount, counts=counts)

    @override
    def _keep(self, sample: Sample) -> None:
        self._samples.append(sample)

    @override
    async def _finish(self, summary: dict[str, Any]) -> None:
        await self.close()
        summary = self._summary(summary["reason"], summary["text"])
        summary["file"] = ""
        if self._samples:
            try:
                summary |= await asyncio.to_thread(write_record, self._folder, summary, [_row(sample) for sample in self._samples])
            except LocalFault as fault:
                summary["text"] = fault.text
        await super()._finish(summary)


def _row(sample: Sample) -> dict[str, Any]:
    parts = {f"{name}_ms": sample.parts.get(name, 0.0) for name in PARTS}
    return {"wallet": sample.wallet, "payment_ms": sample.payment_ms, "acks_ms": sample.acks_ms, **parts}
