"""Makes `evidence.json`: equivocation proofs of both kinds, reports, and proofs that do not hold.

`python -m tests.vectors.make_all` writes the files anew.
"""

from dataclasses import replace
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.equivocation import build_accountability_report, build_client_equivocation, build_validator_equivocation
from mesh_core.protocol.identifiers import compute_proof_id, identify
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.certificate import VOTE
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof, ValidatorEquivocation
from mesh_core.types.transition import Transition
from tests.vectors.story import certificate_hex, certify, genesis_hex, make_genesis, rival, seed_of, tell, transition_hex, vote_of
from tests.vectors.vector_file import json_of

NAME = "evidence.json"

REPORTS = {
    "signers 0 1 2 and 1 2 3": ((0, 1, 2), (1, 2, 3)),
    "signers 0 1 2 3 and 0 1 3": ((0, 1, 2, 3), (0, 1, 3)),
}


def client_proof(one: Transition, other: Transition) -> ClientEquivocation:
    rival_id = identify(other).transition_id
    return build_client_equivocation(identify(one).statement, one.owner_signature, rival_id, other.owner_signature)


def validator_proof(index: int, one: Transition, other: Transition) -> ValidatorEquivocation:
    vote = vote_of(index, other)
    return build_validator_equivocation(vote_of(index, one), vote.statement.transition_id, vote.signature)


def signed(key: SigningKey, tag: bytes, proof: EquivocationProof, **changes: Any) -> bytes:
    """A proof with other fields, its two statements signed by this key under this tag: false in nothing but what was changed."""
    changed = replace(proof, **changes)
    sender = changed.owner if isinstance(changed, ClientEquivocation) else changed.sender
    head = changed.network_id + changed.epoch.to_bytes(8, "big") + sender + changed.sequence.to_bytes(8, "big")
    first, second = (key.sign(tag, head + transition_id) for transition_id in (changed.id_a, changed.id_b))
    return EQUIVOCATION_PROOF.encode(replace(changed, signature_a=first, signature_b=second))


def refused_proofs(client: ClientEquivocation, validator: ValidatorEquivocation) -> dict[str, tuple[bytes, str]]:
    alice, key = tell().people["Alice"].keys.signing_key, SigningKey(seed_of("validator A"))
    outsider, eve = SigningKey(seed_of("validator E")), tell().people["Eve"].keys.signing_key
    validator = replace(validator, validator=key.public_key)
    other_network = Hash32(client.network_id[:-1] + bytes([client.network_id[-1] ^ 1]))
    data = EQUIVOCATION_PROOF.encode(client)
    return {
        "kind 3": (b"\3" + data[1:], "ENCODING"),
        "last byte missing": (data[:-1], "ENCODING"),
        "one byte too many": (data + b"\0", "ENCODING"),
        "another network": (signed(alice, domains.SIG_OWNER, client, network_id=other_network), "NETWORK"),
        "epoch 1": (signed(alice, domains.SIG_OWNER, client, epoch=1), "EPOCH"),
        "one transition twice": (signed(alice, domains.SIG_OWNER, client, id_b=client.id_a), "ORDER"),
        "ids descending": (signed(alice, domains.SIG_OWNER, client, id_a=client.id_b, id_b=client.id_a), "ORDER"),
        "a validator that is not in the committee": (signed(outsider, domains.SIG_VOTE, validator, validator=outsider.public_key), "COMMITTEE"),
        "another sequence": (EQUIVOCATION_PROOF.encode(replace(client, sequence=client.sequence + 1)), "SIGNATURE"),
        "another owner": (EQUIVOCATION_PROOF.encode(replace(client, owner=PublicKey(eve.public_key))), "SIGNATURE"),
        "a bit of the second signature": (EQUIVOCATION_PROOF.encode(replace(client, signature_b=flipped(client.signature_b))), "SIGNATURE"),
        "an owner's signatures under the tag of votes": (signed(alice, domains.SIG_VOTE, client), "SIGNATURE"),
        "votes under the tag of owners": (signed(key, domains.SIG_OWNER, validator), "SIGNATURE"),
    }


def flipped(signature: Signature) -> Signature:
    return Signature(signature[:-33] + bytes([signature[-33] ^ 1]) + signature[-32:])


def build() -> dict[str, Any]:
    one, other = tell().steps["alice 0"].transition, rival()
    client = client_proof(one, other)
    proofs: list[dict[str, Any]] = []
    for name, pair in (("an owner", (one, other)), ("an owner, found the other way round", (other, one))):
        proof = client_proof(*pair)
        expected = {"proof": EQUIVOCATION_PROOF.encode(proof).hex(), "proof_id": compute_proof_id(proof).hex(), "offender": proof.owner.hex()}
        proofs.append({"name": name, "input": {"transitions": [transition_hex(transition) for transition in pair]}, "expected": expected})
    for index in range(2):
        vote_proof = validator_proof(index, one, other)
        votes = [VOTE.encode(vote_of(index, transition)).hex() for transition in (one, other)]
        expected = {
            "proof": EQUIVOCATION_PROOF.encode(vote_proof).hex(),
            "proof_id": compute_proof_id(vote_proof).hex(),
            "offender": vote_proof.validator.hex(),
        }
        proofs.append({"name": f"validator {index}", "input": {"votes": votes}, "expected": expected})
    reports = []
    for name, (signers, other_signers) in REPORTS.items():
        pair_of = certify(one, signers), certify(other, other_signers)
        report = build_accountability_report(identify(one).statement, pair_of[0], identify(other).statement, pair_of[1], make_genesis())
        expected_report = {"report": ACCOUNTABILITY_REPORT.encode(report).hex(), "guilty": json_of([proof.validator for proof in report.proofs])}
        reports.append({"name": name, "input": {"certificates": [certificate_hex(one) for one in pair_of]}, "expected": expected_report})
    refused = refused_proofs(client, validator_proof(0, one, other))
    return {
        "description": [
            "proofs: two signatures of one owner, from two signed transitions of one slot, or of one validator, from two votes.",
            "reports: one proof for each validator that signed both of two certificates. refused: proofs that do not hold, and the first check that fails.",
        ],
        "source": "tests/vectors/make_evidence.py with mesh_core; recomputed by tests/vectors/second_opinion.py",
        "genesis": genesis_hex(),
        "proofs": proofs,
        "reports": reports,
        "refused": [{"name": name, "input": {"proof": data.hex()}, "expected": {"reason": reason}} for name, (data, reason) in refused.items()],
    }
