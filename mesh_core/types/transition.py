"""Transitions: what an owner signs to change its account (docs/protocol.md, "Transition")."""

from dataclasses import dataclass
from enum import IntEnum

from typing_extensions import override

from mesh_core.errors import DecodeError, ErrorCode
from mesh_core.types.basic import (
    BYTES32,
    COMMITMENT,
    HASH,
    PUBLIC_KEY,
    SIGNATURE,
    VIEW_KEY,
    Commitment,
    Hash32,
    PublicKey,
    Signature,
    ViewPublicKey,
)
from mesh_core.types.codec import U8, U16, U64, Constant, Enumerated, Fixed, ListOf, Reader, Struct, VarBytes, When

TRANSITION_VERSION = 1
MAX_OUTPUTS = 7
"""Outputs of a SEND: with the new balance they are at most 8 commitments, the largest range proof."""
MAX_CLAIMS = 16
"""Claims of a RECEIVE: as many certificates fit a vote request."""
MEMO_SIZES = (80, 144, 272)
"""Encrypted memo: 64, 128 or 256 bytes of plaintext and a 16-byte tag. Three sizes, so that the length says little about the text."""
SELF_MEMO_SIZE = 56
"""Encrypted note of the sender to itself: value (8), blinding (32), tag (16)."""
PROOF_SIZES = {2: 641, 4: 705, 8: 769}
"""Size of the range proof in bytes by the number of commitments: 1 + 32 * (6 + 2 * log2(64 * m))."""


class Kind(IntEnum):
    """Kinds of transition. 0 genesis, 3 mint and 4 unlock are reserved and refused."""

    SEND = 1
    RECEIVE = 2


@dataclass(frozen=True, slots=True)
class Output:
    """One payment inside a SEND: who may claim it, and the encrypted opening."""

    owner: PublicKey
    view_pk: ViewPublicKey
    commitment: Commitment
    eph_pk: ViewPublicKey
    memo: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """One output that a RECEIVE takes: the SEND's certificate, the output's index in it, and its commitment."""

    cert_id: Hash32
    index: int
    commitment: Commitment

    @property
    def key(self) -> "OutputKey":
        """The output that is claimed."""
        return OutputKey(self.cert_id, self.index)


@dataclass(frozen=True, slots=True, order=True)
class OutputKey:
    """Names one output of one certified SEND (33 bytes)."""

    cert_id: Hash32
    index: int


@dataclass(frozen=True, slots=True)
class TransitionCore:
    """All of a transition but its proof and signature. `core_hash` of these bytes is the context of the range proof."""

    kind: Kind
    network_id: Hash32
    epoch: int
    asset_id: bytes
    sender: PublicKey
    sequence: int
    prev: Hash32
    new_balance: Commitment
    fee: int
    outputs: tuple[Output, ...]
    claims: tuple[Claim, ...]
    self_memo: bytes


@dataclass(frozen=True, slots=True)
class Transition:
    """A signed transition. For a RECEIVE the range proof is empty."""

    core: TransitionCore
    range_proof: bytes
    owner_signature: Signature


@dataclass(frozen=True, slots=True)
class Statement:
    """What owners and validators sign (112 bytes): this slot of this sender, in this epoch of this network, has this transition."""

    network_id: Hash32
    epoch: int
    sender: PublicKey
    sequence: int
    transition_id: Hash32


OUTPUT = Struct(
    Output,
    owner=PUBLIC_KEY,
    view_pk=VIEW_KEY,
    commitment=COMMITMENT,
    eph_pk=VIEW_KEY,
    memo=VarBytes(U16, sizes=MEMO_SIZES, code=ErrorCode.MEMO_SIZE),
)
CLAIM = Struct(Claim, cert_id=HASH, index=U8, commitment=COMMITMENT)
OUTPUT_KEY = Struct(OutputKey, cert_id=HASH, index=U8)


class _CoreStruct(Struct[TransitionCore]):
    """A core that is too short for version and kind is malformed, whatever its first byte says: all validators must report one and the same code."""

    @override
    def read(self, reader: Reader) -> TransitionCore:
        if reader.left < 2:
            raise DecodeError(f"version and kind expected, {reader.left} bytes left")
        return super().read(reader)


# The order of a RECEIVE's claims is not the decoder's business: rule 1 judges it, behind network, epoch and asset (validation.py).
TRANSITION_CORE = _CoreStruct(
    TransitionCore,
    version=Constant(U8, TRANSITION_VERSION, code=ErrorCode.VERSION),
    kind=Enumerated(Kind, code=ErrorCode.KIND),
    network_id=HASH,
    epoch=U64,
    asset_id=BYTES32,
    sender=PUBLIC_KEY,
    sequence=U64,
    prev=HASH,
    new_balance=COMMITMENT,
    fee=U64,
    outputs=When("kind", Kind.SEND, ListOf(OUTPUT, least=1, most=MAX_OUTPUTS, code=ErrorCode.COUNT_OR_ORDER)),
    claims=When("kind", Kind.RECEIVE, ListOf(CLAIM, least=1, most=MAX_CLAIMS, code=ErrorCode.COUNT_OR_ORDER)),
    self_memo=Fixed[bytes](SELF_MEMO_SIZE),
)
TRANSITION = Struct(Transition, core=TRANSITION_CORE, range_proof=VarBytes(U16), owner_signature=SIGNATURE)
STATEMENT = Struct(Statement, network_id=HASH, epoch=U64, sender=PUBLIC_KEY, sequence=U64, transition_id=HASH)
