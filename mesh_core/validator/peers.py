"""Connections to the other validators: two to each, so that megabytes of certificates never travel in front of what is urgent.

One connection carries pings and gossip, and says whether the validator is reached; the other carries certificates.
"""

from collections.abc import Sequence
from dataclasses import replace

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault, PeerFault
from mesh_core.network.client import LocalIdentity, PeerAddress
from mesh_core.network.link import LinkState, LinkStatus, ValidatorLink
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.messages import Evidence, Pong, Role, SyncRequest, SyncResponse
from mesh_core.validator.ports import PeerListener


class Peers:
    """Links to the other validators of the committee that the configuration names, by their index. Implements `ports.PeerNetwork`."""

    def __init__(self, peers: Sequence[PeerAddress], genesis: Genesis, identity: SigningKey) -> None:
        """LocalFault (CONFIG_INVALID) where a peer is no member of the committee, or is this validator, or its certificate is none."""
        self._listener: PeerListener | None = None
        self._is_up: dict[int, bool] = {}
        """Whether each is reached; absent before the first attempt has ended."""
        found: dict[int, tuple[ValidatorLink, ValidatorLink]] = {}
        for number, peer in enumerate(peers):
            index = genesis.committee.index_of(peer.identity_pk)
            if index is None or peer.identity_pk == identity.public_key:
                why = "is this validator itself" if index is not None else "is no validator of the genesis document"
                raise LocalFault(ErrorCode.CONFIG_INVALID, f"peers[{number}].public_key: {peer.identity_pk.hex()} {why}")
            try:
                found[index] = self._link(index, peer, genesis, identity, is_bulk=False), self._link(index, peer, genesis, identity, is_bulk=True)
            except LocalFault as fault:
                raise LocalFault(fault.code, f"peers[{number}].tls_certificate: {fault.text}") from fault
        self._configured = {index: (tier1.peer.host, tier1.peer.port) for index, (tier1, _) in found.items()}
        self._links = {index: tier1 for index, (tier1, _) in sorted(found.items())}
        self._bulk_links = {index: bulk for index, (_, bulk) in sorted(found.items())}

    @property
    def indices(self) -> tuple[int, ...]:
        """Every validator that the configuration names, in ascending order."""
        return tuple(self._links)

    def start(self, listener: PeerListener) -> None:
        """Begin to connect to all of them at once."""
        self._listener = listener
        for link in (*self._links.values(), *self._bulk_links.values()):
            link.start()

    def up(self) -> tuple[int, ...]:
        """Indices of the validators that are reached now."""
        return tuple(index for index, link in self._links.items() if link.status.state is LinkState.UP)

    def round_trip_ms(self, peer: int) -> float | None:
        """The round trip of the last ping to a validator."""
        return self._links[peer].status.rtt_ms

    async def request(self, peer: int, message: SyncRequest, timeout_s: float) -> SyncResponse:
        """Ask for certificates. PeerFault when there is no answer in time; the request is repeated meanwhile wherever a connection is replaced."""
        link = self._bulk_links[peer]
        answer = await link.request(message, timeout_s)
        if not isinstance(answer, SyncResponse):
            raise PeerFault(ErrorCode.PEER_INVALID, f"{type(answer).__name__} answers a request for certificates", peer=link.peer.display_name)
        return answer

    def broadcast(self, message: Evidence) -> None:
        """Send to every validator that is reached now."""
        for link in self._links.values():
            link.send(message)

    def route(self, peer: int, address: tuple[str, int] | None) -> None:
        """Reach a validator at another address from now on; None: at the one that the configuration names. Without effect for one that it does not name."""
        if peer not in self._links:
            return
        host, port = self._configured[peer] if address is None else address
        for link in (self._links[peer], self._bulk_links[peer]):
            link.redirect(host, port)

    def close(self) -> None:
        """Close all links at once."""
        for link in (*self._links.values(), *self._bulk_links.values()):
            link.close()

    def _link(self, index: int, peer: PeerAddress, genesis: Genesis, identity: SigningKey, *, is_bulk: bool) -> ValidatorLink:
        name = f"V{index + 1}"
        return ValidatorLink(
            replace(peer, name=f"{name} bulk" if is_bulk else name),
            LocalIdentity(Role.VALIDATOR, identity),
            genesis.network_id,
            on_status=None if is_bulk else lambda status: self._on_status(index, status),
            on_pong=lambda pong: self._on_pong(index, pong),
        )

    def _on_pong(self, index: int, pong: Pong) -> None:
        if self._listener is not None:
            self._listener.on_pong(index, pong)

    def _on_status(self, index: int, status: LinkStatus) -> None:
        """Every attempt to reach a dead validator changes the link's state; only whether it is reached is news."""
        is_up = status.state is LinkState.UP
        if status.state is LinkState.CLOSED or self._is_up.get(index) is is_up or self._listener is None or not (is_up or status.last_error):
            return
        self._is_up[index] = is_up
        if is_up:
            self._listener.on_up(index)
        else:
            self._listener.on_down(index, status.last_error)
