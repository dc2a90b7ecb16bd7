"""Payment receipts: one output of one certificate, opened for a third party (docs/protocol.md, "Receipts")."""

from dataclasses import dataclass

from mesh_core.types.basic import BYTES32, HASH, PUBLIC_KEY, SCALAR, SIGNATURE, Hash32, PublicKey, Scalar32, Signature
from mesh_core.types.certificate import SIGNERS, Signer
from mesh_core.types.codec import U8, U16, U64, Constant, Maybe, Struct, VarBytes
from mesh_core.types.transition import TRANSITION_CORE, TransitionCore

RECEIPT_VERSION = 1


@dataclass(frozen=True, slots=True)
class PaymentReceipt:
    """Proves that output `output_index` of a certified SEND holds `value`. Discloses that output only.

    `blinding` and `eph_sk` are secret until the receipt is handed over. `context` is the verifier's challenge, for example an invoice number.
    """

    core: TransitionCore
    proof_hash: Hash32
    owner_signature: Signature
    votes: tuple[Signer, ...]
    output_index: int
    value: int
    blinding: Scalar32
    eph_sk: bytes | None
    context: bytes
    prover: PublicKey
    prover_signature: Signature


PAYMENT_RECEIPT = Struct(
    PaymentReceipt,
    version=Constant(U8, RECEIPT_VERSION),
    core=TRANSITION_CORE,
    proof_hash=HASH,
    owner_signature=SIGNATURE,
    votes=SIGNERS,
    output_index=U8,
    value=U64,
    blinding=SCALAR,
    eph_sk=Maybe(BYTES32),
    context=VarBytes(U16),
    prover=PUBLIC_KEY,
    prover_signature=SIGNATURE,
)
