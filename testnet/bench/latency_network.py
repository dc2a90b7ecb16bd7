"""A network of real processes whose payments are timed: validators, a wallet in the wallets' process, and relays in every line that its profile has."""

import asyncio
import random  # noqa: TID251 - seeded: the pauses between payments are no secret
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, Self

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.types.address import format_address
from testnet.bench.latency_samples import PaymentStory, Sample, StoryBook, has_all, sample_of
from testnet.bench.running import cpu_seconds
from testnet.child import Event
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.link_service import LinkService
from testnet.profiles import Profile
from testnet.supervisor import Supervisor
from testnet.wallet_service import WalletService

PAYER: Final = "payer"
PAYEE: Final = "payee"
"""Nobody opens this wallet: what it is paid waits for it, as for somebody who is away, and no claim takes the machine meanwhile."""
UNITS: Final = 1_000_000_000
PAYMENT_S: Final = 60.0
TOLD_S: Final = 5.0
"""Who acknowledges after so long is left behind: the next payment begins, as a person's would."""
PAUSE_LEAST_S: Final = 0.02
PAUSE_MOST_S: Final = 0.06


class LatencyNetwork:
    """An async context manager: entering makes and starts it, leaving ends every process."""

    def __init__(self, home: Path, profile: Profile, *, validators_count: int, seed: int) -> None:
        self._folder = NetworkFolder(home)
        seeds = create_network(self._folder, name="latency", wallets={PAYER: UNITS, PAYEE: 0}, validators_count=validators_count)
        self._payee = format_address(WalletKeys.from_seed(seeds[PAYEE]).address)
        self._profile = profile
        self._count = validators_count
        self._chance = random.Random(seed)  # noqa: S311
        self._book = StoryBook()
        self._changed = asyncio.Event()
        self._reached: set[int] = set()
        self._supervisor = Supervisor(self._folder, validators_count, self._take)
        self._wallets = WalletService(self._folder, self._take, only=[PAYER])
        self._links = LinkService(self._folder, self._supervisor, self._wallets, self._take, seed=seed)
        self._leaving = AsyncExitStack()
        self.quorum = load_genesis(self._folder.genesis_file).committee.quorum_threshold

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._links.close)
            await stack.enter_async_context(self._supervisor)
            # Before anybody dials: who begins on a direct line would be measured on it.
            await self._links.apply(self._profile)
            await self._supervisor.start_all()
            stack.push_async_callback(self._wallets.stop)
            await self._wallets.start()
            await self._until(lambda: len(self._reached) == self._count, PAYMENT_S, "the wallet does not reach every validator")
            self._leaving = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leaving.aclose()

    async def pay(self) -> Sample | None:
        """One payment, until everybody has applied it or is left behind; None where a quorum has not acknowledged it. LocalFault."""
        async with asyncio.timeout(PAYMENT_S):
            await self._wallets.pay(PAYER, self._payee, 1, "")
        story = self._book.latest()
        assert story is not None, "a payment was made"
        await self._wait_for(story)
        self._book.stories.clear()
        await asyncio.sleep(self._chance.uniform(PAUSE_LEAST_S, PAUSE_MOST_S))
        return sample_of(story, self.quorum)

    def cpu_seconds(self) -> dict[str, float]:
        """What each kind of process has spent so far."""
        validators = [self._supervisor.pid(index) for index in range(self._count)]
        pids = {"wallet": [self._wallets.pid], "validators": validators, "relays": [self._links.pid]}
        return {name: sum(cpu_seconds(pid) for pid in found if pid is not None) for name, found in pids.items()}

    async def datagrams(self) -> dict[str, int]:
        """What the relays have forwarded and lost so far. LocalFault."""
        forwarded, lost = await self._links.counts()
        return {"forwarded": forwarded, "lost": lost}

    async def _wait_for(self, story: PaymentStory) -> None:
        try:
            await self._until(lambda: has_all(story, self.quorum, self._count), TOLD_S, "")
        except TimeoutError:
            return

    async def _until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            if not what:
                raise
            raise LocalFault(ErrorCode.VALIDATOR_START, f"{what} within {within_s:g} s; its log: {self._folder.home / 'wallets.log'}") from None

    def _take(self, event: Event) -> None:
        match event:
            case {"event": "link", "validator": int(index), "up": bool(up)}:
                (self._reached.add if up else self._reached.discard)(index)
            case _:
                self._book.take(event)
        self._changed.set()


async def measure(
    home: Path, profile: Profile, *, payments: int, warm_up: int, validators_count: int, seed: int, tell: Callable[[int], None]
) -> tuple[list[Sample], dict[str, Any]]:
    """So many payments, one after the other, and what they cost: processor time in ms a payment by kind of process, datagrams. LocalFault."""
    async with LatencyNetwork(home, profile, validators_count=validators_count, seed=seed) as network:
        for _ in range(warm_up):
            await network.pay()
        spent, passed = network.cpu_seconds(), await network.datagrams()
        samples: list[Sample] = []
        for number in range(1, payments + 1):
            sample = await network.pay()
            if sample is not None:
                samples.append(sample)
            tell(number)
        cost = {name: round((now - spent[name]) * 1000 / payments, 2) for name, now in network.cpu_seconds().items()}
        datagrams = {name: count - passed[name] for name, count in (await network.datagrams()).items()}
    if not samples:
        raise LocalFault(ErrorCode.NO_QUORUM, "no payment was acknowledged by a quorum")
    return samples, {"cpu_ms": cost, "datagrams": datagrams, "unacknowledged": payments - len(samples), "quorum": network.quorum}
