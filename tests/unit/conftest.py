"""Those who play together in one process keep one time, which does not pass while the machine holds them up."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

import pytest

from tests.steady_loop import SteadyLoop


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Silence, patience and grace are fractions of a second here: nobody may pass for silent because a machine stood still for longer."""
    return {"steady": SteadyLoop}
