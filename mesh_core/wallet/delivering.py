"""Bringing the account's certificates to validators that were slow or away, behind the payments and never in their way (docs/protocol.md, "Sending", step 6).

An account's certificates build on each other: a validator that has applied the newest has applied all. So only the newest is offered, and who lacks others
says from which slot on. A validator that is away for a thousand payments costs one task and one request at a time.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import decode_certificate
from mesh_core.types.messages import AckStatus, CertAck, SettlementCertificate
from mesh_core.wallet.context import WalletContext
from mesh_core.wallet.settling import draw_backoff_s

HELP_MOST: Final = 64
"""Slots whose certificates are sent to a validator before it is asked again what it lacks."""
APPLIED: Final = (AckStatus.APPLIED, AckStatus.ALREADY_APPLIED)


class Delivery:
    """Who has applied how much of the account.

    `on_applied(validator, slots, ack)` is told the slots that a validator is newly known to have applied, `on_done(sequence)` each slot that all have, once
    that is recorded.
    """

    def __init__(self, context: WalletContext, on_applied: Callable[[int, range, CertAck], None], on_done: Callable[[int], None]) -> None:
        self._context = context
        self._on_applied = on_applied
        self._on_done = on_done
        size = context.genesis.committee.size
        self._applied = [0] * size
        """For each validator the slot before which it has applied all."""
        self._busy = [False] * size
        self._reached = [asyncio.Event() for _ in range(size)]

    def note_applied(self, validator: int, sequence: int) -> range:
        """A validator has acknowledged the certificate of a slot; returns the slots of which that is news."""
        news = range(self._applied[validator], sequence + 1)
        before = min(self._applied)
        self._applied[validator] = max(self._applied[validator], sequence + 1)
        if min(self._applied) > before:
            self._context.tasks.spawn(self._record_done(min(self._applied)))
        return news

    def count_applied(self, sequence: int) -> int:
        """Validators that have applied the certificate of a slot."""
        return sum(applied > sequence for applied in self._applied)

    def deliver(self) -> None:
        """Offer the newest certificate to everybody who is not known to have it."""
        for validator in range(len(self._applied)):
            if not self._busy[validator] and self._lacks(validator):
                self._busy[validator] = True
                self._context.tasks.spawn(self._serve(validator))

    def note_reached(self, validator: int) -> None:
        """A validator is back: what waits for it goes at once."""
        self._reached[validator].set()

    def _lacks(self, validator: int) -> bool:
        return self._applied[validator] < self._context.account.state.sequence

    async def _record_done(self, sequence: int) -> None:
        for done in await self._context.account.record_done(sequence):
            self._on_done(done)

    async def _serve(self, validator: int) -> None:
        attempts_count, helped_from = 0, -1
        try:
            while self._lacks(validator):
                next_sequence = await self._offer(validator)
                if next_sequence is not None and next_sequence > helped_from and await self._help(validator, next_sequence):
                    # Only who gets on is helped without a pause: one that always says the same would otherwise be sent everything, again and again.
                    helped_from = next_sequence
                    continue
                if self._lacks(validator):
                    attempts_count += 1
                    await self._wait(validator, draw_backoff_s(attempts_count, self._context.surroundings.entropy))
                    helped_from = -1
        finally:
            self._busy[validator] = False

    async def _offer(self, validator: int) -> int | None:
        """Offer the newest certificate. Where the validator lacks others before it, the first slot that it lacks."""
        newest = self._context.account.newest_certificate()
        if newest is None:
            return None
        answer = await self._send(validator, newest)
        if answer is None:
            return None
        if answer.status is AckStatus.PENDING:
            return answer.next_sequence
        sent = decode_certificate(newest, self._context.genesis)
        if answer.status in APPLIED and answer.cert_id == sent.cert_id:
            self._on_applied(validator, self.note_applied(validator, sent.core.sequence), answer)
        return None

    async def _help(self, validator: int, next_sequence: int) -> bool:
        """Send some of what a validator lacks. Whether it answered."""
        answer: CertAck | None = None
        for data in self._context.account.certificates_since(next_sequence, HELP_MOST):
            answer = await self._send(validator, data)
            if answer is None:
                break
        return answer is not None

    async def _send(self, validator: int, certificate: bytes) -> CertAck | None:
        try:
            answer = await self._context.client.request(validator, SettlementCertificate(0, certificate))
        except PeerFault:
            return None
        return answer if isinstance(answer, CertAck) else None

    async def _wait(self, validator: int, pause_s: float) -> None:
        self._reached[validator].clear()
        try:
            async with asyncio.timeout(pause_s):
                await self._reached[validator].wait()
        except TimeoutError:
            pass
