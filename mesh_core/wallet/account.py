"""A wallet's account as its own disk knows it: the opened balance, every transition that was signed, every output that came.

Implements `LedgerView` for the wallet's own checks and `AccountHistory` for validators that are behind.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.memo import MemoContext, MemoError, SelfMemoContext, open_memo, open_self_memo, reopen_sent_memo
from mesh_core.crypto.pedersen import Opening, commit_public
from mesh_core.crypto.ristretto import decode_scalar, encode_scalar
from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.construction import OpenedOutput
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import Identified
from mesh_core.types.account import AccountState, ClaimableOutput, zero_account
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey, Scalar32
from mesh_core.types.transition import TRANSITION, OutputKey, TransitionCore
from mesh_core.wallet.ports import Store
from mesh_core.wallet.records import (
    ACCOUNT_KEY,
    ACCOUNT_RECORD,
    INCOMING_PREFIX,
    INCOMING_RECORD,
    NETWORK_KEY,
    OUTGOING_PREFIX,
    OUTGOING_RECORD,
    AccountRecord,
    IncomingRecord,
    IncomingStatus,
    OutgoingRecord,
    OutgoingState,
    PaidOutput,
    certificate_key,
    incoming_key,
    outgoing_key,
    parse_incoming,
)

UNFINISHED = (OutgoingState.SIGNED, OutgoingState.CERTIFIED)


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


class WalletAccount:
    """State of one account, in memory and on disk. Every change is durable before it is used."""

    def __init__(self, store: Store, keys: WalletKeys, genesis: Genesis, now_ms: Callable[[], int]) -> None:
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
        try:
            self._incoming = {parse_incoming(key): INCOMING_RECORD.decode(value) for key, value in store.records(INCOMING_PREFIX)}
            self._outgoing = {record.sequence: record for record in (_read_outgoing(value) for _, value in store.records(OUTGOING_PREFIX))}
            stored = store.get(ACCOUNT_KEY)
            self._account = self._genesis_account() if stored is None else ACCOUNT_RECORD.decode(stored)
        except (DecodeError, ValueError) as error:
            raise LocalFault(ErrorCode.STORE_CORRUPT, f"wallet '{store.name}' holds a record that this program did not write: {error}") from error
        self._claimed = {claim.key for signed in self._outgoing.values() if signed.record.certificate is not None for claim in signed.core.claims}

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
        signed = self._outgoing.get(self.state.sequence)
        return None if signed is None else signed.record

    @property
    def balance(self) -> Balance:
        """The balance as its owner sees it."""
        pending = self.pending
        incoming = sum(record.value for key, record in self._incoming.items() if self._is_claimable(key, record))
        if pending is None:
            return Balance(self._account.value, incoming, 0)
        leaving = max(0, self._account.value - pending.new_value)
        return Balance(self._account.value - leaving, incoming, leaving)

    def claimable(self, limit: int) -> list[OpenedOutput]:
        """Outputs that were opened and not claimed, the oldest first."""
        waiting = [(record.seen_ms, key, record) for key, record in self._incoming.items() if self._is_claimable(key, record)]
        return [
            OpenedOutput(key, record.commitment, Opening(record.value, decode_scalar(record.blinding)))
            for _, key, record in sorted(waiting, key=lambda item: item[:2])[:limit]
        ]

    def _is_claimable(self, key: OutputKey, record: IncomingRecord) -> bool:
        """Opened, and claimed by no certified transition of ours: a validator that is behind, or lies, still offers what was claimed long ago.

        A claim of such an output would be refused for ever, and its slot could never be used again.
        """
        return record.status is IncomingStatus.CLAIMABLE and key not in self._claimed

    def knows(self, key: OutputKey) -> bool:
        """Whether an output was seen before."""
        return key in self._incoming

    def outgoing(self) -> list[OutgoingRecord]:
        """All signed transitions, by sequence."""
        return [signed.record for _, signed in sorted(self._outgoing.items())]

    def incoming(self) -> list[tuple[OutputKey, IncomingRecord]]:
        """All outputs that came, the oldest first."""
        return sorted(self._incoming.items(), key=lambda item: (item[1].seen_ms, item[0]))

    def unsettled(self) -> OutgoingRecord | None:
        """The newest transition that is signed or certified and not known to be settled."""
        newest = self._outgoing.get(max(self._outgoing, default=-1))
        return newest.record if newest is not None and newest.record.state in UNFINISHED else None

    # --- What the rules ask of a wallet's own draft (LedgerView)

    def account(self, owner: PublicKey) -> AccountState | None:
        """This account, if it exists."""
        exists = owner == self.state.owner and (self.state.sequence > 0 or self.state.balance != bytes(32))
        return self.state if exists else None

    def output(self, key: OutputKey) -> ClaimableOutput | None:
        """An output that this wallet opened and has not claimed."""
        record = self._incoming.get(key)
        return ClaimableOutput(self.state.owner, record.commitment) if record is not None and self._is_claimable(key, record) else None

    def claimed_by(self, key: OutputKey) -> Hash32 | None:
        """A wallet's own draft claims what is claimable; the validators know the rest."""
        return None

    # --- What a validator that is behind lacks (AccountHistory)

    def certificates_since(self, sequence: int) -> Sequence[bytes]:
        """This account's certificates from `sequence` on, each behind those whose outputs it claims."""
        found: list[bytes] = []
        for at in range(sequence, self.state.sequence):
            signed = self._outgoing.get(at)
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

    # --- What happens

    async def record_signed(self, transition: bytes, new_opening: Opening, paid: tuple[PaidOutput, ...], claimed_value: int) -> OutgoingRecord:
        """Make a signed transition durable. Only afterwards may its first byte leave: from here on these bytes are sent for ever, and no others."""
        record = OutgoingRecord(
            OutgoingState.SIGNED, transition, new_opening.value, Scalar32(encode_scalar(new_opening.blinding)), paid, claimed_value, self._now_ms(), None
        )
        await self._put_outgoing(record, network=True)
        return record

    async def record_certificate(self, checked: CheckedCertificate) -> None:
        """A transition of ours is certified: the account moves on, in one durable step. It never moves back, however late a certificate is learnt of."""
        core = checked.core
        signed = self._outgoing[core.sequence].record
        state = AccountState(core.sender, core.sequence + 1, core.new_balance, checked.transition_id)
        await self._put_certified(
            AccountRecord(state, signed.new_value, signed.new_blinding), checked, replace(signed, state=OutgoingState.CERTIFIED, certificate=checked.data)
        )

    async def _put_certified(self, account: AccountRecord, checked: CheckedCertificate, record: OutgoingRecord) -> None:
        core = checked.core
        is_newest = account.state.sequence > self.state.sequence
        claimed = {claim.key: replace(self._incoming[claim.key], status=IncomingStatus.CLAIMED) for claim in core.claims if claim.key in self._incoming}
        await self._store.put(
            [
                (outgoing_key(core.sequence), OUTGOING_RECORD.encode(record)),
                (certificate_key(checked.cert_id), checked.data),
                *([(ACCOUNT_KEY, ACCOUNT_RECORD.encode(account))] if is_newest else []),
                *((incoming_key(key), INCOMING_RECORD.encode(output)) for key, output in claimed.items()),
                (NETWORK_KEY, self._genesis.network_id),
            ]
        )
        self._outgoing[core.sequence] = _Signed(core.sequence, core, record)
        self._incoming |= claimed
        self._claimed |= {claim.key for claim in core.claims}
        if is_newest:
            self._account = account

    async def record_state(self, sequence: int, state: OutgoingState) -> None:
        """What became of a signed transition."""
        await self._put_outgoing(replace(self._outgoing[sequence].record, state=state))

    async def adopt(self, checked: CheckedCertificate) -> None:
        """Take over a certified transition of this account that the disk does not know: signed on another device, or before the disk was lost. MemoError.

        The opening comes from its self memo. It takes the place of another transition that this disk holds for the slot: that one can never be certified.
        """
        core = checked.core
        opening = self._open_self(core)
        state = AccountState(core.sender, core.sequence + 1, core.new_balance, checked.transition_id)
        account = AccountRecord(state, opening.value, Scalar32(encode_scalar(opening.blinding)))
        record = self._describe(checked.identified, opening)
        await self._put_certified(account, checked, replace(record, state=OutgoingState.CERTIFIED, certificate=checked.data))

    async def adopt_pending(self, candidate: Identified) -> OutgoingRecord:
        """Take over a transition that this account's key signed for the next slot and that the disk does not know: it must be completed. MemoError."""
        record = self._describe(candidate, self._open_self(candidate.core))
        await self._put_outgoing(record, network=True)
        return record

    def _open_self(self, core: TransitionCore) -> Opening:
        return open_self_memo(self._keys.view_key, SelfMemoContext(core.network_id, core.sender, core.sequence, core.new_balance), core.self_memo)

    def _describe(self, candidate: Identified, opening: Opening) -> OutgoingRecord:
        """The record of a transition of ours that this disk did not see being signed, as far as its memos tell."""
        core = candidate.core
        brought = max(0, opening.value - self._account.value) if core.claims else 0
        blinding = Scalar32(encode_scalar(opening.blinding))
        return OutgoingRecord(
            OutgoingState.SIGNED, TRANSITION.encode(candidate.transition), opening.value, blinding, self._read_paid(core), brought, self._now_ms(), None
        )

    def _read_paid(self, core: TransitionCore) -> tuple[PaidOutput, ...]:
        """What the outputs of a SEND of ours pay. One whose memo was made by other means is left out: the balance does not depend on it."""
        paid: list[PaidOutput] = []
        for index, output in enumerate(core.outputs):
            context = MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)
            with contextlib.suppress(MemoError):
                plain = reopen_sent_memo(self._keys.view_key, context, output.eph_pk, output.memo)
                paid.append(PaidOutput(output.owner, plain.value, plain.text))
        return tuple(paid)

    async def record_incoming(self, checked: CheckedCertificate) -> list[NewOutput]:
        """Open all outputs of a verified certificate that are for this account and were not seen before; an output that does not open is kept as such."""
        found = [
            NewOutput(key, self._open(checked.core, index))
            for index, output in enumerate(checked.core.outputs)
            if output.owner == self.state.owner and (key := OutputKey(checked.cert_id, index)) not in self._incoming
        ]
        if found:
            records = [(incoming_key(new.key), INCOMING_RECORD.encode(new.record)) for new in found]
            await self._store.put([*records, (certificate_key(checked.cert_id), checked.data), (NETWORK_KEY, self._genesis.network_id)])
            self._incoming |= {new.key: new.record for new in found}
        return found

    def _open(self, core: TransitionCore, index: int) -> IncomingRecord:
        output = core.outputs[index]
        context = MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)
        try:
            plain = open_memo(self._keys.view_key, context, output.eph_pk, output.memo)
        except MemoError as error:
            return IncomingRecord(IncomingStatus.UNOPENABLE, core.sender, output.commitment, 0, Scalar32(bytes(32)), error.reason.value, self._now_ms())
        blinding = Scalar32(encode_scalar(plain.blinding))
        return IncomingRecord(IncomingStatus.CLAIMABLE, core.sender, output.commitment, plain.value, blinding, plain.text, self._now_ms())

    async def _put_outgoing(self, record: OutgoingRecord, *, network: bool = False) -> None:
        signed = _wrap(record)
        extra = [(NETWORK_KEY, bytes(self._genesis.network_id))] if network else []
        await self._store.put([(outgoing_key(signed.sequence), OUTGOING_RECORD.encode(record)), *extra])
        self._outgoing[signed.sequence] = signed


@dataclass(frozen=True, slots=True)
class _Signed:
    """A signed transition with its decoded core."""

    sequence: int
    core: TransitionCore
    record: OutgoingRecord


def _wrap(record: OutgoingRecord) -> _Signed:
    core = TRANSITION.decode(record.transition).core
    return _Signed(core.sequence, core, record)


def _read_outgoing(value: bytes) -> _Signed:
    return _wrap(OUTGOING_RECORD.decode(value))
