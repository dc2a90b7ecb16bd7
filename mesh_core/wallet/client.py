"""Connections of this process's wallets to all validators: one for requests and one for events to each, shared by all wallets."""

from collections.abc import Callable
from typing import Final

from mesh_core.errors import DecodeError
from mesh_core.network.client import Connection, LocalIdentity
from mesh_core.network.link import LinkSettings, LinkState, LinkStatus, ValidatorLink
from mesh_core.types.basic import PublicKey
from mesh_core.types.events import CertificateApplied, EventKind, decode_event_body
from mesh_core.types.messages import MAX_SUBSCRIBED_OWNERS, Event, Evidence, Role, Subscribe, SyncRequest
from mesh_core.wallet.events import LinkChanged, WalletEvent
from mesh_core.wallet.network import Network
from mesh_core.wallet.ports import REQUEST_TIMEOUT_S, OnCertificate, OnConnected, Question, Reply, Unwatch
from mesh_core.wallet.surroundings import REAL, Surroundings

Publish = Callable[[WalletEvent], None]

EVENTS_SHARE: Final = 0.05
"""What each validator's announcements may take of this process's time. They are hints about a wallet's own accounts, and a few a second is much."""


class ValidatorClient:
    """Requests to validators by their index, and the certificates that they announce.

    Each connection has a fresh identity, so that a validator cannot recognise a wallet by its connection. All the same it can link what one connection
    asks; wallets of different people belong into different processes.
    """

    def __init__(self, network: Network, publish: Publish, surroundings: Surroundings = REAL) -> None:
        self.network = network
        self._now_ns = surroundings.now_ns
        self._publish = publish
        self._owners: dict[PublicKey, list[OnCertificate]] = {}
        self._on_connected: list[OnConnected] = []
        self._states: dict[int, bool] = {}
        local = LocalIdentity(Role.WALLET)
        network_id = network.genesis.network_id
        entropy = surroundings.entropy
        self._links = [
            ValidatorLink(peer, local, network_id, on_status=self._status_reporter(index), entropy=entropy) for index, peer in enumerate(network.validators)
        ]
        self._bulk_links = [
            ValidatorLink(
                peer,
                local,
                network_id,
                on_connected=self._subscriber(index),
                on_message=self._event_receiver(index),
                settings=LinkSettings(message_share=EVENTS_SHARE),
                entropy=entropy,
            )
            for index, peer in enumerate(network.validators)
        ]

    def start(self) -> None:
        """Begin to connect to all validators at once."""
        for link in (*self._links, *self._bulk_links):
            link.start()

    def close(self) -> None:
        """Close all connections at once."""
        for link in (*self._links, *self._bulk_links):
            link.close()

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        """Ask one validator. PeerFault when no answer comes."""
        links = self._bulk_links if isinstance(message, SyncRequest) else self._links
        return await links[validator].request(message, timeout_s)

    def route(self, validator: int, address: tuple[str, int] | None) -> None:
        """Reach a validator at another address from now on; None: at the one that the network's file names."""
        peer = self.network.validators[validator]
        host, port = (peer.host, peer.port) if address is None else address
        for link in (self._links[validator], self._bulk_links[validator]):
            link.redirect(host, port)

    def is_up(self, validator: int) -> bool:
        """Whether a validator is reached now."""
        return self._links[validator].status.state is LinkState.UP

    def watch(self, owner: PublicKey, on_certificate: OnCertificate, on_connected: OnConnected) -> Unwatch:
        """Call `on_certificate(validator, announcement)` for certificates of an account; `on_connected(validator)` when some may have been missed.

        That is after each new connection and each gap. An announcement is a validator's word: whoever receives it verifies the certificate.
        """
        self._owners.setdefault(owner, []).append(on_certificate)
        self._on_connected.append(on_connected)
        for index, link in enumerate(self._bulk_links):
            if link.status.state is LinkState.UP:
                link.send(_subscription((owner,)))
                on_connected(index)
        return lambda: self._unwatch(owner, on_certificate, on_connected)

    def _unwatch(self, owner: PublicKey, on_certificate: OnCertificate, on_connected: OnConnected) -> None:
        """What is closed must not be held on to by what it was told: its keys are in it. Validators go on announcing until the next connection."""
        self._on_connected.remove(on_connected)
        self._owners[owner].remove(on_certificate)
        if not self._owners[owner]:
            del self._owners[owner]

    def _subscriber(self, index: int) -> Callable[[Connection], None]:
        def on_connected(connection: Connection) -> None:
            owners = tuple(self._owners)
            for start in range(0, len(owners), MAX_SUBSCRIBED_OWNERS):
                connection.send(_subscription(owners[start : start + MAX_SUBSCRIBED_OWNERS]))
            self._notify_connected(index)

        return on_connected

    def _notify_connected(self, index: int) -> None:
        for notify in tuple(self._on_connected):
            notify(index)

    def _event_receiver(self, index: int) -> Callable[[Event | Evidence], None]:
        def on_message(message: Event | Evidence) -> None:
            if not isinstance(message, Event):
                return
            if message.kind == EventKind.GAP:
                self._notify_connected(index)
            if message.kind != EventKind.CERT_APPLIED:
                return
            try:
                body = decode_event_body(message.kind, message.body)
            except DecodeError:
                return  # a validator that talks nonsense: the others tell the same certificate
            if isinstance(body, CertificateApplied):
                core = body.certificate.transition.core
                for owner in sorted({core.sender, *(output.owner for output in core.outputs)} & self._owners.keys()):
                    for tell in tuple(self._owners.get(owner, ())):
                        tell(index, body)

        return on_message

    def _status_reporter(self, index: int) -> Callable[[LinkStatus], None]:
        def on_status(status: LinkStatus) -> None:
            """Whether a validator is reached is news; each attempt to reach it is not."""
            is_up = status.state is LinkState.UP
            if status.state is not LinkState.CLOSED and self._states.get(index) is not is_up and (is_up or status.last_error):
                self._states[index] = is_up
                self._publish(LinkChanged(self._now_ns(), index, is_up, "" if is_up else status.last_error))

        return on_status


def _subscription(owners: tuple[PublicKey, ...]) -> Subscribe:
    return Subscribe(request_id=0, kind_mask=1 << EventKind.CERT_APPLIED | 1 << EventKind.GAP, owners=owners, after_event=0)
