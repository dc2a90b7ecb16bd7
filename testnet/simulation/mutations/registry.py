"""All mutations by name."""

from testnet.simulation.mutations import certificates, ledger, proofs, votes
from testnet.simulation.mutations.mutation import Mutation

MUTATIONS: dict[str, Mutation] = {
    "keep-claimed-output": Mutation("apply a RECEIVE without deleting the output", ledger.keep_claimed_output),
    "apply-in-two-steps": Mutation("make half of a certificate's records durable, then the rest", ledger.apply_in_two_steps),
    "no-core-hash-in-proof": Mutation("leave the transition out of what its range proof is bound to", proofs.leave_out_the_core_hash),
    "no-context-in-transcript": Mutation(
        "leave the transition out of the range proof's transcript (with real proofs)", proofs.leave_the_context_out_of_the_transcript, needs_real_proofs=True
    ),
    "duplicate-signers": Mutation("count a signer as often as a certificate names it", certificates.count_duplicate_signers),
    "no-network-id": Mutation("sign statements that do not name their network", certificates.drop_network_id),
    "votes-in-cert-id": Mutation("hash the collected votes into the id of a certificate", certificates.hash_votes_into_cert_id),
    "skip-vote-persistence": Mutation("vote without writing the vote", votes.skip_vote_persistence),
    "send-before-fsync": Mutation("send what the disk does not hold yet", votes.send_before_fsync),
    "skip-rule-4": Mutation("vote for a second transition of a slot", votes.skip_rule_4),
    "skip-rule-5": Mutation("vote whatever sequence and predecessor are", votes.skip_rule_5),
    "skip-rule-6": Mutation("vote whatever is claimed", votes.skip_rule_6),
    "skip-rule-7": Mutation("vote whatever the fee is", votes.skip_rule_7),
    "skip-rule-8": Mutation("vote though commitments do not add up", votes.skip_rule_8),
}
