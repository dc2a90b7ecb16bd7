"""Pins what `network/quic.py` knows from aioquic's inside. If one of these fails after an upgrade, that file must change before anything else does.

Two connections are played against each other in memory, without sockets and with a clock that only moves when told to.
"""

import ssl
from dataclasses import dataclass

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent
from aioquic.tls import Epoch, SessionTicket
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from mesh_core.network import quic as adapter
from mesh_core.network.tls import certificate_fingerprint, client_configuration, generate_tls_identity, server_configuration
from tests.unit.network.peers import tls_identity

CLIENT_ADDRESS = ("192.0.2.1", 1)
SERVER_ADDRESS = ("192.0.2.2", 2)


@dataclass
class Pair:
    """A client and a server of aioquic that exchange datagrams in memory."""

    client: QuicConnection
    server: QuicConnection
    now: float = 0.0

    def exchange(self, *, lose_from_client: int = 0) -> None:
        """Carry datagrams until both sides are quiet; the first `lose_from_client` of the client are dropped."""
        for _ in range(50):
            self.now += 0.002
            quiet = True
            for data, _ in self.client.datagrams_to_send(self.now):
                quiet = False
                if lose_from_client:
                    lose_from_client -= 1
                    continue
                self.server.receive_datagram(data, CLIENT_ADDRESS, self.now)
            for data, _ in self.server.datagrams_to_send(self.now):
                quiet = False
                self.client.receive_datagram(data, SERVER_ADDRESS, self.now)
            if quiet:
                return

    def let_time_pass(self) -> None:
        """Two seconds in small steps: enough for every retransmission, too little for the idle timeout."""
        for _ in range(40):
            self.now += 0.05
            for side in (self.client, self.server):
                timer_at = side.get_timer()
                if timer_at is not None and timer_at <= self.now:
                    side.handle_timer(self.now)
            self.exchange()


def events_of(quic: QuicConnection) -> list[QuicEvent]:
    events = []
    while (event := quic.next_event()) is not None:
        events.append(event)
    return events


def connected_pair(*, client_settings: QuicConfiguration | None = None, tickets: list[SessionTicket] | None = None, server_index: int = 0) -> Pair:
    settings = client_configuration(tls_identity(0).certificate_der) if client_settings is None else client_settings
    client = QuicConnection(configuration=settings, session_ticket_handler=None if tickets is None else tickets.append)
    adapter._limit_peer_streams(client)
    client.connect(SERVER_ADDRESS, 0.0)
    server = QuicConnection(
        configuration=server_configuration(tls_identity(server_index)), original_destination_connection_id=client.original_destination_connection_id
    )
    adapter._limit_peer_streams(server)
    pair = Pair(client, server)
    pair.exchange()
    return pair


@pytest.fixture
def pair() -> Pair:
    return connected_pair()


def test_pinned_certificate_is_accepted_and_no_session_ticket_is_issued() -> None:
    tickets: list[SessionTicket] = []
    pair = connected_pair(tickets=tickets)
    completed = [event for event in events_of(pair.client) if isinstance(event, HandshakeCompleted)]
    assert len(completed) == 1
    assert (completed[0].alpn_protocol, completed[0].early_data_accepted, completed[0].session_resumed) == ("mesh/1", False, False)
    assert tickets == [], "without a ticket there is no 0-RTT data to replay"


def test_peer_certificate_is_the_one_that_was_seen_not_the_one_that_was_configured() -> None:
    careless = client_configuration(tls_identity(0).certificate_der)
    careless.verify_mode = ssl.CERT_NONE
    pair = connected_pair(client_settings=careless, server_index=1)
    seen = adapter._peer_certificate_der(pair.client)
    assert seen == tls_identity(1).certificate_der
    assert certificate_fingerprint(seen) == tls_identity(1).fingerprint


@pytest.mark.parametrize("index", [1, 2])
def test_other_certificate_of_the_same_name_is_refused(index: int) -> None:
    pair = connected_pair(server_index=index)
    assert not [event for event in events_of(pair.client) if isinstance(event, HandshakeCompleted)]
    reason = adapter._pending_close(pair.client)
    assert reason is not None
    assert adapter._close_reason(reason).is_tls_alert


def test_certificate_issued_by_the_pinned_one_is_refused() -> None:
    """The pinned certificate is a trust anchor for itself, not an authority: its key must not be able to vouch for other certificates."""

    pinned, other = tls_identity(0), generate_tls_identity()
    issuer = x509.load_der_x509_certificate(pinned.certificate_der)
    issuer_key = serialization.load_pem_private_key(pinned.private_key_pem, None)
    template = x509.load_der_x509_certificate(other.certificate_der)
    assert isinstance(issuer_key, EllipticCurvePrivateKey)
    builder = x509.CertificateBuilder().subject_name(template.subject).issuer_name(issuer.subject).public_key(template.public_key())
    builder = builder.serial_number(4711).not_valid_before(template.not_valid_before_utc).not_valid_after(template.not_valid_after_utc)
    for extension in template.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    issued = builder.sign(issuer_key, hashes.SHA256())
    settings = server_configuration(other)
    settings.certificate, settings.certificate_chain = issued, [issuer]

    client = QuicConnection(configuration=client_configuration(pinned.certificate_der))
    client.connect(SERVER_ADDRESS, 0.0)
    pair = Pair(client, QuicConnection(configuration=settings, original_destination_connection_id=client.original_destination_connection_id))
    pair.exchange()
    assert not [event for event in events_of(client) if isinstance(event, HandshakeCompleted)]
    reason = adapter._pending_close(client)
    assert reason is not None
    assert adapter._close_reason(reason).is_tls_alert


