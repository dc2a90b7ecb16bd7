"""Test suites that others published. They lie beside the project where it is developed and are not part of it: elsewhere their tests are skipped."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2].parent / "shared/vectors/public-suites"


def load_public_suite(name: str) -> Any:
    """The parsed file; skips the test that asks where the suites are missing."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"the public test suite {name} does not lie beside the project")
    return json.loads(path.read_text(encoding="utf-8"))
