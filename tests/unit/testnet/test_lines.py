"""Which line is meant, and what the relays' process takes for conditions."""

import signal
from pathlib import Path
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Event
from testnet.command_service import CommandService
from testnet.conditions import MAX_DELAY_MS, Conditions, read_conditions
from testnet.lines import WALLETS, Line, direction_name, end_name, parse_end, parse_validator
from tests.unit.network.peers import eventually


@pytest.mark.parametrize(("text", "end"), [("V1", 0), ("v4", 3), ("2", 1), ("wallets", WALLETS), ("Wallets", WALLETS)])
def test_ends_by_name(text: str, end: int) -> None:
    assert parse_end(text, 4) == end


@pytest.mark.parametrize("text", ["", "V0", "V5", "0", "V01", "V100", "x", "V", "V1 ", "V٣", "-1", "x" * 1000])
def test_names_of_nobody(text: str) -> None:
    with pytest.raises(LocalFault) as refusal:
        parse_end(text, 4)
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert "is none of V1 to V4 or wallets" in refusal.value.text
    assert len(refusal.value.text) < 100


def test_wallets_are_no_validator() -> None:
    with pytest.raises(LocalFault):
        parse_validator("wallets", 4)


def test_a_line_is_the_same_from_both_ends() -> None:
    assert Line.between(2, 0) == Line.between(0, 2) == Line(0, 2)
    assert (Line(0, 2).name, Line(0, 2).directions) == ("V1-V3", ((0, 2), (2, 0)))
    assert (Line.between(1, WALLETS).name, Line.between(1, WALLETS).directions) == ("wallets-V2", ((WALLETS, 1),))
    assert (direction_name(WALLETS, 1), end_name(3)) == ("wallets>V2", "V4")
    with pytest.raises(LocalFault):
        Line.between(1, 1)


@pytest.mark.parametrize(
    ("delay_ms", "loss"), [(-1, 0), (MAX_DELAY_MS + 1, 0), (float("nan"), 0), (float("inf"), 0), (True, 0), (0, -0.1), (0, 1.1), (0, float("nan")), (0, True)]
)
def test_conditions_that_cannot_be(delay_ms: float, loss: float) -> None:
    with pytest.raises(LocalFault) as refusal:
        read_conditions({"delay_ms": delay_ms, "loss": loss})
    assert refusal.value.code is ErrorCode.CONFIG_INVALID


def test_conditions() -> None:
    assert read_conditions({"cut": True, "delay_ms": 5, "loss": 1}) == Conditions(is_cut=True, delay_ms=5.0, loss=1.0)


async def test_process_of_relays_takes_what_it_knows_and_refuses_the_rest(tmp_path: Path) -> None:
    events: list[Event] = []
    ends: list[int] = []
    service = CommandService("testnet.link_process", list, tmp_path / "links.log", events.append, name="the relays' process", on_end=lambda: ends.append(1))
    await service.start()
    try:
        opened = await service.command({"command": "open", "line": "V1>V3", "host": "127.0.0.1", "port": 9})
        again = await service.command({"command": "open", "line": "V1>V3", "host": "127.0.0.1", "port": 9})
        assert opened["port"] == again["port"]
        await service.command({"command": "set", "line": "V1>V3", "cut": False, "delay_ms": 5, "loss": 0.5})
        await service.command({"command": "set", "line": "V1>V3", "jitter_ms": 2, "reordering": 0.1, "duplication": 0.1, "bandwidth_kbit_s": 1000})
        counted = await service.command({"command": "counts"})
        assert (counted["forwarded"], counted["dropped"]) == (0, 0)
        wrong: list[dict[str, Any]] = [
            {"command": "set", "line": "V1>V3", "jitter": 2},
            {"command": "set", "line": "V1>V2", "cut": True, "delay_ms": 0, "loss": 0},
            {"command": "set", "line": "V1>V3", "cut": 1, "delay_ms": 0, "loss": 0},
            {"command": "set", "line": "V1>V3", "cut": True, "delay_ms": "0", "loss": 0},
            {"command": "set", "line": "V1>V3", "cut": True, "delay_ms": -5, "loss": 0},
            {"command": "open", "line": "V1>V2", "host": "127.0.0.1", "port": 0},
            {"command": "open", "line": "V1>V2", "host": "127.0.0.1", "port": 65_536},
            {"command": "dance"},
        ]
        for command in wrong:
            with pytest.raises(LocalFault) as refusal:
                await service.command(command)
            assert refusal.value.code is ErrorCode.CONFIG_INVALID
        assert ends == []
    finally:
        await service.kill(signal.SIGKILL)
    await eventually(lambda: ends == [1])
