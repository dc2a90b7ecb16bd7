"""Answers about accounts and certificates, read from a validator's ledger and store. They change nothing.

Everything that is answered proves itself: an account by its head certificate, a certificate by its signatures. So a wallet or a peer need not trust the
validator that it asks.
"""

from collections.abc import Iterable, Iterator

from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.records import APPLIED_SLOT, LOG_ENTRY, AppliedSlot, RecordReader, VoteLock, certificate_key, log_key, slot_key
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import (
    MAX_FRAME_BYTES,
    AccountStateMessage,
    Claimable,
    QueryAccount,
    SyncAccount,
    SyncCertificates,
    SyncFromLog,
    SyncItem,
    SyncRequest,
    SyncResponse,
    Want,
)

MAX_CLAIMABLE_LISTED = 1000
MAX_SYNC_ITEMS = 256
MAX_SYNC_BYTES = MAX_FRAME_BYTES - 1024
"""Certificates in one SYNC_RESPONSE; the rest is room for the frame's own fields."""
_SYNC_ITEM_OVERHEAD_BYTES = 12
assert MAX_SYNC_ITEMS * _SYNC_ITEM_OVERHEAD_BYTES + 1024 < MAX_FRAME_BYTES


def find_slot(store: RecordReader, sender: PublicKey, sequence: int) -> AppliedSlot | None:
    """The certificate that decided a slot, or None."""
    record = store.get(slot_key(sender, sequence))
    return None if record is None else APPLIED_SLOT.decode(record)


def find_certificate(store: RecordReader, cert_id: Hash32) -> bytes | None:
    """An applied certificate by its id, or None."""
    return store.get(certificate_key(cert_id))


def answer_account(query: QueryAccount, ledger: Ledger, store: RecordReader, lock: VoteLock | None) -> AccountStateMessage:
    """Answer QUERY_ACCOUNT. `lock` is this validator's vote in the account's undecided slot, perhaps without the transition's bytes."""
    account = ledger.account(query.owner)
    head = None
    if query.want & Want.HEAD_CERTIFICATE and account is not None and account.sequence > 0:
        slot = find_slot(store, query.owner, account.sequence - 1)
        head = None if slot is None else find_certificate(store, slot.cert_id)
    pending = lock.transition if lock is not None and lock.transition and query.want & Want.PENDING_TRANSITION else None
    claimable, more = _list_claimable(query, ledger) if query.want & Want.CLAIMABLE else ((), False)
    return AccountStateMessage(
        query.request_id, account is not None, ledger.account_or_zero(query.owner), head, pending, claimable, more, ledger.globals.log_length
    )


def _list_claimable(query: QueryAccount, ledger: Ledger) -> tuple[tuple[Claimable, ...], bool]:
    limit = min(query.limit, MAX_CLAIMABLE_LISTED)
    keys = ledger.outputs_of(query.owner, query.after_key, limit + 1)
    listed = [(key, ledger.output(key)) for key in keys[:limit]]
    return tuple(Claimable(key, output.commitment) for key, output in listed if output is not None), len(keys) > limit


def answer_sync(request: SyncRequest, ledger: Ledger, store: RecordReader) -> SyncResponse:
    """Answer SYNC_REQUEST. No certificate is read that does not fit the answer.

    A chain that is not this log's is answered with cursor 0 and no items. So is an empty log; but nobody can mistake it, since at index 0 all chains agree.
    """
    match request.mode:
        case SyncFromLog(from_index, chain):
            if from_index > ledger.globals.log_length or chain != chain_at(from_index, ledger, store):
                return SyncResponse(request.request_id, ledger.globals.log_length, 0, (), False)
            return _answer(request, ledger, store, _log_from(from_index, ledger, store), from_index, ledger.globals.log_length)
        case SyncAccount(owner, from_sequence):
            last = ledger.account_or_zero(owner).sequence
            return _answer(request, ledger, store, _slots_from(owner, from_sequence, last, store), from_sequence, max(last, from_sequence))
        case SyncCertificates(cert_ids):
            return _answer(request, ledger, store, ((_index_of(cert_id, store), cert_id) for cert_id in cert_ids), 0, len(cert_ids))


def chain_at(index: int, ledger: Ledger, store: RecordReader) -> Hash32 | None:
    """The log's chain hash before the entry `index`; network_id before the first."""
    if index == 0:
        return ledger.genesis.network_id
    record = store.get(log_key(index - 1))
    return None if record is None else LOG_ENTRY.decode(record).chain


def _log_from(index: int, ledger: Ledger, store: RecordReader) -> Iterator[tuple[int, Hash32]]:
    for at in range(index, min(index + MAX_SYNC_ITEMS, ledger.globals.log_length)):
        record = store.get(log_key(at))
        if record is not None:
            yield at, LOG_ENTRY.decode(record).cert_id


def _slots_from(owner: PublicKey, sequence: int, last: int, store: RecordReader) -> Iterator[tuple[int, Hash32]]:
    for at in range(sequence, min(sequence + MAX_SYNC_ITEMS, last)):
        slot = find_slot(store, owner, at)
        if slot is not None:
            yield slot.log_index, slot.cert_id


def _index_of(cert_id: Hash32, store: RecordReader) -> int:
    """Log index of a certificate; 0 for one that is not here and will not be listed."""
    data = find_certificate(store, cert_id)
    if data is None:
        return 0
    core = CERTIFICATE.decode(data).transition.core
    slot = find_slot(store, core.sender, core.sequence)
    return 0 if slot is None else slot.log_index


def _answer(request: SyncRequest, ledger: Ledger, store: RecordReader, wanted: Iterable[tuple[int, Hash32]], start: int, end: int) -> SyncResponse:
    """As many of the wanted certificates as the request and a frame allow, at least one where there is one; absent ones are passed over."""
    budget = min(request.max_bytes, MAX_SYNC_BYTES)
    items: list[SyncItem] = []
    used = passed = 0
    for log_index, cert_id in wanted:
        data = find_certificate(store, cert_id)
        size = 0 if data is None else len(data) + _SYNC_ITEM_OVERHEAD_BYTES
        if items and (used + size > budget or len(items) >= min(request.max_items, MAX_SYNC_ITEMS)):
            break
        passed += 1
        if data is not None:
            items.append(SyncItem(log_index, data))
            used += size
    cursor = start + passed
    return SyncResponse(request.request_id, ledger.globals.log_length, cursor, tuple(items), cursor < end)
