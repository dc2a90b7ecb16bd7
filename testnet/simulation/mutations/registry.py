"""All mutations by name."""

from testnet.simulation.mutations import ledger, proofs, votes
from testnet.simulation.mutations.mutation import Mutation

MUTATIONS: dict[str, Mutation] = {
    "keep-claimed-output": Mutation("apply a RECEIVE without deleting the output", ledger.keep_claimed_output),
    "apply-in-two-steps": Mutation("make half of a certificate's records durable, then the rest", ledger.apply_in_two_steps),
    "no-core-hash-in-proof": Mutation("leave the transition out of what its range proof is bound to", proofs.leave_out_the_core_hash),
    "skip-vote-persistence": Mutation("vote without writing the vote", votes.skip_vote_persistence),
    "send-before-fsync": Mutation("send what the disk does not hold yet", votes.send_before_fsync),
    "skip-rule-4": Mutation("vote for a second transition of a slot", votes.skip_rule_4),
    "skip-rule-5": Mutation("vote whatever sequence and predecessor are", votes.skip_rule_5),
    "skip-rule-6": Mutation("vote whatever is claimed", votes.skip_rule_6),
    "skip-rule-7": Mutation("vote whatever the fee is", votes.skip_rule_7),
    "skip-rule-8": Mutation("vote though commitments do not add up", votes.skip_rule_8),
}
