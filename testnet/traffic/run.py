"""What a stretch of traffic and a measurement have in common: wallets, samples, a tally, and the telling of it a few times a second."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Final, Protocol

from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.protocol.construction import Payment
from mesh_core.types.address import Address
from mesh_core.wallet.wallet import Wallet
from testnet.loop_lag import LoopLag
from testnet.machine import load_average
from testnet.traffic.purses import Purses
from testnet.traffic.samples import Sample, SampleBook
from testnet.traffic.tally import Tally

TELL_S: Final = 0.25
LAG_PERIOD_S: Final = 0.01
LAG_SECONDS: Final = 10.0
MEMO: Final = "traffic"

Event = dict[str, Any]


class Surroundings(Protocol):
    """What a run needs of its process."""

    @property
    def purses(self) -> Purses:
        """The wallets that pay."""
        ...

    @property
    def book(self) -> SampleBook:
        """What they tell of their payments."""
        ...

    @property
    def fee(self) -> int:
        """Of one payment."""
        ...

    def links_up(self) -> list[bool]:
        """Which validators are reached now."""
        ...

    def facts(self) -> dict[str, Any]:
        """The machine."""
        ...

    def tell(self, event: Event) -> None:
        """Pass on an event."""
        ...


class Run:
    """One run. `run` returns when it is over; `stop` ends it early, and it tells what it has by then. Subclasses do the paying in `_work`."""

    NAME = ""
    """What its events are called."""

    def __init__(self, surroundings: Surroundings, keep: int) -> None:
        self._near = surroundings
        self.tally = Tally(keep)
        self._phase, self._words = "preparing", ""
        self._stopping = asyncio.Event()
        self._lag = LoopLag(period_s=LAG_PERIOD_S, seconds=LAG_SECONDS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._load_before = load_average()
        self._claims_before = surroundings.book.claims_count

    def describe(self) -> dict[str, Any]:
        """The plan, as its events tell it."""
        raise NotImplementedError

    async def run(self) -> None:
        """Everything, from the preparation to the last event. Faults are told, not raised."""
        self._tell("started", {**self.describe(), **self._near.facts(), "load": self._load_before})
        self._lag.start()
        telling = asyncio.get_running_loop().create_task(self._tell_progress())
        reason, text = "finished", ""
        try:
            await self._until_stopped(self._work())
            reason = "stopped" if self._stopping.is_set() else "finished"
        except MeshError as error:
            reason, text = "failed", error.text
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            self._lag.stop()
        await self._finish(self._summary(reason, text))

    def stop(self) -> None:
        """Make no more payments. What is signed goes on by itself."""
        self._stopping.set()

    async def close(self) -> None:
        """Give up everything that is under way."""
        self._stopping.set()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell_broken(self, fault: LocalFault) -> None:
        """The run ended by a bug: say so, with what there is."""
        self._tell("over", self._summary("failed", fault.text))

    async def _work(self) -> None:
        raise NotImplementedError

    async def _finish(self, summary: Event) -> None:
        self._tell("over", summary)

    # --- Paying

    async def _pay(self, wallet: Wallet, to: Address, amount: int, *, counts: bool = True) -> None:
        """One payment, counted; returns when its wallet is free again. A refusal or a fault is counted and ends nothing."""
        tally, book = self.tally, self._near.book
        sample: Sample | None = None
        if counts:
            tally.sent += 1
            tally.in_flight += 1
        try:
            result = await wallet.send([Payment(to, amount, MEMO)])
            sample = book.find(result.payment)
            if counts:
                tally.certified(result.payment_ms)
                tally.in_flight -= 1
            if sample is not None:
                await sample.over.wait()
                book.forget(result.payment)
                if counts:
                    tally.settled(sample)
                    self._keep(sample)
        except MeshError as error:
            if counts:
                tally.in_flight -= 1
                tally.failed(error.code.name)
            self._on_refusal(wallet.name, error)

    def _keep(self, sample: Sample) -> None:
        """A sample is complete."""

    def _on_refusal(self, wallet: str, error: MeshError) -> None:
        """A payment was not made."""

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it, or give it up when the run is stopped."""
        working = asyncio.get_running_loop().create_task(work)
        stopping = asyncio.get_running_loop().create_task(self._stopping.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (working, stopping):
                task.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    # --- Telling

    def _enter(self, phase: str, words: str = "") -> None:
        self._phase, self._words = phase, words

    async def _tell_progress(self) -> None:
        while True:
            self._tell("progress", {"phase": self._phase, "text": self._words, **self.tally.progress(), **self._conditions()})
            await asyncio.sleep(TELL_S)

    def _summary(self, reason: str, text: str) -> Event:
        conditions = self._conditions() | {"load_before": self._load_before}
        return {"reason": reason, "text": text, **self.describe(), **self.tally.summary(), **conditions, **self._near.facts()}

    def _conditions(self) -> dict[str, Any]:
        """What the figures depend on: validators that are reached, claims made besides, and how late this process's own loop is."""
        return {
            "links": self._near.links_up(),
            "claims": self._near.book.claims_count - self._claims_before,
            "lag_p99_ms": round(self._lag.figures()[1], 2),
            "load": load_average(),
        }

    def _tell(self, what: str, fields: Event) -> None:
        self._near.tell({"event": f"{self.NAME}_{what}", "t_ns": time.monotonic_ns(), **fields})


def internal_error(error: Exception) -> LocalFault:
    """A bug of ours, in words."""
    return LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__}): see the log of the traffic process")
