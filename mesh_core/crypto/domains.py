"""Every domain-separation tag and transcript label of the protocol, in one table.

One tag, one purpose: a hash, key or signature made for one object can never pass for another. Without the tags a validator could, for example,
be tricked into signing a vote whose bytes are also a handshake. Tags are ASCII, at most 63 bytes; `v1` is the protocol version.
"""

from typing import Final

# Hashes: see docs/protocol.md, "Hashing and domain separation".
GENESIS: Final = b"MESH/v1/genesis"
TRANSITION_CORE: Final = b"MESH/v1/transition-core"
PROOF_HASH: Final = b"MESH/v1/proof-hash"
TRANSITION_ID: Final = b"MESH/v1/transition-id"
CERT_ID: Final = b"MESH/v1/cert-id"
EQUIVOCATION: Final = b"MESH/v1/equivocation"
LEAF_ACCOUNT: Final = b"MESH/v1/leaf/account"
LEAF_OUTPUT: Final = b"MESH/v1/leaf/output"
BUCKET: Final = b"MESH/v1/bucket"
BRANCH: Final = b"MESH/v1/branch"
STATE: Final = b"MESH/v1/state"
LOG: Final = b"MESH/v1/log"

# Key derivation
KDF_SIGN: Final = b"MESH/v1/kdf/sign"
KDF_VIEW: Final = b"MESH/v1/kdf/view"
KDF_SELF: Final = b"MESH/v1/kdf/self"
KDF_EPH: Final = b"MESH/v1/kdf/eph"
KDF_MEMO: Final = b"MESH/v1/kdf/memo"
KDF_SELF_MEMO: Final = b"MESH/v1/kdf/self-memo"
KDF_BLINDING: Final = b"MESH/v1/kdf/blinding"

# Signatures
SIG_OWNER: Final = b"MESH/v1/sig/owner"
SIG_VOTE: Final = b"MESH/v1/sig/vote"
SIG_HANDSHAKE_RESPONDER: Final = b"MESH/v1/sig/handshake-responder"
SIG_HANDSHAKE_INITIATOR: Final = b"MESH/v1/sig/handshake-initiator"
SIG_RECEIPT: Final = b"MESH/v1/sig/receipt"

# Generators: hashed with SHA3-512 as it is, without the length byte of the tagged hashes
PEDERSEN_H: Final = b"MESH/v1/pedersen/H"

# Range proofs: label of the Merlin transcript
RANGE_PROOF_TRANSCRIPT: Final = b"MESH/v1/range-proof"
# Range proofs: weights of a verifier's own batch. Never part of what two machines must agree on.
RANGE_PROOF_BATCH: Final = b"MESH/v1/range-proof/batch"

# TLS application protocol
ALPN: Final = "mesh/1"

HASH_TAGS: Final = (
    GENESIS,
    TRANSITION_CORE,
    PROOF_HASH,
    TRANSITION_ID,
    CERT_ID,
    EQUIVOCATION,
    LEAF_ACCOUNT,
    LEAF_OUTPUT,
    BUCKET,
    BRANCH,
    STATE,
    LOG,
)
KDF_TAGS: Final = (KDF_SIGN, KDF_VIEW, KDF_SELF, KDF_EPH, KDF_MEMO, KDF_SELF_MEMO, KDF_BLINDING)
SIGNATURE_TAGS: Final = (SIG_OWNER, SIG_VOTE, SIG_HANDSHAKE_RESPONDER, SIG_HANDSHAKE_INITIATOR, SIG_RECEIPT)
ALL_TAGS: Final = (*HASH_TAGS, *KDF_TAGS, *SIGNATURE_TAGS, PEDERSEN_H, RANGE_PROOF_TRANSCRIPT, RANGE_PROOF_BATCH)
