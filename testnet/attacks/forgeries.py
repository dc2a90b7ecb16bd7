"""Things that no honest program makes: what breaks one rule, and one rule only, as far as the attacker's own key allows.

The laboratory sends them to real validators, the simulator to simulated ones. `entropy` is an argument, so that a seed decides what the simulator forges.
"""

from collections.abc import Sequence
from dataclasses import replace

from mesh_core.crypto import domains
from mesh_core.crypto.pedersen import Opening, commit, commit_public, subtract_commitments
from mesh_core.crypto.range_proof import RangeStatement, build_statement, build_witness, prove
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.construction import UNSIGNED, Draft, Entropy
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.types.basic import Commitment, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE, SIGNER, Certificate, Signer, Vote
from mesh_core.types.transition import STATEMENT, Transition

ABSENT_INDEX = 200
INDICES_COUNT = 256
"""An index is one byte."""


# --- Transitions -----------------------------------------------------------------------------------------------------------------------------------


def in_the_name_of(draft: Draft, victim: PublicKey) -> Draft:
    """Somebody else's account pays."""
    return replace(draft, core=replace(draft.core, sender=victim))


def with_more_left(draft: Draft, extra: int) -> Draft:
    """The account keeps more than it had: every amount is in range, and nothing adds up."""
    opening = Opening(draft.new_opening.value + extra, draft.new_opening.blinding)
    return Draft(replace(draft.core, new_balance=commit(opening)), opening, draft.output_openings)


def with_negative_amount(draft: Draft) -> Draft:
    """The first output is below zero, and as much more is left for the sender: the commitments add up. Its opening is the one that is pretended."""
    paid = draft.output_openings[0]
    ours = Opening(draft.new_opening.value + 2 * paid.value, draft.new_opening.blinding)
    output = replace(draft.core.outputs[0], commitment=_commit_negative(paid))
    core = replace(draft.core, outputs=(output, *draft.core.outputs[1:]), new_balance=commit(ours))
    return Draft(core, ours, draft.output_openings)


def with_overspent_balance(draft: Draft, missing: int) -> Draft:
    """The first output grows by so much more than there is, and what is left goes below zero: the commitments add up. Its opening is pretended."""
    paid = draft.output_openings[0]
    grown = Opening(paid.value + draft.new_opening.value + missing, paid.blinding)
    pretended = Opening(missing, draft.new_opening.blinding)
    output = replace(draft.core.outputs[0], commitment=commit(grown))
    core = replace(draft.core, outputs=(output, *draft.core.outputs[1:]), new_balance=_commit_negative(pretended))
    return Draft(core, pretended, (grown, *draft.output_openings[1:]))


def _commit_negative(opening: Opening) -> Commitment:
    """A commitment to as much below zero, which no opening opens."""
    return subtract_commitments(commit(Opening(0, opening.blinding)), commit_public(opening.value))


def with_other_self_memo(draft: Draft, entropy: Entropy) -> Draft:
    """The same commitments in another transition."""
    return replace(draft, core=replace(draft.core, self_memo=entropy(len(draft.core.self_memo))))


def with_noise_for_memo(draft: Draft, index: int, entropy: Entropy) -> Draft:
    """One output's memo opens for nobody."""
    outputs = draft.core.outputs
    poisoned = replace(outputs[index], memo=entropy(len(outputs[index].memo)))
    return replace(draft, core=replace(draft.core, outputs=(*outputs[:index], poisoned, *outputs[index + 1 :])))


# --- Range proofs ----------------------------------------------------------------------------------------------------------------------------------


def pretended_statement(draft: Draft) -> RangeStatement:
    """What can be proven of a draft whose openings are not those of its commitments: what they pretend, bound to this very transition."""
    context = identify(Transition(draft.core, b"", UNSIGNED)).core_hash
    return build_statement(commit(draft.new_opening), [commit(opening) for opening in draft.output_openings], context)


def prove_pretended(draft: Draft, entropy: Entropy) -> bytes:
    """The best that can be done for amounts out of range: a true proof for this very transition, of what is pretended."""
    return prove(pretended_statement(draft), build_witness(draft.new_opening, draft.output_openings), entropy)


# --- Votes -----------------------------------------------------------------------------------------------------------------------------------------


def vote_regardless(identity: SigningKey, candidate: Identified) -> Vote:
    """A validator's vote, whatever it has voted for before. A second one in a slot convicts it."""
    return Vote(candidate.statement, identity.public_key, identity.sign(domains.SIG_VOTE, STATEMENT.encode(candidate.statement)))


# --- Certificates ----------------------------------------------------------------------------------------------------------------------------------


def encode_certificate(candidate: Identified, signers: Sequence[Signer]) -> bytes:
    """The bytes of a certificate with these votes, in their order."""
    return CERTIFICATE.encode(Certificate(candidate.transition, tuple(signers)))


def forge_certificates(candidate: Identified, signer: Signer, quorum: int, entropy: Entropy) -> list[bytes]:
    """Certificates with one true vote: repeated, alone, beside others' votes that are none, beside votes that are made up, beside votes of nobody."""
    alone = encode_certificate(candidate, [signer])
    index = signer.validator_index
    others = [Signer(other, signer.signature) for other in range(quorum + 1) if other != index][: quorum - 1]
    made_up = [replace(other, signature=Signature(entropy(64))) for other in others]
    absent = [Signer(index, signer.signature) for index in range(min(ABSENT_INDEX, INDICES_COUNT - quorum), INDICES_COUNT)][: quorum - 1]
    return [
        repeat_signer(alone, quorum),
        alone,
        encode_certificate(candidate, sorted([signer, *others], key=lambda one: one.validator_index)),
        encode_certificate(candidate, sorted([signer, *made_up], key=lambda one: one.validator_index)),
        encode_certificate(candidate, [signer, *absent]),
    ]


def repeat_signer(alone: bytes, times: int) -> bytes:
    """The bytes of a certificate with one vote, with that vote so many times. No encoder of ours would write them."""
    vote = SIGNER.encode(Signer(0, Signature(bytes(64))))
    return alone[: -len(vote) - 1] + bytes((times,)) + alone[-len(vote) :] * times
