"""docs/benchmarks.md is what the committed results say."""

from pathlib import Path

from testnet.bench.command import COMMANDS
from testnet.bench.report import MODULES, render
from testnet.bench.results import read_results

DOCUMENTS = Path(__file__).parents[4] / "docs"
RESULT_BYTES_MOST = 64 * 1024


def test_document_is_made_from_the_results() -> None:
    """`mesh-testnet bench report docs/benchmarks -o docs/benchmarks.md` mends it."""
    document = (DOCUMENTS / "benchmarks.md").read_text(encoding="utf-8")
    assert render(document, read_results(DOCUMENTS / "benchmarks")) == document


def test_results_are_small_and_name_no_folder_of_a_machine() -> None:
    for path in (DOCUMENTS / "benchmarks").glob("*.json"):
        assert path.stat().st_size < RESULT_BYTES_MOST, path.name
        assert "/home/" not in (text := path.read_text(encoding="utf-8")), path.name
        assert "/tmp/" not in text, path.name


def test_every_benchmark_that_measures_has_its_tables() -> None:
    measuring = {command.NAME for command in COMMANDS} - {"report"}
    assert measuring <= set(MODULES), measuring - set(MODULES)
