"""The formulas of docs/scaling.md, "Cost per payment in bytes", and its table, held against the codec: figures of a plan that nobody recomputes go stale."""

import re
from pathlib import Path

import pytest

from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE, Vote
from mesh_core.types.committee import MAX_VALIDATORS, Committee
from mesh_core.types.messages import AckStatus, CertAck, Message, SettlementCertificate, VoteRequest, VoteResponse, encode_message
from mesh_core.types.transition import MAX_CLAIMS, MAX_OUTPUTS, MEMO_SIZES, PROOF_SIZES, TRANSITION, Statement
from tests.samples import NETWORK_ID, SENDER, SIGNATURE, sample_certificate, sample_receive, sample_send

SCALING = Path(__file__).parents[3] / "docs" / "scaling.md"
FRAME_HEADER = 5
"""Length and type."""
ROW = re.compile(r"^\| (\d+) \| (\d+) \| (\d+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", flags=re.MULTILINE)
"""n, f, q, SEND's certificate, RECEIVE's certificate, bytes on the wire."""


def committee_of(size: int) -> Committee:
    return Committee(0, tuple(PublicKey(number.to_bytes(32, "big")) for number in range(size)))


def on_wire(message: Message) -> int:
    return FRAME_HEADER + len(encode_message(message)[1])


@pytest.mark.parametrize("memo_size", MEMO_SIZES)
@pytest.mark.parametrize("outputs", range(1, MAX_OUTPUTS + 1))
def test_send_has_309_bytes_its_proof_and_its_outputs(outputs: int, memo_size: int) -> None:
    proof = next(PROOF_SIZES[commitments] for commitments in sorted(PROOF_SIZES) if commitments >= outputs + 1)
    assert len(TRANSITION.encode(sample_send(outputs, memo_size=memo_size))) == 309 + proof + outputs * (130 + memo_size)


@pytest.mark.parametrize("claims", range(1, MAX_CLAIMS + 1))
def test_receive_has_309_bytes_and_65_for_each_claim(claims: int) -> None:
    assert len(TRANSITION.encode(sample_receive(claims))) == 309 + 65 * claims


@pytest.mark.parametrize("votes", [1, 3, 67, MAX_VALIDATORS])
def test_certificate_is_the_transition_6_bytes_and_65_for_each_vote(votes: int) -> None:
    for transition in (sample_send(), sample_receive()):
        assert len(CERTIFICATE.encode(sample_certificate(transition, votes))) == len(TRANSITION.encode(transition)) + 6 + 65 * votes


def wire_bytes(size: int) -> int:
    """What a payment of one output and its claim put on all lines between wallets and validators, as frames."""
    quorum = committee_of(size).quorum_threshold
    vote = VoteResponse(1, Vote(Statement(NETWORK_ID, 0, SENDER, 7, Hash32(b"t" * 32)), SENDER, SIGNATURE))
    ack = CertAck(1, Hash32(b"c" * 32), AckStatus.APPLIED, 8, 9, ())
    sent = CERTIFICATE.encode(sample_certificate(sample_send(), quorum))
    claimed = CERTIFICATE.encode(sample_certificate(sample_receive(), quorum))
    requests = VoteRequest(1, (), TRANSITION.encode(sample_send())), VoteRequest(1, (sent,), TRANSITION.encode(sample_receive()))
    certificates = SettlementCertificate(1, sent), SettlementCertificate(1, claimed)
    return size * sum(on_wire(message) for message in (*requests, *certificates, vote, vote, ack, ack))


@pytest.mark.parametrize("size", [1, 4, 7, 10, 16, 31, 64, 100])
def test_payment_and_claim_on_the_wire(size: int) -> None:
    assert wire_bytes(size) == size * (4888 + 195 * committee_of(size).quorum_threshold)


def test_table_of_the_document() -> None:
    rows = [tuple(int(cell.replace(",", "")) for cell in row) for row in ROW.findall(SCALING.read_text(encoding="utf-8"))]
    assert [row[0] for row in rows] == [4, 7, 10, 16, 31, 64, 100]
    for size, faults, quorum, send_bytes, receive_bytes, bytes_on_wire in rows:
        committee = committee_of(size)
        assert (faults, quorum) == (committee.faults_tolerated, committee.quorum_threshold)
        assert send_bytes == len(CERTIFICATE.encode(sample_certificate(sample_send(), quorum)))
        assert receive_bytes == len(CERTIFICATE.encode(sample_certificate(sample_receive(), quorum)))
        assert bytes_on_wire == wire_bytes(size)
