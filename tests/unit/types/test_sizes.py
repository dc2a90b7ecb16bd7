"""Exact sizes in bytes. They are facts of the protocol: limits of frames, files and journals are built on them."""

import pytest

from mesh_core.types.account import ACCOUNT_STATE, CLAIMABLE_OUTPUT, ClaimableOutput, zero_account
from mesh_core.types.basic import Commitment, Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE, VOTE, Vote
from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, EQUIVOCATION_PROOF, AccountabilityReport, ClientEquivocation, ValidatorEquivocation
from mesh_core.types.messages import (
    MAX_ATTACHED_CERTIFICATES,
    MAX_FRAME_BYTES,
    MAX_HANDSHAKE_FRAME_BYTES,
    MAX_LISTED_OUTPUTS,
    MAX_SYNC_RESPONSE_ITEMS,
    AccountStateMessage,
    Claimable,
    Handshake,
    Hello,
    Role,
    SyncItem,
    VoteRequest,
    encode_message,
)
from mesh_core.types.transition import (
    MAX_CLAIMS,
    MAX_OUTPUTS,
    MEMO_SIZES,
    OUTPUT_KEY,
    PROOF_SIZES,
    STATEMENT,
    TRANSITION,
    TRANSITION_CORE,
    OutputKey,
    Statement,
)
from tests.samples import NETWORK_ID, SENDER, SIGNATURE, sample_certificate, sample_receive, sample_send

ID_A = Hash32(b"A" * 32)
ID_B = Hash32(b"B" * 32)
STATEMENT_SAMPLE = Statement(NETWORK_ID, 0, SENDER, 7, ID_A)
FRAME_OVERHEAD = 1
"""The type byte counts as part of a frame's length."""


def frame_size(message: Hello | Handshake | VoteRequest | AccountStateMessage) -> int:
    return FRAME_OVERHEAD + len(encode_message(message)[1])


def test_statement_has_112_bytes() -> None:
    assert len(STATEMENT.encode(STATEMENT_SAMPLE)) == 112


def test_vote_has_208_bytes() -> None:
    assert len(VOTE.encode(Vote(STATEMENT_SAMPLE, PublicKey(b"v" * 32), SIGNATURE))) == 208


def test_account_state_has_105_bytes() -> None:
    assert len(ACCOUNT_STATE.encode(zero_account(SENDER))) == 105


def test_claimable_output_has_a_key_of_33_bytes_and_a_value_of_64() -> None:
    assert len(OUTPUT_KEY.encode(OutputKey(ID_A, 6))) == 33
    assert len(CLAIMABLE_OUTPUT.encode(ClaimableOutput(SENDER, Commitment(bytes(32))))) == 64


def test_hello_has_66_bytes() -> None:
    assert len(encode_message(Hello(1, 1, NETWORK_ID, b"x" * 32))[1]) == 66


def test_handshake_has_243_bytes_and_fits_the_frame_of_strangers() -> None:
    handshake = Handshake(1, Role.WALLET, NETWORK_ID, 0, SENDER, b"x" * 32, b"y" * 32, ID_A, 0, SIGNATURE)
    assert len(encode_message(handshake)[1]) == 243
    assert frame_size(handshake) <= MAX_HANDSHAKE_FRAME_BYTES


@pytest.mark.parametrize(("outputs_count", "size", "certificate_size"), [(1, 1160, 1361), (7, 2548, 2749)])
def test_send_with_small_memos(outputs_count: int, size: int, certificate_size: int) -> None:
    send = sample_send(outputs_count)
    assert len(TRANSITION.encode(send)) == size
    assert len(CERTIFICATE.encode(sample_certificate(send, 3))) == certificate_size


@pytest.mark.parametrize(("claims_count", "size", "certificate_size"), [(1, 374, 575), (16, 1349, 1550)])
def test_receive(claims_count: int, size: int, certificate_size: int) -> None:
    receive = sample_receive(claims_count)
    assert len(TRANSITION.encode(receive)) == size
    assert len(CERTIFICATE.encode(sample_certificate(receive, 3))) == certificate_size


@pytest.mark.parametrize("memo_size", MEMO_SIZES)
def test_send_grows_by_exactly_the_memo(memo_size: int) -> None:
    assert len(TRANSITION.encode(sample_send(1, memo_size=memo_size))) == 1160 - 80 + memo_size


def test_core_is_the_transition_without_proof_and_signature() -> None:
    send = sample_send()
    core, whole = TRANSITION_CORE.encode(send.core), TRANSITION.encode(send)
    assert whole.startswith(core)
    assert len(whole) == len(core) + 2 + PROOF_SIZES[2] + 64


def test_proof_sizes_follow_the_number_of_rounds() -> None:
    assert PROOF_SIZES == {commitments: 1 + 32 * (6 + 2 * (64 * commitments - 1).bit_length()) for commitments in (2, 4, 8)}


def test_client_proof_has_273_bytes_and_validator_proof_305() -> None:
    client = ClientEquivocation(NETWORK_ID, 0, SENDER, 7, ID_A, SIGNATURE, ID_B, SIGNATURE)
    validator = ValidatorEquivocation(NETWORK_ID, 0, PublicKey(b"v" * 32), SENDER, 7, ID_A, SIGNATURE, ID_B, SIGNATURE)
    assert len(EQUIVOCATION_PROOF.encode(client)) == 273
    assert len(EQUIVOCATION_PROOF.encode(validator)) == 305
    assert len(ACCOUNTABILITY_REPORT.encode(AccountabilityReport((validator,)))) == 1 + 305


def test_report_on_a_whole_committee_fits_an_event() -> None:
    assert 1 + MAX_VALIDATORS * 305 < 2**16


def largest_certificate() -> bytes:
    return CERTIFICATE.encode(sample_certificate(sample_send(MAX_OUTPUTS, memo_size=MEMO_SIZES[-1]), MAX_VALIDATORS))


def test_largest_certificate_has_10398_bytes() -> None:
    assert len(largest_certificate()) == 10_398


def test_vote_request_with_the_most_of_everything_fits_a_frame() -> None:
    certificates = (largest_certificate(),) * MAX_ATTACHED_CERTIFICATES
    assert frame_size(VoteRequest(1, certificates, TRANSITION.encode(sample_receive(MAX_CLAIMS)))) <= MAX_FRAME_BYTES


def test_account_state_with_the_most_of_everything_fits_a_frame() -> None:
    claimable = tuple(Claimable(OutputKey(Hash32(number.to_bytes(32, "big")), 0), Commitment(bytes(32))) for number in range(MAX_LISTED_OUTPUTS))
    pending = TRANSITION.encode(sample_send(MAX_OUTPUTS, memo_size=MEMO_SIZES[-1]))
    answer = AccountStateMessage(1, True, zero_account(SENDER), largest_certificate(), pending, claimable, True, 0)
    assert frame_size(answer) <= MAX_FRAME_BYTES


def test_sync_items_that_fill_a_frame_are_fewer_than_the_limit() -> None:
    smallest = CERTIFICATE.encode(sample_certificate(sample_receive(1), 1))
    assert len(smallest) == 445
    assert MAX_FRAME_BYTES // (8 + 4 + len(SyncItem(0, smallest).certificate)) < MAX_SYNC_RESPONSE_ITEMS
