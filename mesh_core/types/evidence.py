"""Equivocation proofs: two signatures of one key on two transitions of one slot (docs/protocol.md, "EquivocationProof")."""

from dataclasses import dataclass
from enum import IntEnum

from mesh_core.types.basic import HASH, PUBLIC_KEY, SIGNATURE, Hash32, PublicKey, Signature
from mesh_core.types.codec import U64, Codec, ListOf, OneOf, Struct
from mesh_core.types.committee import MAX_VALIDATORS


class Offender(IntEnum):
    """Who signed twice: the tag of the proof."""

    CLIENT = 1
    VALIDATOR = 2


@dataclass(frozen=True, slots=True)
class ClientEquivocation:
    """An owner signed two transitions for one slot (273 bytes with its tag). id_a < id_b."""

    network_id: Hash32
    epoch: int
    owner: PublicKey
    sequence: int
    id_a: Hash32
    signature_a: Signature
    id_b: Hash32
    signature_b: Signature


@dataclass(frozen=True, slots=True)
class ValidatorEquivocation:
    """A validator voted for two transitions of one slot (305 bytes with its tag). id_a < id_b."""

    network_id: Hash32
    epoch: int
    validator: PublicKey
    sender: PublicKey
    sequence: int
    id_a: Hash32
    signature_a: Signature
    id_b: Hash32
    signature_b: Signature


EquivocationProof = ClientEquivocation | ValidatorEquivocation


@dataclass(frozen=True, slots=True)
class AccountabilityReport:
    """Names every validator that signed both of two conflicting certificates: one proof each, ascending by validator, so that nobody is counted twice."""

    proofs: tuple[ValidatorEquivocation, ...]


CLIENT_EQUIVOCATION = Struct(
    ClientEquivocation, network_id=HASH, epoch=U64, owner=PUBLIC_KEY, sequence=U64, id_a=HASH, signature_a=SIGNATURE, id_b=HASH, signature_b=SIGNATURE
)
VALIDATOR_EQUIVOCATION = Struct(
    ValidatorEquivocation,
    network_id=HASH,
    epoch=U64,
    validator=PUBLIC_KEY,
    sender=PUBLIC_KEY,
    sequence=U64,
    id_a=HASH,
    signature_a=SIGNATURE,
    id_b=HASH,
    signature_b=SIGNATURE,
)
EQUIVOCATION_PROOF: Codec[EquivocationProof] = OneOf(
    {Offender.CLIENT: (ClientEquivocation, CLIENT_EQUIVOCATION), Offender.VALIDATOR: (ValidatorEquivocation, VALIDATOR_EQUIVOCATION)}
)
_TAGGED_VALIDATOR_EQUIVOCATION: Codec[ValidatorEquivocation] = OneOf({Offender.VALIDATOR: (ValidatorEquivocation, VALIDATOR_EQUIVOCATION)})
ACCOUNTABILITY_REPORT = Struct(
    AccountabilityReport, proofs=ListOf(_TAGGED_VALIDATOR_EQUIVOCATION, most=MAX_VALIDATORS, ascending=lambda proof: proof.validator)
)
