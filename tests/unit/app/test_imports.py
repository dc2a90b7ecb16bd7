"""What the view may import. Goal: screens and widgets know the state and nothing of how it comes about; the state knows no screen."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
VIEW = [path for folder in ("screens", "widgets") for path in sorted((PROJECT / "mesh_app" / folder).glob("*.py"))]
OF_MESH_APP = {"actions", "draft", "field_meanings", "format", "ledger_filter", "ledger_words", "load_draft", "messages", "orders", "proof_words", "spans"}
OF_MESH_APP |= {"state", "screens", "widgets"}
OF_MESH_CORE = {"types"}
WITHOUT_TEXTUAL = [
    "mesh_app.actions",
    "mesh_app.draft",
    "mesh_app.format",
    "mesh_app.load_draft",
    "mesh_app.model",
    "mesh_app.orders.wallets",
    "mesh_app.ports",
    "mesh_app.proof_words",
    "mesh_app.questions",
    "mesh_app.spans",
    "mesh_app.state",
]


def imported_modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", VIEW, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_view_imports_state_words_and_types_alone(path: Path) -> None:
    for module in imported_modules(path):
        package, _, rest = module.partition(".")
        allowed = {"mesh_app": OF_MESH_APP, "mesh_core": OF_MESH_CORE, "testnet": set[str]()}.get(package)
        assert allowed is None or rest.partition(".")[0] in allowed, module


@pytest.mark.parametrize("path", VIEW, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_view_reads_no_clock_and_no_file(path: Path) -> None:
    assert not imported_modules(path) & {"time", "datetime", "os", "pathlib", "random", "asyncio", "subprocess"}


def test_state_and_reducers_bring_no_textual_and_no_network() -> None:
    script = f"import importlib, json, sys; [importlib.import_module(name) for name in {WITHOUT_TEXTUAL!r}]; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(result.stdout)}
    assert not loaded & {"textual", "rich", "aioquic", "sqlitedict", "nacl"}
