"""An empty path on a command line is a variable that nobody has set, and never the folder one happens to be in."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mesh_app.cli import main as mesh_app
from mesh_core.storage.named_path import named_path
from mesh_core.validator.__main__ import main as validator
from testnet.cli import main as mesh_testnet


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (mesh_testnet, ["init", ""]),
        (mesh_testnet, ["up", ""]),
        (mesh_testnet, ["down", ""]),
        (mesh_testnet, ["wipe", "V1", "--home", ""]),
        (mesh_testnet, ["audit", "--network", ""]),
        (mesh_testnet, ["export", ""]),
        (mesh_testnet, ["bench", "proofs", "--output", ""]),
        (mesh_testnet, ["simulate", "--seed", "1", "--trace", ""]),
        (mesh_app, ["--home", ""]),
        (mesh_app, ["attach", "--network", ""]),
        (mesh_app, ["--record", ""]),
        (validator, ["--init", ""]),
        (validator, ["--config", ""]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value.__module__,
)
def test_nothing_is_no_path(
    program: Callable[[Sequence[str]], int], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        program(words)
    assert ended.value.code == 2
    assert "no path is given" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_dot_is_this_folder() -> None:
    assert named_path(".") == Path()
