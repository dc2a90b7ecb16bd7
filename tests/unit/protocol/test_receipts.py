"""Receipts: what they prove, and that no part of one can be changed, taken from another payment or used by somebody else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.crypto import domains
from mesh_core.crypto.memo import MemoContext, derive_eph_secret, open_memo
from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.protocol.certificates import CheckedCertificate, read_certificate
from mesh_core.protocol.construction import Payment, draft_send
from mesh_core.protocol.receipts import MAX_CONTEXT_BYTES, ReceiptError, build_receipt, read_receipt, verify_receipt
from mesh_core.types.basic import Scalar32
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.receipt import PAYMENT_RECEIPT, PaymentReceipt
from tests.cluster import Cluster, certify_by_hand, make_genesis, seeded_entropy, sign_core, vote_by_hand, wallet_keys

CONTEXT = b"invoice 2026-11"
GENESIS = make_genesis()


def make_payment(seed: str = "receipts") -> tuple[CheckedCertificate, tuple[Opening, ...]]:
    """Alice pays Bob 500 and Carol 30, with a text to each; certified without a proof, which no receipt looks at."""
    cluster = Cluster(GENESIS, entropy_seed=seed)
    alice = cluster.account("alice")
    payments = [Payment(wallet_keys("bob").address, 500, "for the bicycle"), Payment(wallet_keys("carol").address, 30, "for the bell")]
    draft = draft_send(alice.keys, GENESIS, alice.state, alice.opening, payments, seeded_entropy(seed))
    certificate = certify_by_hand(sign_core(draft.core, alice.keys), signers=(0, 1, 2))
    return read_certificate(CERTIFICATE.encode(certificate), GENESIS), draft.output_openings


CERTIFICATE_, OPENINGS = make_payment()


def context_of(certificate: CheckedCertificate, index: int) -> MemoContext:
    core, output = certificate.core, certificate.core.outputs[index]
    return MemoContext(core.network_id, core.sender, core.sequence, index, output.owner, output.view_pk, output.commitment)


def eph_secret(index: int = 0) -> bytes:
    return derive_eph_secret(wallet_keys("alice").view_key, context_of(CERTIFICATE_, index))


def receipt_by_alice(**changes: Any) -> PaymentReceipt:
    receipt = build_receipt(CERTIFICATE_, 0, OPENINGS[0], eph_secret(), CONTEXT, wallet_keys("alice").signing_key)
    return replace(receipt, **changes)


def test_receipt_of_the_sender_proves_amount_payee_text_and_context() -> None:
    data = PAYMENT_RECEIPT.encode(receipt_by_alice())
    proven = read_receipt(data, GENESIS)
    assert (proven.value, proven.text, proven.context, proven.votes_count) == (500, "for the bicycle", CONTEXT, 3)
    assert proven.payee == wallet_keys("bob").address
    assert (proven.sender, proven.prover) == (wallet_keys("alice").owner, wallet_keys("alice").owner)
    assert proven.cert_id == CERTIFICATE_.cert_id


def test_recipient_can_make_one_from_what_its_memo_told_and_keep_the_text_to_itself() -> None:
    bob, output = wallet_keys("bob"), CERTIFICATE_.core.outputs[0]
    opening = open_memo(bob.view_key, context_of(CERTIFICATE_, 0), output.eph_pk, output.memo).opening
    proven = verify_receipt(build_receipt(CERTIFICATE_, 0, opening, None, b"", bob.signing_key), GENESIS)
    assert (proven.value, proven.text, proven.prover) == (500, None, bob.owner)


def test_receipt_discloses_one_output_only() -> None:
    """Neither the other output's value nor its blinding factor stands in it."""
    data = PAYMENT_RECEIPT.encode(receipt_by_alice())
    other = OPENINGS[1]
    assert other.blinding.to_bytes(32, "little") not in data
    assert eph_secret(1) not in data


@pytest.mark.parametrize("index", [-1, 2, 255])
def test_there_is_no_receipt_for_an_output_that_is_not_there(index: int) -> None:
    with pytest.raises(ReceiptError, match="2 outputs"):
        build_receipt(CERTIFICATE_, index, OPENINGS[0], None, b"", wallet_keys("alice").signing_key)


def test_strangers_make_no_receipts() -> None:
    with pytest.raises(ReceiptError, match="only the sender or the recipient"):
        build_receipt(CERTIFICATE_, 0, OPENINGS[0], None, b"", wallet_keys("carol").signing_key)


def test_opening_of_another_output_makes_no_receipt() -> None:
    with pytest.raises(ReceiptError, match="not that of the output"):
        build_receipt(CERTIFICATE_, 0, OPENINGS[1], None, b"", wallet_keys("alice").signing_key)


def test_context_has_a_limit() -> None:
    with pytest.raises(ReceiptError, match="at most 1024"):
        build_receipt(CERTIFICATE_, 0, OPENINGS[0], None, bytes(MAX_CONTEXT_BYTES + 1), wallet_keys("alice").signing_key)


