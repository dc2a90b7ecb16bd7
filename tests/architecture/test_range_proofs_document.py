"""Values to compare with in docs/range-proofs.md are those of the code and of the vectors."""

import json
import re
from hashlib import sha3_256
from pathlib import Path

from mesh_core.crypto.generators import blinding_generator, vector_generators
from mesh_core.crypto.range_proof.prover import FOLDING_ROUNDS
from mesh_core.crypto.range_proof.statement import MAX_BITS, MAX_COMMITMENTS, PADDED_COUNTS, proof_size
from mesh_core.crypto.range_proof.verifier import BATCH_CHUNK
from mesh_core.crypto.transcript import Transcript

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "range-proofs.md").read_text(encoding="utf-8")
VECTORS = json.loads((ROOT / "tests" / "vectors" / "range-proofs.json").read_text(encoding="utf-8"))


def test_generators_are_those_of_the_code() -> None:
    shown = dict(re.findall(r"^\| (.+) \| `([0-9a-f]{64})` \|$", DOCUMENT, flags=re.MULTILINE))
    vectors = dict(zip("GH", vector_generators(MAX_BITS, MAX_COMMITMENTS), strict=True))
    encoded = {letter: [point.encode() for point in points] for letter, points in vectors.items()}
    assert shown == {
        "`G_0`": encoded["G"][0].hex(),
        "`G_64` (party 1)": encoded["G"][64].hex(),
        "`H_0`": encoded["H"][0].hex(),
        "all `G_i`": sha3_256(b"".join(encoded["G"])).hexdigest(),
        "all `H_i`": sha3_256(b"".join(encoded["H"])).hexdigest(),
    }
    assert blinding_generator().encode().hex() in DOCUMENT


def test_the_first_challenge_is_merlins() -> None:
    transcript = Transcript(b"test protocol")
    transcript.append(b"some label", b"some data")
    assert f"gives `{transcript.challenge_bytes(b'challenge', 32).hex()}`" in DOCUMENT


def test_numbers_are_those_of_the_code_and_of_the_vectors() -> None:
    sizes = "{}, {} or {} for m = 2, 4, 8".format(*(proof_size(MAX_BITS, count) for count in PADDED_COUNTS))
    good = len(VECTORS["valid"]) + len(VECTORS["valid_small_bits"])
    for text in (sizes, f"Up to {BATCH_CHUNK} proofs", f"All {good} valid proofs", f"all {len(VECTORS['invalid'])} invalid ones"):
        assert text in DOCUMENT, text
    assert FOLDING_ROUNDS == (3, 5)  # "after the third and the fifth round only"
