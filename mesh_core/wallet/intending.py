"""What a command is about to pay, durable before anything is signed: the same command after a crash then finishes that payment and does not pay twice.

A wallet alone cannot tell the repetition of a payment whose command was killed from a second payment of the same amount to the same person. The record is made
before a payment is drafted and deleted once somebody has been told what came of it; a payment like it, signed meanwhile, is the one that was meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from mesh_core.errors import DecodeError
from mesh_core.protocol.construction import Payment
from mesh_core.types.codec import U64, ListOf, Struct
from mesh_core.types.transition import MAX_OUTPUTS
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.ports import Store
from mesh_core.wallet.records import INTENTION_KEY, PAID_OUTPUT, OutgoingRecord, PaidOutput


@dataclass(frozen=True, slots=True)
class Intention:
    """What was about to be paid (secret), and the account's next slot at that time."""

    paid: tuple[PaidOutput, ...]
    sequence: int


INTENTION: Final = Struct(Intention, paid=ListOf(PAID_OUTPUT, most=MAX_OUTPUTS), sequence=U64)


class Intentions:
    """The one intention of a wallet."""

    def __init__(self, store: Store, account: WalletAccount) -> None:
        self._store = store
        self._account = account

    async def begin(self, payments: Sequence[Payment]) -> None:
        """Remember what is about to be paid. It takes the place of an older intention, of which nobody asks any more."""
        paid = tuple(PaidOutput(payment.address.owner, payment.amount, payment.text) for payment in payments)
        await self._store.put([(INTENTION_KEY, INTENTION.encode(Intention(paid, self._account.state.sequence)))])

    def find(self, payments: Sequence[Payment]) -> OutgoingRecord | None:
        """The transition that was signed for exactly these payments since they were intended; None if they were not, or nothing was signed."""
        intention = self._read()
        paid = tuple(PaidOutput(payment.address.owner, payment.amount, payment.text) for payment in payments)
        if intention is None or intention.paid != paid:
            return None
        signed = takewhile(lambda entry: entry[0] >= intention.sequence, self._account.newest_outgoing())
        return next((record for _, record in signed if record.paid == paid), None)

    async def end(self) -> None:
        """Forget it: its owner has been told."""
        if self._store.get(INTENTION_KEY):
            await self._store.put([(INTENTION_KEY, b"")])

    def _read(self) -> Intention | None:
        stored = self._store.get(INTENTION_KEY)
        try:
            return INTENTION.decode(stored) if stored else None
        except DecodeError:
            return None  # a later program's
