"""Makes `transitions.json`: SENDs and RECEIVEs from what a wallet knows to the signed bytes, with all hashes on the way.

`python -m tests.vectors.make_all` writes the files anew.
"""

from typing import Any

from mesh_core.protocol.identifiers import compute_proof_hash, identify
from mesh_core.protocol.validation import build_range_statement
from mesh_core.types.transition import STATEMENT, TRANSITION_CORE, Kind
from tests.vectors.story import Step, account_hex, certificate_hex, genesis_hex, tell, transition_hex
from tests.vectors.vector_file import json_of

NAME = "transitions.json"

CASES = {
    "SEND with 1 output": "alice 0",
    "SEND with 2 outputs, padded to 4 commitments": "bob 2",
    "SEND with 3 outputs, memos of all three sizes": "faucet 2",
    "SEND with 4 outputs, padded to 8 commitments": "alice 1",
    "SEND with 7 outputs": "faucet 0",
    "RECEIVE of 1 output": "bob 1",
    "RECEIVE of 16 outputs, the first transition of an account": "bob 0",
}


def expected(step: Step) -> dict[str, Any]:
    candidate, core = identify(step.transition), step.draft.core
    range_commitments = build_range_statement(candidate).commitments if core.kind is Kind.SEND else ()
    return {
        "transition": transition_hex(step.transition),
        "core": json_of(core),
        "core_bytes": TRANSITION_CORE.encode(core).hex(),
        "core_hash": candidate.core_hash.hex(),
        "proof_hash": compute_proof_hash(step.transition.range_proof).hex(),
        "transition_id": candidate.transition_id.hex(),
        "statement": STATEMENT.encode(candidate.statement).hex(),
        "owner_signature": step.transition.owner_signature.hex(),
        "cert_id": candidate.cert_id.hex(),
        "range_commitments": json_of(range_commitments),
        "output_openings": json_of(step.draft.output_openings),
        "new_opening": json_of(step.draft.new_opening),
        "sizes": {"transition": len(transition_hex(step.transition)) // 2, "certificate_with_3_votes": len(certificate_hex(step.certificate)) // 2},
    }


def build() -> dict[str, Any]:
    story = tell()
    cases = []
    for name, step_name in CASES.items():
        step = story.steps[step_name]
        known = {"seed": step.sender.seed.hex(), "account": account_hex(step.account), "opening": json_of(step.opening)}
        cases.append({"name": name, "input": known | step.request, "expected": expected(step)})
    return {
        "description": [
            "Building and signing transitions: what the wallet of `seed` makes of its account, the opening of its balance, and payments or claimed outputs.",
            "The randomness of a SEND is one SHAKE256 stream of 'MESH/v1/test-rng' || rng_seed: 32 bytes an output, the rest for the range proof.",
        ],
        "source": "tests/vectors/make_transitions.py with mesh_core; recomputed by tests/vectors/second_opinion.py (range proofs: verified)",
        "genesis": genesis_hex(),
        "recipients": {name: person.seed.hex() for name, person in story.people.items()},
        "transitions": cases,
    }
