"""Checks a file of range-proof vectors against this implementation: any implementation of the format can be compared with ours (docs/range-proofs.md).

The format is the one of tests/vectors/range-proofs.json, described in tests/vectors/README.md. Sections that a file does not have are not checked; a case
that cannot be read has failed, and is named.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mesh_core.crypto import domains
from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.range_proof import RangeProofError, RangeStatement, RangeWitness, prove, verify, verify_batch
from mesh_core.crypto.ristretto import Point, decode_scalar
from mesh_core.crypto.transcript import Transcript, TranscriptRng
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.network.plain_file import read_plain_file
from mesh_core.types.basic import Commitment

FILE_LIMIT_BYTES: Final = 256 * 1024 * 1024
MAX_PARTIES: Final = 8
MAX_BITS: Final = 64
TEST_RNG_LABEL: Final = b"MESH/v1/test-rng"
TEST_RNG_BYTES: Final = 4096
CONTEXT_LABEL: Final = b"context"

Case = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case. `failure` is empty when it passed."""

    section: str
    name: str
    failure: str = ""


class Mismatch(Exception):
    """A case that does not come out as the file says; the text says how."""


def read_vectors(path: Path) -> Case:
    """The file's document. LocalFault (VECTORS_UNREADABLE)."""
    try:
        document = json.loads(read_plain_file(path, FILE_LIMIT_BYTES))
    except OSError as error:
        raise LocalFault(ErrorCode.VECTORS_UNREADABLE, f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise LocalFault(ErrorCode.VECTORS_UNREADABLE, f"{path} is not JSON: {error}") from error
    sections = ("generators", "merlin", "valid", "valid_small_bits", "invalid", "batches")
    if not isinstance(document, dict) or not any(section in document for section in sections):
        raise LocalFault(ErrorCode.VECTORS_UNREADABLE, f"{path} has none of the sections {', '.join(sections)}")
    return document


def check_vectors(document: Case) -> Iterator[Outcome]:
    """Check every case of a document, in the document's order of sections."""
    if "meta" in document:
        yield _outcome("meta", "labels", lambda: _check_meta(document["meta"]))
    yield from _each(document, "generators", _check_generator, named=True)
    merlin = document.get("merlin", {})
    yield from _each(merlin if isinstance(merlin, dict) else {}, "transcripts", lambda case: _play(case), section="merlin")
    for section in ("valid", "valid_small_bits"):
        yield from _each(document, section, _check_valid)
    yield from _each(document, "invalid", _check_invalid)
    yield from _each(document, "batches", lambda batch: _check_batch(document, batch))


def _each(document: Case, key: str, check: Callable[[Any], None], *, named: bool = False, section: str = "") -> Iterator[Outcome]:
    cases = document.get(key)
    if cases is None:
        return
    section = section or key
    if named:
        if not isinstance(cases, dict):
            yield Outcome(section, key, "must be an object")
            return
        for name, value in cases.items():
            yield _outcome(section, name, lambda pair=(name, value): check(pair))  # type: ignore[misc]
        return
    if not isinstance(cases, list):
        yield Outcome(section, key, "must be a list")
        return
    for number, case in enumerate(cases):
        name = case.get("name", f"#{number}") if isinstance(case, dict) else f"#{number}"
        yield _outcome(section, str(name), lambda case=case: check(case))  # type: ignore[misc]


def _outcome(section: str, name: str, check: Callable[[], None]) -> Outcome:
    try:
        check()
    except Mismatch as error:
        return Outcome(section, name, str(error))
    except MeshError as error:
        return Outcome(section, name, error.text)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        return Outcome(section, name, f"cannot be read: {error!r}")
    return Outcome(section, name)


def _expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Mismatch(f"{what} is {found}, the file says {expected}")


# --- Sections --------------------------------------------------------------------------------------------------------------------------------------


def _check_meta(meta: Case) -> None:
    _expect("transcript label", domains.RANGE_PROOF_TRANSCRIPT.hex(), meta.get("transcript_label", domains.RANGE_PROOF_TRANSCRIPT.hex()))
    _expect("context label", CONTEXT_LABEL.hex(), meta.get("context_label", CONTEXT_LABEL.hex()))
    _expect("domain of the blinding base", domains.PEDERSEN_H.hex(), meta.get("h_domain", domains.PEDERSEN_H.hex()))


def _check_generator(pair: tuple[str, Any]) -> None:
    name, expected = pair
    G, H = vector_generators(MAX_BITS, MAX_PARTIES)
    match name.split("_"):
        case [("Gi" | "Hi") as letter, party]:
            start = int(party.removeprefix("party")) * MAX_BITS
            vector = G if letter == "Gi" else H
            _expect(name, [point.encode().hex() for point in vector[start : start + len(expected)]], expected)
        case ["sha3", "256", "of", *first, ("Gi" | "Hi") as letter]:
            vector = G if letter == "Gi" else H
            _expect(name, _digest_of(vector[: int(first[-1])]), expected)
        case ["value", "base", _]:
            _expect(name, value_generator().encode().hex(), expected)
        case ["blinding", "base", _]:
            _expect(name, blinding_generator().encode().hex(), expected)
        case ["h", "sha3", "512"]:
            _expect(name, hashlib.sha3_512(domains.PEDERSEN_H).hexdigest(), expected)
        case _:
            # Bases of other users of the format, which MESH does not have.
            return


def _digest_of(points: tuple[Point, ...]) -> str:
    return hashlib.sha3_256(b"".join(point.encode() for point in points)).hexdigest()


def _play(case: Case) -> None:
    """Run the operations of one transcript and compare everything that comes out."""
    transcript = Transcript(bytes.fromhex(case["label"]))
    rng: TranscriptRng | None = None
    witness = (b"", b"")
    for number, (operation, *arguments) in enumerate(case["ops"]):
        match operation:
            case "append":
                transcript.append(bytes.fromhex(arguments[0]), bytes.fromhex(arguments[1]))
            case "append_repeat":
                transcript.append(bytes.fromhex(arguments[0]), bytes.fromhex(arguments[1]) * int(arguments[2]))
            case "append_u64":
                transcript.append_u64(bytes.fromhex(arguments[0]), int(arguments[1]))
            case "challenge" | "challenge_of_unforked_transcript":
                _expect(f"operation {number}", transcript.challenge_bytes(bytes.fromhex(arguments[0]), int(arguments[1])).hex(), arguments[2])
            case "build_rng":
                rng = None
            case "rekey":
                witness = (bytes.fromhex(arguments[0]), bytes.fromhex(arguments[1]))
            case "finalize":
                outer = bytes.fromhex(arguments[0])
                rng = transcript.fork_rng(*witness, lambda size, outer=outer: outer[:size])  # type: ignore[misc]
            case "fill":
                _expect(f"operation {number}", None if rng is None else rng.fill(int(arguments[0])).hex(), arguments[1])
            case _:
                raise Mismatch(f"operation {number}, {operation!r}, is unknown")


def _check_valid(case: Case) -> None:
    """Accepted; and made again, byte for byte, where the file says from what."""
    statement, proof = _statement_of(case), bytes.fromhex(case["proof"])
    verify(statement, proof)
    if {"values", "blindings", "rng_seed"} <= case.keys():
        openings = tuple(Opening(int(value), decode_scalar(bytes.fromhex(blinding))) for value, blinding in zip(case["values"], case["blindings"], strict=True))
        again = prove(statement, RangeWitness(openings), traced_entropy(case["rng_seed"]))
        if again != proof:
            raise Mismatch("the prover makes another proof from the same nonces")


def _check_invalid(case: Case) -> None:
    try:
        verify(_statement_of(case), bytes.fromhex(case["proof"]))
    except RangeProofError:
        return
    raise Mismatch("accepted, and the file says invalid")


def _check_batch(document: Case, batch: Case) -> None:
    """Refused exactly when the file says so, and then exactly the invalid ones are named."""
    cases = [document["valid"][index] for index in batch["valid"]] + [document["invalid"][index] for index in batch["invalid"]]
    bad = verify_batch([(_statement_of(case), bytes.fromhex(case["proof"])) for case in cases])
    _expect("verdict", not bad, batch["ok"])
    _expect("bad proofs", list(bad), list(range(len(batch["valid"]), len(cases))))


def _statement_of(case: Case) -> RangeStatement:
    return RangeStatement(tuple(Commitment(bytes.fromhex(one)) for one in case["commitments"]), bytes.fromhex(case["context"]), int(case["bits"]))


def traced_entropy(rng_seed: str) -> Callable[[int], bytes]:
    """The outer randomness of a proof in the vectors: one SHAKE256 stream, read from its beginning."""
    stream = hashlib.shake_256(TEST_RNG_LABEL + rng_seed.encode()).digest(TEST_RNG_BYTES)
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        return stream[position - size : position]

    return read
