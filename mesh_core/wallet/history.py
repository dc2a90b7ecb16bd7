"""What a wallet paid and was paid, for people: made from its signed transitions and from the outputs that came, opened with the view key."""

from dataclasses import dataclass, field
from enum import Enum

from mesh_core.crypto.keys import ViewKey
from mesh_core.crypto.memo import MemoError
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.reading import read_sent
from mesh_core.wallet.records import IncomingStatus, OutgoingRecord


class Direction(Enum):
    """Which way the money went."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One payment (secret). `amount` in units, None where the output does not open; `fee` stands with the first output of a SEND.

    `cert_id` names the SEND's certificate, which exists unless `status` is signed. `status`: of what was sent the state of its transition, of what was
    received whether it is claimable, claimed or unopenable. `at_ms`: when this wallet signed it, saw it, or got it back from the validators, by its own
    clock; the order is right in any case.
    """

    at_ms: int
    direction: Direction
    counterparty: PublicKey
    amount: int | None
    fee: int
    text: str = field(repr=False)
    cert_id: Hash32
    status: str


def list_history(account: WalletAccount, view_key: ViewKey) -> list[HistoryEntry]:
    """All payments of an account that its disk knows, the oldest first."""
    sent = [entry for record in account.outgoing() for entry in _sent(record, view_key)]
    received = [
        HistoryEntry(
            at_ms=record.seen_ms,
            direction=Direction.RECEIVED,
            counterparty=record.sender,
            amount=None if record.status is IncomingStatus.UNOPENABLE else record.value,
            fee=0,
            text=record.text,
            cert_id=key.cert_id,
            status=record.status.name.lower(),
        )
        for key, record in account.incoming()
    ]
    return sorted([*sent, *received], key=lambda entry: entry.at_ms)


def _sent(record: OutgoingRecord, view_key: ViewKey) -> list[HistoryEntry]:
    """One entry for each output; none for a RECEIVE. The sender's view key opens its own outputs from the transition alone."""
    identified = identify(TRANSITION.decode(record.transition))
    core = identified.core
    entries = []
    for index, output in enumerate(core.outputs):
        try:
            plain = read_sent(view_key, core, index)
        except MemoError as error:
            amount, text = None, error.text
        else:
            amount, text = plain.value, plain.text
        fee = core.fee if index == 0 else 0
        status = record.state.name.lower()
        entries.append(HistoryEntry(record.created_ms, Direction.SENT, output.owner, amount, fee, text, identified.cert_id, status))
    return entries
