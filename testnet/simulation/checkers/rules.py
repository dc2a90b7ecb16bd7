"""INV-14: what breaks a rule gets no vote of a correct validator, the state and the transition alone decide the code, and a refusal changes nothing."""

from collections.abc import Sequence

from typing_extensions import override

from mesh_core.errors import ErrorCode
from mesh_core.protocol.effects import Effect, Reply, Source, VerifyProof
from mesh_core.protocol.records import LOG_ENTRY, certificate_key, log_key
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.types.messages import VoteReject, VoteRequest
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.entropy import Stream
from testnet.simulation.memory_store import MemoryStore
from testnet.simulation.network import Sent, Way
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World

ASKED_MOST = 40
"""So many of all transitions that anybody asked for, drawn."""
ASKED_EVERY_S = 10_000.0


class Rules(Checker):
    """The clients that break rules tell the ghost what they ask for; nothing of it may come back signed."""

    name = "INV-14"

    @override
    def on_sent(self, sent: Sent) -> None:
        vote = sent.vote if sent.way is Way.ANSWER else None
        if vote is None or not self.world.is_correct(sent.sender.name):
            return
        name = self.world.ghost.forbidden.get(vote.statement.transition_id)
        if name is not None:
            self.violated(f"{sent.sender.name} voted for a transition with {name}")


class SameCode(Checker):
    """At the end: two new validators get one certified history, or half of it, in two orders, and then the same questions."""

    name = "INV-14"
    needs_agreement = True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._asked: dict[bytes, None] = {}

    @override
    def on_sent(self, sent: Sent) -> None:
        if sent.way is Way.REQUEST and isinstance(sent.message, VoteRequest):
            self._asked[sent.message.transition] = None

    @override
    def at_end(self) -> None:
        draw = Stream("order of questions")
        nodes = [node for node in self.world.correct_validators if node.runner is not None and node.store is not None]
        if len(nodes) < 2:
            return
        history = _history(nodes[0])
        asked = draw.sample(list(self._asked), min(len(self._asked), ASKED_MOST))
        for part in (history[: len(history) // 2], history):
            self._compare(nodes[0], nodes[1], part, asked, draw)

    def _compare(self, one: ValidatorNode, other: ValidatorNode, history: Sequence[bytes], asked: Sequence[bytes], draw: Stream) -> None:
        first = _Copy(self.world, one, history)
        second = _Copy(self.world, other, draw.sample(history, len(history)))
        if first.state() != second.state():
            self.violated(f"{len(history)} certificates give {one.name} and {other.name} different states", "INV-9")
            return
        for number, transition in enumerate(asked):
            before = first.state()
            codes = first.ask(number, transition), second.ask(number, transition)
            if codes[0] is not codes[1]:
                self.violated(f"asked for a vote, {one.name} says {_name(codes[0])}, and {other.name} in the same state {_name(codes[1])}")
                return
            if codes[0] is not None and first.state() != before:
                self.violated(f"{one.name} refuses with {codes[0].name}, and its state is another one")


class _Copy:
    """A new machine with a validator's key, to which certificates are told. It votes, so later questions meet rule 4, too."""

    def __init__(self, world: World, node: ValidatorNode, history: Sequence[bytes]) -> None:
        self._proofs = world.proofs
        self._store = MemoryStore({})
        self._machine = ValidatorMachine(world.genesis, node.identity, self._store, JournalContents(JournalCondition.FIRST_START))
        # The certificates bear votes of this very key, which a new machine would take for forgotten ones: it would go into quarantine and answer nothing.
        self._machine.votes.is_forgotten = lambda checked: False  # type: ignore[method-assign]
        for data in history:
            self._perform(self._machine.take_certificate(data).effects)
            while self._machine.is_waking:
                self._perform(self._machine.wake())

    def state(self) -> tuple[object, ...]:
        """All that later answers may depend on; the log's chain belongs to this validator alone."""
        ledger = self._machine.ledger
        return (
            ledger.compute_digest(),
            ledger.globals.fee_pool,
            ledger.globals.log_length,
            {slot: lock.transition_id for slot, lock in self._machine.votes.locks.items()},
        )

    def ask(self, number: int, transition: bytes) -> ErrorCode | None:
        """The code of the refusal; None for a vote. Questions come hours apart, so that none is refused for being one too many."""
        now = number * ASKED_EVERY_S
        effects = self._machine.handle(Source(number), VoteRequest(number, (), transition), now)
        for job in [effect for effect in effects if isinstance(effect, VerifyProof)]:
            effects = [*effects, *self._machine.on_proof_checked(job.transition_id, self._proofs.holds(job.statement, job.proof), now)]
        self._perform(effects)
        answers = [effect.message for effect in effects if isinstance(effect, Reply)]
        assert len(answers) == 1, answers
        return answers[0].code if isinstance(answers[0], VoteReject) else None

    def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self._store.perform(effect)


def _history(node: ValidatorNode) -> list[bytes]:
    """The certificates of a validator's log, in its order."""
    assert node.store is not None
    assert node.runner is not None
    entries = [node.store.get(log_key(index)) for index in range(node.runner.machine.ledger.globals.log_length)]
    ids = [LOG_ENTRY.decode(entry).cert_id for entry in entries if entry is not None]
    return [data for cert_id in ids if (data := node.store.get(certificate_key(cert_id))) is not None]


def _name(code: ErrorCode | None) -> str:
    return "yes" if code is None else code.name
