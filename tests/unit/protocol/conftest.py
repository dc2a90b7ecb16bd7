"""The shared past of the protocol's tests."""

import pytest

from tests.unit.protocol.world import World


@pytest.fixture(scope="session")
def world() -> World:
    """Made once; it does not change, tests work on copies of its validator."""
    return World()
