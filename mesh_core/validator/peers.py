"""Connections to the other validators: watched all the time, so that everybody can see who reaches whom."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.client import LocalIdentity, PeerAddress
from mesh_core.network.link import LinkState, LinkStatus, ValidatorLink
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.messages import Role
from mesh_core.validator import lines
from mesh_core.validator.output import LineWriter


class Peers:
    """Links to all other validators of the committee, by their index."""

    def __init__(self, peers: Sequence[PeerAddress], genesis: Genesis, identity: SigningKey, output: LineWriter) -> None:
        """LocalFault (CONFIG_INVALID) where a peer is no member of the committee, or is this validator, or its certificate is none."""
        self._output = output
        self._links: dict[int, ValidatorLink] = {}
        self._was_up: dict[int, bool] = {}
        for number, peer in enumerate(peers):
            index = genesis.committee.index_of(peer.identity_pk)
            if index is None or peer.identity_pk == identity.public_key:
                why = "is this validator itself" if index is not None else "is no validator of the genesis document"
                raise LocalFault(ErrorCode.CONFIG_INVALID, f"peers[{number}].public_key: {peer.identity_pk.hex()} {why}")
            try:
                self._links[index] = ValidatorLink(
                    replace(peer, name=f"V{index + 1}"), LocalIdentity(Role.VALIDATOR, identity), genesis.network_id, on_status=self._report(index)
                )
            except LocalFault as fault:
                raise LocalFault(fault.code, f"peers[{number}].tls_certificate: {fault.text}") from fault

    def start(self) -> None:
        """Begin to connect to all of them at once."""
        for link in self._links.values():
            link.start()

    def up(self) -> tuple[int, ...]:
        """Indices of the validators that are reached now."""
        return tuple(sorted(index for index, link in self._links.items() if link.status.state is LinkState.UP))

    def close(self) -> None:
        """Close all links at once."""
        for link in self._links.values():
            link.close()

    def _report(self, index: int) -> Callable[[LinkStatus], None]:
        def on_status(status: LinkStatus) -> None:
            """Every attempt to reach a dead validator changes the link's state; only whether it is reached is news."""
            is_up = status.state is LinkState.UP
            if status.state is not LinkState.CLOSED and self._was_up.get(index) is not is_up and (is_up or status.last_error):
                self._was_up[index] = is_up
                self._output.write(lines.PeerLine(time.monotonic_ns(), index, is_up, "" if is_up else status.last_error))

        return on_status
