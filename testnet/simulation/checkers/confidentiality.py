"""INV-16, a smoke test: no blinding factor and no memo text ever lies in a validator's database, or leaves a validator."""

from typing_extensions import override

from mesh_core.crypto.ristretto import encode_scalar
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.network import Sent, Way
from testnet.simulation.workload import TEXTS
from testnet.simulation.world import World


class Confidentiality(Checker):
    """Looks for the bytes of every secret that the ghost knows."""

    name = "INV-16"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._told: list[bytes] = []

    @override
    def on_sent(self, sent: Sent) -> None:
        if sent.way is Way.ANSWER:
            self._told.append(sent.data)

    @override
    def at_end(self) -> None:
        secrets = [encode_scalar(opening.blinding) for opening in self.world.ghost.openings.values() if opening.blinding]
        secrets += [text.encode() for text in TEXTS if text]
        kept = [value for node in self.world.validators for value in node.disk.content.records.values()]
        for where, several in (("a validator's answer", self._told), ("a validator's database", kept)):
            everything = b"\0".join(several)
            if any(secret in everything for secret in secrets):
                self.violated(f"{where} holds a blinding factor or the text of a memo")
