"""Runs a settlement machine over the network: requests, time-outs, back-off. One input at a time, so that effects are performed in the machine's order."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

from mesh_core.errors import PeerFault
from mesh_core.protocol.construction import Entropy
from mesh_core.protocol.settlement import Ask, KeepCertificate, Pause, SettlementEffect, SettlementMachine, SettlementReport, SettlementState
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import SettlementCertificate, VoteRequest
from mesh_core.wallet.ports import Validators

BACKOFF_LEAST_S: Final = 0.05
BACKOFF_MOST_S: Final = 5.0
BACKGROUND_ATTEMPTS_MOST: Final = 6
"""How often a settled certificate is offered to a validator that does not take it. What it then lacks, it gets with the account's next payment."""

Inbox = asyncio.Queue[Callable[[], list[SettlementEffect]]]


class SettlementDriver:
    """Settles one transition. `run` returns when nothing is left to do; the machine's state says how it ended."""

    def __init__(
        self,
        machine: SettlementMachine,
        client: Validators,
        keep: Callable[[Hash32, bytes], Awaitable[None]],
        report: Callable[[Ask | SettlementReport], None],
        entropy: Entropy,
    ) -> None:
        """`keep(cert_id, certificate)` makes a certificate durable. `report` is told every request that leaves and everything that the machine reports."""
        self._machine = machine
        self._client = client
        self._keep = keep
        self._report = report
        self._inbox: Inbox = asyncio.Queue()
        self._entropy = entropy
        # Not a set: tasks are cancelled in the order in which they began, whatever their addresses.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._given_up: set[int] = set()

    async def run(self) -> None:
        """Settle: ask, collect, keep, deliver; until all validators have the certificate, or q have it and the others do not take it, or it failed."""
        try:
            await self._perform(self._machine.start())
            while not self._is_over():
                step = await self._inbox.get()
                await self._perform(step())
        finally:
            for task in tuple(self._tasks):
                task.cancel()

    def _is_over(self) -> bool:
        machine = self._machine
        if machine.state is SettlementState.SETTLED:
            return machine.acks_count + len(self._given_up) >= machine.genesis.committee.size
        return machine.state in (SettlementState.DONE, SettlementState.FAILED)

    async def _perform(self, effects: list[SettlementEffect]) -> None:
        for effect in effects:
            match effect:
                case Ask():
                    self._report(effect)
                    self._spawn(self._ask(effect))
                case Pause():
                    self._pause(effect)
                case KeepCertificate(cert_id, certificate):
                    await self._keep(cert_id, certificate)
                case _:
                    self._report(effect)

    async def _ask(self, ask: Ask) -> None:
        message = ask.message
        assert isinstance(message, VoteRequest | SettlementCertificate)
        try:
            answer = await self._client.request(ask.validator, message)
        except PeerFault:
            self._inbox.put_nowait(lambda: self._machine.on_silence(ask.validator, message))
        else:
            self._inbox.put_nowait(lambda: self._machine.on_answer(ask.validator, answer))

    def _pause(self, pause: Pause) -> None:
        if self._machine.state is SettlementState.SETTLED and pause.attempts_count > BACKGROUND_ATTEMPTS_MOST:
            self._given_up.add(pause.validator)
            return
        self._spawn(self._retry_later(pause))

    async def _retry_later(self, pause: Pause) -> None:
        await asyncio.sleep(self._backoff_s(pause.attempts_count))
        self._inbox.put_nowait(lambda: self._machine.on_retry(pause.validator))

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    def _backoff_s(self, attempts_count: int) -> float:
        """Doubling, with jitter between a half and the whole, so that many wallets do not come back all at once."""
        whole = min(BACKOFF_MOST_S, BACKOFF_LEAST_S * 2.0 ** min(attempts_count - 1, 16))
        return whole * (0.5 + self._entropy(1)[0] / 512)
