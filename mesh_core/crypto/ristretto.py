"""The ristretto255 group: what the rest of the project may do with it, and the one place where the library is chosen that does it.

ristretto255 (RFC 9496) is a group of prime order `GROUP_ORDER` in which every element has exactly one encoding of 32 bytes. Two types keep what is
checked apart from what is not: bytes from outside become a `Point` only through `decode_point`; a `Point` is valid by construction.
Single scalars are Python integers modulo `GROUP_ORDER`; `Scalars` are vectors of them, kept where they are multiplied.

Two libraries: the C module `_ristretto` (`native`), where it was built, and libsodium (ristretto_libsodium.py), which is always there. Both give the same
results; with libsodium a sum of many multiples costs as much as its terms one by one. MESH_RISTRETTO=native or libsodium asks for one of them.

Timing. With `native`, everything here that takes secrets takes the same time and touches the same addresses for all of them, once they are in `Scalars`;
Python integers promise nothing. With libsodium only its single multiplications do. Functions whose name ends in `_public` may take any shortcut.
"""

import os
from collections.abc import Iterable, Sequence
from functools import cache, reduce
from typing import Any, Final, final

from typing_extensions import override

from mesh_core.errors import DecodeError, ErrorCode, LocalFault

# Order of the group, RFC 9496 section 4. Prime.
GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
UNIFORM_BYTES: Final = 64

LIBRARY_VARIABLE: Final = "MESH_RISTRETTO"
NATIVE: Final = "native"
LIBSODIUM: Final = "libsodium"

_IDENTITY_ENCODING: Final = bytes(POINT_BYTES)


# --- the choice of the library


def _find_native() -> Any:
    """The C module, or None where it was not built: the installation goes on without a compiler."""
    try:
        from mesh_core.crypto import _ristretto
    except ImportError:
        return None
    return _ristretto


_native: Final = _find_native()
_wanted: Final = os.environ.get(LIBRARY_VARIABLE, "")

# Name of the library in use, for people.
BACKEND: Final = NATIVE if _native is not None and _wanted != LIBSODIUM else LIBSODIUM
# Whether a sum of many multiples costs much less than its terms one by one.
HAS_FAST_SUMS: Final = BACKEND == NATIVE


def is_native_built() -> bool:
    """Whether the C module is there, in use or not."""
    return _native is not None


@cache
def load_library() -> Any:
    """The module that does the work. LocalFault (CRYPTO_LIBRARY) if it is not the one that MESH_RISTRETTO asks for, or if there is no libsodium.

    Loaded at the first use; a program that wants to know at its start calls this then.
    """
    if _wanted not in ("", NATIVE, LIBSODIUM):
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, f"{LIBRARY_VARIABLE}={_wanted}: the group libraries are {NATIVE} and {LIBSODIUM}")
    if BACKEND == NATIVE:
        return _native
    if _wanted == NATIVE:
        text = f"{LIBRARY_VARIABLE}={NATIVE}, but mesh_core.crypto._ristretto was not built: install again where there is a C compiler (cc), or leave it unset"
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, text)
    from mesh_core.crypto import ristretto_libsodium  # here and not above: pysodium is needed only where this is used

    ristretto_libsodium.load_library()
    return ristretto_libsodium


# --- points


@final
class Point:
    """An element of the group, valid by construction. Its inner form is the library's."""

    __slots__ = ("_encoding", "_inner")

    def __init__(self, inner: Any, encoding: bytes | None = None) -> None:
        """For this file only. `encoding`: where it is known already."""
        self._inner = inner
        self._encoding = encoding

    def encode(self) -> bytes:
        """The only encoding of this element, 32 bytes."""
        if self._encoding is None:
            self._encoding = load_library().encode(self._inner)
        return self._encoding

    def is_identity(self) -> bool:
        """Whether this is the neutral element, which commits to value 0 with blinding factor 0."""
        return self.encode() == _IDENTITY_ENCODING

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self.encode() == other.encode()

    @override
    def __hash__(self) -> int:
        return hash(self.encode())

    @override
    def __repr__(self) -> str:
        return f"Point({self.encode().hex()})"


