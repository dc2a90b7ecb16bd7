"""A wallet's account as its own disk knows it: the opened balance, every transition that was signed, every output that came.

Memory holds what is open: the balance, the transition of the next slot, the outputs that wait to be claimed. What is over is read from the disk (`book.py`).
Implements `LedgerView` for the wallet's own checks and `AccountHistory` for validators that are behind.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.memo import MemoError
from mesh_core.crypto.pedersen import Opening, commit_public
from mesh_core.crypto.ristretto import decode_scalar, encode_scalar
from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.construction import OpenedOutput
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.storage.pending import Record
from mesh_core.types.account import AccountState, ClaimableOutput, zero_account
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey, Scalar32
from mesh_core.types.transition import MAX_OUTPUTS, TRANSITION, OutputKey, TransitionCore
from mesh_core.wallet.book import RECENT_MOST, Book, Signed
from mesh_core.wallet.ports import Store
from mesh_core.wallet.reading import read_balance, read_incoming, read_paid
from mesh_core.wallet.records import (
    ACCOUNT_KEY,
    ACCOUNT_RECORD,
    HISTORY_COMPLETE,
    HISTORY_KEY,
    INCOMING_RECORD,
    NETWORK_KEY,
    OUTGOING_RECORD,
    REPLACED_RECORD,
    STANDING,
    STANDING_KEY,
    AccountRecord,
    Condition,
    IncomingRecord,
    IncomingStatus,
    OutgoingRecord,
    OutgoingState,
    PaidOutput,
    ReplacedRecord,
    Standing,
    certificate_key,
    incoming_key,
    outgoing_key,
    replaced_key,
)

IN_ORDER = Standing(Condition.OPEN, 0, "", (), (), 0)
UNCERTIFIED = (OutgoingState.SIGNED, OutgoingState.LOCKED, OutgoingState.STUCK)
DELETED = b""


@dataclass(frozen=True, slots=True)
class Balance:
    """Units: `spendable` now, `incoming` claimable and not claimed, `in_flight` leaving with a payment that is not final."""

    spendable: int
    incoming: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class NewOutput:
    """An output that a certificate brought: opened, or with the reason why not."""

    key: OutputKey
    record: IncomingRecord


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """A certificate of this account, with those whose outputs it claims as far as they are at hand."""

    checked: CheckedCertificate
    sources: tuple[CheckedCertificate, ...] = ()


@dataclass(slots=True)
class _Change:
    """What one durable batch changes. Nothing of it is used before it is durable."""

    account: AccountRecord
    records: dict[str, bytes] = field(default_factory=dict)
    outgoing: dict[int, Signed] = field(default_factory=dict)
    incoming: dict[OutputKey, IncomingRecord] = field(default_factory=dict)
    brought: list[OutputKey] = field(default_factory=list)
    claimed: list[OutputKey] = field(default_factory=list)
    standing: Standing | None = None


class WalletAccount:
    """State of one account, in memory and on disk. Every change is durable before it is used."""

    def __init__(self, store: Store, keys: WalletKeys | ViewOnlyKeys, genesis: Genesis, now_ms: Callable[[], int]) -> None:
        """Read the account; a new one begins as the genesis left it. LocalFault: STORE_FORMAT if the wallet belongs to another network, STORE_CORRUPT."""
        self._store = store
        self._keys = keys
        self._genesis = genesis
        self._now_ms = now_ms
        recorded = store.get(NETWORK_KEY)
        if recorded is not None and recorded != genesis.network_id:
            raise LocalFault(
                ErrorCode.STORE_FORMAT,
                f"wallet '{store.name}' belongs to network {recorded.hex()[:16]}, this is {genesis.network_id.hex()[:16]}: use another wallet here",
            )
        self._book = Book(store)
        try:
            stored, standing = store.get(ACCOUNT_KEY), store.get(STANDING_KEY)
            self._account = self._genesis_account() if stored is None else ACCOUNT_RECORD.decode(stored)
            self._standing = STANDING.decode(standing) if standing else IN_ORDER
        except DecodeError as error:
            raise self._book.damage(error) from error
        self._has_all_history = store.get(HISTORY_KEY) == HISTORY_COMPLETE
        summary = self._book.sum_up()
        self._waiting = summary.waiting
        self._recent = deque(summary.recent, RECENT_MOST)
        self._incoming_count = summary.incoming_count
        self._unopenable_count = summary.unopenable_count
        self._unknown_claims = summary.unknown_claims
        self._certified = summary.certified
        self._undone = summary.undone
        self._pending = self._book.signed_at(self.state.sequence)
        self._last = self._book.signed_at(self.state.sequence - 1)
        """The newest certified transition, as it is durable: whoever waits for its end must not see it before."""
        # Also when the machine's clock was set back since: the history keeps its order.
        self._last_stamp = summary.last_stamp

    def _genesis_account(self) -> AccountRecord:
        owner = self._keys.owner
        amount = next((allocation.amount for allocation in self._genesis.doc.allocations if allocation.owner == owner), None)
        if amount is None:
            return AccountRecord(zero_account(owner), 0, Scalar32(bytes(32)))
        return AccountRecord(AccountState(owner, 0, commit_public(amount), ZERO_HASH), amount, Scalar32(bytes(32)))

    # --- What is

    @property
    def state(self) -> AccountState:
        """The account after its last certified transition."""
        return self._account.state

    @property
    def opening(self) -> Opening:
        """Opening of the balance (secret)."""
        return Opening(self._account.value, decode_scalar(self._account.blinding))

    @property
    def pending(self) -> OutgoingRecord | None:
        """The transition signed for the next slot, if there is one. No other may ever be signed there."""
        return None if self._pending is None else self._pending.record

    @property
    def pending_candidate(self) -> Identified | None:
        """`pending`, decoded, with its hashes."""
        record = self.pending
        return None if record is None else identify(TRANSITION.decode(record.transition))

    def is_given_up(self, candidate: Identified) -> bool:
        """Whether a transition was replaced in an emergency. At least q validators refuse it for ever, so whoever shows it as pending only wants it back."""
        return self._store.get(replaced_key(candidate.core.sequence, candidate.transition_id)) is not None

    @property
    def standing(self) -> Standing:
        """Whether the account can go on in its present slot. What kept an earlier slot is over with it."""
        return self._standing if self._standing.sequence == self.state.sequence else IN_ORDER

    @property
    def balance(self) -> Balance:
        """The balance as its owner sees it."""
        pending = self.pending
        incoming = sum(record.value for record in self._waiting.values())
        if pending is None:
            return Balance(self._account.value, incoming, 0)
        leaving = max(0, self._account.value - pending.new_value)
        return Balance(self._account.value - leaving, incoming, leaving)

    @property
    def first_missing(self) -> int:
        """The first slot whose certificate this disk does not hold; the account's next slot where it holds all."""
        return self._certified.first_missing

    @property
    def is_whole(self) -> bool:
        """Whether the disk holds all certificates of this account. Otherwise it cannot tell what was claimed already, and claims nothing.

        A claim of what a forgotten transition has claimed would be refused for ever, and its slot could never be used again.
        """
        return self.first_missing == self.state.sequence

    @property
    def has_all_history(self) -> bool:
        """Whether nothing from before this disk began is left to be asked for."""
        return self._has_all_history

    def claimable(self, limit: int, cert_id: Hash32 | None = None) -> list[OpenedOutput]:
        """Outputs, of one certificate or of all, that were opened and not claimed, the oldest first; none while the account is not whole."""
        if not self.is_whole:
            return []
        waiting = [(record.seen_ms, key, record) for key, record in self._waiting.items() if cert_id in (None, key.cert_id)]
        return [
            OpenedOutput(key, record.commitment, Opening(record.value, decode_scalar(record.blinding)))
            for _, key, record in sorted(waiting, key=lambda item: item[:2])[:limit]
        ]

    def knows(self, key: OutputKey) -> bool:
        """Whether an output was seen before. A validator that is behind, or lies, still offers what was claimed long ago."""
        return self._book.incoming_at(key) is not None

    def unknown_sources(self) -> list[Hash32]:
        """Certificates whose outputs this account has claimed and of which its disk knows nothing: a gap in the history."""
        return sorted({key.cert_id for key in self._unknown_claims})

    def certificate(self, cert_id: Hash32) -> bytes | None:
        """A certificate of this account, or of a payment to it, by its id."""
        return self._store.get(certificate_key(cert_id))

    @property
    def transitions_count(self) -> int:
        """Transitions of this account that the disk knows: certified ones, and the one that is signed for the next slot."""
        return len(self._certified) + (self._pending is not None)

    @property
    def incoming_count(self) -> int:
        """Outputs that came, claimed or not."""
        return self._incoming_count

    @property
    def unopenable_count(self) -> int:
        """Outputs that came and do not open."""
        return self._unopenable_count

    def outgoing(self) -> list[OutgoingRecord]:
        """All signed transitions, by sequence; reads the whole past."""
        return list(self._book.outgoing())

    def outgoing_at(self, sequence: int) -> OutgoingRecord | None:
        """The transition signed for a slot."""
        signed = self._signed_at(sequence)
        return None if signed is None else signed.record

    def newest_outgoing(self) -> Iterator[tuple[int, OutgoingRecord]]:
        """Signed transitions with their slots, the newest first, each read when it is asked for."""
        for sequence in range(self.state.sequence, -1, -1):
            record = self.outgoing_at(sequence)
            if record is not None:
                yield sequence, record

    def incoming(self) -> list[tuple[OutputKey, IncomingRecord]]:
        """All outputs that came, the oldest first; reads the whole past."""
        told = [(key, self._with_status(key, record)) for key, record in self._book.incoming()]
        return sorted(told, key=lambda item: (item[1].seen_ms, item[0]))

    def newest_incoming(self, limit: int) -> list[tuple[OutputKey, IncomingRecord]]:
        """So many of the outputs that came last, the oldest first."""
        if limit > len(self._recent) < self._incoming_count:
            return self.incoming()[-limit:]
        newest = list(self._recent)[-limit:]
        return [(key, self._with_status(key, record)) for key in newest if (record := self._book.incoming_at(key)) is not None]

    def incoming_of(self, cert_id: Hash32) -> list[IncomingRecord]:
        """What one certificate brought, by the index of the output."""
        keys = (OutputKey(cert_id, index) for index in range(MAX_OUTPUTS))
        return [self._with_status(key, record) for key in keys if (record := self._book.incoming_at(key)) is not None]

    def _with_status(self, key: OutputKey, record: IncomingRecord) -> IncomingRecord:
        """An output may have come after the transition that claims it, on a disk that was being restored: its own record does not know."""
        is_claimed = record.status is IncomingStatus.CLAIMABLE and key not in self._waiting
        return replace(record, status=IncomingStatus.CLAIMED) if is_claimed else record

    def unsettled(self) -> OutgoingRecord | None:
        """The newest transition that is not certified, or certified and not known to be settled."""
        newest = self._pending or self._last
        return newest.record if newest is not None and newest.record.state in (*UNCERTIFIED, OutgoingState.CERTIFIED) else None

    def undone(self) -> list[int]:
        """Slots whose certificates may not be everywhere."""
        return sorted(self._undone)

    def _signed_at(self, sequence: int) -> Signed | None:
        """What is signed for a slot; for the newest two what is durable, which alone may leave."""
        newest = {self.state.sequence: self._pending, self.state.sequence - 1: self._last}
        return newest[sequence] if sequence in newest else self._book.signed_at(sequence)

    # --- What the rules ask of a wallet's own draft (LedgerView)

    def account(self, owner: PublicKey) -> AccountState | None:
        """This account, if it exists."""
        exists = owner == self.state.owner and (self.state.sequence > 0 or self.state.balance != bytes(32))
        return self.state if exists else None

    def output(self, key: OutputKey) -> ClaimableOutput | None:
        """An output that this wallet opened and has not claimed."""
        record = self._waiting.get(key)
        return None if record is None else ClaimableOutput(self.state.owner, record.commitment)

    def claimed_by(self, key: OutputKey) -> Hash32 | None:
        """A wallet's own draft claims what is claimable; the validators know the rest."""
        return None

    # --- What a validator that is behind lacks (AccountHistory)

    def certificates_since(self, sequence: int, most: int = 2**64) -> Sequence[bytes]:
        """This account's certificates from `sequence` on, of so many slots at most, each behind those whose outputs it claims."""
        found: list[bytes] = []
        for at in range(sequence, min(self.state.sequence, sequence + most)):
            signed = self._signed_at(at)
            if signed is None or signed.record.certificate is None:
                break
            found += self._sources_of(signed.core)
            found.append(signed.record.certificate)
        return found

    def sources_of(self, candidate: Identified) -> Sequence[bytes]:
        """The certificates whose outputs a transition claims."""
        return self._sources_of(candidate.core)

    def _sources_of(self, core: TransitionCore) -> list[bytes]:
        names = dict.fromkeys(claim.cert_id for claim in core.claims)
        return [data for name in names if (data := self._store.get(certificate_key(name))) is not None]

    def newest_certificate(self) -> bytes | None:
        """The certificate that made the account what it is."""
        record = self.outgoing_at(self.state.sequence - 1)
        return None if record is None else record.certificate

    # --- What happens to a transition of our own

    async def record_signed(self, transition: bytes, new_opening: Opening, paid: tuple[PaidOutput, ...], claimed_value: int) -> OutgoingRecord:
        """Make a signed transition durable. Only afterwards may its first byte leave: from here on these bytes are sent for ever, and no others."""
        change = self._begin()
        record = self._sign_in(change, transition, new_opening, paid, claimed_value)
        await self._commit(change)
        return record

    async def record_replacement(self, transition: bytes, new_opening: Opening, paid: tuple[PaidOutput, ...], claimed_value: int) -> OutgoingRecord:
        """Sign another transition for a slot whose first one at least q validators refuse for ever; both stay on the disk (docs/protocol.md, 10.4)."""
        standing, refused = self.standing, self.pending_candidate
        assert standing.condition is Condition.STUCK and refused is not None
        change = self._begin()
        given_up = ReplacedRecord(TRANSITION.encode(refused.transition), standing.refusals, self._stamp())
        change.records[replaced_key(standing.sequence, refused.transition_id)] = REPLACED_RECORD.encode(given_up)
        self._stand(change, IN_ORDER)
        record = self._sign_in(change, transition, new_opening, paid, claimed_value)
        await self._commit(change)
        return record

    def _sign_in(self, change: _Change, transition: bytes, new_opening: Opening, paid: tuple[PaidOutput, ...], claimed_value: int) -> OutgoingRecord:
        blinding = Scalar32(encode_scalar(new_opening.blinding))
        record = OutgoingRecord(OutgoingState.SIGNED, transition, new_opening.value, blinding, paid, claimed_value, self._stamp(), None)
        self._put(change, Signed.decode(record))
        return record

    async def record_certificate(self, checked: CheckedCertificate) -> None:
        """A transition of ours is certified: the account moves on, in one durable step. It never moves back, however late a certificate is learnt of."""
        change = self._begin()
        record = self._require(checked.core.sequence).record
        if record.certificate is None:
            record = replace(record, state=OutgoingState.CERTIFIED, certificate=checked.data)
        self._certify(change, checked, record)
        await self._commit(change)

    async def record_settled(self, sequence: int) -> None:
        """At least q validators have applied the certificate of a slot. Returns once that is durable, also where another call has queued it."""
        signed = self._signed_at(sequence)
        if signed is not None and signed.record.state is OutgoingState.CERTIFIED:
            await self._put_state([sequence], OutgoingState.SETTLED)

    async def record_done(self, sequence: int) -> list[int]:
        """All validators have applied the certificates of all slots before `sequence`; returns those of which that is news."""
        done = [at for at in self.undone() if at < sequence]
        if done:
            await self._put_state(done, OutgoingState.DONE)
        return done

    async def record_standing(self, standing: Standing) -> None:
        """The account cannot go on in its slot, or can again. What proves it is durable with it."""
        change = self._begin()
        self._stand(change, standing)
        states = {Condition.LOCKED: OutgoingState.LOCKED, Condition.STUCK: OutgoingState.STUCK}
        pending = self._book.signed_at(self.state.sequence)
        if pending is not None and pending.record.certificate is None and standing.condition in states:
            self._put(change, replace(pending, record=replace(pending.record, state=states[standing.condition])))
        await self._commit(change)

    def _require(self, sequence: int) -> Signed:
        """To be changed: with what is queued, or one change would undo another."""
        signed = self._book.signed_at(sequence)
        assert signed is not None, f"nothing was signed for slot {sequence}"
        return signed

    async def _put_state(self, sequences: list[int], state: OutgoingState) -> None:
        change = self._begin()
        for sequence in sequences:
            signed = self._require(sequence)
            self._put(change, replace(signed, record=replace(signed.record, state=max(signed.record.state, state))))
        await self._commit(change)

    # --- What others know of our own account

    async def adopt(self, *certificates: OwnCertificate) -> None:
        """Take over certified transitions of this account that the disk does not know: signed on another device, or before the disk was lost. MemoError.

        The openings come from self memos. Each takes the place of another transition that this disk holds for its slot: that one can never be certified.
        All become durable in one step, those before one that cannot be opened included.
        """
        change = self._begin()
        failed: MemoError | None = None
        for own in certificates:
            try:
                self._adopt(change, own)
            except MemoError as error:
                failed = error
                break
        await self._commit(change)
        if failed is not None:
            raise failed

    def _adopt(self, change: _Change, own: OwnCertificate) -> None:
        checked = own.checked
        opening = read_balance(self._keys.view_key, checked.core)
        for source in own.sources:
            self._bring_in(change, source)
        known = change.outgoing.get(checked.core.sequence) or self._book.signed_at(checked.core.sequence)
        if known is not None and known.record.certificate is not None:
            record = known.record
        elif known is not None and known.core == checked.core:
            record = replace(known.record, state=OutgoingState.CERTIFIED, certificate=checked.data)
        else:
            record = replace(self._describe(change, checked.identified, opening), state=OutgoingState.CERTIFIED, certificate=checked.data)
        self._certify(change, checked, record)

    async def adopt_pending(self, candidate: Identified) -> OutgoingRecord:
        """Take over a transition that this account's key signed for the next slot and that the disk does not know: it must be completed. MemoError."""
        change = self._begin()
        record = self._describe(change, candidate, read_balance(self._keys.view_key, candidate.core))
        self._put(change, Signed.decode(record))
        if self.standing.condition is not Condition.OPEN:
            self._stand(change, IN_ORDER)
        await self._commit(change)
        return record

    def _describe(self, change: _Change, candidate: Identified, opening: Opening) -> OutgoingRecord:
        """The record of a transition of ours that this disk did not see being signed, as far as its memos tell."""
        core = candidate.core
        brought = 0
        if core.claims and core.sequence == change.account.state.sequence:
            brought = max(0, opening.value - change.account.value)
        elif core.claims:
            known = (change.incoming.get(claim.key) or self._book.incoming_at(claim.key) for claim in core.claims)
            brought = sum(record.value for record in known if record is not None)
        blinding = Scalar32(encode_scalar(opening.blinding))
        later = self._signed_at(core.sequence + 1)
        stamp = self._stamp() if later is None else later.record.created_ms
        paid = read_paid(self._keys.view_key, core)
        return OutgoingRecord(OutgoingState.SIGNED, TRANSITION.encode(candidate.transition), opening.value, blinding, paid, brought, stamp, None)

    async def record_history(self) -> None:
        """Nothing from before this disk began is missing any more."""
        change = self._begin()
        change.records[HISTORY_KEY] = HISTORY_COMPLETE
        await self._commit(change)
        self._has_all_history = True

    # --- What comes in

    async def record_incoming(self, *certificates: CheckedCertificate) -> list[NewOutput]:
        """Open all outputs of verified certificates that are for this account and were not seen before; one that does not open is kept as such."""
        change = self._begin()
        found = [new for checked in certificates for new in self._bring_in(change, checked)]
        if found:
            await self._commit(change)
        return found

    def _bring_in(self, change: _Change, checked: CheckedCertificate) -> list[NewOutput]:
        found = [
            NewOutput(key, self._open(checked.core, index))
            for index, output in enumerate(checked.core.outputs)
            if output.owner == self.state.owner and (key := OutputKey(checked.cert_id, index)) not in change.incoming and not self.knows(key)
        ]
        for new in found:
            change.incoming[new.key] = new.record
            change.brought.append(new.key)
            change.records[incoming_key(new.key)] = INCOMING_RECORD.encode(new.record)
        if found:
            change.records[certificate_key(checked.cert_id)] = checked.data
        return found

    def _open(self, core: TransitionCore, index: int) -> IncomingRecord:
        commitment = core.outputs[index].commitment
        try:
            plain = read_incoming(self._keys.view_key, core, index)
        except MemoError as error:
            return IncomingRecord(IncomingStatus.UNOPENABLE, core.sender, commitment, 0, Scalar32(bytes(32)), error.reason.value, self._stamp())
        blinding = Scalar32(encode_scalar(plain.opening.blinding))
        return IncomingRecord(IncomingStatus.CLAIMABLE, core.sender, commitment, plain.value, blinding, plain.text, self._stamp())

    # --- Writing

    def _begin(self) -> _Change:
        return _Change(self._account, {NETWORK_KEY: bytes(self._genesis.network_id)})

    def _put(self, change: _Change, signed: Signed) -> None:
        change.outgoing[signed.sequence] = signed
        change.records[outgoing_key(signed.sequence)] = OUTGOING_RECORD.encode(signed.record)

    def _certify(self, change: _Change, checked: CheckedCertificate, record: OutgoingRecord) -> None:
        core = checked.core
        self._put(change, Signed(core.sequence, core, record))
        change.records[certificate_key(checked.cert_id)] = checked.data
        for claim in core.claims:
            change.claimed.append(claim.key)
            known = change.incoming.get(claim.key) or self._book.incoming_at(claim.key)
            if known is not None:
                change.incoming[claim.key] = replace(known, status=IncomingStatus.CLAIMED)
                change.records[incoming_key(claim.key)] = INCOMING_RECORD.encode(change.incoming[claim.key])
        if core.sequence >= change.account.state.sequence:
            state = AccountState(core.sender, core.sequence + 1, core.new_balance, checked.transition_id)
            change.account = AccountRecord(state, record.new_value, record.new_blinding)
            change.records[ACCOUNT_KEY] = ACCOUNT_RECORD.encode(change.account)

    def _stand(self, change: _Change, standing: Standing) -> None:
        change.standing = standing
        change.records[STANDING_KEY] = DELETED if standing is IN_ORDER else STANDING.encode(standing)

    async def _commit(self, change: _Change) -> None:
        records: list[Record] = list(change.records.items())
        await self._store.put(records)
        self._take_incoming(change)
        self._take_outgoing(change)
        if change.standing is not None:
            self._standing = change.standing

    def _take_incoming(self, change: _Change) -> None:
        for key in change.brought:
            self._recent.append(key)
            self._incoming_count += 1
            status = change.incoming[key].status
            self._unopenable_count += status is IncomingStatus.UNOPENABLE
            if key in self._unknown_claims:
                self._unknown_claims.remove(key)
            elif status is IncomingStatus.CLAIMABLE:
                self._waiting[key] = change.incoming[key]
        for key in change.claimed:
            if self._waiting.pop(key, None) is None and key not in change.incoming:
                self._unknown_claims.add(key)

    def _take_outgoing(self, change: _Change) -> None:
        for sequence, signed in change.outgoing.items():
            if signed.record.certificate is not None:
                self._certified.add(sequence)
                (self._undone.discard if signed.record.state is OutgoingState.DONE else self._undone.add)(sequence)
        if change.account.state.sequence > self.state.sequence:
            self._account = change.account
            self._pending = self._book.signed_at(self.state.sequence)
            self._last = None
        else:
            self._pending = change.outgoing.get(self.state.sequence, self._pending)
        self._last = change.outgoing.get(self.state.sequence - 1, self._last)

    def _stamp(self) -> int:
        """The time, never twice the same, so that a history keeps its order."""
        self._last_stamp = max(self._now_ms(), self._last_stamp + 1)
        return self._last_stamp
