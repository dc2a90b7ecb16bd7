"""Makes `messages.json`: every type of message as a frame, and every kind of event body.

`python -m tests.vectors.make_all` writes the files anew.
"""

from typing import Any

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import ErrorCode, WireErrorCode
from mesh_core.network.framing import encode_frame
from mesh_core.protocol.equivocation import build_accountability_report
from mesh_core.protocol.identifiers import identify
from mesh_core.types.account import AccountState, zero_account
from mesh_core.types.basic import MAX_U64, Commitment, Hash32, PublicKey
from mesh_core.types.events import (
    CertificateApplied,
    CertificateParked,
    DigestComputed,
    Equivocation,
    EventBody,
    Gap,
    PeerChanged,
    SafetyAlarm,
    SyncProgress,
    VoteCast,
    VoteRejected,
    VoteRequested,
    encode_event_body,
)
from mesh_core.types.messages import (
    HANDSHAKE,
    HELLO,
    MAX_FRAME_BYTES,
    AccountStateMessage,
    AckStatus,
    CertAck,
    Claimable,
    ConflictDetail,
    ErrorMessage,
    Event,
    Evidence,
    Message,
    MissingDetail,
    NoDetail,
    Ping,
    Pong,
    PongFlag,
    QueryAccount,
    RecordedDetail,
    SettlementCertificate,
    Subscribe,
    SyncAccount,
    SyncCertificates,
    SyncFromLog,
    SyncItem,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    VoteResponse,
    Want,
    encode_message,
)
from mesh_core.types.transition import TRANSITION, OutputKey
from tests.vectors.make_evidence import client_proof, validator_proof
from tests.vectors.make_handshake import INITIATORS, shake_hands
from tests.vectors.story import certificate_hex, certify, make_genesis, rival, seed_of, tell, vote_of
from tests.vectors.vector_file import json_of

NAME = "messages.json"


class Samples:
    """Objects of the story that messages carry."""

    def __init__(self) -> None:
        story = tell()
        self.genesis = story.genesis
        self.claim, self.send = story.steps["bob 1"], story.steps["alice 0"]
        self.receive_bytes = TRANSITION.encode(self.claim.transition)
        self.receive_certificate = bytes.fromhex(certificate_hex(self.claim.certificate))
        self.send_id = identify(self.send.transition)
        self.rival = rival()
        self.client_proof = client_proof(self.send.transition, self.rival)
        self.validator_proof = validator_proof(2, self.send.transition, self.rival)
        self.network_id = self.genesis.network_id
        self.cert_ids = tuple(sorted(identify(step.transition).cert_id for step in story.steps.values()))
        self.bob = story.people["Bob"]
        self.digest = Hash32(bytes.fromhex("d1" * 32))
        self.validators = self.genesis.committee.validators


