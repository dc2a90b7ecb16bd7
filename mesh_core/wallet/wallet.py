"""One open wallet: send, claim, and keep up with what others pay (docs/protocol.md, "Wallet").

One transition at a time: the turn is held from the first line of a payment until its certificate is settled, so that a slot is never signed twice.
What is signed is made durable first, and is sent until it is certified, over crashes and restarts, with the same bytes.
"""

import asyncio
from collections.abc import Callable, Sequence

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import OpenedOutput, Payment, draft_receive, draft_send
from mesh_core.types.address import Address, format_address
from mesh_core.types.basic import Hash32
from mesh_core.types.transition import MAX_CLAIMS
from mesh_core.wallet import events
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.context import WalletContext
from mesh_core.wallet.emergency import check_replacement, outputs_beside
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.following import Follower
from mesh_core.wallet.history import HistoryEntry, list_history
from mesh_core.wallet.intending import Intentions
from mesh_core.wallet.paying import Payer, PaymentResult, PlannedPayment, Waiting
from mesh_core.wallet.ports import Store, Unwatch, Validators
from mesh_core.wallet.receiving import Receiver
from mesh_core.wallet.records import Condition, PaidOutput, Standing
from mesh_core.wallet.starting import Starter
from mesh_core.wallet.surroundings import REAL, Surroundings
from mesh_core.wallet.tasks import Tasks
from mesh_core.wallet.tracing import PaymentTrace

IDLE, CONNECTING, PAYING, CLAIMING = "idle", "connecting", "paying", "claiming"
FAULT_CODES = {Condition.LOCKED: ErrorCode.ACCOUNT_LOCKED, Condition.STUCK: ErrorCode.ACCOUNT_STUCK}

