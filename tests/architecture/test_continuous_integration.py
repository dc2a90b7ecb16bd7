"""Continuous integration runs what the README names, on the systems and versions that pyproject.toml promises."""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]
WORKFLOW = (PROJECT / ".github" / "workflows" / "ci.yml").read_text()


def test_script_runs_both_commands() -> None:
    script = (PROJECT / ".ci" / "run").read_text()
    assert "make lint" in script
    assert "make test" in script
    assert ".ci/run" in WORKFLOW


def test_every_action_is_pinned_to_a_commit() -> None:
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)


def test_every_promised_python_is_tested_on_linux_and_macos() -> None:
    classifiers = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["classifiers"]
    promised = {found[1] for text in classifiers if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text))}
    (tested,) = re.findall(r"python: \[(.*)\]", WORKFLOW)
    (systems,) = re.findall(r"os: \[(.*)\]", WORKFLOW)
    assert set(re.findall(r"[\d.]+", tested)) == promised
    assert "ubuntu" in systems
    assert "macos" in systems
