"""From a draft to a settled transition: prove, check, sign, store, ask for votes, deliver (docs/protocol.md, "Sending"). The caller holds the turn."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mesh_core.errors import ErrorCode, LocalFault, Rejected
from mesh_core.protocol.certificates import CheckedCertificate, read_certificate
from mesh_core.protocol.construction import UNSIGNED, Draft, sign_draft
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.protocol.settlement import (
    Ask,
    CertificateFormed,
    Delivered,
    FailureReason,
    SettlementMachine,
    SettlementReport,
    SettlementState,
    StateChanged,
)
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import AckStatus, CertAck
from mesh_core.types.transition import TRANSITION, Transition
from mesh_core.wallet.account import WalletAccount
from mesh_core.wallet.asking import ask_all, reachable_contenders, sum_up
from mesh_core.wallet.context import WalletContext
from mesh_core.wallet.delivering import Delivery
from mesh_core.wallet.events import NoticeKind
from mesh_core.wallet.fetching import RETRY_INTERVAL_S, find_slot_certificate
from mesh_core.wallet.following import Follower
from mesh_core.wallet.records import Condition, PaidOutput, Refusal, Standing
from mesh_core.wallet.settling import SettlementDriver
from mesh_core.wallet.tracing import PaymentTrace


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """A certified payment: final. `payment_ms` runs from the call to the durable certificate; `prove_ms` is part of it."""

    payment: int
    cert_id: Hash32
    payment_ms: float
    prove_ms: float


@dataclass(frozen=True, slots=True)
class PlannedPayment:
    """A draft, and what the history will say of it."""

    draft: Draft
    paid: tuple[PaidOutput, ...]
    claimed_value: int


@dataclass(slots=True)
class Waiting:
    """Whoever waits for a payment to be final, and how long its proof took."""

    final: "asyncio.Future[PaymentResult]"
    prove_ms: float = 0.0


class _History:
    """What the account's disk offers to validators that are behind, for one transition."""

    def __init__(self, account: WalletAccount, candidate: Identified) -> None:
        self._account = account
        self._candidate = candidate

    def certificates_since(self, sequence: int) -> Sequence[bytes]:
        return self._account.certificates_since(sequence)

    def claimed_certificates(self) -> Sequence[bytes]:
        return self._account.sources_of(self._candidate)


