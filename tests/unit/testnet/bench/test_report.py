"""Results, and the document that is made from them."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench import report, results
from testnet.bench.plots import EXTRA_HINT, Curve, Figure, draw
from testnet.bench.results import Result, form, read_result, read_results, write_result
from testnet.bench.tables import Table, as_markdown, as_text, describe_run, number
from testnet.cli import main

RESULT = Result(
    "stones",
    "2026-11-23",
    "mesh-testnet bench stones",
    7,
    {"cpu": "a processor", "cores": 2, "load": 0.5, "system": "Linux 6", "python": "3.11.7", "backend": "native", "version": "1", "libraries": {"x": "1.0"}},
    {},
    {"weight": 12.345},
)
RESULTS = Path(__file__).parents[4] / "docs" / "benchmarks"
DOCUMENT = "# Title\n\nwords\n\n<!-- bench stones -->\nold\n<!-- /bench -->\n\nmore words\n"


def stone_tables(result: Result) -> list[Table]:
    return [Table(("what", "kg"), (("a | b", number(result.figures["weight"])),))]


@pytest.fixture(autouse=True)
def _stones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark of stones, whose tables this module makes."""
    monkeypatch.setitem(report.MODULES, "stones", __name__)
    monkeypatch.setitem(globals(), "tables", stone_tables)


def test_region_is_made_anew_and_everything_else_stays() -> None:
    rendered = report.render(DOCUMENT, {"stones": RESULT})
    table = "| what | kg |\n| --- | --- |\n| a \\| b | 12.3 |"
    where = "a processor, 2 cores, load 0.5 at the start, Linux 6, Python 3.11.7, native (x 1.0), 2026-11-23: `mesh-testnet bench stones`"
    assert rendered == f"# Title\n\nwords\n\n<!-- bench stones -->\n{table}\n\n{where}\n<!-- /bench -->\n\nmore words\n"
    assert report.render(rendered, {"stones": RESULT}) == rendered


@pytest.mark.parametrize(
    ("document", "found", "words"),
    [
        (DOCUMENT, {}, "there is no result 'stones'"),
        (DOCUMENT, {"stones": RESULT, "feathers": RESULT}, "'feathers' is shown nowhere"),
        (DOCUMENT.replace("<!-- /bench -->", ""), {"stones": RESULT}, "no partner"),
        (DOCUMENT, {"stones": replace(RESULT, benchmark="clouds")}, "no benchmark is called 'clouds'"),
        (DOCUMENT, {"stones": replace(RESULT, figures={})}, "measure again"),
    ],
)
def test_document_and_results_that_do_not_fit_are_refused(document: str, found: dict[str, Result], words: str) -> None:
    with pytest.raises(LocalFault, match=words) as refused:
        report.render(document, found)
    assert refused.value.code is ErrorCode.CONFIG_INVALID


def test_result_comes_back_from_its_file(tmp_path: Path) -> None:
    assert write_result(tmp_path / "new", RESULT, "stones-2") == tmp_path / "new" / "stones-2.json"
    assert read_results(tmp_path / "new") == {"stones-2": RESULT}
    with pytest.raises(LocalFault, match="no name for a result"):
        write_result(tmp_path, RESULT, "../stones")
    for text in ("{", json.dumps(form(RESULT) | {"format": "other"}), "[]"):
        (tmp_path / "new" / "stones-2.json").write_text(text)
        with pytest.raises(LocalFault, match=r"stones-2\.json is no") as refused:
            read_results(tmp_path / "new")
        assert refused.value.code is ErrorCode.CONFIG_INVALID


STRANGE: list[Any] = [None, "x", 10**400, float("nan"), float("inf"), -1, [], {}, True, 0, [[]]]


def _changed(value: Any, strange: Any) -> Iterator[Any]:
    """The value with one of its parts taken for another, each in turn; of a list, the first alone."""
    yield strange
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: other} for other in _changed(part, strange))
    elif isinstance(value, list) and value:
        yield from ([other, *value[1:]] for other in _changed(value[0], strange))


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_strangers_figures_are_shown_or_refused_in_words(path: Path) -> None:
    """A file says what it likes, at any place: text for a number, a number that no float holds, nothing."""
    result = read_result(path)
    document = f"<!-- bench {path.stem} -->\n<!-- /bench -->\n"
    for part in ("figures", "options", "machine"):
        for strange in STRANGE:
            for value in _changed(getattr(result, part), strange):
                if isinstance(value, dict):
                    changes: dict[str, Any] = {part: value}
                    with contextlib.suppress(LocalFault):
                        report.render(document, {path.stem: replace(result, **changes)})


