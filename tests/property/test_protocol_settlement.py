"""A wallet settles one payment while messages are lost, validators are behind, one of them lies, and the wallet itself crashes.

With a quorum of correct validators the payment gets its certificate, always of the same transition, and every correct validator applies it (LIV-1).
"""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.protocol.certificates import read_certificate
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.settlement import SettlementState
from mesh_core.types.messages import VoteRequest
from mesh_core.types.transition import TRANSITION
from tests.cluster import Validator, any_proof_holds
from tests.unit.protocol.settling import History, Settling
from tests.unit.protocol.test_settlement import LIES
from tests.unit.protocol.world import World

VALIDATORS = range(4)


@cache
def world() -> World:
    return World()


def validator(index: int, *, is_behind: bool) -> Validator:
    """A validator with its own key, with or without the past. Index 0 of the world has it."""
    made = world().cluster.validators[index].copy()
    if index and not is_behind:
        for certificate in world().past:
            made.settle(certificate)
    made.check_proof = any_proof_holds
    return made


class Payment:
    """The wallet, its disk, three correct validators and a liar."""

    def __init__(self, liar: int, behind: set[int]) -> None:
        self.liar = liar
        self.validators = {index: validator(index, is_behind=index in behind) for index in VALIDATORS if index != liar}
        self.kept: bytes | None = None
        self.signed = TRANSITION.encode(world().send)
        self.wallet = self.begin()

    def begin(self) -> Settling:
        """A wallet after a start: the signed bytes and perhaps the certificate are on its disk."""
        return Settling.begin(world().genesis, world().send, History(account=[world().payout]), self.kept)

    def store(self) -> None:
        for keep in self.wallet.kept:
            assert self.kept in (None, keep.certificate)
            self.kept = keep.certificate

    def deliver(self, index: int, lie: str) -> None:
        """Answer the oldest request to a validator."""
        asked = next(ask.message for ask in self.wallet.asks if ask.validator == index)
        if isinstance(asked, VoteRequest):
            assert asked.transition == self.signed
        if index != self.liar:
            self.wallet.ask(index, self.validators[index])
        else:
            answer = LIES[lie](index, world())
            if answer is None:
                self.wallet.silence(index)
            else:
                self.wallet.answer(index, answer)
        self.store()

    def waiting(self) -> list[int]:
        return sorted({ask.validator for ask in self.wallet.asks})

    def paused(self) -> list[int]:
        return sorted({pause.validator for pause in self.wallet.pauses})


@given(st.data())
@settings(max_examples=60)
def test_payment_is_certified_and_settled_whatever_happens_on_the_way(data: st.DataObject) -> None:
    liar = data.draw(st.sampled_from(VALIDATORS), "liar")
    payment = Payment(liar, data.draw(st.sets(st.integers(1, 3)), "behind"))
    lies = st.sampled_from(sorted(LIES))
    for _ in range(data.draw(st.integers(0, 40), "steps")):
        step = data.draw(st.sampled_from(["deliver", "deliver", "deliver", "lose", "retry", "retry", "crash", "restart"]))
        if step == "crash":
            payment.wallet = payment.begin()
        elif step == "restart":
            index = data.draw(st.sampled_from(sorted(payment.validators)))
            payment.validators[index] = payment.validators[index].restart()
        elif step == "retry" and payment.paused():
            payment.wallet.retry(data.draw(st.sampled_from(payment.paused())))
        elif step == "lose" and payment.waiting():
            payment.wallet.silence(data.draw(st.sampled_from(payment.waiting())))
        elif step == "deliver" and payment.waiting():
            payment.deliver(data.draw(st.sampled_from(payment.waiting())), data.draw(lies))
        assert payment.wallet.state() is not SettlementState.FAILED
    heal(payment, data.draw(lies, "last lie"))


def heal(payment: Payment, lie: str) -> None:
    """From now on nothing is lost; the liar goes on lying."""
    for _ in range(60):
        if payment.wallet.machine.acks_count >= 3 and payment.wallet.state() in (SettlementState.SETTLED, SettlementState.DONE):
            break
        for index in payment.paused():
            payment.wallet.retry(index)
        for index in payment.waiting():
            payment.deliver(index, lie)
    assert payment.wallet.state() in (SettlementState.SETTLED, SettlementState.DONE)
    assert payment.kept is not None
    assert read_certificate(payment.kept, world().genesis).transition_id == identify(world().send).transition_id
    for _ in range(80):
        for index in payment.paused():
            if index != payment.liar:
                payment.wallet.retry(index)
        for index in payment.waiting():
            if index != payment.liar:
                payment.deliver(index, lie)
    owner = world().alice.keys.owner
    assert {one.machine.ledger.account_or_zero(owner).sequence for one in payment.validators.values()} == {2}
    assert not any(one.machine.halted for one in payment.validators.values())
    # No request is under way twice: one loop for each validator, however often it was asked.
    assert len(payment.wallet.asks) + len(payment.wallet.pauses) <= 8
