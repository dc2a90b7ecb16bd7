"""Makes a new file of range-proof vectors from this project's prover, for other implementations to be checked with. One seed, one file.

Values, blinding factors and nonces follow from the seed and are public: these proofs hide nothing.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from mesh_core.crypto import domains
from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.pedersen import Opening, add_commitments, commit, commit_public
from mesh_core.crypto.range_proof import RangeProof, RangeProofError, RangeStatement, RangeWitness, prove, verify
from mesh_core.crypto.range_proof.fiat_shamir import ProofTranscript
from mesh_core.crypto.ristretto import GROUP_ORDER, Point, encode_scalar, reduce_wide
from mesh_core.crypto.transcript import Transcript
from mesh_core.types.basic import Commitment
from testnet.conformance import CONTEXT_LABEL, MAX_BITS, MAX_PARTIES, traced_entropy

Case = dict[str, Any]

EDGE_VALUES: Final = (0, 1, 2**64 - 1, 2**63)
SMALL_CASES: Final = ((2, 1), (8, 1), (8, 2), (32, 2))
COUNTS: Final = (1, 2, 4, 8)
TRANSCRIPT_LENGTHS: Final = (0, 1, 31, 32, 165, 166, 167, 200, 331, 332, 333, 500)
ELEMENT_BYTES: Final = 32
FIXED_ELEMENTS: Final = ("d1", "A", "A1", "B", "r1", "s1")
BAD_POINTS: Final = {
    "identity": bytes(32),
    "p (non-canonical zero)": ((2**255 - 19).to_bytes(32, "little")),
    "one (negative)": (1).to_bytes(32, "little"),
    "all ff": b"\xff" * 32,
}


class _Draw:
    """Reproducible bytes by label."""

    def __init__(self, seed: int) -> None:
        self._prefix = f"MESH conformance vectors/{seed}/"

    def bytes_for(self, label: str, size: int = 32) -> bytes:
        return hashlib.shake_256((self._prefix + label).encode()).digest(size)

    def scalar(self, label: str) -> int:
        return reduce_wide(self.bytes_for(label, 64))

    def value(self, label: str, bits: int) -> int:
        return int.from_bytes(self.bytes_for(label, 8), "big") >> (64 - bits)


def make_vectors(seed: int) -> Case:
    """The document of one seed, as JSON."""
    draw = _Draw(seed)
    valid = [_make_valid(draw, *plan) for plan in _plan_valid(draw)]
    small = [
        _make_valid(draw, f"bits{bits} m{count}", bits, tuple(draw.value(f"small {bits} {count} {j}", bits) for j in range(count)))
        for bits, count in SMALL_CASES
    ]
    invalid = [case for count in COUNTS for case in _spoil(draw, next(case for case in valid if case["m"] == count and case["name"].endswith("random")))]
    return {
        "meta": {
            "made_with": "MESH mesh-testnet vectors --make",
            "seed": seed,
            "transcript_label": domains.RANGE_PROOF_TRANSCRIPT.hex(),
            "context_label": CONTEXT_LABEL.hex(),
            "h_domain": domains.PEDERSEN_H.hex(),
            "h_rule": "from_uniform_bytes(SHA3-512(h_domain))",
            "test_rng": "outer randomness of a proof = SHAKE256('MESH/v1/test-rng' || rng_seed utf-8), of which each TranscriptRng finalize reads 32 bytes",
        },
        "generators": _generators(),
        "merlin": {"transcripts": [_lengths_transcript(draw)]},
        "valid": valid,
        "valid_small_bits": small,
        "invalid": invalid,
        "batches": _batches(valid, invalid),
    }


# --- Valid -----------------------------------------------------------------------------------------------------------------------------------------


def _plan_valid(draw: _Draw) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    for count in COUNTS:
        yield f"m{count} random", MAX_BITS, tuple(draw.value(f"random {count} {j}", MAX_BITS) for j in range(count))
        yield f"m{count} edges", MAX_BITS, tuple(EDGE_VALUES[j % len(EDGE_VALUES)] for j in range(count))
    for value in EDGE_VALUES:
        yield f"m1 value {value}", MAX_BITS, (value,)
    yield "m4 padded with identities", MAX_BITS, (draw.value("padded", MAX_BITS), 5, 0, 0)


def _make_valid(draw: _Draw, name: str, bits: int, values: tuple[int, ...]) -> Case:
    padding = 2 if name.endswith("identities") else 0
    blindings = [0 if j >= len(values) - padding else draw.scalar(f"blinding {name} {j}") for j in range(len(values))]
    openings = tuple(Opening(value, blinding) for value, blinding in zip(values, blindings, strict=True))
    statement = RangeStatement(tuple(commit(opening) for opening in openings), draw.bytes_for(f"context {name}"), bits)
    rng_seed = f"{draw.bytes_for(f'rng {name}', 8).hex()}"
    witness = RangeWitness(openings)
    proof = prove(statement, witness, traced_entropy(rng_seed))
    return {
        "name": name,
        "bits": bits,
        "m": len(values),
        "values": [str(value) for value in values],
        "blindings": [encode_scalar(blinding).hex() for blinding in blindings],
        "commitments": [commitment.hex() for commitment in statement.commitments],
        "context": statement.context.hex(),
        "rng_seed": rng_seed,
        "proof": proof.hex(),
        "trace": _trace(statement, witness, proof, rng_seed),
    }


def _trace(statement: RangeStatement, witness: RangeWitness, proof: bytes, rng_seed: str) -> Case:
    """Every nonce and challenge of a proof, read off its transcript as the prover's generator of nonces sees it."""
    entropy, parsed = traced_entropy(rng_seed), RangeProof.parse(statement, proof)
    secret = b"".join(opening.value.to_bytes(8, "little") + encode_scalar(opening.blinding) for opening in witness.openings)
    transcript = ProofTranscript(statement)
    trace: Case = {"alpha": _hex(transcript.fork_rng(secret, entropy).scalar())}
    transcript.append_bits(parsed.A)
    nonces = transcript.fork_rng(secret, entropy)
    trace["y"], trace["z"] = (_hex(challenge) for challenge in transcript.challenge_bits())
    trace["dL"], trace["dR"], trace["e_rounds"] = [], [], []
    for L, R in zip(parsed.L, parsed.R, strict=True):
        trace["dL"].append(_hex(nonces.scalar()))
        trace["dR"].append(_hex(nonces.scalar()))
        transcript.append_round(L, R)
        nonces = transcript.fork_rng(secret, entropy)
        trace["e_rounds"].append(_hex(transcript.challenge_e()))
    for name in ("r", "s", "d", "eta"):
        trace[name] = _hex(nonces.scalar())
    transcript.append_last(parsed.A1, parsed.B)
    trace["e_final"] = _hex(transcript.challenge_e())
    return trace


