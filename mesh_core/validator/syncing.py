"""What this validator has to do with the others, as long as it runs: who is reached, and gossip."""

from mesh_core.types.events import PeerChanged
from mesh_core.types.messages import Evidence, Pong, SyncRequest
from mesh_core.validator import lines
from mesh_core.validator.ports import Output, PeerNetwork
from mesh_core.validator.runner import ValidatorRunner


class PeerSync:
    """The other validators as the runner and the network see them. Implements `ports.PeerListener` and `ports.PeerPort`."""

    def __init__(self, runner: ValidatorRunner, network: PeerNetwork, output: Output) -> None:
        self._runner = runner
        self._network = network
        self._output = output

    def start(self) -> None:
        """Begin to connect."""
        self._runner.attach_peers(self)
        self._network.start(self)

    def close(self) -> None:
        """Stop, at once."""
        self._network.close()

    # --- For the runner

    def broadcast(self, message: Evidence) -> None:
        """Tell every validator that is reached now."""
        self._network.broadcast(message)

    def ask(self, peer: int, message: SyncRequest) -> None:
        """Ask one validator."""

    # --- From the network

    def on_up(self, peer: int) -> None:
        """The validator with this index is reached."""
        self._tell(peer, is_up=True, detail="")

    def on_down(self, peer: int, detail: str) -> None:
        """It is not reached any more, or the first attempt to reach it has failed."""
        self._tell(peer, is_up=False, detail=detail)

    def on_pong(self, peer: int, pong: Pong) -> None:
        """It told how far it is."""

    def _tell(self, peer: int, *, is_up: bool, detail: str) -> None:
        self._output.write(lines.PeerLine(self._runner.clock.monotonic_ns(), peer, is_up, detail))
        self._runner.publish(PeerChanged(self._runner.machine.genesis.committee.validators[peer], is_up))
