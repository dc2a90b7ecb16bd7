"""What an import brings along at run time. The static contracts do not see an import inside a function, nor what libraries import.

Method: a fresh interpreter imports all modules of a package, then says what is in sys.modules.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

REPORT = """
import importlib, json, pkgutil, sys
def load(name):
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if found.name != "__main__":
            load(f"{name}.{found.name}")
for name in sys.argv[1:]:
    load(name)
print(json.dumps(sorted(sys.modules)))
"""
ALONE = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"


def modules_after(script: str, *names: str) -> set[str]:
    result = subprocess.run([sys.executable, "-c", script, *names], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


PURE = ["mesh_core.errors", "mesh_core.types", "mesh_core.crypto", "mesh_core.protocol"]


@pytest.mark.parametrize("name", PURE)
def test_pure_package_brings_no_event_loop_network_or_database(name: str) -> None:
    loaded = modules_after(REPORT, name)
    assert name in loaded
    assert not loaded & {"asyncio", "ssl", "aioquic", "sqlitedict", "sqlite3", "textual", "mesh_core.network", "mesh_core.storage"}


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [
        ("mesh_core.storage", {"aioquic", "textual", "mesh_core.network"}),
        ("mesh_core.network", {"sqlitedict", "textual", "mesh_core.storage"}),
        ("mesh_core.validator", {"textual", "mesh_core.wallet", "mesh_app"}),
        ("mesh_core.wallet", {"textual", "mesh_core.validator", "mesh_app"}),
        ("testnet", {"textual", "mesh_app"}),
        ("mesh_app.services", {"textual", "mesh_app.screens", "mesh_app.widgets"}),
    ],
)
def test_package_leaves_the_others_alone(name: str, forbidden: set[str]) -> None:
    loaded = modules_after(REPORT, name)
    assert name in loaded
    assert not loaded & forbidden


def test_command_line_starts_without_textual() -> None:
    """A validator process is started through this module: it must not pay for, or depend on, the workstation's view."""
    loaded = modules_after(ALONE, "mesh_app.cli")
    assert "mesh_app.cli" in loaded
    assert not loaded & {"textual", "rich", "mesh_app.app"}
