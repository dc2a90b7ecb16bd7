"""The ristretto255 group: the one file that knows the group library, libsodium through pysodium.

ristretto255 (RFC 9496) is a group of prime order `GROUP_ORDER` in which every element has exactly one encoding of 32 bytes. Two types keep what is
checked apart from what is not: bytes from outside become a `Point` only through `decode_point`; a `Point` is valid by construction.
Scalars are Python integers modulo `GROUP_ORDER`: for them libsodium is slower than Python.

Timing. One scalar multiplication of libsodium takes the same time for every scalar, and nothing here skips a term because of its scalar. But a Python
integer's conversion to bytes, and the interpreter itself, promise nothing. `multi_scalar_mul_public` may take any shortcut and is for public scalars only.
"""

import ctypes
import ctypes.util
import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, final

from typing_extensions import override

from mesh_core.errors import DecodeError, ErrorCode, LocalFault

# Order of the group, RFC 9496 section 4. Prime.
GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
UNIFORM_BYTES: Final = 64

# Name of the library in use, for people.
BACKEND: Final = "libsodium"

# Encodings are numbers below this, RFC 9496 section 4.3.1.
_FIELD_PRIME: Final = 2**255 - 19
_IDENTITY_ENCODING: Final = bytes(POINT_BYTES)
_UNWRITTEN: Final = b"\xff" * POINT_BYTES
_find_library: Final = ctypes.util.find_library


@final
class Point:
    """An element of the group, valid by construction. Its inner form belongs to this file (libsodium's is the encoding itself)."""

    __slots__ = ("_encoding",)

    def __init__(self, encoding: bytes) -> None:
        """For this file only: `encoding` is known to be canonical."""
        self._encoding = encoding

    def encode(self) -> bytes:
        """The only encoding of this element, 32 bytes."""
        return self._encoding

    def is_identity(self) -> bool:
        """Whether this is the neutral element, which commits to value 0 with blinding factor 0."""
        return self._encoding == _IDENTITY_ENCODING

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self._encoding == other._encoding

    @override
    def __hash__(self) -> int:
        return hash(self._encoding)

    @override
    def __repr__(self) -> str:
        return f"Point({self._encoding.hex()})"


IDENTITY: Final = Point(_IDENTITY_ENCODING)
# The basepoint of RFC 9496, section 4 and appendix A.1.
BASEPOINT: Final = Point(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))


# --- encodings


def is_canonical_point(encoding: bytes) -> bool:
    """Whether `encoding` is the canonical encoding of an element (the identity, 32 zero bytes, is one)."""
    # libsodium reads 32 bytes whatever it is given, and up to 1.0.18 ignores the top bit: every element would have a second encoding.
    if len(encoding) != POINT_BYTES or int.from_bytes(encoding, "little") >= _FIELD_PRIME:
        return False
    return bool(load_library().crypto_core_ristretto255_is_valid_point(bytes(encoding)) == 1)


def decode_point(encoding: bytes) -> Point:
    """The element that 32 bytes encode. DecodeError (POINT) if they are not canonical: one commitment with two encodings would give one payment two names."""
    if not is_canonical_point(encoding):
        raise DecodeError("not the canonical encoding of a ristretto255 element", code=ErrorCode.POINT)
    return Point(bytes(encoding))


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


# --- group operations


def map_to_group(uniform: bytes) -> Point:
    """The one-way map of RFC 9496, section 4.3.4, from 64 uniform bytes. Nobody knows a discrete logarithm of the result."""
    assert len(uniform) == UNIFORM_BYTES, "the one-way map takes 64 bytes"
    out = ctypes.create_string_buffer(POINT_BYTES)
    _expect_success(load_library().crypto_core_ristretto255_from_hash(out, uniform))
    return Point(out.raw)


def add(left: Point, right: Point) -> Point:
    """`left + right`."""
    out = ctypes.create_string_buffer(POINT_BYTES)
    _expect_success(load_library().crypto_core_ristretto255_add(out, left.encode(), right.encode()))
    return Point(out.raw)


def subtract(left: Point, right: Point) -> Point:
    """`left - right`."""
    out = ctypes.create_string_buffer(POINT_BYTES)
    _expect_success(load_library().crypto_core_ristretto255_sub(out, left.encode(), right.encode()))
    return Point(out.raw)


def negate(point: Point) -> Point:
    """`-point`."""
    return subtract(IDENTITY, point)


def sum_points(points: Iterable[Point]) -> Point:
    """The sum of any number of elements; the identity for none."""
    sodium = load_library()
    total = ctypes.create_string_buffer(POINT_BYTES)
    for point in points:
        _expect_success(sodium.crypto_core_ristretto255_add(total, total, point.encode()))
    return Point(total.raw)


def multiply(scalar: int, point: Point) -> Point:
    """`scalar * point`; `scalar` may be secret, zero included."""
    out = ctypes.create_string_buffer(POINT_BYTES)
    _multiply_into(load_library(), out, scalar, point)
    return Point(out.raw)


