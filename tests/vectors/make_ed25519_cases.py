"""Makes the cases with which a validator checks its Ed25519 library at start (`mesh_core/crypto/signature_cases.py`).

Schoolbook arithmetic only. Everything is derived from fixed labels, so each run gives the same bytes.
`python -m tests.vectors.make_ed25519_cases` prints the cases as Python source; a test compares them with the ones in the package.
"""

import hashlib
import json
import sys
from collections.abc import Iterator

from tests.vectors.schoolbook import BASE, IDENTITY, L, P, ed25519_public_key, ed25519_sign, encode, expand_seed, hash_to_scalar, torsion_point

SEED = hashlib.sha256(b"MESH Ed25519 self-test: a key that everybody knows").digest()
SECRET = expand_seed(SEED)[0]
GOOD_KEY = ed25519_public_key(SEED)
NONCE = hash_to_scalar(b"MESH Ed25519 self-test: a nonce that everybody knows")
TORSION = torsion_point()

SIGN_BIT = 1 << 255


def little(number: int) -> bytes:
    """32 bytes, little-endian."""
    return number.to_bytes(32, "little")


def message(text: str) -> bytes:
    """A message that no tagged message can equal: those start with the length of a tag, at most 63, this one with 'M' = 77."""
    return f"MESH Ed25519 self-test: {text}".encode()


def message_with_challenge_divisible_by_8(encoded_r: bytes, public_key: bytes, text: str) -> tuple[bytes, int]:
    """The first of a row of messages whose challenge is a multiple of 8, which makes a torsion part of the key vanish from the equation."""
    counter = 0
    while True:
        candidate = message(f"{text} {counter}")
        challenge = hash_to_scalar(encoded_r, public_key, candidate)
        if challenge % 8 == 0:
            return candidate, challenge
        counter += 1


def key_cases() -> Iterator[tuple[str, bytes, bool]]:
    """Name, encoding, whether a key may have it."""
    yield "base point", encode(BASE), True
    yield "ordinary key", GOOD_KEY, True
    yield "identity", encode(IDENTITY), False
    yield "order 2", encode(4 * TORSION), False
    yield "order 4", encode(2 * TORSION), False
    yield "order 8", encode(TORSION), False
    yield "mixed order: ordinary key plus a point of order 8", encode(SECRET * BASE + TORSION), False
    yield "mixed order: ordinary key plus the point of order 2", encode(SECRET * BASE + 4 * TORSION), False
    yield "identity with y = p + 1", little(P + 1), False
    yield "identity with the sign of x set", little(1 | SIGN_BIT), False
    yield "order 2 with the sign of x set", little(P - 1 | SIGN_BIT), False
    yield "order 4 with y = p", little(P), False
    yield "large order with y = p + 3", little(P + 3), False
    yield "not on the curve", little(2), False


def signature_cases() -> Iterator[tuple[str, bytes, bytes, bytes, bool]]:
    """Name, public key, message, signature, whether it is valid."""
    text = message("good signature")
    good = ed25519_sign(SEED, text)
    yield "good signature", GOOD_KEY, text, good, True
    yield "good signature of the empty message", GOOD_KEY, b"", ed25519_sign(SEED, b""), True
    yield "good signature of another message", GOOD_KEY, message("another message"), good, False

    response = int.from_bytes(good[32:], "little")
    yield "S plus l", GOOD_KEY, text, good[:32] + little(response + L), False

    encoded_r = encode(NONCE * BASE)
    small = encode(TORSION)
    text, _ = message_with_challenge_divisible_by_8(encoded_r, small, "small-order key")
    yield "small-order key", small, text, encoded_r + little(NONCE), False

    yield "identity key", encode(IDENTITY), message("identity key"), encoded_r + little(NONCE), False
    yield "non-canonical key", little(P + 1), message("non-canonical key"), encoded_r + little(NONCE), False

    mixed = encode(SECRET * BASE + TORSION)
    text, challenge = message_with_challenge_divisible_by_8(encoded_r, mixed, "mixed-order key")
    yield "mixed-order key", mixed, text, encoded_r + little((NONCE + challenge * SECRET) % L), False

    for name, small_r in (("small-order R", encode(IDENTITY)), ("non-canonical R", little(P + 1))):
        challenge = hash_to_scalar(small_r, GOOD_KEY, message(name))
        yield name, GOOD_KEY, message(name), small_r + little(challenge * SECRET % L), False

    mixed_r = encode(NONCE * BASE + TORSION)
    text = message("valid with the cofactor only")
    challenge = hash_to_scalar(mixed_r, GOOD_KEY, text)
    yield "valid with the cofactor only", GOOD_KEY, text, mixed_r + little((NONCE + challenge * SECRET) % L), False


def print_source() -> None:
    """The two tables as Python source."""
    for key_name, key, acceptable in key_cases():
        sys.stdout.write(f'KeyCase({json.dumps(key_name)}, bytes.fromhex("{key.hex()}"), acceptable={acceptable}),\n')
    for name, key, text, signature, valid in signature_cases():
        halves = f'"{signature[:32].hex()}" "{signature[32:].hex()}"'
        sys.stdout.write(f'SignatureCase({json.dumps(name)}, bytes.fromhex("{key.hex()}"), {text!r}, bytes.fromhex({halves}), valid={valid}),\n')


if __name__ == "__main__":
    print_source()
