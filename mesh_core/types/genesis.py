"""The genesis document: the only thing that all parties must agree on beforehand (docs/protocol.md, "GenesisDoc")."""

from dataclasses import dataclass

from mesh_core.types.basic import BYTES32, PUBLIC_KEY, PublicKey
from mesh_core.types.codec import U8, U16, U32, U64, Constant, ListOf, Struct, Text
from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.transition import MAX_CLAIMS, MAX_OUTPUTS

GENESIS_VERSION = 1
MAX_ALLOCATIONS = 2_000_000
SUPPLY_LIMIT = 2**63
"""Supply and the largest possible fee stay below this, so that no sum of amounts passes 2^64."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """An account that exists from the start, with a public amount: its commitment has blinding 0."""

    owner: PublicKey
    amount: int


@dataclass(frozen=True, slots=True)
class GenesisDoc:
    """Name, asset, fees, committee of epoch 0, allocations. There is no mint afterwards: `supply` is a constant."""

    name: str
    asset_id: bytes
    fee_base: int
    fee_per_output: int
    validators: tuple[PublicKey, ...]
    allocations: tuple[Allocation, ...]

    @property
    def supply(self) -> int:
        """Sum of all allocations."""
        return sum(allocation.amount for allocation in self.allocations)

    def fee_of_send(self, outputs_count: int) -> int:
        """The exact fee of a SEND with so many outputs."""
        return self.fee_base + outputs_count * self.fee_per_output


ALLOCATION = Struct(Allocation, owner=PUBLIC_KEY, amount=U64)
GENESIS_DOC = Struct(
    GenesisDoc,
    version=Constant(U8, GENESIS_VERSION),
    name=Text(U16),
    asset_id=BYTES32,
    fee_base=U64,
    fee_per_output=U64,
    max_outputs=Constant(U8, MAX_OUTPUTS),
    max_claims=Constant(U8, MAX_CLAIMS),
    validators=ListOf(PUBLIC_KEY, least=1, most=MAX_VALIDATORS, ascending=bytes),
    allocations=ListOf(ALLOCATION, count=U32, least=1, most=MAX_ALLOCATIONS, ascending=lambda allocation: allocation.owner),
)
