"""`mesh-testnet vectors`: whatever is wrong in a file is found and named, and what this prover writes it accepts again."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet.cli import main
from testnet.conformance import check_vectors, read_vectors
from testnet.vector_maker import make_vectors
from tests.vectors.range_proof_vectors import HERE, RANGE_PROOFS

Document = dict[str, Any]
SECTIONS = {"meta", "generators", "merlin", "valid", "valid_small_bits", "invalid", "batches"}


@pytest.fixture(scope="module")
def made() -> Document:
    return make_vectors(7)


def failures(document: Document) -> list[tuple[str, str]]:
    return [(outcome.section, outcome.name) for outcome in check_vectors(document) if outcome.failure]


def small(document: Document) -> Document:
    """A few cases of each section, so that a test costs little."""
    return copy.deepcopy(
        {
            **document,
            "valid": document["valid"][:1],
            "valid_small_bits": document["valid_small_bits"][:1],
            "invalid": document["invalid"][:3],
            "batches": [{"valid": [0], "invalid": [], "ok": True}, {"valid": [0], "invalid": [1], "ok": False}],
        }
    )


def test_vectors_of_the_other_implementation_pass() -> None:
    outcomes = list(check_vectors(small(RANGE_PROOFS)))
    assert [outcome for outcome in outcomes if outcome.failure] == []
    assert {outcome.section for outcome in outcomes} == SECTIONS


def test_made_vectors_pass_and_cover_every_section(made: Document) -> None:
    outcomes = list(check_vectors(small(made)))
    assert [outcome for outcome in outcomes if outcome.failure] == []
    assert {outcome.section for outcome in outcomes} == SECTIONS
    assert {case["m"] for case in made["valid"]} == {1, 2, 4, 8}
    assert {case["reason"] for case in made["invalid"]} > {"the verification equation does not hold"}


def test_made_vectors_depend_on_the_seed_alone(made: Document) -> None:
    assert make_vectors(7) == made
    assert make_vectors(8)["valid"][0]["proof"] != made["valid"][0]["proof"]


def test_trace_has_the_form_of_the_other_implementation(made: Document) -> None:
    ours, theirs = made["valid"][0]["trace"], RANGE_PROOFS["valid"][0]["trace"]
    # The other file also continues both sides' transcripts, which says nothing that the challenges do not.
    assert ours.keys() == {key for key in theirs if not key.startswith("transcript_after")}
    assert [len(ours[key]) for key in ("dL", "dR", "e_rounds")] == [len(theirs[key]) for key in ("dL", "dR", "e_rounds")]


@pytest.mark.parametrize(
    ("section", "spoil"),
    [
        ("meta", lambda document: document["meta"].update(transcript_label="00")),
        ("generators", lambda document: document["generators"].update(value_base_G="00" * 32)),
        ("generators", lambda document: document["generators"]["Gi_party1"].reverse()),
        ("generators", lambda document: document["generators"].update(sha3_256_of_512_Hi="00" * 32)),
        ("merlin", lambda document: document["merlin"]["transcripts"][0]["ops"][-1].__setitem__(-1, "00")),
        ("merlin", lambda document: document["merlin"]["transcripts"][0]["ops"].append(["dance"])),
        ("valid", lambda document: document["valid"][0].update(proof=document["valid_small_bits"][0]["proof"])),
        ("valid", lambda document: document["valid"][0].update(rng_seed="another")),
        ("valid", lambda document: document["valid"][0].pop("commitments")),
        ("valid", lambda document: document["valid"][0].update(context="zz")),
        ("valid", lambda document: document["valid"][0].update(bits=63)),
        ("valid_small_bits", lambda document: document["valid_small_bits"][0].update(values=["-1"])),
        ("invalid", lambda document: document["invalid"].append(dict(document["valid"][0], name="a good one"))),
        ("batches", lambda document: document["batches"][0].update(ok=False)),
        ("batches", lambda document: document["batches"][0].update(valid=[99])),
        ("invalid", lambda document: document.update(invalid=7)),
    ],
)
def test_wrong_case_is_named(made: Document, section: str, spoil: Any) -> None:
    document = small(made)
    spoil(document)
    assert section in {failed for failed, _ in failures(document)}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"other": 1}', "[" * 100_000])
def test_file_that_is_no_vectors_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vectors.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LocalFault) as caught:
        read_vectors(path)
    assert caught.value.code is ErrorCode.VECTORS_UNREADABLE


def test_command_counts_names_and_exits_accordingly(tmp_path: Path, made: Document, capsys: pytest.CaptureFixture[str]) -> None:
    document = small(made)
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["vectors", str(path)]) == 0
    passed = capsys.readouterr().out.split()[0]
    document["valid"][0]["rng_seed"] = "another"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["vectors", str(path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAILED valid: m1 random: ")
    assert out.endswith(f"{int(passed) - 1} passed, 1 failed\n")


def test_a_case_whose_name_a_terminal_would_obey(tmp_path: Path, made: Document, capsys: pytest.CaptureFixture[str]) -> None:
    document = {"valid": [{**made["valid"][0], "name": "\x1b[2J" + "a" * 1000, "rng_seed": "another"}]}
    (tmp_path / "vectors.json").write_text(json.dumps(document), encoding="utf-8")
    assert main(["vectors", str(tmp_path / "vectors.json")]) == 1
    out = capsys.readouterr().out
    assert "\\x1b[2Jaaa" in out
    assert len(out) < 500


def test_command_on_a_missing_file_fails_with_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", str(tmp_path / "none.json")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_command_makes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "made.json"
    assert main(["vectors", "--make", str(path), "--seed", "7"]) == 0
    assert json.loads(path.read_text(encoding="utf-8"))["meta"]["seed"] == 7
    assert "13 valid" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["vectors"], ["vectors", "a", "--make", "b"], ["bench"], ["bench", "cheese"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_file_in_the_project_is_the_format() -> None:
    assert read_vectors(HERE / "range-proofs.json") == RANGE_PROOFS