def messages() -> dict[str, Message]:
    """At least one message of each type, with empty and full lists, absent and present parts, and the largest numbers."""
    some = Samples()
    hello, answer, final = shake_hands(*INITIATORS["a wallet"])
    claim = identify(some.claim.transition)
    bob = AccountState(some.bob.state.owner, 3, some.bob.state.balance, some.bob.state.head)
    listed = tuple(Claimable(OutputKey(cert_id, index), Commitment(some.send.draft.core.new_balance)) for cert_id in some.cert_ids[:2] for index in (0, 6))
    nobody = WalletKeys.from_seed(seed_of("nobody")).owner
    return {
        "HELLO": HELLO.decode(hello),
        "HANDSHAKE of a responder": HANDSHAKE.decode(answer),
        "HANDSHAKE of an initiator": HANDSHAKE.decode(final),
        "PING": Ping(1),
        "PING, largest nonce": Ping(MAX_U64),
        "PONG": Pong(1, 10, some.digest, 0),
        "PONG, all flags": Pong(MAX_U64, 2**53 + 1, some.digest, PongFlag.SYNCING | PongFlag.QUARANTINE | PongFlag.HALTED),
        "ERROR": ErrorMessage(WireErrorCode.BAD_FRAME, ""),
        "ERROR, the longest text": ErrorMessage(WireErrorCode.INTERNAL, "é" * 127 + "!"),
        "VOTE_REQUEST": VoteRequest(1, (), some.receive_bytes),
        "VOTE_REQUEST with certificates, which may be anything": VoteRequest(2, (some.receive_certificate, b"", b"\xff"), b""),
        "VOTE_RESPONSE": VoteResponse(3, vote_of(1, some.claim.transition)),
        "VOTE_REJECT of rule 1": VoteReject(4, ErrorCode.MALFORMED, Hash32(bytes(32)), 0, NoDetail(), "last byte missing"),
        "VOTE_REJECT with a proof": VoteReject(5, ErrorCode.CONFLICTS_WITH_VOTE, some.send_id.transition_id, 1, ConflictDetail(some.client_proof), "🍜"),
        "VOTE_REJECT with missing certificates": VoteReject(6, ErrorCode.UNKNOWN_OUTPUT, claim.transition_id, 1, MissingDetail(some.cert_ids[:2]), "behind"),
        "VOTE_REJECT with a recorded transition": VoteReject(7, ErrorCode.BUSY, claim.transition_id, 1, RecordedDetail(some.receive_bytes), ""),
        "SETTLEMENT_CERTIFICATE": SettlementCertificate(8, some.receive_certificate),
        "CERT_ACK, applied": CertAck(9, claim.cert_id, AckStatus.APPLIED, 2, 5, ()),
        "CERT_ACK, pending": CertAck(10, claim.cert_id, AckStatus.PENDING, 0, 0, some.cert_ids[:3]),
        "CERT_ACK, invalid": CertAck(11, Hash32(bytes(32)), AckStatus.INVALID, 0, 0, ()),
        "EVIDENCE against an owner": Evidence(some.client_proof),
        "EVIDENCE against a validator": Evidence(some.validator_proof),
        "QUERY_ACCOUNT": QueryAccount(12, bob.owner, Want.HEAD_CERTIFICATE | Want.PENDING_TRANSITION | Want.CLAIMABLE, bytes(33), 1000),
        "QUERY_ACCOUNT, the next page": QueryAccount(13, bob.owner, Want.CLAIMABLE, some.cert_ids[0] + b"\6", 2),
        "ACCOUNT_STATE of nobody": AccountStateMessage(14, False, zero_account(nobody), None, None, (), False, 10),
        "ACCOUNT_STATE with everything": AccountStateMessage(15, True, bob, some.receive_certificate, some.receive_bytes, listed, True, 10),
        "SYNC_REQUEST of the log": SyncRequest(16, SyncFromLog(0, Hash32(some.network_id)), 256, 200_000),
        "SYNC_REQUEST of an account": SyncRequest(17, SyncAccount(bob.owner, 1), 1, 1),
        "SYNC_REQUEST of certificates": SyncRequest(18, SyncCertificates(some.cert_ids[:2]), 2**16 - 1, 2**32 - 1),
        "SYNC_RESPONSE": SyncResponse(19, 10, 6, (SyncItem(5, some.receive_certificate),), True),
        "SYNC_RESPONSE that sends back to the start": SyncResponse(20, 10, 0, (), False),
        "SUBSCRIBE to everything": Subscribe(21, 0b111_1111_1111, (), 0),
        "SUBSCRIBE to two accounts": Subscribe(22, 1 << 4, (bob.owner, nobody), 17),
        "EVENT": Event(1, 1_700_000_000_000, *_kind_and_body(DigestComputed(10, some.digest))),
        "EVENT of a kind that does not exist": Event(2, 0, 255, b"not looked at by the decoder of messages"),
    }


def _kind_and_body(body: EventBody) -> tuple[int, bytes]:
    kind, data = encode_event_body(body)
    return int(kind), data


def event_bodies() -> dict[str, EventBody]:
    """A body of each kind."""
    some = Samples()
    sender, sequence, transition_id = some.send.draft.core.sender, 0, some.send_id.transition_id
    one, other = certify(some.send.transition), certify(some.rival, (1, 2, 3))
    report = build_accountability_report(some.send_id.statement, one, identify(some.rival).statement, other, make_genesis())
    claim = identify(some.claim.transition)
    peer = PublicKey(some.validators[1])
    return {
        "GAP": Gap(3),
        "VOTE_REQUESTED": VoteRequested(sender, sequence, transition_id),
        "VOTE_CAST": VoteCast(vote_of(0, some.send.transition)),
        "VOTE_REJECTED": VoteRejected(sender, sequence, transition_id, ErrorCode.RANGE_PROOF),
        "CERT_APPLIED": CertificateApplied(5, claim.cert_id, some.claim.certificate),
        "CERT_PARKED": CertificateParked(claim.cert_id, some.cert_ids[:1]),
        "CERT_PARKED, a predecessor is missing": CertificateParked(claim.cert_id, ()),
        "EQUIVOCATION": Equivocation(some.client_proof),
        "SYNC_PROGRESS": SyncProgress(peer, 5, 10_000),
        "PEER": PeerChanged(peer, True),
        "DIGEST": DigestComputed(10, some.digest),
        "SAFETY_ALARM": SafetyAlarm(report),
    }


def build() -> dict[str, Any]:
    frames = []
    for name, message in messages().items():
        type_byte, payload = encode_message(message)
        frame = encode_frame(type_byte, payload, limit=MAX_FRAME_BYTES)
        frames.append({"name": name, "input": {"type": f"{type_byte:02x}", "fields": json_of(message)}, "expected": {"frame": frame.hex()}})
    events = []
    for name, body in event_bodies().items():
        kind, data = _kind_and_body(body)
        events.append({"name": name, "input": {"kind": kind, "fields": json_of(body)}, "expected": {"body": data.hex()}})
    return {
        "description": [
            "messages: type, fields as docs/protocol.md names them, and the whole frame, to be encoded and decoded. events: the same for bodies of EVENT.",
            "A choice (detail, mode, proof) has its tag byte under `tag`. Certificates and transitions are their bytes. Constants and lengths are not listed.",
        ],
        "source": "tests/vectors/make_messages.py with mesh_core; recomputed by tests/vectors/second_opinion.py",
        "messages": frames,
        "events": events,
    }