def is_canonical_point(encoding: bytes) -> bool:
    """Whether `encoding` is the canonical encoding of an element (the identity, 32 zero bytes, is one)."""
    return len(encoding) == POINT_BYTES and load_library().decode(encoding) is not None


def decode_point(encoding: bytes) -> Point:
    """The element that 32 bytes encode. DecodeError (POINT) if they are not canonical: one commitment with two encodings would give one payment two names."""
    inner = load_library().decode(encoding) if len(encoding) == POINT_BYTES else None
    if inner is None:
        raise DecodeError("not the canonical encoding of a ristretto255 element", code=ErrorCode.POINT)
    return Point(inner, bytes(encoding))


def _known_point(hexadecimal: str) -> Point:
    """An element that is known to be one, at import: no library is loaded for it (libsodium's inner form is the encoding)."""
    encoding = bytes.fromhex(hexadecimal)
    return Point(_native.with_table(_native.decode(encoding)) if _native is not None and BACKEND == NATIVE else encoding, encoding)


# The neutral element.
IDENTITY: Final = _known_point("00" * POINT_BYTES)
# The basepoint of RFC 9496, section 4 and appendix A.1.
BASEPOINT: Final = _known_point("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")


def precompute(point: Point) -> Point:
    """The same element, faster to multiply, for those that are multiplied often. With `native` it takes 7.5 KiB, and a third of a multiplication."""
    return Point(load_library().with_table(point._inner), point._encoding)


def map_to_group(uniform: bytes) -> Point:
    """The one-way map of RFC 9496, section 4.3.4, from 64 uniform bytes. Nobody knows a discrete logarithm of the result."""
    assert len(uniform) == UNIFORM_BYTES, "the one-way map takes 64 bytes"
    return Point(load_library().map_to_group(uniform))


def add(left: Point, right: Point) -> Point:
    """`left + right`."""
    return Point(load_library().add(left._inner, right._inner))


def subtract(left: Point, right: Point) -> Point:
    """`left - right`."""
    return Point(load_library().subtract(left._inner, right._inner))


def negate(point: Point) -> Point:
    """`-point`."""
    return subtract(IDENTITY, point)


def sum_points(points: Iterable[Point]) -> Point:
    """The sum of any number of elements; the identity for none."""
    return reduce(add, points, IDENTITY)


# --- scalars


def encode_scalar(scalar: int) -> bytes:
    """32 bytes, little-endian, of a scalar in `[0, GROUP_ORDER)`."""
    assert 0 <= scalar < GROUP_ORDER, "scalars are reduced before they are encoded"
    return scalar.to_bytes(SCALAR_BYTES, "little")


def decode_scalar(encoding: bytes) -> int:
    """The scalar that 32 little-endian bytes encode. DecodeError unless they are canonical: libsodium would silently take `GROUP_ORDER + 1` for 1."""
    scalar = int.from_bytes(encoding, "little")
    if len(encoding) != SCALAR_BYTES or scalar >= GROUP_ORDER:
        raise DecodeError("not the canonical encoding of a scalar")
    return scalar


def reduce_wide(uniform: bytes) -> int:
    """64 uniform bytes, little-endian, modulo the group order: a scalar that is uniform up to 2^-259."""
    assert len(uniform) == UNIFORM_BYTES, "fewer bytes would bias the scalar"
    return int.from_bytes(uniform, "little") % GROUP_ORDER


