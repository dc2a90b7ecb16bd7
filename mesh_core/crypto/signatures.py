"""Ed25519 (RFC 8032) with one accepted set for everybody (docs/protocol.md, "Signatures").

A signature is valid if and only if
  1. the public key is acceptable: canonical, in the prime-order subgroup, not the identity;
  2. S < l;
  3. R is the canonical encoding of S*B - k*A, compared byte by byte (no cofactor), and not of small order;
  where k = SHA-512(R, A, message) mod l and message = u8(len(tag)) || tag || body.
Libraries differ in all three. Validators with different answers would split their votes on one and the same transition, so a validator calls
`run_self_test` at start and does not vote with a library that answers differently. Batch verification is never used: it has the cofactor in it.

Signing is libsodium's, constant time; Python around it promises nothing of the kind, and secrets stay in memory until collected.
"""

from functools import lru_cache
from typing import Final

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError
from typing_extensions import override

from mesh_core.crypto.hashing import tagged_prefix
from mesh_core.crypto.signature_cases import KEY_CASES, SIGNATURE_CASES
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.basic import PublicKey, Signature

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEY_CACHE_ENTRIES: Final = 8192
"""About 1.5 MB. Bounded, so that a flood of made-up keys costs time (50 us each) but never memory."""


class SigningKey:
    """A secret Ed25519 key. Hidden in `repr`; not comparable, so that nobody compares secrets in variable time."""

    __slots__ = ("_public_key", "_secret_key")

    def __init__(self, seed: bytes) -> None:
        """`seed`: 32 bytes, secret. Raises LocalFault(KEY_FILE) for another length."""
        if len(seed) != SEED_BYTES:
            raise LocalFault(ErrorCode.KEY_FILE, f"the seed of a signing key has {SEED_BYTES} bytes, this one {len(seed)}")
        public_key, self._secret_key = crypto_sign_seed_keypair(seed)
        self._public_key = PublicKey(public_key)

    @property
    def public_key(self) -> PublicKey:
        """32 bytes, public, always acceptable."""
        return self._public_key

    def sign(self, tag: bytes, body: bytes) -> Signature:
        """The signature over `u8(len(tag)) || tag || body`, deterministic (RFC 8032). `tag` is one of `domains.SIGNATURE_TAGS`."""
        return Signature(crypto_sign(tagged_prefix(tag) + body, self._secret_key)[:SIGNATURE_BYTES])

    @override
    def __repr__(self) -> str:
        return f"SigningKey(public_key={self._public_key.hex()}, secret hidden)"


def is_acceptable_key(public_key: bytes) -> bool:
    """Whether this is an acceptable Ed25519 public key: 32 bytes, canonical, in the prime-order subgroup, not the identity.

    Under a small-order key anybody can sign anything, and under a mixed-order key libraries disagree about the same signature. Answers are cached.
    """
    return len(public_key) == PUBLIC_KEY_BYTES and _is_prime_order_point_cached(public_key)


def verify_signature(tag: bytes, public_key: bytes, body: bytes, signature: bytes) -> bool:
    """Whether `signature` is valid for `body` under `tag` and `public_key`. False for every malformed input; never raises on input from outside."""
    return is_acceptable_key(public_key) and _is_valid_under(public_key, tagged_prefix(tag) + body, signature)


def run_self_test() -> None:
    """Check the Ed25519 library against the known answers of `signature_cases.py`, one of each kind on which libraries differ (about 1 ms).

    Raises LocalFault(CRYPTO_SELF_TEST) that names the first case with a wrong answer: voting with this library would split the network.
    Asks the library itself, not the cache.
    """
    for key_case in KEY_CASES:
        acceptable = _is_prime_order_point(key_case.public_key)
        if acceptable != key_case.acceptable:
            raise _wrong_answer(f"key ({key_case.name})", accepted=acceptable)
    for case in SIGNATURE_CASES:
        valid = _is_prime_order_point(case.public_key) and _is_valid_under(case.public_key, case.message, case.signature)
        if valid != case.valid:
            raise _wrong_answer(f"signature ({case.name})", accepted=valid)


def _is_prime_order_point(public_key: bytes) -> bool:
    return crypto_core_ed25519_is_valid_point(public_key)


_is_prime_order_point_cached = lru_cache(maxsize=KEY_CACHE_ENTRIES)(_is_prime_order_point)


def _is_valid_under(acceptable_key: bytes, message: bytes, signature: bytes) -> bool:
    """Points 2 and 3 of the accepted set: libsodium's verification. The length is ours to check: the binding passes bare pointers to C."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, acceptable_key)
    except BadSignatureError:
        return False
    return True


def _wrong_answer(case: str, *, accepted: bool) -> LocalFault:
    verdict = "accepts" if accepted else "refuses"
    return LocalFault(ErrorCode.CRYPTO_SELF_TEST, f"the Ed25519 library {verdict} a {case}, against the rule; PyNaCl 1.6.2 is known to keep it")
