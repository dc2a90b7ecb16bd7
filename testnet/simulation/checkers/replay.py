"""INV-8 and INV-9: a certificate counts once, and the order in which certificates came leaves no trace in the state."""

from typing_extensions import override

from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import AckStatus
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.entropy import Stream
from testnet.simulation.memory_store import MemoryStore
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World


class OrderIndependence(Checker):
    """Equal sets of applied certificates have equal digests, whoever holds them, and in whatever order they came."""

    name = "INV-9"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sums: dict[str, int] = {}
        self._digests: dict[int, tuple[Hash32, str]] = {}

    @override
    def on_start(self, node: ValidatorNode) -> None:
        self._sums[node.name] = 0

    @override
    def on_applied(self, node: ValidatorNode, index: int, checked: CheckedCertificate) -> None:
        # A sum of hashes stands for the set: whoever finds two sets with one sum has broken SHA3.
        self._sums[node.name] += int.from_bytes(checked.transition_id, "big")

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        if node.runner is None:
            return
        digest = node.runner.machine.ledger.compute_digest()
        first, name = self._digests.setdefault(self._sums[node.name], (digest, node.name))
        if first != digest:
            self.violated(f"{node.name} and {name} have applied the same certificates, and their digests differ")


class Idempotence(Checker):
    """At the end: all certificates again, at a copy of a validator, change nothing; and in another order, at a new one, they give the same state."""

    name = "INV-8"
    needs_agreement = True

    @override
    def at_end(self) -> None:
        draw = Stream("order of replays")
        for node in self.world.correct_validators:
            if node.store is not None and node.runner is not None:
                records = dict(node.store.records())
                data = [value for key, value in records.items() if key.startswith("c/")]
                self._deliver_again(node, records, data, draw)
                self._deliver_anew(node, data, draw)
                return

    def _deliver_again(self, node: ValidatorNode, records: dict[str, bytes], data: list[bytes], draw: Stream) -> None:
        store = MemoryStore(records)
        machine = ValidatorMachine(self.world.genesis, node.identity, store, JournalContents(JournalCondition.INTACT))
        before = machine.ledger.compute_digest(), machine.ledger.globals
        for one in draw.sample(data, len(data)):
            taken = machine.take_certificate(one)
            if taken.status is not AckStatus.ALREADY_APPLIED or taken.effects:
                self.violated(f"{node.name} takes a certificate again that it has applied: {taken.status.name}")
                return
        if (machine.ledger.compute_digest(), machine.ledger.globals) != before:
            self.violated(f"certificates that came again have changed the state of {node.name}")

    def _deliver_anew(self, node: ValidatorNode, data: list[bytes], draw: Stream) -> None:
        """In any order at all: what comes too early is parked."""
        store = MemoryStore({})
        machine = ValidatorMachine(self.world.genesis, node.identity, store, JournalContents(JournalCondition.FIRST_START))
        for one in draw.sample(data, len(data)):
            effects = machine.take_certificate(one).effects
            while effects or machine.is_waking:
                for effect in effects:
                    store.perform(effect)
                effects = machine.wake()
        if node.runner is not None and machine.ledger.compute_digest() != node.runner.machine.ledger.compute_digest():
            self.violated(f"{node.name}'s certificates give another state in another order", "INV-9")
