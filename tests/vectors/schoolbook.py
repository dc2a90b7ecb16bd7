"""Schoolbook arithmetic for vectors: the curve, X25519, ristretto255, Ed25519 and ChaCha20-Poly1305 straight from their RFCs.

It shares no code with `mesh_core` and none with a cryptographic library, so that a vector made with it is a second opinion.
It is slow, not constant time, and must never see a real key.
Sources: RFC 8032 (Ed25519), RFC 7748 (X25519), RFC 9496 (ristretto255), RFC 8439 (ChaCha20-Poly1305).
"""

import hashlib
import hmac
from dataclasses import dataclass

P = 2**255 - 19
"""The prime of the field."""
L = 2**252 + 27742317777372353535851937790883648493
"""Order of the prime-order subgroup."""
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


@dataclass(frozen=True)
class Point:
    """A point of edwards25519 in affine coordinates: -x^2 + y^2 = 1 + D*x^2*y^2."""

    x: int
    y: int

    def __add__(self, other: "Point") -> "Point":
        product = D * self.x * other.x * self.y * other.y
        x = (self.x * other.y + self.y * other.x) * pow(1 + product, -1, P)
        y = (self.y * other.y + self.x * other.x) * pow(1 - product, -1, P)
        return Point(x % P, y % P)

    def __neg__(self) -> "Point":
        return Point(-self.x % P, self.y)

    def __rmul__(self, scalar: int) -> "Point":
        result, power = IDENTITY, self
        while scalar:
            if scalar & 1:
                result += power
            power += power
            scalar >>= 1
        return result


IDENTITY = Point(0, 1)