class Payer:
    """Signs and settles the transitions of one account."""

    def __init__(self, context: WalletContext, follower: Follower) -> None:
        self._context = context
        self._follower = follower
        self._behind: dict[int, PaymentTrace] = {}
        """Payments of this run that are settled and not yet everywhere."""
        self._settled: int | None = None
        self.delivery = Delivery(context, self._tell_applied, self._tell_done)

    # --- Signing

    async def sign(self, planned: PlannedPayment, trace: PaymentTrace, waiting: Waiting, *, replaces: bool = False) -> Identified:
        """Prove, check by every rule, sign, store. LocalFault when the draft breaks a rule: nothing is signed then.

        `replaces`: another transition of this slot is signed, and refused for ever.
        """
        context, draft = self._context, planned.draft
        signing_key = context.signing_keys().signing_key
        trace.step("built")
        proof = await context.surroundings.prove(draft)
        waiting.prove_ms = trace.step("proved") if proof else 0.0
        try:
            await context.surroundings.check(Transition(draft.core, proof, UNSIGNED), context.genesis, context.account)
        except Rejected as refusal:
            raise LocalFault(refusal.code, f"the draft breaks a rule and was not signed: {refusal.text}") from refusal
        trace.step("checked")
        candidate = identify(sign_draft(draft, proof, signing_key))
        trace.step("signed", candidate.transition_id)
        record = context.account.record_replacement if replaces else context.account.record_signed
        await record(TRANSITION.encode(candidate.transition), draft.new_opening, planned.paid, planned.claimed_value)
        trace.step("stored", candidate.transition_id)
        context.announce()
        return candidate

    # --- Settling

    async def settle(
        self,
        candidate: Identified,
        trace: PaymentTrace,
        waiting: Waiting | None = None,
        certificate: bytes | None = None,
        tried: tuple[Hash32, ...] = (),
    ) -> None:
        """Settle a signed transition; returns when q validators have applied it. Late deliveries go on behind.

        LocalFault where it cannot be settled: PAYMENT_SUPERSEDED, ACCOUNT_LOCKED, ACCOUNT_STUCK. `tried` are other transitions of this slot that failed.
        """
        while True:
            machine = await self._run(candidate, trace, waiting, certificate)
            if machine.state is not SettlementState.FAILED:
                return
            settled = await find_slot_certificate(self._context.client, self._context.owner, candidate.core.sequence)
            if settled is None:
                await self._give_up(candidate, machine, (*tried, candidate.transition_id))
                # The slot is said to be settled, and nobody who answers has its certificate: it will come, or what was said was a lie.
                await asyncio.sleep(RETRY_INTERVAL_S)
                continue
            if settled.transition_id != candidate.transition_id:
                await self._follower.catch_up(settled)
                raise _superseded(candidate)
            # Whoever has the bytes of a transition can gather the votes for it, and somebody did: it is as final as if we had.
            await self._context.account.record_certificate(settled)
            self._tell_final(_formed(settled), trace, waiting)
            trace.report(_formed(settled))
            certificate = settled.data

    async def _run(self, candidate: Identified, trace: PaymentTrace, waiting: Waiting | None, certificate: bytes | None) -> SettlementMachine:
        """Drive one settlement until q validators have applied it or it failed; what comes later is served behind."""
        context, sequence = self._context, candidate.core.sequence
        machine = SettlementMachine(context.genesis, candidate, _History(context.account, candidate), certificate)
        decided = asyncio.Event()

        async def keep(_: Hash32, data: bytes) -> None:
            await context.account.record_certificate(read_certificate(data, context.genesis))

        def report(what: Ask | SettlementReport) -> None:
            trace.report(what)
            if isinstance(what, CertificateFormed):
                context.announce()
                self._tell_final(what, trace, waiting)
            if isinstance(what, Delivered) and machine.has_acknowledged(what.validator):
                self.delivery.note_applied(what.validator, sequence)
            if isinstance(what, StateChanged) and what.state in (SettlementState.SETTLED, SettlementState.FAILED):
                self._settled = sequence if what.state is SettlementState.SETTLED else self._settled
                decided.set()

        async def drive() -> None:
            try:
                await SettlementDriver(machine, context.client, keep, report, context.surroundings.entropy).run()
                if machine.state is SettlementState.SETTLED:
                    await context.account.record_settled(sequence)
                    self._behind[sequence] = trace
                    self.delivery.deliver()
            finally:
                decided.set()

        context.tasks.spawn(drive())
        await decided.wait()
        return machine

    def _tell_final(self, formed: CertificateFormed, trace: PaymentTrace, waiting: Waiting | None) -> None:
        if waiting is not None and not waiting.final.done():
            waiting.final.set_result(PaymentResult(trace.payment, formed.cert_id, trace.payment_ms, waiting.prove_ms))

    async def record_settled(self) -> None:
        """Make durable at once that the newest payment is settled. Otherwise that waits for the answers of all, since nothing depends on it."""
        if self._settled is not None:
            await self._context.account.record_settled(self._settled)

    # --- What becomes of it when it fails

    async def _give_up(self, candidate: Identified, machine: SettlementMachine, tried: tuple[Hash32, ...]) -> None:
        """No certificate exists and none can come. LocalFault, unless what was said of the slot is to be asked again."""
        if machine.failure is FailureReason.LOCKED:
            await self._turn_to_rival(candidate, machine, tried)
        if machine.failure is FailureReason.STUCK:
            raise await self._get_stuck(candidate, machine)

    async def _turn_to_rival(self, candidate: Identified, machine: SettlementMachine, tried: tuple[Hash32, ...]) -> None:
        """Complete the other transition of this slot, if it can still reach a quorum. LocalFault: PAYMENT_SUPERSEDED then, else ACCOUNT_LOCKED."""
        context = self._context
        answers = await ask_all(context.client, context.owner, context.tasks.spawn, lambda _: None, wait_for_all=True)
        contenders = [one for one in sum_up(answers).contenders_beside(candidate) if not context.account.is_given_up(one.candidate)]
        for rival in reachable_contenders(contenders, context.genesis.committee, candidate):
            # Each is tried once: a validator that names now this one, now that one, must not keep the wallet busy for ever.
            if rival.candidate.transition_id not in tried and rival.candidate.core.sequence == candidate.core.sequence:
                await self._follower.adopt_pending(rival.candidate)
                await self.settle(rival.candidate, context.new_trace(), tried=tried)
                raise _superseded(candidate)
        raise await self._follower.lock(machine.evidence)

    async def _get_stuck(self, candidate: Identified, machine: SettlementMachine) -> LocalFault:
        context, sequence = self._context, candidate.core.sequence
        refusals = tuple(Refusal(validator, code) for validator, code in sorted(machine.refusals.items()))
        codes = ", ".join(f"V{refusal.validator + 1} {refusal.code:04x}" for refusal in refusals)
        text = f"the transition signed for slot {sequence} is refused for ever ({codes}): the account cannot move, but for the emergency procedure"
        await context.account.record_standing(Standing(Condition.STUCK, sequence, text, (), refusals, context.surroundings.now_ms()))
        context.notice(NoticeKind.STUCK, text, tuple(refusal.validator for refusal in refusals))
        context.announce()
        return LocalFault(ErrorCode.ACCOUNT_STUCK, text)

    # --- What comes later

    def _tell_applied(self, validator: int, slots: range, ack: CertAck) -> None:
        for sequence in slots:
            if sequence in self._behind:
                newest = sequence == slots[-1]
                status = ack.status if newest else AckStatus.ALREADY_APPLIED
                self._behind[sequence].report(Delivered(validator, status, ack.log_index if newest else 0, self.delivery.count_applied(sequence)))

    def _tell_done(self, sequence: int) -> None:
        trace = self._behind.pop(sequence, None)
        if trace is not None:
            trace.report(StateChanged(SettlementState.DONE))


def _formed(settled: CheckedCertificate) -> CertificateFormed:
    return CertificateFormed(settled.cert_id, tuple(vote.validator_index for vote in settled.certificate.votes), len(settled.data))


def _superseded(candidate: Identified) -> LocalFault:
    text = f"slot {candidate.core.sequence} is settled by another transition of this account: this one never took place"
    return LocalFault(ErrorCode.PAYMENT_SUPERSEDED, text)