def multi_scalar_mul(scalars: Sequence[int], points: Sequence[Point]) -> Point:
    """`sum scalars[i] * points[i]`, as many of one as of the other. The scalars may be secret: no term is skipped or treated in another way for its scalar."""
    assert len(scalars) == len(points), "one scalar for each point"
    sodium = load_library()
    total = ctypes.create_string_buffer(POINT_BYTES)
    term = ctypes.create_string_buffer(POINT_BYTES)
    for scalar, point in zip(scalars, points, strict=True):
        _multiply_into(sodium, term, scalar, point)
        _expect_success(sodium.crypto_core_ristretto255_add(total, total, term))
    return Point(total.raw)


def multi_scalar_mul_public(scalars: Sequence[int], points: Sequence[Point]) -> Point:
    """`sum scalars[i] * points[i]` where scalars and points are public: the time may depend on them."""
    terms = [(scalar, point) for scalar, point in zip(scalars, points, strict=True) if scalar and not point.is_identity()]
    return multi_scalar_mul([scalar for scalar, _ in terms], [point for _, point in terms])


def select_and_sum(bits: Sequence[int], ones: Sequence[Point], zeros: Sequence[Point]) -> Point:
    """`sum (ones[i] if bits[i] else zeros[i])` for secret bits: the same additions for all bits, but the addresses that are read depend on them."""
    return sum_points(pair[bit] for bit, pair in zip(bits, zip(zeros, ones, strict=True), strict=True))


def fold(scalar: int, lows: Sequence[Point], highs: Sequence[Point]) -> list[Point]:
    """`[lows[i] + scalar * highs[i]]`: one multiplication for each folded generator. The scalar is public, a function of the challenges."""
    assert len(lows) == len(highs), "the halves of one vector"
    sodium = load_library()
    term = ctypes.create_string_buffer(POINT_BYTES)
    folded = []
    for low, high in zip(lows, highs, strict=True):
        _multiply_into(sodium, term, scalar, high)
        _expect_success(sodium.crypto_core_ristretto255_add(term, low.encode(), term))
        folded.append(Point(term.raw))
    return folded


def _multiply_into(sodium: Any, out: "ctypes.Array[ctypes.c_char]", scalar: int, point: Point) -> None:
    """`out = scalar * point`.

    libsodium reports -1 when the result is the identity, having written it. `point` is valid, so nothing else can make it fail; a result that
    was not written at all would be read as an element of an earlier term, hence the mark.
    """
    ctypes.memmove(out, _UNWRITTEN, POINT_BYTES)
    if sodium.crypto_scalarmult_ristretto255(out, encode_scalar(scalar), point.encode()) != 0 and out.raw != _IDENTITY_ENCODING:
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, "libsodium refused the multiplication of a valid ristretto255 element")


def _expect_success(status: int) -> None:
    """Every operand is valid by construction, so a failure is the library's own."""
    if status != 0:
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, "libsodium refused an operation on valid ristretto255 elements")


# --- the library


@cache
def load_library() -> Any:
    """The libsodium that pysodium loaded: the system's, or else the copy inside the `rbcl` wheel. LocalFault (CRYPTO_LIBRARY) if there is neither.

    Loaded at the first use; a program that wants to know at its start calls this then.
    """
    path = _find_system_libsodium()
    if path is not None:
        return _import_pysodium(path)
    path = _unpack_bundled_libsodium()
    try:
        return _import_pysodium(path)
    finally:
        if os.name == "posix":
            # rbcl leaves its temporary file behind. It stays loaded without a name; Windows would not let go of it.
            Path(path).unlink()


def _find_system_libsodium() -> str | None:
    """Name or path of an installed libsodium that knows ristretto255 (1.0.18 and later), or None."""
    for name in ("sodium", "libsodium"):
        path = _find_library(name)
        if path is not None and _knows_ristretto(path):
            return path
    return None


def _knows_ristretto(path: str) -> bool:
    """Whether a library can be loaded and multiplies in ristretto255: an old or broken one is as good as none."""
    try:
        return hasattr(ctypes.CDLL(path), "crypto_scalarmult_ristretto255")
    except OSError:
        return False


def _unpack_bundled_libsodium() -> str:
    """Path of the libsodium that the `rbcl` wheel unpacks when it is imported. LocalFault (CRYPTO_LIBRARY) where there is no such wheel."""
    try:
        from rbcl._sodium import lib_path  # here and not above: importing it writes the copy to a temporary file
    except (ImportError, OSError) as error:
        text = "libsodium 1.0.18 or later is needed: apt-get install libsodium23, brew install libsodium, or pip install rbcl"
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, text) from error
    return str(lib_path)


def _import_pysodium(path: str) -> Any:
    """Handle of the libsodium at `path`, loaded by pysodium, which asks `find_library` once, while it is imported: it is told `path` then."""

    def find_chosen_library(name: str) -> str | None:
        return path if "sodium" in name else None

    ctypes.util.find_library = find_chosen_library
    try:
        import pysodium  # here and not above: the library that it loads is chosen first
    except (ImportError, OSError, ValueError) as error:
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, f"pysodium could not load libsodium from {path}: {error}") from error
    finally:
        ctypes.util.find_library = _find_library
    sodium = pysodium.sodium
    if sodium.sodium_init() < 0:
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, "libsodium could not be initialised")
    return sodium
