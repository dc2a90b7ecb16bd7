"""A vote request step by step: the request with its proof left unchecked, and the verdict later, so that anything can come between."""

from mesh_core.errors import ErrorCode
from mesh_core.protocol.effects import Effect, Persist, Reply, Source, VerifyProof
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import Message, VoteReject, VoteRequest
from mesh_core.types.transition import TRANSITION, Transition
from tests.cluster import Validator, transition_id_of


def request(transition: Transition, request_id: int = 1, certificates: tuple[bytes, ...] = ()) -> VoteRequest:
    return VoteRequest(request_id, certificates, TRANSITION.encode(transition))


def proof_ids(effects: list[Effect]) -> list[Hash32]:
    return [effect.transition_id for effect in effects if isinstance(effect, VerifyProof)]


def replies(effects: list[Effect]) -> list[tuple[Source, Message]]:
    return [(effect.source, effect.message) for effect in effects if isinstance(effect, Reply)]


def codes(effects: list[Effect]) -> list[ErrorCode | None]:
    """Of each answer: the code of a refusal, None for a vote."""
    return [message.code if isinstance(message, VoteReject) else None for _, message in replies(effects)]


def ask(validator: Validator, transition: Transition, source: int = 1, request_id: int = 1) -> list[Effect]:
    """Hand in a request and leave its proof unchecked."""
    effects = validator.machine.handle(Source(source), request(transition, request_id), 0.0)
    for effect in effects:
        if isinstance(effect, Persist):
            validator.store.persist(effect.records)
    return effects


def decide(validator: Validator, transition: Transition, *, valid: bool = True) -> list[Effect]:
    """The verdict on a proof that was left unchecked."""
    return validator.perform(validator.machine.on_proof_checked(Hash32(transition_id_of(transition)), valid, 0.0))