Plan = Callable[[PaymentTrace], PlannedPayment]


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
        self._keys = store.read_keys()
        self._genesis = client.network.genesis
        self.account = WalletAccount(store, self._keys, self._genesis, surroundings.now_ms)
        self.intentions = Intentions(store, self.account)
        tasks = Tasks(f"wallet {store.name}")
        self._context = WalletContext(store.name, self._keys, self._genesis, client, self.account, surroundings, tasks, publish, self._announce, next_payment)
        follower = Follower(self._context)
        self._payer = Payer(self._context, follower)
        self._wants_claim = asyncio.Event()
        self._starter = Starter(self._context, follower, self._payer, on_fault=self._on_fault, on_outputs=self._wants_claim.set)
        self._receiver = Receiver(self._context, on_outputs=self._wants_claim.set, on_own=self._starter.on_own_certificate, on_report=self._starter.on_report)
        self._claim_automatically = claim_automatically and not self.is_view_only
        self._activity = CONNECTING
        self._fault: LocalFault | None = None
        self._unwatch: Unwatch | None = None

    @property
    def keys(self) -> WalletKeys | ViewOnlyKeys:
        """What this wallet holds of its account's keys (secret)."""
        return self._keys

    @property
    def address(self) -> Address:
        """What payers need."""
        return self._keys.address

    @property
    def is_view_only(self) -> bool:
        """Whether this wallet sees everything and signs nothing."""
        return self._context.is_view_only

    @property
    def is_in_step(self) -> bool:
        """Whether q validators have said what they know of the account, so that it can pay."""
        return self._context.in_step.is_set()

    @property
    def is_busy(self) -> bool:
        """Whether a transition is on its way, or the account is being followed."""
        return self._context.turn.locked()

    @property
    def standing(self) -> Standing:
        """Whether the account can go on: open, locked (with the evidence) or stuck (with the refusals). Durable."""
        return self.account.standing

    @property
    def fault(self) -> LocalFault | None:
        """Why nothing can be paid; None while it can."""
        standing = self.standing
        if standing.condition is Condition.OPEN:
            return self._fault
        return LocalFault(FAULT_CODES[standing.condition], standing.text)

    def history(self) -> list[HistoryEntry]:
        """What this wallet paid and was paid, the oldest first (secret)."""
        return list_history(self.account, self._keys.view_key)

    # --- Life

    def start(self) -> None:
        """Catch up with the validators, finish what is unfinished, and watch for payments."""
        self._announce()
        self._context.tasks.spawn(self._get_in_step())
        self._unwatch = self._context.client.watch(self._keys.owner, self._receiver.on_announcement, self._receiver.on_connected)
        if self._claim_automatically:
            self._context.tasks.spawn(self._claim_whenever_wanted())
            if self.account.claimable(1):
                self._wants_claim.set()

    async def wait_in_step(self) -> None:
        """Return when q validators have said what they know of the account."""
        await self._context.in_step.wait()

    async def wait_up_to_date(self) -> None:
        """Return when this wallet shows what its owner has: a quorum was asked for everything, and what an earlier run left unfinished is settled.

        Returns at once where the account cannot go on (`fault`). Waits for ever where no quorum is reached.
        """
        await self.wait_in_step()
        await self.wait_settled()  # whoever finishes what was unfinished holds the turn
        if self.fault is None:
            await self._starter.has_heard.wait()
            await self._starter.is_complete.wait()

    async def wait_settled(self) -> None:
        """Return when no transition of this wallet is on its way to a quorum of validators, and the disk knows it."""
        async with self._context.turn:
            await self._payer.record_settled()

    async def close(self) -> None:
        """Stop all work and close the store. A payment that is not certified goes on at the next start."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        await self._context.tasks.close()
        await self._store.close()

    async def _get_in_step(self) -> None:
        await self._starter.run()
        if self._activity == CONNECTING:
            self._set_activity(IDLE)

    # --- Paying

    def require_signing_keys(self) -> WalletKeys:
        """The keys, for whoever is about to sign. LocalFault (VIEW_ONLY)."""
        return self._context.signing_keys()

    async def send(self, payments: Sequence[Payment]) -> PaymentResult:
        """Pay, and return when it is final. Payments of one wallet queue up.

        LocalFault: before anything is signed VIEW_ONLY, and as `draft_send`; afterwards PAYMENT_SUPERSEDED, ACCOUNT_LOCKED or ACCOUNT_STUCK where it cannot
        be certified any more. Whoever stops waiting does not stop the payment.
        """
        return await self._transact(PAYING, lambda trace: self._plan_send(payments, trace))

    async def receive(self, cert_id: Hash32 | None = None) -> PaymentResult:
        """Claim what is claimable, up to 16 outputs at once, or of one certificate alone, and return when it is final.

        LocalFault: NOTHING_TO_CLAIM, or as `send`.
        """
        return await self._transact(CLAIMING, lambda trace: self._plan_receive(self.account.claimable(MAX_CLAIMS, cert_id), trace))

    async def replace_stuck(self, payments: Sequence[Payment], confirmation: str) -> PaymentResult:
        """The emergency procedure: sign another transition for a slot whose first one at least q validators refuse for ever (`emergency`).

        Pays, or with no payments claims. Both transitions stay signed, and anybody who holds both can prove it: `confirmation` must be
        `emergency.CONFIRMATION`, typed by the owner. LocalFault: CONFIRMATION_MISSING, NOT_STUCK, or as `send` and `receive`.
        """
        self._context.signing_keys()
        check_replacement(self.standing, confirmation, self._genesis.committee)

        def plan(trace: PaymentTrace) -> PlannedPayment:
            check_replacement(self.standing, confirmation, self._genesis.committee)
            if payments:
                return self._plan_send(payments, trace)
            return self._plan_receive(outputs_beside(self.account, self.standing), trace)

        return await self._transact(PAYING if payments else CLAIMING, plan, replaces=True)

    def _plan_send(self, payments: Sequence[Payment], trace: PaymentTrace) -> PlannedPayment:
        draft = draft_send(self._context.signing_keys(), self._genesis, self.account.state, self.account.opening, payments, self._context.surroundings.entropy)
        paid = tuple(PaidOutput(payment.address.owner, payment.amount, payment.text) for payment in payments)
        trace.started("send", sum(payment.amount for payment in payments), draft.core.fee, paid, draft.core.sequence)
        return PlannedPayment(draft, paid, 0)

    def _plan_receive(self, outputs: Sequence[OpenedOutput], trace: PaymentTrace) -> PlannedPayment:
        draft = draft_receive(self._context.signing_keys(), self._genesis, self.account.state, self.account.opening, outputs)
        value = sum(output.opening.value for output in outputs)
        trace.started("receive", value, 0, (), draft.core.sequence)
        return PlannedPayment(draft, (), value)

    async def _transact(self, activity: str, plan: Plan, *, replaces: bool = False) -> PaymentResult:
        """Do it in a task of its own, so that nobody's impatience leaves a signed transition behind half-done."""
        waiting = Waiting(asyncio.get_running_loop().create_future())
        self._context.tasks.spawn(self._take_turn(activity, plan, self._context.new_trace(), waiting, replaces=replaces))
        return await waiting.final

    async def _take_turn(self, activity: str, plan: Plan, trace: PaymentTrace, waiting: Waiting, *, replaces: bool) -> None:
        context = self._context
        try:
            context.signing_keys()
            self._refuse_if_at_fault(replaces=replaces)
            if not context.in_step.is_set():
                quorum = self._genesis.committee.quorum_threshold
                trace.queued("send" if activity == PAYING else "receive", f"until {quorum} validators have said what they know of this account")
            elif context.turn.locked():
                trace.queued("send" if activity == PAYING else "receive", "until this wallet's payment before it is settled")
            await context.in_step.wait()
            async with context.turn:
                self._set_activity(activity)
                try:
                    self._refuse_if_at_fault(replaces=replaces)
                    self._refuse_if_signed(replaces=replaces)
                    trace.turn_came()
                    candidate = await self._payer.sign(plan(trace), trace, waiting, replaces=replaces)
                    if replaces:
                        context.notice(NoticeKind.REPLACED, f"another transition is signed for slot {candidate.core.sequence}: two are, and that can be proven")
                    await self._payer.settle(candidate, trace, waiting)
                finally:
                    self._set_activity(IDLE)
        except LocalFault as fault:
            self._tell_fault(fault, trace, waiting)
        except Exception as error:
            # A bug of ours. Whoever waits for the payment must not wait for ever.
            self._tell_fault(LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__}): see the log of the wallets"), trace, waiting)
            raise
        finally:
            waiting.final.cancel()

    def _refuse_if_at_fault(self, *, replaces: bool) -> None:
        if self.fault is not None and not replaces:
            raise self.fault

    def _refuse_if_signed(self, *, replaces: bool) -> None:
        if self.account.pending is not None and not replaces:
            raise LocalFault(ErrorCode.PAYMENT_IN_FLIGHT, "a transition is signed for this slot and not certified: a slot is never signed twice")

    async def _claim_whenever_wanted(self) -> None:
        """Claim what comes in. Behind whatever has the turn: that may be a claim of an earlier run, which takes these very outputs."""
        while True:
            await self._wants_claim.wait()
            self._wants_claim.clear()
            await self._context.in_step.wait()
            async with self._context.turn:
                pass
            while self.account.claimable(1):
                try:
                    await self.receive()
                except LocalFault:
                    break

    # --- Telling

    def _on_fault(self, fault: LocalFault | None) -> None:
        self._fault = fault

    def _tell_fault(self, fault: LocalFault, trace: PaymentTrace, waiting: Waiting) -> None:
        self._context.publish(events.WalletFault(self._context.surroundings.now_ns(), self.name, trace.payment, f"{fault.code:04x}", fault.text))
        if not waiting.final.done():
            waiting.final.set_exception(fault)

    def _announce(self) -> None:
        balance, state, fault = self.account.balance, self.account.state, self.fault
        self._context.publish(
            events.WalletChanged(
                t_ns=self._context.surroundings.now_ns(),
                wallet=self.name,
                address=format_address(self.address),
                owner=state.owner,
                balance=balance.spendable,
                commitment=state.balance,
                sequence=state.sequence,
                incoming=balance.incoming,
                in_flight=balance.in_flight,
                state=self._activity if fault is None else ("stuck" if fault.code is ErrorCode.ACCOUNT_STUCK else "locked"),
            )
        )

    def _set_activity(self, activity: str) -> None:
        self._activity = activity
        self._announce()
