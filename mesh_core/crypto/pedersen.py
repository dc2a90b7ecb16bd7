"""Pedersen commitments: `commitment = value*value_generator + blinding*blinding_generator`.

A commitment hides its value perfectly (each value has a blinding factor for it) and binds to it as long as nobody knows the discrete logarithm
between the two generators. Commitments add up as their openings do, which is how validators check a balance that they cannot read.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from typing_extensions import override

from mesh_core.crypto import ristretto
from mesh_core.crypto.generators import blinding_generator, value_generator
from mesh_core.crypto.ristretto import GROUP_ORDER, encode_scalar, is_canonical_point
from mesh_core.errors import DecodeError
from mesh_core.types.basic import IDENTITY_COMMITMENT, Commitment

__all__ = ["IDENTITY", "VALUE_LIMIT", "Opening", "add_commitments", "commit", "commit_public", "is_canonical_point", "subtract_commitments"]

# Values are below this; amounts of the protocol are u64.
VALUE_LIMIT: Final = 2**64
PUBLIC_CACHE_ENTRIES: Final = 256
"""Of public amounts: a network has few fees, and each vote and each certificate needs one. A twentieth of a vote's time without it."""
# Commits to value 0 with blinding factor 0: the balance of an account that never existed.
IDENTITY: Final = IDENTITY_COMMITMENT


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """What a commitment hides. Secret: its representation shows nothing, and equality is compared without early exit.

    value: units in `[0, 2^64)`. blinding: scalar in `[0, GROUP_ORDER)`. DecodeError (field `value` or `blinding`) outside these ranges:
    a value is only what the range proof speaks about, and a second form of one blinding factor would be a second opening.
    """

    value: int = field(repr=False)
    blinding: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.value < VALUE_LIMIT:
            raise DecodeError("outside [0, 2^64)", field="value")
        if not 0 <= self.blinding < GROUP_ORDER:
            raise DecodeError("not a canonical scalar", field="blinding")

    def __add__(self, other: "Opening") -> "Opening":
        """Opening of the sum of the two commitments. DecodeError (field `value`) if the sum of the values is 2^64 or more."""
        return Opening(self.value + other.value, (self.blinding + other.blinding) % GROUP_ORDER)

    def __sub__(self, other: "Opening") -> "Opening":
        """Opening of the difference of the two commitments. DecodeError (field `value`) if the difference of the values is negative."""
        return Opening(self.value - other.value, (self.blinding - other.blinding) % GROUP_ORDER)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opening) and hmac.compare_digest(self._bytes(), other._bytes())

    @override
    def __hash__(self) -> int:
        return hash((self.value, self.blinding))

    def _bytes(self) -> bytes:
        return self.value.to_bytes(8, "little") + encode_scalar(self.blinding)


def commit(opening: Opening) -> Commitment:
    """`value*value_generator + blinding*blinding_generator`, 32 bytes. Both scalars are secret; `Opening(0, 0)` gives the identity."""
    return Commitment(ristretto.multi_scalar_mul((opening.value, opening.blinding), (value_generator(), blinding_generator())).encode())


@lru_cache(maxsize=PUBLIC_CACHE_ENTRIES)
def commit_public(value: int) -> Commitment:
    """Commitment to a public amount such as a fee: blinding factor 0. DecodeError (field `value`) outside `[0, 2^64)`. Answers are cached."""
    return commit(Opening(value, 0))


def add_commitments(commitments: Iterable[Commitment]) -> Commitment:
    """Sum of any number of commitments; the identity for none. DecodeError (POINT) if one is not canonical."""
    return Commitment(ristretto.sum_points(ristretto.decode_point(commitment) for commitment in commitments).encode())


def subtract_commitments(left: Commitment, right: Commitment) -> Commitment:
    """`left - right`. DecodeError (POINT) if one is not canonical."""
    return Commitment(ristretto.subtract(ristretto.decode_point(left), ristretto.decode_point(right)).encode())
