"""The hashes by which transitions, certificates, evidence and networks are known (docs/protocol.md, "Identifiers").

    core_hash     = H("transition-core", CORE)
    proof_hash    = H("proof-hash", range_proof)
    transition_id = H("transition-id", core_hash || proof_hash)
    cert_id       = H("cert-id", Statement)

The proof is under the transition_id, so nobody can swap it inside a certificate; the owner's signature is not, so that two valid signatures on one
statement are no equivocation. cert_id does not depend on which votes were collected: one payment has one id, whoever assembled the certificate.
"""

from dataclasses import dataclass

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_hash
from mesh_core.types.basic import Hash32
from mesh_core.types.evidence import EQUIVOCATION_PROOF, EquivocationProof
from mesh_core.types.transition import STATEMENT, TRANSITION_CORE, Statement, Transition, TransitionCore


def compute_core_hash(core: TransitionCore) -> Hash32:
    """Hash of all of a transition but its proof and signature: the context that its range proof is bound to."""
    return tagged_hash(domains.TRANSITION_CORE, TRANSITION_CORE.encode(core))


def compute_proof_hash(range_proof: bytes) -> Hash32:
    """Hash of the range proof; of nothing, for a RECEIVE. Receipts carry it in place of the proof."""
    return tagged_hash(domains.PROOF_HASH, range_proof)


def compute_transition_id(core_hash: Hash32, proof_hash: Hash32) -> Hash32:
    """Id of a transition, from its two parts."""
    return tagged_hash(domains.TRANSITION_ID, core_hash + proof_hash)


def compute_statement(core: TransitionCore, transition_id: Hash32) -> Statement:
    """The statement that an owner and its validators sign for a transition."""
    return Statement(core.network_id, core.epoch, core.sender, core.sequence, transition_id)


def compute_cert_id(statement: Statement) -> Hash32:
    """Id of every certificate for this statement."""
    return tagged_hash(domains.CERT_ID, STATEMENT.encode(statement))


def compute_proof_id(proof: EquivocationProof) -> Hash32:
    """Id of an equivocation proof."""
    return tagged_hash(domains.EQUIVOCATION, EQUIVOCATION_PROOF.encode(proof))


@dataclass(frozen=True, slots=True)
class Identified:
    """A transition with its hashes, all computed from its own bytes and never taken from a message."""

    transition: Transition
    core_hash: Hash32
    statement: Statement
    cert_id: Hash32

    @property
    def core(self) -> TransitionCore:
        """The transition's core."""
        return self.transition.core

    @property
    def transition_id(self) -> Hash32:
        """The transition's id."""
        return self.statement.transition_id


def identify(transition: Transition) -> Identified:
    """Compute a transition's hashes."""
    core_hash = compute_core_hash(transition.core)
    statement = compute_statement(transition.core, compute_transition_id(core_hash, compute_proof_hash(transition.range_proof)))
    return Identified(transition, core_hash, statement, compute_cert_id(statement))
