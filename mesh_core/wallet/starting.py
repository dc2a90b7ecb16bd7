"""A wallet's start: nothing is signed before q validators have said what they know of its account (docs/protocol.md, "After a crash", "Restoring a wallet")."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from mesh_core.errors import LocalFault
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.identifiers import identify
from mesh_core.types.transition import TRANSITION, Kind
from mesh_core.wallet.asking import AccountAnswer, LatestState, Report, ask_all, read_account_answer, sum_up
from mesh_core.wallet.context import WalletContext, name_validators
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.fetching import RETRY_INTERVAL_S
from mesh_core.wallet.following import Follower
from mesh_core.wallet.paying import Payer
from mesh_core.wallet.records import OutgoingRecord


class Starter:
    """Brings the account into step with the validators, at the start and whenever one of them knows more; and brings back what a lost disk held."""

    def __init__(
        self, context: WalletContext, follower: Follower, payer: Payer, *, on_fault: Callable[[LocalFault | None], None], on_outputs: Callable[[], None]
    ) -> None:
        """`on_fault` is told why the account cannot be followed (its balance does not open, or too much is signed), and None when it can be again.

        `on_outputs` is told that there may be something to claim.
        """
        self._context = context
        self._follower = follower
        self._payer = payer
        self._on_fault = on_fault
        self._on_outputs = on_outputs
        self._is_filling = False
        self._listed: dict[int, None] = {}
        self.has_heard = asyncio.Event()
        """Set once a quorum has said what it knows of the account, and what it lists as claimable is taken in."""
        self.is_complete = asyncio.Event()
        """Set once nothing of the account's own history is missing."""

    async def run(self) -> None:
        """Before the first payment: take over what the validators know and the disk does not, and finish what was begun. The turn is held meanwhile."""
        context, account = self._context, self._context.account
        is_restoring = not account.has_all_history
        if is_restoring:
            context.notice(NoticeKind.RESTORING, "the records of this wallet begin anew beside its key: everything is asked back from the validators")
        async with context.turn:
            latest = sum_up(await self._ask_all(self._on_late_answer, wait_for_all=is_restoring))
            self._warn_of_silence(latest)
            was = account.state.sequence
            has_followed = await self._follow(latest)
            context.in_step.set()
            unfinished = account.unsettled()
            # What others have certified needs no settling, only delivery.
            if unfinished is not None and has_followed and (unfinished.certificate is None or account.state.sequence == was):
                await self._resume(unfinished)
        self._deliver()
        self._complete()

    async def _ask_all(self, on_late: Callable[[AccountAnswer], None], *, wait_for_all: bool = False) -> list[AccountAnswer]:
        """Ask until a quorum has answered: among so many, one correct validator voted for whatever was certified."""
        context = self._context
        while True:
            answers = await ask_all(context.client, context.owner, context.tasks.spawn, on_late, wait_for_all=wait_for_all)
            if len(answers) >= context.genesis.committee.quorum_threshold:
                return answers
            await asyncio.sleep(RETRY_INTERVAL_S)

    def _warn_of_silence(self, latest: LatestState) -> None:
        size = self._context.genesis.committee.size
        silent = tuple(validator for validator in range(size) if validator not in latest.answered)
        if silent:
            text = f"fewer than {size} answered: an unseen vote may exist at {name_validators(silent)}"
            self._context.notice(NoticeKind.UNSEEN_VOTE, text, silent)

    async def _follow(self, latest: LatestState) -> bool:
        try:
            if latest.head is not None and latest.head.core.sequence >= self._context.account.state.sequence:
                await self._follower.catch_up(latest.head)
            next_sequence = 0 if latest.head is None else latest.head.core.sequence + 1
            if next_sequence == self._context.account.state.sequence:
                await self._follower.choose(latest)
        except LocalFault as fault:
            self._on_fault(fault)
            return False
        self._on_fault(None)
        self._context.announce()
        return True

    async def _resume(self, record: OutgoingRecord) -> None:
        """Finish a transition of an earlier run, or of another device, with the same bytes. A view-only wallet leaves that to whoever signed it."""
        if self._context.is_view_only:
            return
        candidate = identify(TRANSITION.decode(record.transition))
        trace = self._context.new_trace()
        kind = "send" if candidate.core.kind is Kind.SEND else "receive"
        amount = record.claimed_value if kind == "receive" else sum(output.amount for output in record.paid)
        trace.started(kind, amount, candidate.core.fee, record.paid, candidate.core.sequence)
        with contextlib.suppress(LocalFault):
            await self._payer.settle(candidate, trace, certificate=record.certificate)

    def _deliver(self) -> None:
        if not self._context.is_view_only:
            self._payer.delivery.deliver()

    # --- Later

    def on_report(self, validator: int, report: Report) -> None:
        """A validator was reached anew and says what it knows; what it lists as claimable is taken in."""
        self._payer.delivery.note_reached(validator)
        self._listed[validator] = None
        if len(self._listed) >= self._context.genesis.committee.quorum_threshold:
            self.has_heard.set()
        self._complete()
        account = self._context.account
        if report.account.account.sequence > account.state.sequence or report.account.pending_transition is not None:
            self._on_late_answer(read_account_answer(validator, report.account, self._context.owner, self._context.genesis))

    def on_own_certificate(self, checked: CheckedCertificate) -> None:
        """A certificate of this account was announced. Of our own payments we know before anybody else."""
        own = None if self._context.is_view_only else self._context.account.pending_candidate
        if checked.core.sequence >= self._context.account.state.sequence and (own is None or own.transition_id != checked.transition_id):
            self._on_late_answer(AccountAnswer(-1, checked, None))

    def _on_late_answer(self, answer: AccountAnswer) -> None:
        if answer.head is not None or answer.pending is not None:
            self._context.tasks.spawn(self._consider(answer))

    async def _consider(self, answer: AccountAnswer) -> None:
        """One validator knows more than was known at the start: follow, and complete what our key has signed and the disk has forgotten.

        Which of several transitions can be completed, one answer does not tell: all are asked again.
        """
        context, account = self._context, self._context.account
        await context.in_step.wait()
        if not self._is_news(answer):
            return
        async with context.turn:
            if not self._is_news(answer):
                return
            others = await self._ask_all(lambda _: None)
            has_answered_again = answer.validator in [other.validator for other in others]
            known = replace(answer, pending=None) if has_answered_again else answer
            if await self._follow(sum_up([known, *others])):
                unfinished = account.unsettled()
                if unfinished is not None and unfinished.certificate is None:
                    await self._resume(unfinished)
        self._deliver()
        self._complete()

    def _is_news(self, answer: AccountAnswer) -> bool:
        account = self._context.account
        if answer.head is not None and answer.head.core.sequence >= account.state.sequence:
            return True
        return answer.pending is not None and account.pending is None and answer.pending.core.sequence == account.state.sequence

    # --- History

    def _complete(self) -> None:
        if not self._is_filling and self._context.in_step.is_set():
            self._is_filling = True
            self._context.tasks.spawn(self._fill())

    async def _fill(self) -> None:
        """Bring back what is missing of the account's own history; once it is whole, what came in may be claimed."""
        context, account = self._context, self._context.account
        try:
            await self._follower.fill()
            self._on_outputs()
            if account.has_all_history:
                self.is_complete.set()
                return
            if not self.has_heard.is_set():
                return
            await account.record_history()
            self.is_complete.set()
            paid = sum(len(record.paid) for record in account.outgoing())
            text = f"restored from the validators: {account.state.sequence} own transitions, {paid} payments sent, {account.incoming_count} received"
            context.notice(NoticeKind.RESTORED, text)
        finally:
            self._is_filling = False
