"""Makes `commitments.json` with the schoolbook group.

`python -m tests.vectors.make_commitments` writes the file anew; a test asserts that this changes nothing.
"""

import json
from pathlib import Path

from tests import schoolbook_verifier as schoolbook

PATH = Path(__file__).with_name("commitments.json")
HASH_INPUT = "MESH/v1/pedersen/H"
INPUTS = (
    ("nothing", 0, 0),
    ("a public amount", 10_000, 0),
    ("only a blinding factor", 0, 1),
    ("an ordinary payment", 500, int.from_bytes(schoolbook.sha3_512(b"an ordinary payment"), "little") % schoolbook.ORDER),
    ("the largest value and blinding factor", 2**64 - 1, schoolbook.ORDER - 1),
)


def case(name: str, value: int, blinding: int) -> dict[str, object]:
    commitment = schoolbook.commit(value, blinding).hex()
    shown = value if value <= 2**53 else str(value)
    return {"name": name, "input": {"value": shown, "blinding": blinding.to_bytes(32, "little").hex()}, "expected": commitment}


def render() -> str:
    vectors = {
        "description": [
            "commitment = value*value_generator + blinding*blinding_generator; blinding: 32 bytes, little-endian; a value above 2^53 is a string of digits",
            "value_generator: the base point of ristretto255. blinding_generator: the one-way map (RFC 9496) of SHA3-512 of the ASCII text `hash_input`",
        ],
        "source": "tests/vectors/make_commitments.py, with the arithmetic of tests/schoolbook_verifier.py",
        "generators": {
            "value_generator": schoolbook.BASEPOINT_ENCODING.hex(),
            "hash_input": HASH_INPUT,
            "blinding_generator": schoolbook.encode(schoolbook.from_uniform_bytes(schoolbook.sha3_512(HASH_INPUT.encode()))).hex(),
        },
        "cases": [case(*inputs) for inputs in INPUTS],
    }
    return json.dumps(vectors, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
