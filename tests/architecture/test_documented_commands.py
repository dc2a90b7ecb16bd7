"""Commands in the documents are commands of the program: a reader who types one is not told that there is no such option."""

import argparse
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import mesh_app.cli
import testnet.cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {"mesh-testnet": testnet.cli.make_parser, "mesh-app": mesh_app.cli.make_parser}
LINE = re.compile(r"^(?:    |\$ )?(.*)$")
COMMAND = re.compile(r"(?:\S*/)?(mesh-testnet|mesh-app) (.*)")


def commands_in(text: str) -> list[tuple[str, list[str]]]:
    """Program and arguments of each line that is a command. Words behind two blanks or `#` explain it; what comes behind `|` and `&&` is looked at apart."""
    found = []
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        for part in re.split(r"\s+(?:&&|\||;)\s+", LINE.sub(r"\1", line)):
            command = COMMAND.fullmatch(re.split(r"\s{2,}|\s#", part.strip())[0])
            # A validator's own options are not the workstation's: they are read before it is loaded.
            if command is not None and "--validator" not in command[2]:
                # What stands in brackets may be left out.
                words = shlex.split(re.sub(r"\[[^]]*\]", "", command[2]))
                found.append((command[1], [word for word in words if not word.startswith(">")]))
    return found


def test_commands_are_found_where_they_stand() -> None:
    text = "$ mesh-testnet kill V3 && mesh-testnet start V3\n    .venv/bin/mesh-app --demo list   # what there is\nprose about mesh-app\n"
    text += "mesh-testnet up \\\n    DIR >log\n"
    assert commands_in(text) == [
        ("mesh-testnet", ["kill", "V3"]),
        ("mesh-testnet", ["start", "V3"]),
        ("mesh-app", ["--demo", "list"]),
        ("mesh-testnet", ["up", "DIR"]),
    ]
    assert len([found for path in DOCUMENTS for found in commands_in(path.read_text(encoding="utf-8"))]) > 40


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_of_a_document_is_understood(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for program, words in commands_in(path.read_text(encoding="utf-8")):
        try:
            PARSERS[program]().parse_args(words)
        except SystemExit as ended:
            if ended.code != 0:
                pytest.fail(f"{program} {shlex.join(words)}: {capsys.readouterr().err.strip().splitlines()[-1:]}")
