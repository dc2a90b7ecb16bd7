"""Votes and the certificates that they make (docs/protocol.md, "Votes, certificates, evidence")."""

from dataclasses import dataclass

from mesh_core.types.basic import PUBLIC_KEY, SIGNATURE, PublicKey, Signature
from mesh_core.types.codec import U8, U32, Constant, ListOf, Nested, Struct
from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.transition import STATEMENT, TRANSITION, Statement, Transition

CERTIFICATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Vote:
    """A validator's signature on a statement (208 bytes)."""

    statement: Statement
    validator: PublicKey
    signature: Signature


@dataclass(frozen=True, slots=True)
class Signer:
    """One vote inside a certificate: the validator's index in the committee, and its signature."""

    validator_index: int
    signature: Signature


@dataclass(frozen=True, slots=True)
class Certificate:
    """A transition with the votes of a quorum: final. `votes` are strictly ascending by validator index, so no signer counts twice."""

    transition: Transition
    votes: tuple[Signer, ...]


VOTE = Struct(Vote, statement=STATEMENT, validator=PUBLIC_KEY, signature=SIGNATURE)
SIGNER = Struct(Signer, validator_index=U8, signature=SIGNATURE)
SIGNERS = ListOf(SIGNER, least=1, most=MAX_VALIDATORS, ascending=lambda vote: vote.validator_index)
CERTIFICATE = Struct(Certificate, version=Constant(U8, CERTIFICATE_VERSION), transition=Nested(U32, TRANSITION), votes=SIGNERS)