def test_receive_has_no_receipt() -> None:
    cluster = Cluster(GENESIS)
    alice, bob = cluster.account("alice"), cluster.account("bob")
    claim = cluster.claim_unproven(bob, cluster.pay_unproven(alice, (bob, 5)))
    checked = read_certificate(CERTIFICATE.encode(claim), GENESIS)
    with pytest.raises(ReceiptError, match="pays nobody"):
        build_receipt(checked, 0, Opening(5, 0), None, b"", wallet_keys("bob").signing_key)


# --- Attacks ---------------------------------------------------------------------------------------------------------------------------------------


def signed_again(receipt: PaymentReceipt, name: str = "alice") -> PaymentReceipt:
    """What a prover who lies would sign: every other check must catch it."""
    keys = wallet_keys(name)
    claimed = replace(receipt, prover=keys.owner)
    return replace(claimed, prover_signature=keys.signing_key.sign(domains.SIG_RECEIPT, PAYMENT_RECEIPT.encode(claimed)[:-64]))


OTHER, OTHER_OPENINGS = make_payment("another payment")
LIES: dict[str, tuple[Callable[[], PaymentReceipt], str]] = {
    "another amount": (lambda: signed_again(receipt_by_alice(value=501, eph_sk=None)), "do not open"),
    "another blinding": (lambda: signed_again(receipt_by_alice(blinding=Scalar32(bytes(32)), eph_sk=None)), "do not open"),
    "a blinding that is no scalar": (lambda: signed_again(receipt_by_alice(blinding=Scalar32(GROUP_ORDER.to_bytes(32, "little")))), "canonical"),
    "the other output": (lambda: signed_again(receipt_by_alice(output_index=1, eph_sk=None)), "do not open"),
    "an output that is not there": (lambda: signed_again(receipt_by_alice(output_index=2)), "no number 2"),
    "another payment's core": (lambda: signed_again(receipt_by_alice(core=OTHER.core)), "owner's signature"),
    "another proof": (lambda: signed_again(receipt_by_alice(proof_hash=OTHER.cert_id)), "owner's signature"),
    "two votes": (lambda: signed_again(receipt_by_alice(votes=receipt_by_alice().votes[:2])), "2 votes"),
    "a vote for another payment": (
        lambda: signed_again(receipt_by_alice(votes=(*receipt_by_alice().votes[:2], OTHER.certificate.votes[2]))),
        "validator 2 does not verify",
    ),
    "a seat that is not there": (
        lambda: signed_again(receipt_by_alice(votes=(*receipt_by_alice().votes[:2], replace(receipt_by_alice().votes[2], validator_index=4)))),
        "index 4",
    ),
    "another ephemeral secret": (lambda: signed_again(receipt_by_alice(eph_sk=eph_secret(1))), "does not open"),
    "a stranger as prover": (lambda: signed_again(receipt_by_alice(), "carol"), "neither sender nor recipient"),
    "another context": (lambda: receipt_by_alice(context=b"invoice 2026-12"), "prover's signature"),
    "somebody else's signature": (lambda: receipt_by_alice(prover=wallet_keys("bob").owner), "prover's signature"),
    "the memo held back": (lambda: receipt_by_alice(eph_sk=None), "prover's signature"),
}


@pytest.mark.parametrize("lie", LIES)
def test_no_part_can_be_changed(lie: str) -> None:
    make, why = LIES[lie]
    with pytest.raises(ReceiptError, match=why):
        verify_receipt(make(), GENESIS)


def test_votes_of_another_network_prove_nothing_here() -> None:
    other = make_genesis(fee_base=2)
    assert other.network_id != GENESIS.network_id
    with pytest.raises(ReceiptError, match="belongs to network"):
        verify_receipt(receipt_by_alice(), other)


def test_signer_that_stands_twice_is_malformed() -> None:
    receipt = receipt_by_alice()
    data = PAYMENT_RECEIPT.encode(receipt)
    first, second = (b"%c" % vote.validator_index + vote.signature for vote in receipt.votes[:2])
    with pytest.raises(ReceiptError, match="malformed"):
        read_receipt(data.replace(second, first), GENESIS)


def test_more_votes_than_a_quorum_are_fine() -> None:
    votes = CERTIFICATE_.certificate.votes
    fourth = replace(votes[0], validator_index=3, signature=vote_by_hand(3, CERTIFICATE_.certificate.transition).signature)
    assert verify_receipt(signed_again(receipt_by_alice(votes=(*votes, fourth))), GENESIS).votes_count == 4


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 8 * len(PAYMENT_RECEIPT.encode(receipt_by_alice())) - 1))
def test_no_bit_can_be_flipped(bit: int) -> None:
    data = bytearray(PAYMENT_RECEIPT.encode(receipt_by_alice()))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ReceiptError):
        read_receipt(bytes(data), GENESIS)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_garbage_is_no_receipt(data: bytes) -> None:
    with pytest.raises(ReceiptError):
        read_receipt(data, GENESIS)
