"""Runs a settlement machine over the network: requests, time-outs, back-off. One input at a time, so that effects are performed in the machine's order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from mesh_core.errors import PeerFault
from mesh_core.protocol.construction import Entropy
from mesh_core.protocol.settlement import Ask, KeepCertificate, Pause, SettlementEffect, SettlementMachine, SettlementReport, SettlementState
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import SettlementCertificate, VoteRequest
from mesh_core.wallet.ports import Validators
from mesh_core.wallet.tasks import Tasks

BACKOFF_LEAST_S: Final = 0.05
BACKOFF_MOST_S: Final = 5.0

Inbox = asyncio.Queue[Callable[[], list[SettlementEffect]]]


class SettlementDriver:
    """Settles one transition. `run` returns when nothing is left to do; the machine's state says how it ended.

    Once q validators have applied the certificate, who does not answer or does not take it is left to `delivering`.
    """

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
        self._tasks = Tasks("settling")
        self._paused: dict[int, None] = {}

    async def run(self) -> None:
        """Settle: ask, collect, keep, deliver; until all validators have the certificate, or q have it and the others do not take it, or it failed."""
        try:
            await self._perform(self._machine.start())
            while not self._is_over():
                step = await self._inbox.get()
                await self._perform(step())
        finally:
            self._tasks.cancel()

    def _is_over(self) -> bool:
        machine = self._machine
        if machine.state is SettlementState.SETTLED:
            return machine.acks_count + len(self._paused) >= machine.genesis.committee.size
        return machine.state in (SettlementState.DONE, SettlementState.FAILED)

    async def _perform(self, effects: list[SettlementEffect]) -> None:
        for effect in effects:
            match effect:
                case Ask():
                    self._report(effect)
                    self._tasks.spawn(self._ask(effect))
                case Pause():
                    self._paused[effect.validator] = None
                    self._tasks.spawn(self._retry_later(effect))
                case KeepCertificate(cert_id, certificate):
                    self._paused.clear()
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

    async def _retry_later(self, pause: Pause) -> None:
        await asyncio.sleep(draw_backoff_s(pause.attempts_count, self._entropy))
        self._inbox.put_nowait(lambda: self._retry(pause.validator))

    def _retry(self, validator: int) -> list[SettlementEffect]:
        self._paused.pop(validator, None)
        return self._machine.on_retry(validator)


def draw_backoff_s(attempts_count: int, entropy: Entropy) -> float:
    """Doubling, with jitter between a half and the whole, so that many wallets do not come back all at once."""
    whole = min(BACKOFF_MOST_S, BACKOFF_LEAST_S * 2.0 ** min(attempts_count - 1, 16))
    return whole * (0.5 + entropy(1)[0] / 512)
