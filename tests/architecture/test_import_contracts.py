"""Who may import whom. Goal: the contracts of pyproject.toml hold, and each of them bites.

Method: lint-imports runs over the project as it is; then over a copy in which one forbidden import was planted.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGES = ("mesh_core", "testnet", "mesh_app")
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_logo=True, no_cache=True))"

PLANTED = [
    ("packages", "testnet/__init__.py", "import mesh_app"),
    ("packages", "mesh_core/types/__init__.py", "import testnet"),
    ("layers", "mesh_core/types/__init__.py", "import mesh_core.crypto"),
    ("layers", "mesh_core/storage/__init__.py", "import mesh_core.network"),
    ("layers", "mesh_core/wallet/__init__.py", "import mesh_core.validator"),
    ("layers", "mesh_core/utils.py", ""),
    ("pure", "mesh_core/protocol/__init__.py", "import asyncio"),
    ("pure", "mesh_core/crypto/__init__.py", "import secrets"),
    ("pure", "mesh_core/errors.py", "import time"),
    ("quic", "testnet/__init__.py", "import aioquic.asyncio"),
    ("database", "mesh_core/validator/__init__.py", "import sqlitedict"),
    ("group", "mesh_core/crypto/__init__.py", "import pysodium"),
    ("group-libraries", "mesh_core/crypto/__init__.py", "import mesh_core.crypto.ristretto_libsodium"),
    ("screens", "mesh_app/screens/__init__.py", "from mesh_core.wallet import anything"),
    ("screens", "mesh_app/widgets/__init__.py", "import mesh_app.services"),
    ("textual", "mesh_core/wallet/__init__.py", "from textual.app import App"),
    ("services", "mesh_app/services/__init__.py", "import mesh_app.screens"),
    ("click", "mesh_core/wallet/__init__.py", "import click"),
    ("metrics", "mesh_core/validator/__init__.py", "import prometheus_client"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copied_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("project")
    shutil.copy(PROJECT / "pyproject.toml", copy)
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_contracts_of_the_project_are_kept() -> None:
    result = lint(PROJECT)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED, ids=[f"{contract}-{Path(file).parent.name}" for contract, file, _ in PLANTED])
def test_planted_import_breaks_the_contract(copied_project: Path, contract: str, file: str, line: str) -> None:
    path = copied_project / file
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        script = LINT.replace("no_logo=True", f"no_logo=True, limit_to_contracts=({contract!r},)")
        result = subprocess.run([sys.executable, "-c", script], cwd=copied_project, capture_output=True, text=True, check=False)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout
