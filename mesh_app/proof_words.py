"""An equivocation proof in words; proofs and attacks as JSON: the same wherever they are shown."""

import json
from dataclasses import asdict
from typing import Any

from mesh_app.format import short
from mesh_app.spans import validator_name
from mesh_app.state import State
from mesh_app.state.laboratory import AttackRun, ProofView


def convicted(state: State, proof: ProofView) -> str:
    """Who signed twice, as people call it."""
    if proof.validator is not None:
        return validator_name(proof.validator)
    account = next((run.account for run in state.laboratory.runs.values() if run.owner == proof.offender), None)
    return account or state.owner_name(proof.offender) or short(proof.offender)


def proof_json(proof: ProofView) -> str:
    """The proof taken apart, with its canonical bytes."""
    first, second = (asdict(statement) for statement in proof.statements)
    form: dict[str, Any] = {"proof_id": proof.id, "kind": proof.kind, "offender": proof.offender, "proof": proof.data, "statements": [first, second]}
    return json.dumps(form, indent=2)


def run_json(run: AttackRun) -> str:
    """An attack with everything that was sent and answered, and what came of it."""
    return json.dumps(asdict(run), indent=2)
