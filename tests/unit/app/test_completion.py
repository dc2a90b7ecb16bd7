"""Scripts for shells, of `mesh-app` and of `mesh-testnet`: every option and subcommand is in each, and the shell itself takes it and completes."""

import argparse
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_app.cli import main as mesh_app
from mesh_app.cli import make_parser as app_parser
from testnet.cli import main as mesh_testnet
from testnet.cli import make_parser as parser_of_testnet
from testnet.completion import SHELLS

PROGRAMS = {"mesh-app": (mesh_app, app_parser), "mesh-testnet": (mesh_testnet, parser_of_testnet)}


def words_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Options and subcommands, of the subcommands, too."""
    for action in parser._actions:
        yield from (option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield name
                yield from words_of(inner)


def script_of(program: str, shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert PROGRAMS[program][0](["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", SHELLS)
def test_script_has_every_option_and_subcommand_and_its_shell_takes_it(program: str, shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = script_of(program, shell, capsys)
    for word in words_of(PROGRAMS[program][1]()):
        assert (word if shell != "fish" else word.replace("--", "-l ")) in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "completion"
    path.write_text(script)
    result = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stderr) == (0, "")


CASES: dict[str, dict[str, list[str]]] = {
    "mesh-app": {
        "--the": ["--theme"],
        "--theme mesh-l": ["mesh-light"],
        "completion f": ["fish"],
        "loc": ["locate"],
        "--demo first": ["first-payment"],
        "--replay a-f": ["a-folder"],
        "attach --net": ["--network"],
    },
    "mesh-testnet": {
        "aud": ["audit"],
        "audit --off": ["--offline"],
        "link cu": ["cut"],
        "link cut V1 wal": ["wallets"],
        "kill V3": ["V3"],
        "up --recipe exa": ["example"],
        "init a-fo": ["a-folder"],
        "import a-fo": ["a-folder"],
        "audit --network a-fo": ["a-folder"],
        "bench proofs --backend nat": ["native"],
        "completion z": ["zsh"],
        "audit init": [],
        "nonsense --offl": [],
    },
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_bash_completes_at_every_place(program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a-folder").mkdir()
    lines = [script_of(program, "bash", capsys)]
    for typed in CASES[program]:
        words = [program, *typed.split(" ")]
        lines.append(f'COMPREPLY=(); COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _{program.replace("-", "_")}; echo "${{COMPREPLY[@]}}"')
    shown = subprocess.run(["bash", "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=20).stdout
    assert dict(zip(CASES[program], (line.split() for line in shown.splitlines()), strict=True)) == CASES[program]
