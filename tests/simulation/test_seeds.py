"""The simulator on the product: seeds are good, do what they should, and do it again; a defence that is switched off shows."""

import json
import os
from pathlib import Path

import pytest

from testnet.cli import main
from testnet.simulation.mutations.registry import MUTATIONS
from testnet.simulation.pool import run_again, run_seeds
from testnet.simulation.seed_run import Options, SeedResult, run_seed

SEEDS = range(1000, 1006)
FOUND = {
    "duplicate-signers": (0, "INV-3"),
    "keep-claimed-output": (0, "INV-1"),
    "no-core-hash-in-proof": (3, "INV-14"),
    "no-context-in-transcript": (3, "INV-14"),
    "send-before-fsync": (0, "INV-5"),
    "skip-rule-8": (3, "INV-14"),
    "skip-vote-persistence": (0, "INV-5"),
    "votes-in-cert-id": (0, "INV-9"),
}
"""A seed that finds each defence switched off, and by which property."""


def test_without_faults_payments_settle_and_the_trace_says_so(tmp_path: Path) -> None:
    result = run_seed(Options(1, calm=True), tmp_path / "trace.jsonl")
    assert result.violations == ()
    assert result.payments_count >= 6
    lines = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    assert lines[0]["options"]["seed"] == 1
    assert [line["n"] for line in lines[1:]] == list(range(1, result.events_count + 1))
    assert sum(line["e"] == "paid" for line in lines[1:]) >= 6


@pytest.fixture(scope="module")
def results() -> dict[int, SeedResult]:
    """The seeds, each run once, in processes of their own."""
    return {result.options.seed: result for result in run_seeds([Options(seed) for seed in SEEDS])}


@pytest.mark.slow
def test_seeds_hold_and_do_enough(results: dict[int, SeedResult]) -> None:
    assert [result.violations for result in results.values()] == [()] * len(SEEDS)
    assert min(result.events_count for result in results.values()) >= 2_000
    assert min(result.payments_count for result in results.values()) >= 20
    kinds = {kind for result in results.values() for kind in result.faults}
    assert len(kinds) > 15


@pytest.mark.slow
def test_a_seed_does_the_same_in_another_interpreter_with_another_hash_seed(results: dict[int, SeedResult]) -> None:
    assert run_again(Options(1001)) == results[1001].digest, "without what is remembered, too"
    assert len({result.digest for result in results.values()}) == len(SEEDS)


def test_a_run_leaves_nothing_behind_that_the_next_one_in_its_process_sees() -> None:
    first, second, other = (run_seed(Options(seed, calm=True)).digest for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.slow
def test_real_range_proofs() -> None:
    result = run_seed(Options(3, real_proofs=True, calm=True))
    assert result.violations == ()
    assert result.payments_count >= 6


@pytest.mark.slow
def test_with_too_many_faulty_validators_the_guilty_are_named() -> None:
    results = list(run_seeds([Options(seed, byzantine=2) for seed in range(1000, 1004)]))
    assert [result.violations for result in results] == [()] * 4


@pytest.mark.slow
def test_larger_committees_bear_as_many_faults_as_they_should() -> None:
    """5 validators bear one, as 4 do, and their quorum is another; 7 bear two."""
    five, seven, too_many = run_seeds([Options(1000, validators=5), Options(1002, byzantine=2, validators=7), Options(1003, byzantine=3, validators=7)])
    assert five.violations == seven.violations == too_many.violations == ()
    assert min(five.payments_count, seven.payments_count) >= 20
    assert sum(kind.startswith("byzantine") * count for kind, count in seven.faults.items()) == 2


def test_a_trace_of_four_validators_says_what_it_always_said() -> None:
    assert "validators" not in Options(7).as_fields()
    assert Options(**Options(7, validators=13).as_fields()) == Options(7, validators=13)
    assert Options(7, validators=13).command() == "mesh-testnet simulate --seed 7 --validators 13"


@pytest.mark.parametrize("given", ["--validators 3", "--validators 101", "--validators 4,7 --trace t --seed 1", "--byzantine 5", "--validators none"])
def test_numbers_that_cannot_be_are_wrong_usage(given: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *given.split()])
    assert ended.value.code == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_a_defence_that_is_switched_off_shows(name: str) -> None:
    seed, invariant = FOUND[name]
    (result,) = run_seeds([Options(seed, mutation=name)])
    assert result.violations
    assert result.violations[0].invariant == invariant


def test_mutations_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list-mutations"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in MUTATIONS)


@pytest.mark.slow
def test_the_command_tells_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seed", "1003", "--json"]) == 0
    seed, total = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (seed["event"], seed["seed"], seed["violations"]) == ("seed", 1003, [])
    assert (total["event"], total["good"], total["seeds"], total["repeated"], total["differing"]) == ("total", True, 1, 1, [])


def test_a_trace_replays_and_a_byte_that_differs_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.jsonl"
    run_seed(Options(1, calm=True), trace)
    assert main(["simulate", "--replay", str(trace)]) == 0
    text = trace.read_text().replace('"e":"paid"', '"e":"PAID"', 1)
    trace.write_text(text)
    assert main(["simulate", "--replay", str(trace)]) == 1
    assert "differs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[" * 50_000, "is no trace of a simulation"),
        ("9" * 5000, "is no trace of a simulation"),
        ('{"mesh-simulation":1,"options":[]}', "is no trace of a simulation"),
        ('{"mesh-simulation":1,"options":{"seed":1,"walls":2}}', "options that this version does not have"),
        ('{"mesh-simulation":1,"options":{"seed":"1"}}', "options that this version does not have"),
        ('{"mesh-simulation":1,"options":{"seed":1,"validators":1000000}}', "options that this version does not have"),
        ('{"mesh-simulation":1,"options":{"seed":1,"mutation":"nothing"}}', "options that this version does not have"),
    ],
)
def test_a_strangers_trace_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    (tmp_path / "trace.jsonl").write_text(line)
    assert main(["simulate", "--replay", str(tmp_path / "trace.jsonl")]) == 1
    assert said in capsys.readouterr().err


def test_a_trace_that_a_terminal_would_obey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.jsonl"
    run_seed(Options(1, calm=True), trace)
    text = trace.read_bytes()
    header = text.index(b"\n") + 1
    trace.write_bytes(text[:header] + b"\x1b[2J\xff" + text[header:])
    assert main(["simulate", "--replay", str(trace)]) == 1
    assert "\x1b" not in capsys.readouterr().out
    trace.write_bytes(text[:header])
    assert main(["simulate", "--replay", str(trace)]) == 1
    assert "one trace is longer" in capsys.readouterr().out


def test_a_pipe_in_the_place_of_a_trace_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["simulate", "--replay", str(tmp_path / "pipe")]) == 1
    assert "is not a regular file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_violation_is_told_with_the_command_that_shows_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seeds", "2", "--mutate", "send-before-fsync"]) == 1
    told = capsys.readouterr().out
    assert "INV-5" in told
    assert "mesh-testnet simulate --seed 0 --mutate send-before-fsync" in told


@pytest.mark.slow
def test_the_real_store_holds_what_the_model_keeps() -> None:
    (result,) = run_seeds([Options(1004, real_store=True)])
    assert result.violations == ()
    assert result.counts["start"] > 12, "nobody was started again"
