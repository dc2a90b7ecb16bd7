"""The byte strings that everything else is made of, and their codecs. All are opaque here: the validation rules judge them."""

from typing import NewType

from mesh_core.types.codec import Fixed

Hash32 = NewType("Hash32", bytes)
"""32 bytes of SHA3-256: identifiers, heads, digests."""

PublicKey = NewType("PublicKey", bytes)
"""32 bytes, an Ed25519 public key (owner of an account, or a validator's identity)."""

ViewPublicKey = NewType("ViewPublicKey", bytes)
"""32 bytes, an X25519 public key, to which memos are encrypted."""

Signature = NewType("Signature", bytes)
"""64 bytes, an Ed25519 signature over `u8(len(tag)) || tag || body`."""

Commitment = NewType("Commitment", bytes)
"""32 bytes, the ristretto255 encoding of a Pedersen commitment."""

Scalar32 = NewType("Scalar32", bytes)
"""32 bytes, a ristretto255 scalar, little-endian."""

HASH: Fixed[Hash32] = Fixed(32, "hash")
PUBLIC_KEY: Fixed[PublicKey] = Fixed(32, "ed25519_key")
VIEW_KEY: Fixed[ViewPublicKey] = Fixed(32, "x25519_key")
SIGNATURE: Fixed[Signature] = Fixed(64, "signature")
COMMITMENT: Fixed[Commitment] = Fixed(32, "commitment")
SCALAR: Fixed[Scalar32] = Fixed(32, "scalar")
BYTES32: Fixed[bytes] = Fixed(32, "bytes")

ZERO_HASH = Hash32(bytes(32))
"""Head of an account that has no transition."""

IDENTITY_COMMITMENT = Commitment(bytes(32))
"""Encoding of the identity, Commit(0, 0): the balance of an account that never existed."""

MAX_U64 = 2**64 - 1
EPOCH_0 = 0
"""The only epoch of this version (docs/protocol.md, "Epochs")."""
