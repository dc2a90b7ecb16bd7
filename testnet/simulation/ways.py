"""A wallet's ways to the validators, and a validator's ways to the others: the ports of the product over simulated links."""

from collections.abc import Callable
from dataclasses import dataclass

from mesh_core.errors import DecodeError, ErrorCode, PeerFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.basic import PublicKey
from mesh_core.types.events import CertificateApplied, EventKind, decode_event_body
from mesh_core.types.messages import Event, Evidence, Pong, Role, Subscribe, SyncRequest, SyncResponse
from mesh_core.validator.ports import PeerListener
from mesh_core.wallet.ports import REQUEST_TIMEOUT_S, OnCertificate, OnConnected, Question, Reply, Unwatch
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.link import Link
from testnet.simulation.machine import Machine
from testnet.simulation.network import Network


@dataclass(frozen=True, slots=True)
class SimulatedNetwork:
    """What a wallet knows of its network."""

    genesis: Genesis


class SimulatedValidators:
    """A wallet's connections to all validators: one for requests and one for certificates and events to each (`wallet.ports.Validators`)."""

    def __init__(self, network: Network, genesis: Genesis, life: Life, draw: Stream, machine: Machine) -> None:
        """To be made within the life."""
        self.network = SimulatedNetwork(genesis)
        self._owners: dict[PublicKey, OnCertificate] = {}
        self._on_connected: list[OnConnected] = []
        names = [validator_name(index) for index in range(genesis.committee.size)]
        identity = PublicKey(draw(32))
        self._links = [Link(network, life, name, Role.WALLET, identity, draw.fork(f"{name} requests"), machine) for name in names]
        self._bulk_links = [
            Link(
                network, life, name, Role.WALLET, identity, draw.fork(f"{name} bulk"), machine, on_up=self._subscriber(index), on_message=self._receiver(index)
            )
            for index, name in enumerate(names)
        ]

    def start(self) -> None:
        """Begin to connect."""
        for link in (*self._links, *self._bulk_links):
            link.start()

    def close(self) -> None:
        """Close all connections."""
        for link in (*self._links, *self._bulk_links):
            link.close()

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        """Ask one validator. PeerFault."""
        links = self._bulk_links if isinstance(message, SyncRequest) else self._links
        return await links[validator].request(message, timeout_s)

    def is_up(self, validator: int) -> bool:
        """Whether a validator is reached now."""
        return self._links[validator].is_up

    def watch(self, owner: PublicKey, on_certificate: OnCertificate, on_connected: OnConnected) -> Unwatch:
        """Announce certificates of an account, and connections."""
        self._owners[owner] = on_certificate
        self._on_connected.append(on_connected)
        for index, link in enumerate(self._bulk_links):
            if link.send(_subscription((owner,))):
                on_connected(index)

        def unwatch() -> None:
            if self._owners.get(owner) == on_certificate:
                del self._owners[owner]
            self._on_connected.remove(on_connected)

        return unwatch

    def _subscriber(self, index: int) -> Callable[[Link], None]:
        def on_up(link: Link) -> None:
            if self._owners:
                link.send(_subscription(tuple(self._owners)))
            self._notify_connected(index)

        return on_up

    def _notify_connected(self, index: int) -> None:
        for notify in self._on_connected:
            notify(index)

    def _receiver(self, index: int) -> Callable[[Event | Evidence], None]:
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
                return
            if isinstance(body, CertificateApplied):
                core = body.certificate.transition.core
                for owner in sorted({core.sender, *(output.owner for output in core.outputs)} & self._owners.keys()):
                    self._owners[owner](index, body)

        return on_message


class SimulatedPeers:
    """A validator's connections to the others (`validator.ports.PeerNetwork`): one watched with pings, one for certificates to each."""

    def __init__(self, network: Network, genesis: Genesis, life: Life, own_index: int, draw: Stream, machine: Machine) -> None:
        """To be made within the life."""
        self._listener: PeerListener | None = None
        self._names = {index: validator_name(index) for index in range(genesis.committee.size) if index != own_index}
        identity = genesis.committee.validators[own_index]
        self._links = {
            index: Link(
                network,
                life,
                name,
                Role.VALIDATOR,
                identity,
                draw.fork(f"{name} peer"),
                machine,
                on_up=self._up(index),
                on_down=self._down(index),
                on_pong=self._pong(index),
            )
            for index, name in self._names.items()
        }
        self._bulk_links = {
            index: Link(network, life, name, Role.VALIDATOR, identity, draw.fork(f"{name} sync"), machine) for index, name in self._names.items()
        }

    @property
    def indices(self) -> tuple[int, ...]:
        """All others."""
        return tuple(self._names)

    def start(self, listener: PeerListener) -> None:
        """Begin to connect."""
        self._listener = listener
        for link in (*self._links.values(), *self._bulk_links.values()):
            link.start()

    def up(self) -> tuple[int, ...]:
        """Those that are reached."""
        return tuple(index for index, link in self._links.items() if link.is_up)

    def round_trip_ms(self, peer: int) -> float | None:
        """Not measured."""
        return None

    async def request(self, peer: int, message: SyncRequest, timeout_s: float) -> SyncResponse:
        """Ask for certificates. PeerFault."""
        answer = await self._bulk_links[peer].request(message, timeout_s)
        if not isinstance(answer, SyncResponse):
            raise PeerFault(ErrorCode.PEER_INVALID, "no answer to SyncRequest", peer=self._names[peer])
        return answer

    def broadcast(self, message: Evidence) -> None:
        """Tell everybody who is reached."""
        for link in self._links.values():
            link.send(message)

    def close(self) -> None:
        """Close all connections."""
        for link in (*self._links.values(), *self._bulk_links.values()):
            link.close()

    def _up(self, index: int) -> Callable[[Link], None]:
        def on_up(link: Link) -> None:
            if self._listener is not None:
                self._listener.on_up(index)

        return on_up

    def _down(self, index: int) -> Callable[[str], None]:
        def on_down(detail: str) -> None:
            if self._listener is not None:
                self._listener.on_down(index, detail)

        return on_down

    def _pong(self, index: int) -> Callable[[Pong], None]:
        def on_pong(pong: Pong) -> None:
            if self._listener is not None:
                self._listener.on_pong(index, pong)

        return on_pong


def validator_name(index: int) -> str:
    """Name of a validator's node."""
    return f"V{index + 1}"


def _subscription(owners: tuple[PublicKey, ...]) -> Subscribe:
    return Subscribe(request_id=0, kind_mask=1 << EventKind.CERT_APPLIED | 1 << EventKind.GAP, owners=owners, after_event=0)
