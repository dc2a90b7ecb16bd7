"""Clients and servers of one process keep each other's time."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

import pytest

from tests.steady_loop import SteadyLoop


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Silence, patience and deadlines are sped up to fractions of a second here: no machine that is held up for longer may pass for a peer that is silent."""
    return {"steady": SteadyLoop}
