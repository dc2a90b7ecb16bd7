"""Makes `commitments.json` with the schoolbook group.

`python -m tests.vectors.make_commitments` writes the file anew; a test asserts that this changes nothing.
"""

import json
from pathlib import Path

from tests import schoolbook_verifier as schoolbook

PATH = Path(__file__).with_name("commitments.json")
INPUTS = (
    ("nothing", 0, 0),
    ("a public amount", 10_000, 0),
    ("only a blinding factor", 0, 1),
    ("an ordinary payment", 500, int.from_bytes(schoolbook.sha3_512(b"an ordinary payment"), "little") % schoolbook.ORDER),
    ("the largest value and blinding factor", 2**64 - 1, schoolbook.ORDER - 1),
)


def case(name: str, value: int, blinding: int) -> dict[str, object]:
    commitment = schoolbook.commit(value, blinding).hex()
    return {"name": name, "input": {"value": value, "blinding": blinding.to_bytes(32, "little").hex()}, "expected": commitment}


def render() -> str:
    vectors = {
        "description": ["commitment = value*value_generator + blinding*blinding_generator; blinding: 32 bytes, little-endian"],
        "source": "tests/vectors/make_commitments.py, with the arithmetic of tests/schoolbook_verifier.py",
        "cases": [case(*inputs) for inputs in INPUTS],
    }
    return json.dumps(vectors, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
