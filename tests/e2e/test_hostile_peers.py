"""Nonsense over real QUIC against a real validator process: the connection is closed with a stated reason, and the process serves everybody else as before."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, WireErrorCode
from mesh_core.network.quic import CONTROL_STREAM, MESSAGE_STREAM
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import (
    AccountStateMessage,
    AckStatus,
    CertAck,
    Hello,
    QueryAccount,
    Role,
    SettlementCertificate,
    Subscribe,
    VoteReject,
    VoteRequest,
    encode_message,
)
from mesh_core.types.transition import TRANSITION
from tests.e2e.validator import ANSWER_S, Client, ValidatorProcess, make_network
from tests.unit.network.peers import RawPeer, eventually, raw_peer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Case:
    """A validator that all tests of this file share, as its neighbours do. While the file `released` is away, its verifications do not end."""

    process: ValidatorProcess
    client: Client
    released: Path

    async def check_well(self) -> None:
        """It has not been restarted, and serves whoever behaves."""
        assert self.process.is_running
        async with self.client.connected() as connection:
            answer = await connection.request(QueryAccount(0, self.client.keys["alice"].owner, 0, bytes(33), 0), ANSWER_S)
            assert isinstance(answer, AccountStateMessage)
            assert answer.exists
            assert answer.account.sequence == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Case]:
    folder = tmp_path_factory.mktemp("hostile")
    network, seeds = make_network(folder / "home")
    released = folder / "released"
    released.touch()
    process = ValidatorProcess(network.validator(0), module="tests.e2e.held_validator", environment={"MESH_TEST_RELEASE": str(released)})
    case = Case(process, Client(network, seeds), released)
    await case.process.start()
    yield case
    await case.process.end()


async def shake_hands(peer: RawPeer, case: Case, *, role: Role = Role.WALLET) -> None:
    initiator = peer.initiator(case.client.address, key=SigningKey(os.urandom(32)), role=role, network_id=case.client.genesis.network_id)
    peer.send_message(CONTROL_STREAM, initiator.hello())
    peer.send_message(CONTROL_STREAM, initiator.receive_handshake(await peer.next_handshake()))


async def check_refused(peer: RawPeer, case: Case, code: WireErrorCode) -> None:
    """Closed with this code and a text; the log says the same."""
    refused, text = await peer.refused()
    assert refused is code
    assert text
    assert f"connection refused: {code.name}: {text}" in case.process.log
    await case.check_well()


BEFORE = {
    "length zero": (bytes(4), WireErrorCode.BAD_FRAME),
    "length over the limit": ((1025).to_bytes(4, "big") + b"\x00", WireErrorCode.TOO_LARGE),
    "four gibibytes": (b"\xff" * 5, WireErrorCode.TOO_LARGE),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: validator\r\n\r\n", WireErrorCode.TOO_LARGE),
    "unknown type": (bytes([0, 0, 0, 1, 0x7F]), WireErrorCode.HANDSHAKE_REQUIRED),
    "PING": (bytes([0, 0, 0, 9, 2]) + bytes(8), WireErrorCode.HANDSHAKE_REQUIRED),
    "vote request": (bytes([0, 0, 0, 14, 0x10]) + bytes(13), WireErrorCode.HANDSHAKE_REQUIRED),
    "HANDSHAKE first": (bytes([0, 0, 0, 244, 1, 1, 1]) + bytes(241), WireErrorCode.BAD_FRAME),
}


@pytest.mark.parametrize("name", BEFORE)
async def test_garbage_before_the_handshake(running: Case, name: str) -> None:
    data, code = BEFORE[name]
    async with raw_peer(running.client.address) as peer:
        peer.send_bytes(CONTROL_STREAM, data)
        await check_refused(peer, running, code)


async def test_hello_to_another_network(running: Case) -> None:
    async with raw_peer(running.client.address) as peer:
        peer.send_message(CONTROL_STREAM, Hello(1, 1, Hash32(b"\x4e" * 32), os.urandom(32)))
        await check_refused(peer, running, WireErrorCode.NETWORK)


async def test_stranger_who_calls_itself_a_validator(running: Case) -> None:
    async with raw_peer(running.client.address) as peer:
        await shake_hands(peer, running, role=Role.VALIDATOR)
        await check_refused(peer, running, WireErrorCode.ROLE)


async def test_peer_that_says_nothing_is_closed_in_time(running: Case) -> None:
    """It has opened no stream on which an ERROR could travel; the close itself says why."""
    async with raw_peer(running.client.address) as peer:
        await peer.until(lambda: peer.reason is not None)
        assert peer.reason is not None
        assert peer.reason.wire_code is WireErrorCode.HANDSHAKE_REQUIRED
        assert peer.reason.text == "HANDSHAKE_REQUIRED: no handshake within 3 s"
    await running.check_well()


def malformed(message: VoteRequest) -> bytes:
    """A frame around a message with a byte too many."""
    type_byte, payload = encode_message(message)
    return (2 + len(payload)).to_bytes(4, "big") + bytes([type_byte]) + payload + b"\x00"


AFTER: dict[str, tuple[Callable[[], bytes], WireErrorCode]] = {
    "length zero": (lambda: bytes(4), WireErrorCode.BAD_FRAME),
    "length over the limit": (lambda: (262_145).to_bytes(4, "big") + b"\x10", WireErrorCode.TOO_LARGE),
    "unknown type": (lambda: bytes([0, 0, 0, 2, 0x7F, 0]), WireErrorCode.UNKNOWN_TYPE),
    "random bytes": (lambda: (300).to_bytes(4, "big") + b"\x10" + hashlib.shake_256(b"noise").digest(299), WireErrorCode.BAD_FRAME),
    "byte too many": (lambda: malformed(VoteRequest(1, (), b"\x01" * 1200)), WireErrorCode.BAD_FRAME),
    "answer in place of a request": (lambda: bytes([0, 0, 0, 1 + 8 + 32 + 1 + 8 + 8 + 1, 0x14]) + bytes(58), WireErrorCode.BAD_FRAME),
    "control message": (lambda: bytes([0, 0, 0, 9, 2]) + bytes(8), WireErrorCode.BAD_FRAME),
}


@pytest.mark.parametrize("name", AFTER)
async def test_garbage_after_the_handshake(running: Case, name: str) -> None:
    make, code = AFTER[name]
    async with raw_peer(running.client.address) as peer:
        await shake_hands(peer, running)
        peer.send_bytes(MESSAGE_STREAM, make())
        await check_refused(peer, running, code)


async def test_bulk_request_on_a_connection_for_votes(running: Case) -> None:
    async with raw_peer(running.client.address) as peer:
        await shake_hands(peer, running)
        peer.send_message(MESSAGE_STREAM, QueryAccount(1, running.client.keys["alice"].owner, 0, bytes(33), 0))
        peer.send_message(MESSAGE_STREAM, Subscribe(2, 1, (), 0))
        await check_refused(peer, running, WireErrorCode.BAD_FRAME)


async def test_request_id_that_is_in_use(running: Case) -> None:
    """Both requests wait for the same range proof, which is held up, so the first cannot have been answered when the second arrives."""
    request = VoteRequest(1, (), TRANSITION.encode(running.client.send_unproven("faucet", "bob", 1)))
    running.released.unlink()
    try:
        async with raw_peer(running.client.address) as peer:
            await shake_hands(peer, running)
            type_byte, payload = encode_message(request)
            peer.send_bytes(MESSAGE_STREAM, ((1 + len(payload)).to_bytes(4, "big") + bytes([type_byte]) + payload) * 2)
            await check_refused(peer, running, WireErrorCode.BAD_FRAME)
    finally:
        running.released.touch()


async def test_malformed_transitions_and_certificates_are_answered_and_the_connection_stays(running: Case) -> None:
    """They are bytes to the wire: rule 1, or INVALID, is the answer."""
    async with running.client.connected() as connection:
        good = TRANSITION.encode(running.client.send_unproven("faucet", "bob", 1))
        for data in (b"", b"\x01", b"\x02" * 100, good[:-1], good + b"\x00", bytes(len(good)), hashlib.shake_256(b"noise").digest(len(good))):
            answer = await connection.request(VoteRequest(0, (), data), ANSWER_S)
            assert isinstance(answer, VoteReject)
            assert answer.code >> 8 == 1
            ack = await connection.request(SettlementCertificate(0, data), ANSWER_S)
            assert isinstance(ack, CertAck)
            assert ack.status is AckStatus.INVALID
        for position in range(0, len(good), 97):
            spoiled = good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :]
            answer = await connection.request(VoteRequest(0, (), spoiled), ANSWER_S)
            assert isinstance(answer, VoteReject)
            assert answer.code in (*(code for code in ErrorCode if code >> 8 in (1, 2)), ErrorCode.UNKNOWN_ACCOUNT)
    await running.check_well()


async def test_transition_with_a_false_proof_is_refused_by_rule_9(running: Case) -> None:
    async with running.client.connected() as connection:
        answer = await running.client.vote(connection, running.client.send_unproven("faucet", "bob", 1))
        assert isinstance(answer, VoteReject)
        assert answer.code is ErrorCode.RANGE_PROOF
    await eventually(
        lambda: ("0901", 9, "RANGE") in [(told["code"], told["rule"], told["name"]) for told in running.process.named("vote_rejected")], within_s=ANSWER_S
    )


async def test_datagrams_that_are_no_quic(running: Case) -> None:
    loop = asyncio.get_running_loop()
    stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(running.client.address.host, running.client.address.port))
    try:
        for size in (0, 1, 20, 1199, 1200, 1500, 8000):
            stranger.sendto(os.urandom(size))
            stranger.sendto(b"\xc0\x00\x00\x00\x01" + bytes(size))
            stranger.sendto((b"\xc3\x00\x00\x00\x01\x08" + os.urandom(40) + bytes(1200))[:1200])
    finally:
        stranger.close()
    await asyncio.sleep(0)
    await running.check_well()


async def test_sessions_that_are_cut_off_in_the_middle_of_a_request(running: Case) -> None:
    """Half a frame, then nothing more: no packet says goodbye."""
    for _ in range(10):
        async with raw_peer(running.client.address) as peer:
            await shake_hands(peer, running)
            peer.send_bytes(MESSAGE_STREAM, (200_000).to_bytes(4, "big") + b"\x10" + bytes(1000))
    await running.check_well()


async def test_at_the_end_nothing_has_changed_and_nothing_is_left(running: Case) -> None:
    """After all of the above: no vote, no certificate, and every connection is forgotten."""
    await eventually(lambda: running.process.named("status")[-1]["connections_count"] == 0, within_s=ANSWER_S)
    status = running.process.named("status")[-1]
    assert (status["log_length"], status["votes_cast"], status["proofs_waiting"], status["parked_count"], status["flags"]) == (0, 0, 0, 0, 0)
    assert len(running.process.named("ready")) == 1
    assert "Traceback" not in running.process.log
    assert running.process.named("fatal") == []