def test_words_of_a_result_make_no_marker_and_move_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "\x1b[2J\n<!-- /bench -->"
    monkeypatch.setitem(globals(), "tables", lambda result: [Table((words, "kg"), ((words, "1"),), words)])
    strange = replace(RESULT, command=words, machine={**RESULT.machine, "cpu": words})
    rendered = report.render(DOCUMENT, {"stones": strange})
    assert report.render(rendered, {"stones": strange}) == rendered
    assert rendered.count("<!--") == 2
    assert rendered.endswith("\n\nmore words\n")
    for text in (as_text(report.tables_of(strange)), describe_run(strange), rendered):
        assert "\x1b" not in text


@pytest.mark.parametrize("text", ["[" * 100_000, '{"seed":' + "9" * 5000 + "}", "\ufeff{}"])
def test_a_result_that_is_no_json_of_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(LocalFault, match=r"x\.json is no") as refused:
        read_results(tmp_path)
    assert refused.value.code is ErrorCode.CONFIG_INVALID


def test_a_pipe_in_the_place_of_a_result_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(LocalFault, match="is not a regular file") as refused:
        read_results(tmp_path)
    assert refused.value.code is ErrorCode.STORE_UNAVAILABLE
    assert main(["bench", "report", str(tmp_path), "-o", str(tmp_path / "x.json")]) == 1
    assert "is not a regular file" in capsys.readouterr().err


def test_a_full_disk_leaves_the_earlier_result_and_the_document(tmp_path: Path) -> None:
    """Written in a process whose files may not grow: as a disk that is full in the middle."""
    path = write_result(tmp_path, RESULT)
    before = path.read_bytes()
    code = (
        "import resource, sys; from pathlib import Path; from testnet.bench.results import *\n"
        "result = read_result(Path(sys.argv[1])); resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "for write in (lambda: write_result(Path(sys.argv[1]).parent, result), lambda: write_document(Path(sys.argv[1]), 'x' * 1000)):\n"
        "    try: write()\n"
        "    except LocalFault as fault: print(fault.text, fault.code.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.count("File too large STORE_UNAVAILABLE") == 2
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_command_that_is_told_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["/x/mesh-testnet", "bench", "soak", "--minutes", "3", "--output", "/home/me", "--json", "--plot=/home/me", "--seed", "2"]
    monkeypatch.setattr("sys.argv", typed)
    made = results.make_result("soak", seed=2, machine={}, options={}, figures={})
    assert made.command == "mesh-testnet bench soak --minutes 3 --seed 2"


def test_report_command_checks_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document, folder = tmp_path / "doc.md", tmp_path / "results"
    write_result(folder, RESULT)
    document.write_text(DOCUMENT)
    assert main(["bench", "report", str(folder), "-o", str(document), "--check"]) == 1
    assert "is not what the results" in capsys.readouterr().err
    assert document.read_text() == DOCUMENT
    assert main(["bench", "report", str(folder), "-o", str(document)]) == 0
    assert "| a \\| b | 12.3 |" in document.read_text()
    assert main(["bench", "report", str(folder), "-o", str(document), "--check"]) == 0
    assert main(["bench", "report", str(folder), "-o", str(tmp_path / "none.md")]) == 1
    assert "1205" in capsys.readouterr().err


def test_columns_are_aligned_and_empty_tables_are_words_alone() -> None:
    table = Table(("name", "ms"), (("long name", "1"), ("b", "12,345")), "A title")
    assert as_text([table]) == "A title\nname           ms\nlong name       1\nb          12,345"
    assert as_markdown([table]) == "A title\n\n| name | ms |\n| --- | --- |\n| long name | 1 |\n| b | 12,345 |"


def test_numbers_have_three_digits_that_matter() -> None:
    assert [number(value) for value in (0.12345, 1.2345, 12.345, 123.45, 12345.6)] == ["0.123", "1.23", "12.3", "123", "12,346"]


def test_figure_is_an_svg_of_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = Figure("growth", "Growth", "accounts", "ms", (Curve("a", ((1, 2), (10, 3))), Curve("b", ((1, 1), (10, 1)))), is_log=True)
    [path] = draw(tmp_path / "one", [figure])
    assert path.read_text().startswith("<?xml")
    assert draw(tmp_path / "two", [figure])[0].read_bytes() == path.read_bytes()


def test_a_network_called_as_a_formula_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    name = "$\\frac{$ \x1b"
    [path] = draw(tmp_path, [Figure("growth", name, "accounts", "ms", (Curve(name, ((1, 2), (10, 3))), Curve("b", ((1, 1),))))])
    assert "\x1b" not in path.read_text()


def test_figure_without_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LocalFault, match="plot") as refused:
        draw(tmp_path, [])
    assert refused.value.text == EXTRA_HINT
