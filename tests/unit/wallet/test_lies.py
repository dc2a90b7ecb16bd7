"""One of four validators says whatever it likes: the wallet believes what proves itself, and nothing else. The other three are honest."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.connection import Answer, Answered
from mesh_core.types.account import AccountState, zero_account
from mesh_core.types.basic import ZERO_HASH, Commitment, Hash32, Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.events import CertificateApplied
from mesh_core.types.evidence import ClientEquivocation
from mesh_core.types.messages import (
    AccountStateMessage,
    AckStatus,
    CertAck,
    Claimable,
    ConflictDetail,
    NoDetail,
    QueryAccount,
    SettlementCertificate,
    SyncItem,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.types.transition import TRANSITION, OutputKey, Transition
from mesh_core.wallet import events
from mesh_core.wallet.records import OutgoingState
from tests.cluster import Account, Cluster, any_proof_holds, cert_id_of, certify_by_hand, sign_core, vote_by_hand, wallet_keys
from tests.unit.network.peers import eventually
from tests.unit.wallet.bench import Bench, pay, silent_to

LIAR = 0


@pytest.fixture(autouse=True)
def without_proofs(bench: Bench) -> None:
    """None of this is about rule 9, which takes most of the time."""
    for validator in bench.cluster.validators:
        validator.check_proof = any_proof_holds


def transition_of(cluster: Cluster, sender: str, *, sequence: int = 0) -> Transition:
    """A well-formed SEND that was never voted for."""
    account = cluster.account(sender)
    if account.opening.value == 0:
        account = Account(account.keys, account.state, replace(account.opening, value=100))
    draft = cluster.draft_send(account, (cluster.account("bob"), 1))
    return sign_core(replace(draft.core, sequence=sequence), account.keys)


def account_answer(query: QueryAccount, *, state: AccountState | None = None, head: bytes | None = None, pending: bytes | None = None) -> AccountStateMessage:
    return AccountStateMessage(query.request_id, True, state or zero_account(query.owner), head, pending, (), False, 9)


def lie_about_accounts(make: Callable[[QueryAccount], AccountStateMessage | None]) -> Callable[[Answered], Answer | None]:
    return lambda message: make(message) if isinstance(message, QueryAccount) else None


async def check_that_alice_pays(bench: Bench) -> None:
    """She starts from her genesis state, in spite of everything that she was told."""
    alice = bench.open("alice")
    await alice.send([pay("bob", 500)])
    assert (alice.account.state.sequence, alice.account.balance.spendable) == (1, 9499)
    assert len(bench.signed_transitions()) == 1
    assert bench.evidence() == []


# --- About an account ------------------------------------------------------------------------------------------------------------------------------


def forged_by_few(cluster: Cluster) -> bytes:
    """Two votes where three are needed."""
    return CERTIFICATE.encode(certify_by_hand(transition_of(cluster, "alice"), (0, 1)))


def forged_votes(cluster: Cluster) -> bytes:
    transition = transition_of(cluster, "alice")
    return CERTIFICATE.encode(Certificate(transition, tuple(Signer(index, Signature(bytes(64))) for index in range(3))))


def one_vote_counted_thrice(cluster: Cluster) -> bytes:
    transition = transition_of(cluster, "alice")
    return CERTIFICATE.encode(Certificate(transition, tuple(Signer(index, vote_by_hand(0, transition).signature) for index in range(3))))


def not_signed_by_its_owner(cluster: Cluster) -> bytes:
    transition = replace(transition_of(cluster, "alice"), owner_signature=Signature(bytes(64)))
    return CERTIFICATE.encode(certify_by_hand(transition))


def of_somebody_else(cluster: Cluster) -> bytes:
    return CERTIFICATE.encode(certify_by_hand(transition_of(cluster, "faucet")))


@pytest.mark.parametrize("forge", [forged_by_few, forged_votes, one_vote_counted_thrice, not_signed_by_its_owner, of_somebody_else, lambda _: b"\1garbage"])
async def test_false_head_certificate_moves_nothing(bench: Bench, forge: Callable[[Cluster], bytes]) -> None:
    head = forge(bench.cluster)
    moved = AccountState(wallet_keys("alice").owner, 1, Commitment(b"\2" * 32), Hash32(b"\3" * 32))
    bench.client.behaviours[LIAR] = lie_about_accounts(lambda query: account_answer(query, state=moved, head=head))
    await check_that_alice_pays(bench)


async def test_state_without_any_proof_moves_nothing(bench: Bench) -> None:
    moved = AccountState(wallet_keys("alice").owner, 7, Commitment(b"\2" * 32), Hash32(b"\3" * 32))
    bench.client.behaviours[LIAR] = lie_about_accounts(lambda query: account_answer(query, state=moved))
    await check_that_alice_pays(bench)


@pytest.mark.parametrize(
    "pending",
    [
        lambda cluster: TRANSITION.encode(replace(transition_of(cluster, "alice"), owner_signature=Signature(bytes(64)))),
        lambda cluster: TRANSITION.encode(transition_of(cluster, "faucet")),
        lambda cluster: TRANSITION.encode(transition_of(cluster, "alice", sequence=5)),
        lambda _: b"\1garbage",
    ],
    ids=["not signed", "of somebody else", "of another slot", "garbage"],
)
async def test_false_pending_transition_is_not_adopted(bench: Bench, pending: Callable[[Cluster], bytes]) -> None:
    data = pending(bench.cluster)
    bench.client.behaviours[LIAR] = lie_about_accounts(lambda query: account_answer(query, pending=data))
    await check_that_alice_pays(bench)


async def test_answer_of_another_kind_is_no_answer(bench: Bench) -> None:
    bench.client.behaviours[LIAR] = lambda message: (
        CertAck(message.request_id, ZERO_HASH, AckStatus.APPLIED, 0, 0, ()) if isinstance(message, QueryAccount | SyncRequest) else None
    )
    bob = bench.open("bob", claims=True)
    await check_that_alice_pays(bench)
    await eventually(lambda: bob.account.balance.spendable == 500)


async def test_answers_that_cannot_be_taken_for_answers_do_not_make_a_quorum(bench: Bench) -> None:
    """With one more validator silent, only two have really answered: the wallet goes on asking."""
    bench.client.behaviours |= {LIAR: lambda message: CertAck(1, ZERO_HASH, AckStatus.APPLIED, 0, 0, ()) if isinstance(message, QueryAccount) else None}
    bench.client.behaviours |= {1: silent_to(QueryAccount)}
    alice = bench.open("alice")
    await eventually(lambda: len(bench.client.requests(QueryAccount)) >= 20)
    assert not alice.is_in_step
    del bench.client.behaviours[1]
    await alice.wait_in_step()


# --- About votes and refusals ----------------------------------------------------------------------------------------------------------------------


def vote_for_another(bench: Bench, message: VoteRequest) -> Answer:
    return VoteResponse(message.request_id, vote_by_hand(LIAR, transition_of(bench.cluster, "alice", sequence=9)))


def vote_in_anothers_name(bench: Bench, message: VoteRequest) -> Answer:
    return VoteResponse(message.request_id, vote_by_hand(1, TRANSITION.decode(message.transition)))


def vote_that_does_not_verify(bench: Bench, message: VoteRequest) -> Answer:
    vote = vote_by_hand(LIAR, TRANSITION.decode(message.transition))
    return VoteResponse(message.request_id, replace(vote, signature=Signature(bytes(64))))


def conflict_without_proof(bench: Bench, message: VoteRequest) -> Answer:
    return VoteReject(message.request_id, ErrorCode.CONFLICTS_WITH_VOTE, ZERO_HASH, 0, NoDetail(), "trust me")


def conflict_with_a_false_proof(bench: Bench, message: VoteRequest) -> Answer:
    owner = wallet_keys("alice").owner
    proof = ClientEquivocation(
        bench.cluster.genesis.network_id, 0, owner, 0, Hash32(b"\1" * 32), Signature(bytes(64)), Hash32(b"\2" * 32), Signature(bytes(64))
    )
    return VoteReject(message.request_id, ErrorCode.CONFLICTS_WITH_VOTE, ZERO_HASH, 0, ConflictDetail(proof), "trust me")


def refusal_for_ever(bench: Bench, message: VoteRequest) -> Answer:
    return VoteReject(message.request_id, ErrorCode.RANGE_PROOF, ZERO_HASH, 0, NoDetail(), "it is broken")


def claim_to_be_settled(bench: Bench, message: VoteRequest) -> Answer:
    return VoteReject(message.request_id, ErrorCode.STALE_SEQUENCE, ZERO_HASH, 99, NoDetail(), "long ago")


def claim_to_be_behind(bench: Bench, message: VoteRequest) -> Answer:
    return VoteReject(message.request_id, ErrorCode.SEQUENCE_AHEAD, ZERO_HASH, 0, NoDetail(), "send me everything")


def text_to_break_a_screen(bench: Bench, message: VoteRequest) -> Answer:
    return VoteReject(message.request_id, ErrorCode.BUSY, ZERO_HASH, 0, NoDetail(), "\x1b[2J\x1b]0;owned\x07" * 5)


@pytest.mark.parametrize(
    "lie",
    [
        vote_for_another,
        vote_in_anothers_name,
        vote_that_does_not_verify,
        conflict_without_proof,
        conflict_with_a_false_proof,
        refusal_for_ever,
        claim_to_be_settled,
        claim_to_be_behind,
        text_to_break_a_screen,
    ],
)
async def test_lie_about_a_vote_neither_stops_a_payment_nor_counts_for_it(bench: Bench, lie: Callable[[Bench, VoteRequest], Answer]) -> None:
    bench.client.behaviours[LIAR] = lambda message: lie(bench, message) if isinstance(message, VoteRequest) else None
    await check_that_alice_pays(bench)
    assert LIAR not in {event.validator for event in bench.told(events.VoteReceived)}
    [made] = bench.told(events.CertificateMade)
    assert made.signers == (1, 2, 3)


async def test_lie_of_one_and_silence_of_another_only_delay(bench: Bench) -> None:
    """Two honest votes are no quorum, and a lie and a silence are no reason to give up."""
    bench.client.behaviours[LIAR] = lambda message: refusal_for_ever(bench, message) if isinstance(message, VoteRequest) else None
    bench.client.behaviours[1] = silent_to(VoteRequest)
    payment = asyncio.create_task(bench.open("alice").send([pay("bob", 500)]))
    await eventually(lambda: len(bench.told(events.VoteReceived)) == 2)
    assert not payment.done()
    del bench.client.behaviours[1]
    await payment


# --- About certificates ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [AckStatus.APPLIED, AckStatus.ALREADY_APPLIED])
async def test_acknowledgement_of_another_certificate_does_not_count(bench: Bench, status: AckStatus) -> None:
    bench.client.behaviours[LIAR] = lambda message: CertAck(1, Hash32(b"\7" * 32), status, 1, 0, ()) if isinstance(message, SettlementCertificate) else None
    await check_that_alice_pays(bench)
    await eventually(lambda: "settled" in [event.state for event in bench.told(events.PaymentState)])
    assert "done" not in [event.state for event in bench.told(events.PaymentState)]
    assert max(event.acks_count for event in bench.told(events.CertificateDelivered)) == 3


@pytest.mark.parametrize("forge", [forged_by_few, forged_votes, one_vote_counted_thrice, not_signed_by_its_owner])
async def test_announced_certificate_is_verified_before_anything_is_made_of_it(bench: Bench, forge: Callable[[Cluster], bytes]) -> None:
    bob = bench.open("bob", claims=True)
    await bob.wait_in_step()
    false = CERTIFICATE.decode(forge(bench.cluster))
    bench.client.tell(LIAR, CertificateApplied(0, Hash32(b"\5" * 32), false))
    await check_that_alice_pays(bench)
    await eventually(lambda: bob.account.balance.spendable == 500)
    assert len(bob.account.incoming()) == 1


async def test_false_id_in_an_announcement_hides_no_payment(bench: Bench) -> None:
    """The liar announces a certificate under the id of another one, so that the other would be taken for known."""
    bob = bench.open("bob", claims=True)
    await bob.wait_in_step()
    payer = bench.cluster.account("faucet")
    first = bench.cluster.pay_unproven(payer, (bench.cluster.account("bob"), 1))
    second = bench.cluster.pay_unproven(payer, (bench.cluster.account("bob"), 2))
    bench.client.tell(LIAR, CertificateApplied(0, Hash32(cert_id_of(second)), first))
    for certificate in (first, second):
        bench.cluster.apply_everywhere(certificate)
    bench.client.announce()
    await eventually(lambda: bob.account.balance.spendable == 3)


async def test_outputs_that_do_not_exist_are_not_claimed(bench: Bench) -> None:
    """Nor does a list without an end keep the wallet from its other business."""

    def invent(message: Answered) -> Answer | None:
        if not isinstance(message, QueryAccount) or message.limit == 0:
            return None
        keys = [OutputKey(Hash32(bytes([number]) * 32), 0) for number in range(1, 50)]
        listed = tuple(Claimable(key, Commitment(b"\1" * 32)) for key in keys)
        return AccountStateMessage(message.request_id, True, zero_account(message.owner), None, None, listed, True, 0)

    bench.client.behaviours[LIAR] = invent
    bob = bench.open("bob", claims=True)
    await check_that_alice_pays(bench)
    await eventually(lambda: bob.account.balance.spendable == 500)
    assert [value.value for _, value in bob.account.incoming()] == [500]


async def test_false_certificates_in_a_sync_answer_are_dropped(bench: Bench) -> None:
    false = forged_votes(bench.cluster)
    certificate = bench.cluster.pay_unproven(bench.cluster.account("faucet"), (bench.cluster.account("bob"), 5))
    bench.cluster.apply_everywhere(certificate)

    def answer(message: Answered) -> Answer | None:
        return SyncResponse(message.request_id, 1, 1, (SyncItem(0, false),) * 3, False) if isinstance(message, SyncRequest) else None

    bench.client.behaviours[LIAR] = answer
    bob = bench.open("bob", claims=True)
    await eventually(lambda: bob.account.balance.spendable == 5)
    assert [record.value for _, record in bob.account.incoming()] == [5]


async def test_older_head_and_missing_history_from_a_liar_do_not_hide_the_newer_one(bench: Bench) -> None:
    alice = bench.open("alice")
    for amount in (1, 2):
        await alice.send([pay("bob", amount)])
    await eventually(lambda: [record.state for record in alice.account.outgoing()] == [OutgoingState.DONE] * 2)
    first = alice.account.outgoing()[0].certificate
    state = alice.account.state
    await bench.close()

    def old(message: Answered) -> Answer | None:
        if isinstance(message, QueryAccount):
            return account_answer(message, head=first)
        if isinstance(message, SyncRequest):
            return SyncResponse(message.request_id, 1, 1, (), False)
        return None

    bench.client.behaviours[LIAR] = old
    alice = bench.open("alice", home=bench.home.with_name("another machine"))
    await alice.wait_in_step()
    assert alice.account.state == state
    assert [record.state for record in alice.account.outgoing()][:1] == [OutgoingState.CERTIFIED]


async def test_wallet_without_view_key_of_the_account_does_not_go_on(bench: Bench) -> None:
    """A certificate that is valid, but whose self memo does not open: somebody with the spending key alone has moved the account."""
    account = bench.cluster.account("alice")
    draft = bench.cluster.draft_send(account, (bench.cluster.account("bob"), 1))
    moved = sign_core(replace(draft.core, self_memo=bytes(56)), account.keys)
    bench.cluster.apply_everywhere(certify_by_hand(moved))
    alice = bench.open("alice")
    with pytest.raises(LocalFault) as refusal:
        await alice.send([pay("bob", 1)])
    assert refusal.value.code is ErrorCode.ACCOUNT_LOCKED
    assert bench.signed_transitions() == set()