@final
class Scalars:
    """A vector of scalars in the library's own form. It may be secret: its representation shows nothing, and `native` wipes it at its end."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Any) -> None:
        """For this file only."""
        self._inner = inner

    @classmethod
    def of(cls, scalars: Iterable[int]) -> "Scalars":
        """From integers in `[0, GROUP_ORDER)`."""
        return cls(load_library().scalars_from_bytes(b"".join(map(encode_scalar, scalars))))

    def to_integers(self) -> list[int]:
        """As Python integers."""
        encoding = load_library().scalars_to_bytes(self._inner)
        return [int.from_bytes(encoding[start : start + SCALAR_BYTES], "little") for start in range(0, len(encoding), SCALAR_BYTES)]

    def __len__(self) -> int:
        return len(self._inner)

    def part(self, start: int, stop: int) -> "Scalars":
        """The scalars from `start` to before `stop`."""
        return Scalars(load_library().slice(self._inner, start, stop))

    def halves(self) -> tuple["Scalars", "Scalars"]:
        """The first and the second half of an even number of scalars."""
        middle = len(self) // 2
        return self.part(0, middle), self.part(middle, 2 * middle)

    def plus(self, other: "Scalars") -> "Scalars":
        """`[self[i] + other[i]]`, as many as the longer has; the shorter is filled up with zeros."""
        return Scalars(load_library().add_scalars(self._inner, other._inner))

    def plus_bits(self, bits: bytes) -> "Scalars":
        """`[self[i] + bits[i]]` for secret bits, one byte 0 or 1 for each scalar."""
        return Scalars(load_library().add_bits(self._inner, bits))

    def times_each(self, factors: Iterable[int]) -> "Scalars":
        """`[factor * self[i]]` for one factor after the other: as many copies of this vector as there are factors."""
        return Scalars(load_library().outer(Scalars.of(factors)._inner, self._inner))

    @override
    def __repr__(self) -> str:
        return f"Scalars({len(self)})"


def join(*parts: Scalars) -> Scalars:
    """All scalars of all parts, one after the other."""
    return Scalars(load_library().join(tuple(part._inner for part in parts)))


def combine(x: int, left: Scalars, y: int, right: Scalars) -> Scalars:
    """`[x*left[i] + y*right[i]]` for vectors of one length."""
    return Scalars(load_library().combine(Scalars.of((x, y))._inner, left._inner, right._inner))


def weighted_product(left: Scalars, right: Scalars, weights: Scalars) -> Scalars:
    """`sum left[i]*right[i]*weights[i]` for vectors of one length, as one scalar."""
    return Scalars(load_library().weighted_product(left._inner, right._inner, weights._inner))


def products_by_bits(first: int, factors: Sequence[int], shift: int = 0) -> Scalars:
    """`2**len(factors)` scalars: number i is `first` times the `factors[f]` of all bits f of i, plus `shift`."""
    return Scalars(load_library().products_by_bits(Scalars.of((first,))._inner, Scalars.of(factors)._inner, Scalars.of((shift,))._inner))


# --- sums of multiples


def multiply(scalar: int, point: Point) -> Point:
    """`scalar * point`; `scalar` may be secret, zero included."""
    return multi_scalar_mul((scalar,), (point,))


def multi_scalar_mul(scalars: Scalars | Sequence[int], points: Sequence[Point]) -> Point:
    """`sum scalars[i] * points[i]`, as many of one as of the other. The scalars may be secret: no term is skipped or treated in another way for its scalar."""
    return Point(load_library().multiply_secret(_inner_of(scalars, len(points)), tuple(point._inner for point in points)))


def multi_scalar_mul_public(scalars: Scalars | Sequence[int], points: Sequence[Point]) -> Point:
    """`sum scalars[i] * points[i]` for public scalars: the time may depend on them. The points may be secret."""
    return Point(load_library().multiply_public(_inner_of(scalars, len(points)), tuple(point._inner for point in points)))


def _inner_of(scalars: Scalars | Sequence[int], count: int) -> Any:
    assert len(scalars) == count, "one scalar for each point"
    return (scalars if isinstance(scalars, Scalars) else Scalars.of(scalars))._inner


def selected_sums(bits: bytes, points: Sequence[Point], length: int) -> list[Point]:
    """For each row of `length` points and each row of `length` secret bits (bytes 0 or 1): the sum of those points whose bit is 1.

    The sums with the first row of points come first. `len(points)` and `len(bits)` are multiples of `length`.
    """
    assert len(points) % length == len(bits) % length == 0, "rows of one length"
    return [Point(inner) for inner in load_library().selected_sums(bits, tuple(point._inner for point in points), length)]
