"""Ed25519 below the library's surface: a second valid signature on one statement, and one with S + l, which must not be valid."""

import hashlib
from dataclasses import replace

from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_prefix, tagged_xof
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Signature
from mesh_core.types.transition import STATEMENT, Transition

ORDER = 2**252 + 27742317777372353535851937790883648493


def owner_seed(name: str) -> bytes:
    """The Ed25519 seed of a named person's wallet (cluster.wallet_keys)."""
    return tagged_xof(domains.KDF_SIGN, hashlib.sha3_256(f"wallet {name}".encode()).digest(), 32)


def sign_again(transition: Transition, seed: bytes, nonce: int = 12345) -> Transition:
    """The same transition under another valid signature of its owner: RFC 8032 fixes the nonce, but nobody can see whether a signer follows it."""
    hashed = bytearray(hashlib.sha512(seed).digest()[:32])
    hashed[0] &= 248
    hashed[31] = hashed[31] & 127 | 64
    secret = int.from_bytes(hashed, "little") % ORDER
    message = tagged_prefix(domains.SIG_OWNER) + STATEMENT.encode(identify(transition).statement)
    commitment = crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little"))
    challenge = int.from_bytes(hashlib.sha512(commitment + transition.core.sender + message).digest(), "little") % ORDER
    answer = (nonce + challenge * secret) % ORDER
    return replace(transition, owner_signature=Signature(commitment + answer.to_bytes(32, "little")))


def add_order(signature: Signature) -> Signature:
    """The same signature with S + l: it satisfies the equation, too, and is refused so that a signature has one form."""
    return Signature(signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little"))
