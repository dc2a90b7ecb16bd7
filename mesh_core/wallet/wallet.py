"""One wallet at work: send, claim, and keep up with what others pay (docs/protocol.md, "Wallet").

One transition at a time: `_turn` is held from the first line of a payment until its certificate is settled, so that a slot is never signed twice.
What is signed is made durable first, and is sent until it is certified, over crashes and restarts, with the same bytes.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.memo import MemoError
from mesh_core.errors import ErrorCode, LocalFault, PeerFault, Rejected
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.protocol.construction import UNSIGNED, Draft, Payment, draft_receive, draft_send, sign_draft
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.protocol.settlement import Ask, CertificateFormed, FailureReason, SettlementMachine, SettlementReport, SettlementState, StateChanged
from mesh_core.types.address import Address, format_address
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.events import CertificateApplied
from mesh_core.types.transition import MAX_CLAIMS, TRANSITION, Kind, Transition
from mesh_core.wallet import events
from mesh_core.wallet.account import NewOutput, WalletAccount
from mesh_core.wallet.history import HistoryEntry, list_history
from mesh_core.wallet.ports import Store, Validators
from mesh_core.wallet.records import IncomingStatus, OutgoingRecord, OutgoingState, PaidOutput
from mesh_core.wallet.settling import SettlementDriver
from mesh_core.wallet.surroundings import REAL, Surroundings
from mesh_core.wallet.synchronising import (
    RETRY_INTERVAL_S,
    LatestState,
    fetch_certificates,
    fetch_own_certificates,
    find_latest_state,
    find_slot_certificate,
    list_claimable,
)
from mesh_core.wallet.tracing import PaymentTrace

logger = logging.getLogger(__name__)

IDLE, CONNECTING, PAYING, CLAIMING = "idle", "connecting", "paying", "claiming"


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """A certified payment: final. `payment_ms` runs from the call to the durable certificate; `prove_ms` is part of it."""

    payment: int
    cert_id: Hash32
    payment_ms: float
    prove_ms: float


class _History:
    """What the account's disk offers to validators that are behind, for one transition."""

    def __init__(self, account: WalletAccount, candidate: Identified) -> None:
        self._account = account
        self._candidate = candidate

    def certificates_since(self, sequence: int) -> Sequence[bytes]:
        return self._account.certificates_since(sequence)

    def claimed_certificates(self) -> Sequence[bytes]:
        return self._account.sources_of(self._candidate)


