"""Makes `certificates.json`: votes, certificates with different signers, and bytes that are no certificate.

`python -m tests.vectors.make_all` writes the files anew.
"""

from dataclasses import replace
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE, VOTE, Certificate, Signer
from mesh_core.types.transition import STATEMENT, Transition
from tests.vectors import schoolbook
from tests.vectors.story import Story, certify, genesis_hex, tell, transition_hex, validator_seeds, vote_of

NAME = "certificates.json"

SIGNERS = ((0, 1, 2), (1, 2, 3), (0, 2, 3), (0, 1, 2, 3))


def transitions() -> dict[str, Transition]:
    return {name: tell().steps[name].transition for name in ("alice 0", "bob 1")}


def signed_anew(story: Story, name: str, **changes: Any) -> Transition:
    """The transition of a step with another core, signed by its owner; the range proof stays."""
    step = story.steps[name]
    core = replace(step.transition.core, **changes)
    statement = identify(replace(step.transition, core=core)).statement
    return Transition(core, step.transition.range_proof, step.sender.keys.signing_key.sign(domains.SIG_OWNER, STATEMENT.encode(statement)))


def with_vote(transition: Transition, index: int, signature: Signature, signers: tuple[int, ...] = (0, 1, 2)) -> bytes:
    """A certificate whose vote of one validator is replaced."""
    votes = certify(transition, signers).votes
    return CERTIFICATE.encode(Certificate(transition, tuple(Signer(index, signature) if vote.validator_index == index else vote for vote in votes)))


def refused_certificates() -> dict[str, tuple[bytes, str]]:
    story = tell()
    good, other = story.steps["bob 1"].transition, story.steps["alice 0"].transition
    data = CERTIFICATE.encode(certify(good))
    votes_at = len(data) - 1 - 3 * 65
    first, second, third = (data[votes_at + 1 + 65 * index : votes_at + 66 + 65 * index] for index in range(3))
    statement = STATEMENT.encode(identify(good).statement)
    vote_key = SigningKey(validator_seeds()[1])
    vote = vote_of(1, good).signature
    plus_order = vote[:32] + (int.from_bytes(vote[32:], "little") + schoolbook.L).to_bytes(32, "little")
    unsigned = replace(good, owner_signature=Signature(bytes(64)))
    small_order = replace(good, core=replace(good.core, sender=PublicKey(schoolbook.encode(schoolbook.torsion_point()))))
    other_network = Hash32(good.core.network_id[:-1] + bytes([good.core.network_id[-1] ^ 1]))
    other_proof = replace(other, range_proof=story.steps["carol 1"].transition.range_proof)
    return {
        "no bytes": (b"", "ENCODING"),
        "version 2": (b"\2" + data[1:], "ENCODING"),
        "last byte missing": (data[:-1], "ENCODING"),
        "one byte too many": (data + b"\0", "ENCODING"),
        "a byte too many inside, behind the transition": (
            data[:1] + (len(data) - 5 - 196 + 1).to_bytes(4, "big") + data[5:votes_at] + b"\0" + data[votes_at:],
            "ENCODING",
        ),
        "no vote": (data[:votes_at] + b"\0", "ENCODING"),
        "a validator twice": (data[:votes_at] + b"\3" + first + second + second, "ENCODING"),
        "votes descending": (data[:votes_at] + b"\3" + third + second + first, "ENCODING"),
        "another network": (CERTIFICATE.encode(certify(signed_anew(story, "bob 1", network_id=other_network))), "FIELDS"),
        "epoch 1": (CERTIFICATE.encode(certify(signed_anew(story, "bob 1", epoch=1))), "FIELDS"),
        "two votes of four": (CERTIFICATE.encode(certify(good, (0, 3))), "VOTES"),
        "five votes of four": (data[:votes_at] + b"\5" + b"".join(bytes([index]) + vote for index in range(5)), "VOTES"),
        "without the owner's signature": (CERTIFICATE.encode(certify(unsigned)), "OWNER"),
        "an owner's key of order 8": (CERTIFICATE.encode(certify(small_order)), "OWNER"),
        "another range proof under the same votes": (CERTIFICATE.encode(Certificate(other_proof, certify(other).votes)), "OWNER"),
        "validator 4 of validators 0 to 3": (data[:votes_at] + b"\3" + first + second + b"\4" + vote, "INDEX"),
        "a bit of a vote": (with_vote(good, 1, Signature(bytes([vote[0] ^ 1]) + vote[1:])), "VOTE"),
        "three good votes and a bad one": (with_vote(good, 3, Signature(bytes(64)), (0, 1, 2, 3)), "VOTE"),
        "the vote of another validator": (with_vote(good, 1, vote_of(2, good).signature), "VOTE"),
        "a vote for another transition": (with_vote(good, 1, vote_of(1, other).signature), "VOTE"),
        "a vote under the owner's tag": (with_vote(good, 1, vote_key.sign(domains.SIG_OWNER, statement)), "VOTE"),
        "a vote with S + l": (with_vote(good, 1, Signature(plus_order)), "VOTE"),
    }


def build() -> dict[str, Any]:
    table = transitions()
    votes, certificates = [], []
    for name, transition in table.items():
        for index in range(4):
            vote = VOTE.encode(vote_of(index, transition)).hex()
            votes.append({"name": f"validator {index} for {name}", "input": {"transition": name, "validator": index}, "expected": {"vote": vote}})
        for signers in SIGNERS:
            certificate = certify(transition, signers)
            expected = {"certificate": CERTIFICATE.encode(certificate).hex(), "cert_id": identify(transition).cert_id.hex()}
            certificates.append({"name": f"{name}, signers {signers}", "input": {"transition": name, "signers": list(signers)}, "expected": expected})
    refused = [{"name": name, "input": {"certificate": data.hex()}, "expected": {"reason": reason}} for name, (data, reason) in refused_certificates().items()]
    return {
        "description": [
            "votes and certificates: made of a transition of the table `transitions` with the seeds of the validators, which stand in committee order.",
            "cert_id is the same whoever signed. refused: bytes that are no valid certificate of this network, and the first check that fails.",
        ],
        "source": "tests/vectors/make_certificates.py with mesh_core; recomputed by tests/vectors/second_opinion.py",
        "genesis": genesis_hex(),
        "validator_seeds": [seed.hex() for seed in validator_seeds()],
        "transitions": {name: transition_hex(transition) for name, transition in table.items()},
        "votes": votes,
        "certificates": certificates,
        "refused": refused,
    }
