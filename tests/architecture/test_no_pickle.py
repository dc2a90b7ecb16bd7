"""No pickle is ever written or read. This is the ground on which the audit waives what was published about sqlitedict."""

import ast
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PACKAGES = ("mesh_core", "testnet", "mesh_app")
# Modules that run code from what they read.
RUN_WHAT_THEY_READ = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "jsonpickle", "joblib"}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            yield path.relative_to(PROJECT), ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


def tables_opened(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"SqliteDict", "open"} and "sqlitedict" in ast.unparse(node.func).lower():
                yield node


def test_no_module_imports_a_reader_that_runs_code() -> None:
    found = [(str(path), name) for path, tree in sources() for name in imported_names(tree) if name in RUN_WHAT_THEY_READ]
    assert found == []


def test_every_table_is_opened_with_an_encoder_and_a_decoder_of_ours() -> None:
    calls = [(str(path), call) for path, tree in sources() for call in tables_opened(tree)]
    assert calls, "the storage package opens its tables in another way than this test looks for"
    for path, call in calls:
        given = {keyword.arg for keyword in call.keywords}
        assert {"encode", "decode"} <= given, f"{path}:{call.lineno} falls back on pickle"


def test_waiver_is_in_writing_and_for_the_installed_version() -> None:
    waivers = tomllib.loads((PROJECT / "tools" / "audit-waivers.toml").read_text())["waiver"]
    (waiver,) = [waiver for waiver in waivers if waiver["package"] == "sqlitedict"]
    assert waiver["version"] == version("sqlitedict")
    assert set(waiver["ids"]) == {"CVE-2024-35515", "GHSA-g4r7-86gm-pgqc", "PYSEC-2026-1939"}
    assert "no pickle is ever written or read" in waiver["reason"]
