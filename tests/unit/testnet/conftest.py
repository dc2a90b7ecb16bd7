"""Children of these tests import the tests, wherever they are started."""

import pytest

from tests.e2e.processes import REPOSITORY


@pytest.fixture(autouse=True)
def importable_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child is started with `-P`, so the present folder does not count."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