def recover_x(y: int, sign: int) -> int | None:
    """The x of that parity on the curve at height y, or None. For x = 0 the sign is ignored, as lax decoders do."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * SQRT_M1 % P
    if x * x % P != square:
        return None
    return -x % P if x & 1 != sign else x


def encode(point: Point) -> bytes:
    """RFC 8032 5.1.2: y, with the parity of x in the top bit."""
    return (point.y | (point.x & 1) << 255).to_bytes(32, "little")


def decode_lax(encoding: bytes) -> Point | None:
    """The point that a lax decoder sees: y is reduced, and the sign of x = 0 is ignored. None: not on the curve."""
    number = int.from_bytes(encoding, "little")
    y = number % 2**255 % P
    x = recover_x(y, number >> 255)
    return None if x is None else Point(x, y)


def is_canonical(encoding: bytes) -> bool:
    """Whether this is the one encoding of its point: y < P, and no sign at x = 0."""
    point = decode_lax(encoding)
    return point is not None and encode(point) == encoding


def base_point() -> Point:
    """RFC 8032 5.1: the point at y = 4/5 with even x."""
    y = 4 * pow(5, -1, P) % P
    x = recover_x(y, 0)
    assert x is not None
    return Point(x, y)


BASE = base_point()


def torsion_point() -> Point:
    """A point of order 8: the first y upwards whose point, multiplied by L, keeps the full order of the torsion."""
    y = 2
    while True:
        x = recover_x(y, 0)
        if x is not None:
            candidate = L * Point(x, y)
            if 4 * candidate != IDENTITY:
                return candidate
        y += 1


# Ed25519


def expand_seed(seed: bytes) -> tuple[int, bytes]:
    """RFC 8032 5.1.5: the secret scalar and the prefix that nonces are made of."""
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    return scalar, digest[32:]


def ed25519_public_key(seed: bytes) -> bytes:
    """The public key of a seed."""
    return encode(expand_seed(seed)[0] * BASE)


def hash_to_scalar(*parts: bytes) -> int:
    """SHA-512 of the parts as a little-endian number, modulo L."""
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    """RFC 8032 5.1.6."""
    scalar, prefix = expand_seed(seed)
    nonce = hash_to_scalar(prefix, message)
    encoded_nonce = encode(nonce * BASE)
    response = (nonce + hash_to_scalar(encoded_nonce, encode(scalar * BASE), message) * scalar) % L
    return encoded_nonce + response.to_bytes(32, "little")


ED25519_CHECKS = frozenset({"key-canonical", "key-not-small", "key-not-mixed", "s-below-l", "r-canonical", "r-not-small", "without-cofactor"})
"""Everything that MESH asks of a signature beyond the equation, by name, so that a test can drop one of them."""


def ed25519_verify(public_key: bytes, message: bytes, signature: bytes, checks: frozenset[str] = ED25519_CHECKS) -> bool:
    """Verification with the named checks only. Without "without-cofactor" the equation is multiplied by 8."""
    key, nonce_point = decode_lax(public_key), decode_lax(signature[:32])
    response = int.from_bytes(signature[32:], "little")
    if key is None or nonce_point is None or len(signature) != 64:
        return False
    refused = {
        "key-canonical": not is_canonical(public_key),
        "key-not-small": 8 * key == IDENTITY,
        "key-not-mixed": 8 * key != IDENTITY and L * key != IDENTITY,
        "s-below-l": response >= L,
        "r-canonical": not is_canonical(signature[:32]),
        "r-not-small": 8 * nonce_point == IDENTITY,
    }
    if any(refused[check] for check in checks & refused.keys()):
        return False
    challenge = hash_to_scalar(signature[:32], public_key, message)
    difference = response * BASE + -(challenge * key) + -nonce_point
    return (difference if "without-cofactor" in checks else 8 * difference) == IDENTITY


# X25519


def x25519(secret: bytes, public: bytes) -> bytes:
    """RFC 7748 5, with the clamping; the all-zero result is returned, not refused."""
    scalar = int.from_bytes(secret, "little") & (2**254 - 8) | 2**254
    x1 = int.from_bytes(public, "little") % 2**255 % P
    x2, z2, x3, z3 = 1, 0, x1, 1
    for position in reversed(range(255)):
        bit = scalar >> position & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        x3, z3 = (d * a + c * b) ** 2 % P, x1 * (d * a - c * b) ** 2 % P
        x2, z2 = a * a * b * b % P, (a * a - b * b) * (a * a + 121665 * (a * a - b * b)) % P
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


X25519_BASE = (9).to_bytes(32, "little")


# ristretto255


def _is_negative(x: int) -> bool:
    return x % P & 1 == 1


def _absolute(x: int) -> int:
    return -x % P if _is_negative(x) else x % P


def _inverse_root(u: int) -> int:
    """A non-negative r with u * r^2 = 1, for u a square or zero (then 0)."""
    root = pow(u, (P + 3) // 8, P)
    if root * root % P != u % P:
        root = root * SQRT_M1 % P
    assert root * root % P == u % P, "not a square"
    return _absolute(pow(root, P - 2, P))


def ristretto_decode(encoding: bytes) -> Point:
    """RFC 9496 4.3.1, for encodings that are known to be good."""
    s = int.from_bytes(encoding, "little")
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    inverse = _inverse_root(v * u2 * u2 % P)
    x = _absolute(2 * s * inverse * u2)
    y = u1 * inverse * inverse * u2 * v % P
    assert not _is_negative(x * y) and y != 0, "not a ristretto255 encoding"
    return Point(x, y)


def ristretto_encode(point: Point) -> bytes:
    """RFC 9496 4.3.2."""
    x, y = point.x, point.y
    u1, u2 = (1 + y) * (1 - y) % P, x * y % P
    inverse = _inverse_root(u1 * u2 * u2 % P)
    d1, d2 = u1 * inverse % P, u2 * inverse % P
    z_inverse = d1 * d2 * x * y % P
    if _is_negative(x * y * z_inverse):
        x, y, d = y * SQRT_M1 % P, x * SQRT_M1 % P, d1 * _inverse_root((-1 - D) % P) % P
    else:
        d = d2
    if _is_negative(x * z_inverse):
        y = -y % P
    return _absolute(d * (1 - y)).to_bytes(32, "little")


BLINDING_GENERATOR = ristretto_decode(bytes.fromhex("f2971e6e259ba24273a065fe1b6a7c530ee7a950f1886399950890a1894a5527"))


def commit(value: int, blinding: int) -> bytes:
    """The Pedersen commitment value*G + blinding*Hgen as a ristretto255 encoding."""
    return ristretto_encode(value * BASE + blinding * BLINDING_GENERATOR)


# ChaCha20-Poly1305


def _chacha20_block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """RFC 8439 2.3."""
    words = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    words += [int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4)]
    words += [counter] + [int.from_bytes(nonce[i : i + 4], "little") for i in range(0, 12, 4)]
    state = list(words)
    columns = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
    diagonals = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
    for a, b, c, d in (columns + diagonals) * 10:
        for left, right, target, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[left] = state[left] + state[right] & 0xFFFFFFFF
            mixed = state[target] ^ state[left]
            state[target] = (mixed << turn | mixed >> 32 - turn) & 0xFFFFFFFF
    return b"".join((x + y & 0xFFFFFFFF).to_bytes(4, "little") for x, y in zip(state, words, strict=True))


def _poly1305(key: bytes, message: bytes) -> bytes:
    """RFC 8439 2.5."""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    accumulator = 0
    for i in range(0, len(message), 16):
        accumulator = (accumulator + int.from_bytes(message[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((accumulator + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def chacha20_poly1305_encrypt(key: bytes, nonce: bytes, aad: bytes, plain: bytes) -> bytes:
    """RFC 8439 2.8: ciphertext, then the tag."""
    stream = b"".join(_chacha20_block(key, 1 + i // 64, nonce) for i in range(0, len(plain), 64))
    cipher = bytes(x ^ y for x, y in zip(plain, stream, strict=False))
    padded = aad + bytes(-len(aad) % 16) + cipher + bytes(-len(cipher) % 16)
    lengths = len(aad).to_bytes(8, "little") + len(cipher).to_bytes(8, "little")
    return cipher + _poly1305(_chacha20_block(key, 0, nonce)[:32], padded + lengths)


def chacha20_poly1305_decrypt(key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes | None:
    """The plaintext, or None where the tag is wrong. Decryption is encryption again: the stream is its own inverse."""
    plain = chacha20_poly1305_encrypt(key, nonce, aad, sealed[:-16])[:-16]
    return plain if hmac.compare_digest(chacha20_poly1305_encrypt(key, nonce, aad, plain), sealed) else None


# Tagged hashing


def xof(tag: str, data: bytes, size: int) -> bytes:
    """SHAKE256( u8(len(tag)) || tag || data )[:size]."""
    return hashlib.shake_256(bytes([len(tag)]) + tag.encode() + data).digest(size)
