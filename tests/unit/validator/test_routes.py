"""Routes on a validator's standard input: obeyed before and after there are peers; whatever is no route changes nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.validator.routes import Routes, parse_route

ROUTE = {"command": "route", "validator": 2, "host": "127.0.0.1", "port": 40_001}


class FakePeers:
    """Remembers routes."""

    def __init__(self) -> None:
        self.routes: list[tuple[int, tuple[str, int] | None]] = []

    def route(self, peer: int, address: tuple[str, int] | None) -> None:
        self.routes.append((peer, address))


def test_a_route_and_the_way_back() -> None:
    assert parse_route(json.dumps(ROUTE).encode()) == (2, ("127.0.0.1", 40_001))
    assert parse_route(json.dumps({**ROUTE, "host": None, "port": None}).encode()) == (2, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"command": "rout"},
        {"validator": -1},
        {"validator": 10_000},
        {"validator": True},
        {"validator": "2"},
        {"host": None},
        {"host": ""},
        {"host": "x" * 300},
        {"host": 5},
        {"port": None},
        {"port": 0},
        {"port": 65_536},
        {"port": True},
        {"port": "40001"},
        {"port": 1.5},
    ],
)
def test_what_is_no_route(changed: dict[str, Any]) -> None:
    assert parse_route(json.dumps({**ROUTE, **changed}).encode()) is None


@given(st.binary(max_size=200))
def test_noise_is_no_route(noise: bytes) -> None:
    routes, peers = Routes(), FakePeers()
    routes.use(peers)  # type: ignore[arg-type]
    routes.take(noise)
    assert peers.routes == []


@pytest.mark.parametrize("line", [b"[" * 100_000, b"[]", b"null", b"7", b"{}", b'{"command": []}'])
def test_json_that_is_no_route(line: bytes) -> None:
    assert parse_route(line) is None


def test_what_was_said_before_there_were_peers_holds_from_their_beginning() -> None:
    routes, peers = Routes(), FakePeers()
    routes.take(json.dumps(ROUTE).encode())
    routes.take(json.dumps({**ROUTE, "port": 40_002}).encode())
    routes.take(b"noise")
    routes.use(peers)  # type: ignore[arg-type]
    routes.take(json.dumps({**ROUTE, "host": None, "port": None}).encode())
    assert peers.routes == [(2, ("127.0.0.1", 40_002)), (2, None)]
