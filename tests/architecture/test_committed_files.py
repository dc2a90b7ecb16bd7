"""What a committed file must not say: where this or that machine keeps things, and which host packages come from.

Both are the business of whoever installs. A host in a lock file or a script would go around the settings of their pip.
"""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# The escapes keep this file from matching itself.
FORBIDDEN = {
    "a package registry's host": re.compile(r"pypi\.(org|python)|files\.pythonhosted|registry\.npmjs|deb\.debian\."),
    "an index option": re.compile(r"--(extra-)?index-url|--find-[l]inks[= ]"),
    "a path of one machine": re.compile(r"/(root|work)/|/Users/\w|\.pyenv[/]|/opt/pyp[i]"),
    "a neighbour of the project": re.compile(r"\.\./shared"),
}
TEXT = {".py", ".toml", ".lock", ".md", ".yml", ".yaml", ".json", ".tcss", ".txt", ".cfg", ""}


def committed_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files are committed")
    return [PROJECT / name for name in listing.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_file_names(what: str) -> None:
    found = []
    for path in committed_files():
        if path.suffix in TEXT and path.is_file():
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if FORBIDDEN[what].search(line):
                    found.append(f"{path.relative_to(PROJECT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_patterns_find_what_they_look_for() -> None:
    planted = {
        "a package registry's host": "https://pypi{}org/simple",
        "an index option": "--index{}url https://example.net",
        "a path of one machine": "/root{}x",
        "a neighbour of the project": ".{}/shared/vectors",
    }
    for (what, text), gap in zip(planted.items(), (".", "-", "/", "."), strict=True):
        assert FORBIDDEN[what].search(text.format(gap)), what
    assert planted.keys() == FORBIDDEN.keys()
