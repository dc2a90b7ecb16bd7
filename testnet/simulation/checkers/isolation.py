"""LIV-5: after the healing an account that is locked, or that floods, delays nobody else beyond a bound."""

from typing_extensions import override

from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import VoteRequest
from mesh_core.types.transition import TRANSITION
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.network import Sent, Way
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World

SETTLED_WITHIN_S = 10.0
"""Virtual seconds between the first request for a vote and the certificate. Nearly all of it is for connections that must first be found dead and made anew."""


class Isolation(Checker):
    """What an honest wallet asks for first when all is healed is certified in time, while strangers go on with what they do."""

    name = "LIV-5"
    needs_agreement = True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._wallets = {wallet.name for wallet in world.wallets}
        self._since: dict[Hash32, float] = {}
        self._known: set[bytes] = set()
        self._settled: set[Hash32] = set()

    @override
    def on_sent(self, sent: Sent) -> None:
        if sent.way is not Way.REQUEST or not self.world.is_healing or not isinstance(sent.message, VoteRequest) or sent.sender.name not in self._wallets:
            return
        data = sent.message.transition
        if data not in self._known:
            self._known.add(data)
            transition_id = identify(TRANSITION.decode(data)).transition_id
            if transition_id not in self._settled:
                self._since[transition_id] = self.world.loop.time()

    @override
    def on_applied(self, node: ValidatorNode, index: int, checked: CheckedCertificate) -> None:
        if node.is_faulty:
            return
        self._settled.add(checked.transition_id)
        self._check(checked.transition_id, self._since.pop(checked.transition_id, None))

    def _check(self, transition_id: Hash32, since: float | None) -> None:
        if since is not None and self.world.loop.time() - since > SETTLED_WITHIN_S:
            self.violated(f"{transition_id.hex()[:16]} takes {self.world.loop.time() - since:.1f} s with every path and every process healed")

    @override
    def is_satisfied(self) -> bool:
        return not self._since

    @override
    def at_end(self) -> None:
        for transition_id, since in sorted(self._since.items()):
            self._check(transition_id, since)
