"""Range proofs: Bulletproofs+, byte-compatible with tari_bulletproofs_plus 0.4.1 (docs/range-proofs.md). The mathematics is in notes.md."""

from mesh_core.crypto.range_proof.prover import prove
from mesh_core.crypto.range_proof.statement import (
    PROOF_SIZE,
    RangeProof,
    RangeProofError,
    RangeProofFault,
    RangeStatement,
    RangeWitness,
    build_statement,
    build_witness,
    padded_count,
    proof_size,
)
from mesh_core.crypto.range_proof.verifier import verify, verify_batch

__all__ = [
    "PROOF_SIZE",
    "RangeProof",
    "RangeProofError",
    "RangeProofFault",
    "RangeStatement",
    "RangeWitness",
    "build_statement",
    "build_witness",
    "padded_count",
    "proof_size",
    "prove",
    "verify",
    "verify_batch",
]