class Wallet:
    """An open wallet. `start` before the first payment; `close` at the end."""

    def __init__(
        self,
        store: Store,
        client: Validators,
        publish: Callable[[events.WalletEvent], None],
        next_payment: Callable[[], int],
        *,
        claim_automatically: bool = True,
        surroundings: Surroundings = REAL,
    ) -> None:
        """`next_payment` numbers payments; all wallets of a process share it. LocalFault if the store belongs to another network."""
        self.name = store.name
        self._store = store
        self._surroundings = surroundings
        self._client = client
        self._genesis = client.network.genesis
        self._publish = publish
        self._next_payment = next_payment
        self._claim_automatically = claim_automatically
        self._keys = WalletKeys.from_seed(store.read_seed())
        self.account = WalletAccount(store, self._keys, self._genesis, surroundings.now_ms)
        self._turn = asyncio.Lock()
        self._is_in_step = asyncio.Event()
        self._seen: set[Hash32] = set()
        self._activity = CONNECTING
        self._failure: LocalFault | None = None
        # Not a set: tasks are cancelled in the order in which they began, whatever their addresses.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._wants_claim = asyncio.Event()

    @property
    def address(self) -> Address:
        """What payers need."""
        return self._keys.address

    def history(self) -> list[HistoryEntry]:
        """What this wallet paid and was paid, the oldest first (secret)."""
        return list_history(self.account, self._keys.view_key)

    # --- Life

    def start(self) -> None:
        """Catch up with the validators, finish what is unfinished, and watch for payments."""
        self._announce()
        self._spawn(self._get_in_step())
        self._client.watch(self._keys.owner, self._on_announcement, self._on_connected)
        if self._claim_automatically:
            self._spawn(self._claim_whenever_wanted())
            if self.account.claimable(1):
                self._wants_claim.set()

    async def close(self) -> None:
        """Stop all work and close the store. A payment that is not certified goes on at the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._store.close()

    # --- Paying

    async def send(self, payments: Sequence[Payment]) -> PaymentResult:
        """Pay, and return when it is final. Payments of one wallet queue up.

        LocalFault: before anything is signed as `draft_send`; afterwards ACCOUNT_LOCKED, ACCOUNT_STUCK or NO_QUORUM where it cannot be certified any more.
        Whoever stops waiting does not stop the payment.
        """

        def draft(trace: PaymentTrace) -> _Planned:
            draft = draft_send(self._keys, self._genesis, self.account.state, self.account.opening, payments, self._surroundings.entropy)
            paid = tuple(PaidOutput(payment.address.owner, payment.amount, payment.text) for payment in payments)
            trace.started("send", sum(payment.amount for payment in payments), draft.core.fee, paid, draft.core.sequence)
            return _Planned(draft, paid, 0)

        return await self._transact(PAYING, draft)

    async def receive(self) -> PaymentResult:
        """Claim what is claimable, up to 16 outputs at once, and return when it is final. LocalFault: NOTHING_TO_CLAIM, or as `send`."""

        def draft(trace: PaymentTrace) -> _Planned:
            outputs = self.account.claimable(MAX_CLAIMS)
            draft = draft_receive(self._keys, self._genesis, self.account.state, self.account.opening, outputs)
            value = sum(output.opening.value for output in outputs)
            trace.started("receive", value, 0, (), draft.core.sequence)
            return _Planned(draft, (), value)

        return await self._transact(CLAIMING, draft)

    async def _transact(self, activity: str, draft: "Callable[[PaymentTrace], _Planned]") -> PaymentResult:
        """Do it in a task of its own, so that nobody's impatience leaves a signed transition behind half-done."""
        trace = PaymentTrace(self._next_payment(), self.name, self._publish, self._surroundings.now_ns)
        final: asyncio.Future[PaymentResult] = asyncio.get_running_loop().create_future()
        self._spawn(self._take_turn(activity, draft, trace, final))
        return await final

    async def _take_turn(self, activity: str, plan: "Callable[[PaymentTrace], _Planned]", trace: PaymentTrace, final: "asyncio.Future[PaymentResult]") -> None:
        kind = "send" if activity == PAYING else "receive"
        try:
            if not self._is_in_step.is_set():
                trace.queued(kind, f"until {self._genesis.committee.quorum_threshold} validators have said what they know of this account")
            elif self._turn.locked():
                trace.queued(kind, "until this wallet's payment before it is settled")
            await self._is_in_step.wait()
            async with self._turn:
                self._set_activity(activity)
                try:
                    self._refuse_if_failed()
                    trace.turn_came()
                    candidate, prove_ms = await self._sign(plan(trace), trace)
                    await self._settle(candidate, trace, final, prove_ms)
                finally:
                    self._set_activity(IDLE)
        except LocalFault as fault:
            self._tell_failure(fault, trace, final)
        except Exception as error:
            # A bug of ours. Whoever waits for the payment must not wait for ever.
            self._tell_failure(LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__}): see the log of the wallets"), trace, final)
            raise
        finally:
            final.cancel()

    def _tell_failure(self, fault: LocalFault, trace: PaymentTrace, final: "asyncio.Future[PaymentResult]") -> None:
        self._publish(events.WalletFault(self._surroundings.now_ns(), self.name, trace.payment, f"{fault.code:04x}", fault.text))
        if not final.done():
            final.set_exception(fault)

    async def _sign(self, planned: "_Planned", trace: PaymentTrace) -> tuple[Identified, float]:
        """Prove, check by every rule, sign, store. Proofs are made and checked in a thread."""
        draft = planned.draft
        trace.step("built")
        proof = await self._surroundings.prove(draft)
        prove_ms = trace.step("proved") if proof else 0.0
        try:
            await self._surroundings.check(Transition(draft.core, proof, UNSIGNED), self._genesis, self.account)
        except Rejected as refusal:
            raise LocalFault(refusal.code, f"the draft breaks a rule and was not signed: {refusal.text}") from refusal
        trace.step("checked")
        candidate = identify(sign_draft(draft, proof, self._keys.signing_key))
        trace.step("signed", candidate.transition_id)
        await self.account.record_signed(TRANSITION.encode(candidate.transition), draft.new_opening, planned.paid, planned.claimed_value)
        trace.step("stored", candidate.transition_id)
        self._announce()
        return candidate, prove_ms

    async def _settle(
        self,
        candidate: Identified,
        trace: PaymentTrace,
        final: "asyncio.Future[PaymentResult] | None" = None,
        prove_ms: float = 0.0,
        certificate: bytes | None = None,
    ) -> None:
        """Settle a signed transition; returns when q validators have applied it, or it failed. Late deliveries go on behind."""
        machine = SettlementMachine(self._genesis, candidate, _History(self.account, candidate), certificate)
        decided = asyncio.Event()

        async def keep(_: Hash32, data: bytes) -> None:
            await self.account.record_certificate(read_certificate(data, self._genesis))

        def report(what: Ask | SettlementReport) -> None:
            trace.report(what)
            if isinstance(what, CertificateFormed):
                self._announce()
                if final is not None and not final.done():
                    final.set_result(PaymentResult(trace.payment, what.cert_id, trace.payment_ms, prove_ms))
            if isinstance(what, StateChanged) and what.state in (SettlementState.SETTLED, SettlementState.FAILED):
                decided.set()

        self._spawn(self._drive(SettlementDriver(machine, self._client, keep, report, self._surroundings.entropy), machine, decided))
        await decided.wait()
        if machine.state is not SettlementState.FAILED:
            return
        settled = await self._find_settled(candidate, machine)
        # Whoever has the bytes of a transition can gather the votes for it, and somebody did: it is as final as if we had.
        await self.account.record_certificate(settled)
        report(CertificateFormed(settled.cert_id, tuple(vote.validator_index for vote in settled.certificate.votes), len(settled.data)))
        await self._settle(candidate, trace, final, prove_ms, settled.data)

    async def _drive(self, driver: SettlementDriver, machine: SettlementMachine, decided: asyncio.Event) -> None:
        try:
            await driver.run()
            if machine.state in (SettlementState.SETTLED, SettlementState.DONE):
                state = OutgoingState.DONE if machine.state is SettlementState.DONE else OutgoingState.SETTLED
                await self.account.record_state(machine.candidate.core.sequence, state)
        finally:
            decided.set()

    async def _find_settled(self, candidate: Identified, machine: SettlementMachine) -> CheckedCertificate:
        """This transition's own certificate, where no quorum votes any more because the slot is settled by it. LocalFault if it is not, and what follows.

        Settled by another transition of ours (a second device), the account goes on behind that one. Otherwise it is locked or stuck: nothing may ever be
        signed for this slot again.
        """
        sequence = candidate.core.sequence
        settled = await find_slot_certificate(self._client, self._keys.owner, sequence)
        if settled is not None and settled.transition_id == candidate.transition_id:
            return settled
        if settled is not None:
            await self._take_over(settled)
            raise LocalFault(ErrorCode.PAYMENT_SUPERSEDED, f"slot {sequence} is settled by another transition of this account: this one never took place")
        reason = machine.failure
        is_locked = reason is FailureReason.LOCKED
        await self.account.record_state(sequence, OutgoingState.LOCKED if is_locked else OutgoingState.STUCK)
        code = ErrorCode.ACCOUNT_LOCKED if is_locked else ErrorCode.ACCOUNT_STUCK
        self._failure = LocalFault(code, f"slot {sequence} cannot be certified: {reason.value if reason else 'unknown'}")
        raise self._failure

    def _refuse_if_failed(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.account.pending is not None:
            raise LocalFault(ErrorCode.PAYMENT_IN_FLIGHT, "a transition is signed for this slot and not certified: a slot is never signed twice")

    # --- Keeping in step

    async def _get_in_step(self) -> None:
        """Before the first payment: take over what the validators know and the disk does not, and finish what was begun. The turn is held meanwhile."""
        async with self._turn:
            latest = await self._find_latest()
            try:
                if latest.head is not None:
                    await self._catch_up(latest.head)
                await self._take_over_pending(latest)
            except LocalFault as fault:
                self._failure = fault
            self._set_activity(IDLE)
            self._is_in_step.set()
            unfinished = self.account.unsettled()
            if unfinished is not None and self._failure is None:
                await self._resume(unfinished)

    async def _find_latest(self) -> LatestState:
        """Ask until a quorum has answered: among so many, one correct validator voted for whatever was certified."""
        while True:
            latest = await find_latest_state(self._client, self._keys.owner)
            if latest.answers_count >= self._genesis.committee.quorum_threshold:
                return latest
            await asyncio.sleep(RETRY_INTERVAL_S)

    async def _catch_up(self, head: CheckedCertificate) -> None:
        """Take over every certified transition up to the newest one: what they claimed must never be claimed again. LocalFault as `_take_over`."""
        first, last = self.account.state.sequence, head.core.sequence
        chain = await fetch_own_certificates(self._client, self._keys.owner, first, last) if first < last else []
        for checked in chain:
            await self._take_over(checked)
        if self.account.state.sequence <= last:
            await self._take_over(head)

    async def _take_over(self, checked: CheckedCertificate) -> None:
        """The account is where this certificate of its own leaves it. LocalFault (ACCOUNT_LOCKED) if its balance cannot be opened."""
        pending = self.account.pending
        if pending is not None and identify(TRANSITION.decode(pending.transition)).transition_id == checked.transition_id:
            await self.account.record_certificate(checked)
            return
        try:
            await self.account.adopt(checked)
        except MemoError as error:
            raise _moved_by_others(error) from error

    async def _take_over_pending(self, latest: LatestState) -> None:
        """Complete what our key signed for the next slot, here or elsewhere: nothing else may be signed there. LocalFault (ACCOUNT_LOCKED)."""
        fitting = [candidate for candidate in latest.pending if candidate.core.sequence == self.account.state.sequence]
        if self.account.pending is not None or not fitting:
            return
        if len(fitting) > 1:
            raise LocalFault(ErrorCode.ACCOUNT_LOCKED, "validators hold two different transitions of this account: it was used on two devices at once")
        try:
            await self.account.adopt_pending(fitting[0])
        except MemoError as error:
            raise _moved_by_others(error) from error

    async def _resume(self, record: OutgoingRecord) -> None:
        """Finish a transition of an earlier run, with the same bytes."""
        candidate = identify(TRANSITION.decode(record.transition))
        trace = PaymentTrace(self._next_payment(), self.name, self._publish, self._surroundings.now_ns)
        kind = "send" if candidate.core.kind is Kind.SEND else "receive"
        amount = record.claimed_value if kind == "receive" else sum(output.amount for output in record.paid)
        trace.started(kind, amount, candidate.core.fee, record.paid, candidate.core.sequence)
        with contextlib.suppress(LocalFault):
            await self._settle(candidate, trace, certificate=record.certificate)

    # --- What comes in

    def _on_announcement(self, validator: int, announced: CertificateApplied) -> None:
        """A validator applied a certificate that concerns this account. Four of them say so; the first is enough."""
        if announced.cert_id not in self._seen:
            self._spawn(self._take_in(CERTIFICATE.encode(announced.certificate)))

    async def _take_in(self, data: bytes) -> None:
        try:
            checked = read_certificate(data, self._genesis)
        except InvalidCertificate as error:
            logger.warning("a validator announced a false certificate: %s", error.text)
            return
        await self._accept(checked)

    async def _accept(self, checked: CheckedCertificate) -> None:
        """Open what a verified certificate brings."""
        if checked.cert_id in self._seen:
            return
        self._seen.add(checked.cert_id)
        found = await self.account.record_incoming(checked)
        for new in found:
            self._publish(_incoming_event(self._surroundings.now_ns(), self.name, new))
        if found:
            self._announce()
            self._wants_claim.set()

    def _on_connected(self, validator: int) -> None:
        """Certificates may have been missed while there was no connection."""
        self._spawn(self._take_in_missed(validator))

    async def _take_in_missed(self, validator: int) -> None:
        try:
            listed = await list_claimable(self._client, validator, self._keys.owner)
            unknown = list(dict.fromkeys(entry.key.cert_id for entry in listed if not self.account.knows(entry.key)))
            for checked in await fetch_certificates(self._client, validator, unknown) if unknown else []:
                await self._accept(checked)
        except PeerFault as fault:
            logger.info("cannot ask %s for what came in: %s", fault.peer, fault.text)

    async def _claim_whenever_wanted(self) -> None:
        while True:
            await self._wants_claim.wait()
            self._wants_claim.clear()
            while self.account.claimable(1):
                try:
                    await self.receive()
                except LocalFault:
                    break

    # --- Telling

    def _announce(self) -> None:
        balance, state = self.account.balance, self.account.state
        self._publish(
            events.WalletChanged(
                t_ns=self._surroundings.now_ns(),
                wallet=self.name,
                address=format_address(self.address),
                owner=state.owner,
                balance=balance.spendable,
                commitment=state.balance,
                sequence=state.sequence,
                incoming=balance.incoming,
                in_flight=balance.in_flight,
                state=self._activity if self._failure is None else ("locked" if self._failure.code is ErrorCode.ACCOUNT_LOCKED else "stuck"),
            )
        )

    def _set_activity(self, activity: str) -> None:
        self._activity = activity
        self._announce()

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = None
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("wallet %s: a task failed", self.name, exc_info=task.exception())


@dataclass(frozen=True, slots=True)
class _Planned:
    """A draft, and what the history will say of it."""

    draft: Draft
    paid: tuple[PaidOutput, ...]
    claimed_value: int


def _moved_by_others(error: MemoError) -> LocalFault:
    return LocalFault(ErrorCode.ACCOUNT_LOCKED, f"the account was moved by somebody without this wallet's view key: {error.text}")


def _incoming_event(t_ns: int, wallet: str, new: NewOutput) -> events.IncomingSeen:
    record = new.record
    amount = None if record.status is IncomingStatus.UNOPENABLE else record.value
    return events.IncomingSeen(t_ns, wallet, new.key.cert_id, new.key.index, record.sender, amount, record.text, record.status.name.lower())
