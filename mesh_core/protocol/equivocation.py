"""Proofs that somebody signed two transitions for one slot, and their verification by anybody who holds the genesis document.

A valid proof can never be made against a validator that follows the protocol, nor against an owner that signs a slot once: it needs two signatures of
one key, under the tag of its role, on two statements that differ in the transition only.
"""

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import verify_signature
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.identifiers import compute_cert_id
from mesh_core.types.basic import Hash32, Signature
from mesh_core.types.certificate import Certificate, Vote
from mesh_core.types.evidence import AccountabilityReport, ClientEquivocation, EquivocationProof, ValidatorEquivocation
from mesh_core.types.transition import STATEMENT, Statement


def build_client_equivocation(statement: Statement, signature: Signature, other_id: Hash32, other_signature: Signature) -> ClientEquivocation:
    """Proof against the owner of `statement`'s slot, who signed `other_id` there too."""
    (id_a, signature_a), (id_b, signature_b) = sorted(((statement.transition_id, signature), (other_id, other_signature)))
    return ClientEquivocation(statement.network_id, statement.epoch, statement.sender, statement.sequence, id_a, signature_a, id_b, signature_b)


def build_validator_equivocation(vote: Vote, other_id: Hash32, other_signature: Signature) -> ValidatorEquivocation:
    """Proof against a validator that voted for `other_id` in the slot of `vote`, too."""
    statement = vote.statement
    (id_a, signature_a), (id_b, signature_b) = sorted(((statement.transition_id, vote.signature), (other_id, other_signature)))
    return ValidatorEquivocation(
        statement.network_id, statement.epoch, vote.validator, statement.sender, statement.sequence, id_a, signature_a, id_b, signature_b
    )


def verify_equivocation(proof: EquivocationProof, genesis: Genesis) -> bool:
    """Whether the proof holds: right network and epoch, two ids in canonical order, both signatures valid, and for a validator its seat in the committee."""
    if proof.network_id != genesis.network_id or proof.epoch != genesis.committee.epoch or proof.id_a >= proof.id_b:
        return False
    if isinstance(proof, ClientEquivocation):
        tag, key, sender = domains.SIG_OWNER, proof.owner, proof.owner
    else:
        tag, key, sender = domains.SIG_VOTE, proof.validator, proof.sender
        if genesis.committee.index_of(proof.validator) is None:
            return False
    return all(
        verify_signature(tag, key, STATEMENT.encode(Statement(proof.network_id, proof.epoch, sender, proof.sequence, transition_id)), signature)
        for transition_id, signature in ((proof.id_a, proof.signature_a), (proof.id_b, proof.signature_b))
    )


def build_accountability_report(
    statement: Statement, certificate: Certificate, other_statement: Statement, other: Certificate, genesis: Genesis
) -> AccountabilityReport:
    """One proof for each validator that signed both of two certificates of one slot.

    Two quorums share at least 2q - n >= f + 1 validators, so the report names at least that many. It is empty when the certificates do not conflict in
    one slot (two RECEIVEs of different accounts that claim one output): then all signers of the second are at fault, and the certificates show it.
    """
    if compute_cert_id(statement) == compute_cert_id(other_statement) or (statement.sender, statement.sequence) != (
        other_statement.sender,
        other_statement.sequence,
    ):
        return AccountabilityReport(())
    others = {vote.validator_index: vote.signature for vote in other.votes}
    return AccountabilityReport(
        tuple(
            build_validator_equivocation(
                Vote(statement, genesis.committee.validators[vote.validator_index], vote.signature),
                other_statement.transition_id,
                others[vote.validator_index],
            )
            for vote in certificate.votes
            if vote.validator_index in others
        )
    )
