"""The cases of range-proofs.json and commitments.json as the tests use them (provenance: README.md)."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.range_proof import RangeStatement, RangeWitness
from mesh_core.types.basic import Commitment
from tests.vectors.key_vectors import with_numbers

HERE = Path(__file__).parent
Case = dict[str, Any]

RANGE_PROOFS: dict[str, Any] = json.loads((HERE / "range-proofs.json").read_text(encoding="utf-8"))
COMMITMENTS: list[Case] = json.loads((HERE / "commitments.json").read_text(encoding="utf-8"), object_hook=with_numbers)["cases"]
VALID: list[Case] = RANGE_PROOFS["valid_small_bits"] + RANGE_PROOFS["valid"]
INVALID: list[Case] = RANGE_PROOFS["invalid"]


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


def scalar(text: str) -> int:
    return int.from_bytes(hexed(text), "little")


def statement_of(case: Case) -> RangeStatement:
    return RangeStatement(tuple(Commitment(hexed(commitment)) for commitment in case["commitments"]), hexed(case["context"]), case["bits"])


def witness_of(case: Case) -> RangeWitness:
    return RangeWitness(tuple(Opening(int(value), scalar(blinding)) for value, blinding in zip(case["values"], case["blindings"], strict=True)))


def proof_of(case: Case) -> bytes:
    return hexed(case["proof"])


def traced_entropy(rng_seed: str) -> Callable[[int], bytes]:
    """The outer randomness that the vectors were made with: one SHAKE256 stream for each proof."""
    stream = hashlib.shake_256(b"MESH/v1/test-rng" + rng_seed.encode()).digest(2048)
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        assert position <= len(stream)
        return stream[position - size : position]

    return read
