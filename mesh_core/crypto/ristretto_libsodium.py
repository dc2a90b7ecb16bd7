"""The group of `ristretto.py` on libsodium, through pysodium: always there, and slow where many multiples are added.

An element is its encoding (32 bytes), a vector of scalars a tuple of Python integers. The functions are those of the C module `_ristretto` (see its stub),
so that `ristretto.py` can use the one or the other; operands are valid by construction.

Timing. One multiplication of libsodium takes the same time for every scalar, and nothing but `multiply_public` skips a term because of its scalar. But Python
integers take longer for larger numbers, and `selected_sums` reads addresses that depend on the bits.
"""

import ctypes
import ctypes.util
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault

_ELEMENT_BYTES: Final = 32
_SCALAR_BYTES: Final = 32
_GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
# Encodings are numbers below this, RFC 9496 section 4.3.1.
_FIELD_PRIME: Final = 2**255 - 19
_IDENTITY: Final = bytes(_ELEMENT_BYTES)
_UNWRITTEN: Final = b"\xff" * _ELEMENT_BYTES
_find_library: Final = ctypes.util.find_library

IntScalars = tuple[int, ...]


# --- elements


def decode(encoding: bytes) -> bytes | None:
    """The element that 32 bytes encode canonically, or None."""
    # libsodium reads 32 bytes whatever it is given, and up to 1.0.18 ignores the top bit: every element would have a second encoding.
    if len(encoding) != _ELEMENT_BYTES or int.from_bytes(encoding, "little") >= _FIELD_PRIME:
        return None
    element = bytes(encoding)
    return element if load_library().crypto_core_ristretto255_is_valid_point(element) == 1 else None


def encode(element: bytes) -> bytes:
    """The 32 bytes of an element."""
    return element


def map_to_group(uniform: bytes) -> bytes:
    """The one-way map of RFC 9496, section 4.3.4, from 64 bytes."""
    out = ctypes.create_string_buffer(_ELEMENT_BYTES)
    _expect_success(load_library().crypto_core_ristretto255_from_hash(out, uniform))
    return out.raw


def add(left: bytes, right: bytes) -> bytes:
    """`left + right`."""
    out = ctypes.create_string_buffer(_ELEMENT_BYTES)
    _expect_success(load_library().crypto_core_ristretto255_add(out, left, right))
    return out.raw


def subtract(left: bytes, right: bytes) -> bytes:
    """`left - right`."""
    out = ctypes.create_string_buffer(_ELEMENT_BYTES)
    _expect_success(load_library().crypto_core_ristretto255_sub(out, left, right))
    return out.raw


def with_table(element: bytes) -> bytes:
    """The same element: libsodium has no tables."""
    return element


def multiply_secret(scalars: IntScalars, elements: tuple[bytes, ...]) -> bytes:
    """`sum scalars[i] * elements[i]`. The scalars may be secret: no term is skipped or treated in another way for its scalar."""
    sodium = load_library()
    total = ctypes.create_string_buffer(_ELEMENT_BYTES)
    term = ctypes.create_string_buffer(_ELEMENT_BYTES)
    for scalar, element in zip(scalars, elements, strict=True):
        _multiply_into(sodium, term, scalar, element)
        _expect_success(sodium.crypto_core_ristretto255_add(total, total, term))
    return total.raw


def multiply_public(scalars: IntScalars, elements: tuple[bytes, ...]) -> bytes:
    """`sum scalars[i] * elements[i]` for public scalars: what is multiplied by 0 is skipped, what is multiplied by 1 only added."""
    sodium = load_library()
    total = ctypes.create_string_buffer(_ELEMENT_BYTES)
    term = ctypes.create_string_buffer(_ELEMENT_BYTES)
    for scalar, element in zip(scalars, elements, strict=True):
        if scalar == 1:
            _expect_success(sodium.crypto_core_ristretto255_add(total, total, element))
        elif scalar:
            _multiply_into(sodium, term, scalar, element)
            _expect_success(sodium.crypto_core_ristretto255_add(total, total, term))
    return total.raw


def selected_sums(bits: bytes, elements: tuple[bytes, ...], length: int) -> tuple[bytes, ...]:
    """For each row of `length` elements and each row of `length` secret bits, the sum of those whose bit is 1: the same additions for all bits."""
    return tuple(
        _sum((_IDENTITY, element)[bit] for bit, element in zip(row_of_bits, row, strict=True))
        for row in _rows(elements, length)
        for row_of_bits in _rows(bits, length)
    )


