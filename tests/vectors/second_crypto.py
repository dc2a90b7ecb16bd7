"""MESH's hashes, keys, signatures, commitments and memos a second time, for the vectors: hashlib, the package `cryptography` (OpenSSL), and the
arithmetic of tests/schoolbook_verifier.py. No code of `mesh_core`, and no libsodium, which `mesh_core` uses for the same things.

OpenSSL accepts more signatures than MESH (docs/protocol.md, "Signatures"), so what it does not look at is looked at here, with the schoolbook curve.
"""

import hashlib
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tests import schoolbook_verifier as group
from tests.vectors import schoolbook
from tests.vectors.make_keys_and_memos import bech32m

L = group.ORDER
ZEROS = bytes(32)
ZERO_NONCE = bytes(12)


class Unopenable(Exception):
    """A memo does not give the opening of its commitment."""


# --- Hashes


def tagged(tag: str, data: bytes) -> bytes:
    """u8(len(tag)) || tag || data, under the prefix that all tags share."""
    name = f"MESH/v1/{tag}".encode()
    return bytes([len(name)]) + name + data


def H(tag: str, data: bytes) -> bytes:
    return hashlib.sha3_256(tagged(tag, data)).digest()


def xof(tag: str, data: bytes, size: int) -> bytes:
    return hashlib.shake_256(tagged(tag, data)).digest(size)


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


# --- Signatures


def public_key(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, tag: str, body: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(tagged(tag, body))


@cache
def is_acceptable(key: bytes) -> bool:
    """Canonical, in the subgroup of prime order, not the identity."""
    point = schoolbook.decode_lax(key)
    if point is None or not schoolbook.is_canonical(key) or point == schoolbook.IDENTITY:
        return False
    return _in_prime_order_subgroup(point)


def _in_prime_order_subgroup(point: schoolbook.Point) -> bool:
    """L times the point is (0, 1); extended coordinates, since affine ones divide in every step."""
    total: group.Point = group.ZERO
    for bit in bin(L)[2:]:
        total = group.add(total, total)
        if bit == "1":
            total = group.add(total, (point.x, point.y, 1, point.x * point.y % group.P))
    x, y, z, _ = total
    return x % group.P == 0 and (y - z) % group.P == 0


def verify(tag: str, key: bytes, body: bytes, signature: bytes) -> bool:
    if not is_acceptable(key) or int.from_bytes(signature[32:], "little") >= L:
        return False
    nonce_point = schoolbook.decode_lax(signature[:32])
    if nonce_point is None or 8 * nonce_point == schoolbook.IDENTITY:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, tagged(tag, body))
    except InvalidSignature:
        return False
    return True


# --- Commitments


def commit(value: int, blinding: int) -> bytes:
    return group.encode(group.add(group.multiply(value, group.value_base()), group.multiply(blinding, group.blinding_base())))


def add_up(commitments: list[bytes], value: int = 0) -> bytes:
    """The sum of commitments and of value*G, as an encoding. ValueError where one is not canonical."""
    total = group.multiply(value, group.value_base())
    for commitment in commitments:
        point = group.decode(commitment)
        if point is None:
            raise ValueError(f"{commitment.hex()} is no point")
        total = group.add(total, point)
    return group.encode(total)


def is_canonical_point(encoding: bytes) -> bool:
    return group.decode(encoding) is not None


@cache
def range_proof_holds(new_balance: bytes, outputs: tuple[bytes, ...], core_hash: bytes, proof: bytes) -> bool:
    """Rule 9: [new_balance, outputs], padded with identities to 2, 4 or 8."""
    commitments = [new_balance, *outputs]
    padded = next(size for size in (2, 4, 8) if size >= len(commitments))
    return group.accepts(commitments + [ZEROS] * (padded - len(commitments)), core_hash, 64, proof)


# --- Wallets


def x25519(secret: bytes, public: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


def x25519_public(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


class Wallet:
    """What follows from a seed."""

    def __init__(self, seed: bytes) -> None:
        self.sign_seed = xof("kdf/sign", seed, 32)
        self.owner = public_key(self.sign_seed)
        self.view_sk = xof("kdf/view", seed, 32)
        self.view_pk = x25519_public(self.view_sk)
        self.self_key = xof("kdf/self", self.view_sk, 32)
        self.address = bech32m("mesh", b"\1" + self.owner + self.view_pk)

    def sign_statement(self, statement: bytes) -> bytes:
        return sign(self.sign_seed, "sig/owner", statement)


def draw_blinding(wallet: Wallet, entropy: bytes, position: bytes, value: int, text: str) -> int:
    """`position`: network_id || sender || u64 sequence || u8 index."""
    return int.from_bytes(xof("kdf/blinding", wallet.self_key + entropy + position + u64(value) + text.encode(), 64), "little") % L


def eph_secret(wallet: Wallet, position: bytes, commitment: bytes) -> bytes:
    return xof("kdf/eph", wallet.self_key + position + commitment, 32)


def _memo_key(shared: bytes, position: bytes, output: dict[str, Any]) -> tuple[bytes, bytes]:
    """Key and associated data of a memo; `output` holds owner, view_pk, commitment and eph_pk as bytes."""
    network_id, slot = position[:32], position[32:]
    owner, view_pk, commitment, eph_pk = (output[name] for name in ("owner", "view_pk", "commitment", "eph_pk"))
    key = xof("kdf/memo", shared + network_id + eph_pk + view_pk + owner + commitment + slot, 32)
    return key, network_id + owner + view_pk + commitment + eph_pk


def seal_memo(eph_sk: bytes, position: bytes, output: dict[str, Any], value: int, blinding: int, text: str) -> bytes:
    key, aad = _memo_key(x25519(eph_sk, output["view_pk"]), position, output)
    plain = u64(value) + blinding.to_bytes(32, "little") + bytes([len(text.encode())]) + text.encode()
    size = next(size for size in (64, 128, 256) if size >= len(plain))
    return ChaCha20Poly1305(key).encrypt(ZERO_NONCE, plain.ljust(size, b"\0"), aad)


def open_memo(shared: bytes, position: bytes, output: dict[str, Any], memo: bytes) -> tuple[int, bytes, str]:
    """Value, blinding and text. Unopenable."""
    key, aad = _memo_key(shared, position, output)
    try:
        plain = ChaCha20Poly1305(key).decrypt(ZERO_NONCE, memo, aad)
    except InvalidTag as error:
        raise Unopenable from error
    value, blinding, length = int.from_bytes(plain[:8], "big"), plain[8:40], plain[40]
    text, padding = plain[41 : 41 + length], plain[41 + length :]
    number = int.from_bytes(blinding, "little")
    if len(text) < length or any(padding) or number >= L or commit(value, number) != output["commitment"]:
        raise Unopenable
    return value, blinding, text.decode("utf-8")


def seal_self_memo(wallet: Wallet, network_id: bytes, slot: bytes, commitment: bytes, value: int, blinding: int) -> bytes:
    """`slot`: sender || u64 sequence."""
    key = xof("kdf/self-memo", wallet.self_key + network_id + slot + commitment, 32)
    return ChaCha20Poly1305(key).encrypt(ZERO_NONCE, u64(value) + blinding.to_bytes(32, "little"), slot)
