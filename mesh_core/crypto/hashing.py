"""Tagged SHA3-256 and SHAKE256: every hash of the protocol names its purpose (docs/protocol.md, "Hashing and domain separation")."""

import hashlib
from typing import Final

from mesh_core.types.basic import Hash32

MAX_TAG_BYTES: Final = 63


def tagged_prefix(tag: bytes) -> bytes:
    """`u8(len(tag)) || tag`: the prefix of every tagged hash and of every signed body. The length byte makes the tags prefix-free."""
    assert 0 < len(tag) <= MAX_TAG_BYTES, "tags come from crypto/domains.py"
    return bytes((len(tag),)) + tag


def tagged_hash(tag: bytes, data: bytes) -> Hash32:
    """`H(tag, data) = SHA3-256(u8(len(tag)) || tag || data)`, 32 bytes."""
    return Hash32(hashlib.sha3_256(tagged_prefix(tag) + data).digest())


def tagged_xof(tag: bytes, data: bytes, size: int) -> bytes:
    """`XOF(tag, data, size) = SHAKE256(u8(len(tag)) || tag || data)[:size]`. Secret if `data` is."""
    return hashlib.shake_256(tagged_prefix(tag) + data).digest(size)