def _rows(sequence: Any, length: int) -> Iterator[Any]:
    return (sequence[start : start + length] for start in range(0, len(sequence), length))


def _sum(elements: Iterable[bytes]) -> bytes:
    sodium = load_library()
    total = ctypes.create_string_buffer(_ELEMENT_BYTES)
    for element in elements:
        _expect_success(sodium.crypto_core_ristretto255_add(total, total, element))
    return total.raw


def _multiply_into(sodium: Any, out: "ctypes.Array[ctypes.c_char]", scalar: int, element: bytes) -> None:
    """`out = scalar * element`.

    libsodium reports -1 when the result is the identity, having written it. `element` is valid, so nothing else can make it fail; a result that
    was not written at all would be read as an element of an earlier term, hence the mark.
    """
    ctypes.memmove(out, _UNWRITTEN, _ELEMENT_BYTES)
    if sodium.crypto_scalarmult_ristretto255(out, scalar.to_bytes(_SCALAR_BYTES, "little"), element) != 0 and out.raw != _IDENTITY:
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, "libsodium refused the multiplication of a valid ristretto255 element")


def _expect_success(status: int) -> None:
    """Every operand is valid by construction, so a failure is the library's own."""
    if status != 0:
        raise LocalFault(ErrorCode.CRYPTO_LIBRARY, "libsodium refused an operation on valid ristretto255 elements")


# --- scalars: for them libsodium is slower than Python


def scalars_from_bytes(encoding: bytes) -> IntScalars:
    """Scalars of 32 bytes each, below the group order."""
    return tuple(int.from_bytes(encoding[start : start + _SCALAR_BYTES], "little") for start in range(0, len(encoding), _SCALAR_BYTES))


def scalars_to_bytes(scalars: IntScalars) -> bytes:
    """32 bytes for each scalar."""
    return b"".join(scalar.to_bytes(_SCALAR_BYTES, "little") for scalar in scalars)


def slice(scalars: IntScalars, start: int, stop: int) -> IntScalars:  # noqa: A001 the C module's name
    """`scalars[start:stop]`."""
    return scalars[start:stop]


def join(parts: tuple[IntScalars, ...]) -> IntScalars:
    """All scalars of all parts, one after the other."""
    return tuple(scalar for part in parts for scalar in part)


def add_scalars(left: IntScalars, right: IntScalars) -> IntScalars:
    """`left[i] + right[i]`; the shorter is filled up with zeros."""
    longer, shorter = (left, right) if len(left) >= len(right) else (right, left)
    sums = tuple((x + y) % _GROUP_ORDER for x, y in zip(longer, shorter, strict=False))
    return sums + longer[len(shorter) :]


def add_bits(scalars: IntScalars, bits: bytes) -> IntScalars:
    """`scalars[i] + bits[i]`."""
    return tuple((scalar + bit) % _GROUP_ORDER for scalar, bit in zip(scalars, bits, strict=True))


def outer(factors: IntScalars, scalars: IntScalars) -> IntScalars:
    """`factors[i] * scalars[j]`, all of the first factor first."""
    return tuple(factor * scalar % _GROUP_ORDER for factor in factors for scalar in scalars)


def combine(factors: IntScalars, left: IntScalars, right: IntScalars) -> IntScalars:
    """`x*left[i] + y*right[i]` for factors (x, y)."""
    x, y = factors
    return tuple((x * low + y * high) % _GROUP_ORDER for low, high in zip(left, right, strict=True))


def weighted_product(left: IntScalars, right: IntScalars, weights: IntScalars) -> IntScalars:
    """`sum left[i]*right[i]*weights[i]`, as one scalar."""
    return (sum(x * y % _GROUP_ORDER * weight for x, y, weight in zip(left, right, weights, strict=True)) % _GROUP_ORDER,)


def products_by_bits(first: IntScalars, factors: IntScalars, shift: IntScalars) -> IntScalars:
    """`2**len(factors)` scalars: number i is `first` times the `factors[f]` of all bits f of i, plus `shift`."""
    products = list(first)
    for factor in factors:
        products += [product * factor % _GROUP_ORDER for product in products]
    return tuple((product + shift[0]) % _GROUP_ORDER for product in products)


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