def _hex(scalar: int) -> str:
    return encode_scalar(scalar).hex()


# --- Invalid ---------------------------------------------------------------------------------------------------------------------------------------


def _spoil(draw: _Draw, case: Case) -> Iterator[Case]:
    """Ways to spoil one valid case. What this verifier does not refuse would be a defect of it: ValueError."""
    proof = bytes.fromhex(case["proof"])
    for name, spoilt in _spoil_proof(draw, proof):
        yield _refused(case, name, proof=spoilt)
    context = bytes.fromhex(case["context"])
    yield _refused(case, "context flipped", context=bytes((context[0] ^ 1,)) + context[1:])
    first, *others = (Commitment(bytes.fromhex(one)) for one in case["commitments"])
    yield _refused(case, "commitment 0 + value base", commitments=[add_commitments((first, commit_public(1))), *others])
    yield _refused(case, "commitment 0 identity", commitments=[Commitment(bytes(32)), *others])
    if others and others[0] != first:
        yield _refused(case, "commitments swapped", commitments=[others[0], first, *others[1:]])
    yield _refused(case, "checked as 32 bits", bits=32)


def _spoil_proof(draw: _Draw, proof: bytes) -> Iterator[tuple[str, bytes]]:
    rounds = (len(proof) - 1 - ELEMENT_BYTES * len(FIXED_ELEMENTS)) // (2 * ELEMENT_BYTES)
    names = [*FIXED_ELEMENTS, *(f"{side}{number}" for number in range(rounds) for side in "LR")]
    yield "extension degree byte 0", b"\0" + proof[1:]
    for position, name in enumerate(names):
        start = 1 + ELEMENT_BYTES * position
        bit = draw.bytes_for(f"bit of {name}", 1)[0] % 250
        element = bytearray(proof[start : start + ELEMENT_BYTES])
        element[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit} of {name} flipped", proof[:start] + bytes(element) + proof[start + ELEMENT_BYTES :]
    for name in ("d1", "r1", "s1"):
        start = 1 + ELEMENT_BYTES * names.index(name)
        number = int.from_bytes(proof[start : start + ELEMENT_BYTES], "little") + GROUP_ORDER
        yield f"{name} + l (non-canonical)", proof[:start] + number.to_bytes(ELEMENT_BYTES, "little") + proof[start + ELEMENT_BYTES :]
    for name in ("A", "A1", "B", "L0", f"R{rounds - 1}"):
        start = 1 + ELEMENT_BYTES * names.index(name)
        for what, encoding in BAD_POINTS.items():
            yield f"{name} = {what}", proof[:start] + encoding + proof[start + ELEMENT_BYTES :]
    for cut in (1, ELEMENT_BYTES, 2 * ELEMENT_BYTES, len(proof)):
        yield f"truncated by {cut}", proof[:-cut]
    for more in (1, ELEMENT_BYTES, 2 * ELEMENT_BYTES):
        yield f"extended by {more}", proof + bytes(more)


