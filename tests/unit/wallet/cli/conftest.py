"""The command as a person types it, without a process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mesh_core.wallet.cli.main import PROGRAM, cli
from mesh_core.wallet.home_folder import HOME_VARIABLE

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command in this home. A bug is not a status: it is raised."""
    monkeypatch.setenv(HOME_VARIABLE, str(home))

    def typed(*words: str, stdin: bytes | None = None) -> Result:
        result = CliRunner().invoke(cli, words, input=stdin, prog_name=PROGRAM)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return typed


def told(result: Result) -> Any:
    """The one JSON object of a command that has succeeded."""
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    return json.loads(line)


def failed(result: Result) -> tuple[int, str]:
    """Exit status and words of a command that has failed; nothing stands on standard output."""
    assert result.exit_code != 0
    assert result.stdout == ""
    return result.exit_code, result.stderr