def test_close_is_known_at_once_although_its_event_comes_later(pair: Pair) -> None:
    events_of(pair.client)
    assert adapter._pending_close(pair.server) is None
    pair.server.close(error_code=6, reason_phrase="another network")
    pair.exchange()
    for side in (pair.server, pair.client):
        event = adapter._pending_close(side)
        assert event is not None
        assert (event.error_code, event.frame_type, event.reason_phrase) == (6, None, "another network")
    assert not [event for event in events_of(pair.client) if isinstance(event, ConnectionTerminated)]
    assert pair.client.get_timer() is not None
    pair.client.handle_timer(pair.now + 60.0)
    assert [event.error_code for event in events_of(pair.client) if isinstance(event, ConnectionTerminated)] == [6]


def test_unacknowledged_bytes_are_counted_until_the_peer_has_them(pair: Pair) -> None:
    assert adapter._unacknowledged_bytes(pair.client, 0) == 0
    pair.client.send_stream_data(0, bytes(5000))
    assert adapter._unacknowledged_bytes(pair.client, 0) == 5000
    pair.client.send_stream_data(0, bytes(500))
    pair.client.datagrams_to_send(pair.now)
    assert adapter._unacknowledged_bytes(pair.client, 0) == 5500, "sent is not received"
    pair.let_time_pass()
    assert adapter._unacknowledged_bytes(pair.client, 0) == 0


def test_bytes_behind_a_gap_are_counted_and_streams_without_events_too(pair: Pair) -> None:
    events_of(pair.server)
    pair.client.send_stream_data(0, bytes(3000))
    pair.exchange(lose_from_client=1)
    assert adapter._reassembly_bytes(pair.server) >= 1500
    assert adapter._open_streams(pair.server) == 1
    pair.let_time_pass()
    assert adapter._reassembly_bytes(pair.server) == 0


def test_peer_is_told_the_lowered_stream_limits(pair: Pair) -> None:
    assert (pair.client._remote_max_streams_bidi, pair.client._remote_max_streams_uni) == (4, 0)
    assert (pair.server._remote_max_streams_bidi, pair.server._remote_max_streams_uni) == (0, 0)
    pair.client.send_stream_data(0, b"control")
    pair.client.send_stream_data(4, b"messages")
    pair.exchange()
    assert adapter._open_streams(pair.server) == 2
    assert pair.client._remote_max_streams_bidi == 4, "two open streams do not raise the limit"


def test_window_doubles_without_anything_being_read(pair: Pair) -> None:
    """The reason why flow control is no limit here, and why the framer and `_reassembly_bytes` are."""
    before = pair.server._local_max_data.value
    for _ in range(40):
        pair.client.send_stream_data(0, bytes(50_000))
        pair.exchange()
    assert pair.server._local_max_data.value > before


def test_acknowledgement_waits_for_what_it_can_travel_with_and_no_longer_than_it_is_told(pair: Pair) -> None:
    def server_sends() -> int:
        return sum(len(data) for data, _ in pair.server.datagrams_to_send(pair.now))

    def client_sends(data: bytes) -> None:
        pair.client.send_stream_data(adapter.CONTROL_STREAM, data)
        for datagram, _ in pair.client.datagrams_to_send(pair.now):
            pair.server.receive_datagram(datagram, CLIENT_ADDRESS, pair.now)

    def due_in() -> float:
        timer_at = pair.server.get_timer()
        assert timer_at is not None
        return timer_at - pair.now

    client_sends(b"request")
    assert due_in() <= 0.0011, "aioquic's own delay; the one below would be of no use if it were long"
    pair.now += 0.0011
    pair.server.handle_timer(pair.now)
    assert server_sends() > 0

    adapter._delay_acknowledgements(pair.server, adapter.ACKNOWLEDGE_WITHIN_S)
    client_sends(b"another")
    assert due_in() == pytest.approx(adapter.ACKNOWLEDGE_WITHIN_S)
    assert server_sends() == 0
    pair.server.send_stream_data(adapter.CONTROL_STREAM, b"answer")
    alone = server_sends()
    assert alone > 0
    assert due_in() == pytest.approx(adapter.ACKNOWLEDGE_WITHIN_S), "without help it does not go with the answer"
    pair.server.send_stream_data(adapter.CONTROL_STREAM, b"answer")
    adapter._acknowledge_with_data(pair.server, pair.now)
    assert server_sends() > alone
    assert pair.server._spaces[Epoch.ONE_RTT].ack_at is None, "it has gone with the second answer"

    client_sends(b"a third")
    pair.now += adapter.ACKNOWLEDGE_WITHIN_S + 0.0001
    pair.server.handle_timer(pair.now)
    assert server_sends() > 0
    announced = pair.client._remote_ack_delay_exponent, pair.client._loss.max_ack_delay
    assert announced == (3, 0.025), "senders wait for longer than any acknowledgement does"
