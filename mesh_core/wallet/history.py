"""What a wallet paid and was paid, for people: made from its signed transitions and from the outputs that came, opened with the view key."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from mesh_core.crypto.keys import ViewKey
from mesh_core.crypto.memo import MemoError
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.transition import TRANSITION, OutputKey
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.reading import read_sent
from mesh_core.wallet.records import IncomingRecord, IncomingStatus, OutgoingRecord, OutgoingState


class Direction(Enum):
    """Which way the money went."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One payment (secret). `amount` in units, None where the output does not open; `fee` stands with the first output of a SEND.

    `cert_id` names the SEND's certificate, which exists unless `status` is signed, and `output` one of its outputs. `status`: of what was sent the state of its
    transition, of what was received whether it is claimable, claimed or unopenable. `at_ms`: when this wallet signed it, saw it, or got it back from the
    validators, by its own clock; the order is right in any case.
    """

    at_ms: int
    direction: Direction
    counterparty: PublicKey
    amount: int | None
    fee: int
    text: str = field(repr=False)
    cert_id: Hash32
    output: int
    status: str


def list_history(account: WalletAccount, view_key: ViewKey) -> list[HistoryEntry]:
    """All payments of an account that its disk knows, the oldest first."""
    sent = [entry for record in account.outgoing() for entry in _sent(record, view_key)]
    received = [_received(key, record) for key, record in account.incoming()]
    return sorted([*sent, *received], key=lambda entry: entry.at_ms)


@dataclass(frozen=True, slots=True)
class _Send:
    """A SEND that was opened before."""

    transition: bytes
    entries: list[HistoryEntry]
    is_done: bool
    """Nothing of it will change any more."""


class HistoryReader:
    """The newest payments of an account, for whoever shows them again whenever something changes: what was opened once is not opened again.

    It remembers the SENDs among the slots that it has read, from `_low` to before `_high`: a wallet that mostly claims is not read to its beginning each time.
    """

    def __init__(self, account: WalletAccount, view_key: ViewKey) -> None:
        self._account = account
        self._view_key = view_key
        self._sends: dict[int, _Send] = {}
        self._low = self._high = account.state.sequence

    def newest(self, limit: int) -> tuple[list[HistoryEntry], bool]:
        """So many of the newest entries, the newest first, and whether there are older ones. LocalFault if the wallet's file cannot be read."""
        found: list[HistoryEntry] = []
        sends: dict[int, _Send] = {}
        for lowest in self._slots():
            send = self._read(lowest)
            if send is not None:
                sends[lowest] = send
                found += send.entries
            if len(found) > limit:
                break
        else:
            lowest = 0
        self._sends, self._low, self._high = sends, lowest, self._account.state.sequence
        found += [_received(key, record) for key, record in self._account.newest_incoming(limit + 1)]
        found.sort(key=lambda entry: entry.at_ms, reverse=True)
        return found[:limit], len(found) > limit

    def _slots(self) -> Iterator[int]:
        """Slots that may hold a SEND, the newest first."""
        account = self._account
        if not account.is_whole:
            # The gaps fill while the history is being fetched.
            self._sends, self._low, self._high = {}, account.state.sequence, account.state.sequence
        yield from range(account.state.sequence, self._high - 1, -1)
        yield from sorted((slot for slot in self._sends if slot < self._high), reverse=True)
        yield from range(self._low - 1, -1, -1)

    def _read(self, sequence: int) -> _Send | None:
        """The SEND in a slot; None for a RECEIVE, and for a slot that is not used."""
        known = self._sends.get(sequence)
        if known is not None and known.is_done:
            return known
        record = self._account.outgoing_at(sequence)
        if record is None:
            return None
        entries = _sent(record, self._view_key) if known is None or known.transition != record.transition else known.entries
        status = record.state.name.lower()
        entries = [entry if entry.status == status else replace(entry, status=status) for entry in entries]
        return _Send(record.transition, entries, record.state is OutgoingState.DONE) if entries else None


def _received(key: OutputKey, record: IncomingRecord) -> HistoryEntry:
    return HistoryEntry(
        at_ms=record.seen_ms,
        direction=Direction.RECEIVED,
        counterparty=record.sender,
        amount=None if record.status is IncomingStatus.UNOPENABLE else record.value,
        fee=0,
        text=record.text,
        cert_id=key.cert_id,
        output=key.index,
        status=record.status.name.lower(),
    )


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
        entries.append(HistoryEntry(record.created_ms, Direction.SENT, output.owner, amount, fee, text, identified.cert_id, index, status))
    return entries
