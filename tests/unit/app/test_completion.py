"""Scripts for shells: every option and subcommand is in each, and the shell itself takes it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mesh_app.cli import main, make_parser
from mesh_app.completion import SHELLS, completion_script


def every_word() -> set[str]:
    parser = make_parser()
    options = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    return options | {"locate", "completion"}


@pytest.mark.parametrize("shell", SHELLS)
def test_script_has_every_option_and_subcommand(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert script == completion_script(shell, make_parser())
    for word in every_word():
        assert (word if shell != "fish" else word.replace("--", "-l ")) in script


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_takes_its_script(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "completion"
    path.write_text(completion_script(shell, make_parser()))
    result = subprocess.run([program, "-n", str(path)], capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stderr) == (0, "")


def completed(words: list[str], tmp_path: Path) -> list[str]:
    script = tmp_path / "completion"
    script.write_text(completion_script("bash", make_parser()))
    line = " ".join(f'"{word}"' for word in ["mesh-app", *words])
    program = f'. {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _mesh_app; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True, timeout=20).stdout.split()


def test_bash_completes_options_values_and_subcommands(tmp_path: Path) -> None:
    assert completed(["--the"], tmp_path) == ["--theme"]
    assert completed(["--theme", "mesh-l"], tmp_path) == ["mesh-light"]
    assert completed(["completion", "f"], tmp_path) == ["fish"]
    assert completed(["loc"], tmp_path) == ["locate"]