def _refused(case: Case, name: str, **changes: Any) -> Case:
    spoilt = {
        "bits": changes.get("bits", case["bits"]),
        "commitments": [one.hex() for one in changes["commitments"]] if "commitments" in changes else case["commitments"],
        "context": changes["context"].hex() if "context" in changes else case["context"],
        "proof": changes["proof"].hex() if "proof" in changes else case["proof"],
    }
    try:
        statement = RangeStatement(tuple(Commitment(bytes.fromhex(one)) for one in spoilt["commitments"]), bytes.fromhex(spoilt["context"]), spoilt["bits"])
        verify(statement, bytes.fromhex(spoilt["proof"]))
    except RangeProofError as refusal:
        return {"name": f"[{case['name']}] {name}", **spoilt, "reason": refusal.text}
    raise ValueError(f"{case['name']}, {name}: accepted")


# --- Other sections --------------------------------------------------------------------------------------------------------------------------------


def _batches(valid: list[Case], invalid: list[Case]) -> list[Case]:
    middle = len(invalid) // 2
    return [
        {"valid": list(range(len(valid))), "invalid": [], "ok": True},
        {"valid": [0, 1, 2], "invalid": [], "ok": True},
        {"valid": [0, 1, 2], "invalid": [middle], "ok": False},
        {"valid": [], "invalid": [0, len(invalid) - 1], "ok": False},
    ]


def _generators() -> Case:
    G, H = vector_generators(MAX_BITS, MAX_PARTIES)

    def digest(points: tuple[Point, ...]) -> str:
        return hashlib.sha3_256(b"".join(point.encode() for point in points)).hexdigest()

    section: Case = {
        "value_base_G": value_generator().encode().hex(),
        "blinding_base_H": blinding_generator().encode().hex(),
        "h_sha3_512": hashlib.sha3_512(domains.PEDERSEN_H).hexdigest(),
    }
    for letter, vector in (("Gi", G), ("Hi", H)):
        for party in (0, 1):
            section[f"{letter}_party{party}"] = [point.encode().hex() for point in vector[party * MAX_BITS : party * MAX_BITS + 8]]
        section[f"sha3_256_of_first_64_{letter}"] = digest(vector[:64])
        section[f"sha3_256_of_256_{letter}"] = digest(vector[:256])
        section[f"sha3_256_of_512_{letter}"] = digest(vector[:512])
    return section


def _lengths_transcript(draw: _Draw) -> Case:
    """Messages and challenges around the size of STROBE's block."""
    label = b"MESH conformance"
    transcript = Transcript(label)
    operations: list[list[Any]] = []
    for size in TRANSCRIPT_LENGTHS:
        message = draw.bytes_for(f"message {size}", size)
        transcript.append(b"m", message)
        operations.append(["append", b"m".hex(), message.hex()])
        operations.append(["challenge", b"c".hex(), size, transcript.challenge_bytes(b"c", size).hex()])
    return {"name": "lengths", "label": label.hex(), "ops": operations}
