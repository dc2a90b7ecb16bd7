"""Orders for validators and lines: their words, and that the command line that each shows gives the very same order to a running network."""

import argparse
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from mesh_app.orders import validators as orders
from mesh_app.orders.order import Order
from mesh_app.orders.validators import WALLETS
from testnet.commands.control import CONTROL_COMMANDS
from testnet.commands.registry import add_commands
from testnet.control_arguments import check_arguments
from testnet.control_commands import order_of
from testnet.layout import NetworkFolder

CASES: list[tuple[Order, dict[str, Any]]] = [
    (orders.StartValidator(0), {"order": "start", "validator": "V1"}),
    (orders.StopValidator(1), {"order": "stop", "validator": "V2"}),
    (orders.KillValidator(2), {"order": "kill", "validator": "V3"}),
    (orders.RestartValidator(3), {"order": "restart", "validator": "V4"}),
    (orders.PauseValidator(0), {"order": "pause", "validator": "V1"}),
    (orders.ResumeValidator(0), {"order": "resume", "validator": "V1"}),
    (orders.WipeValidator(2), {"order": "wipe", "validator": "V3", "confirm": "V3"}),
    (orders.LiftQuarantine(2, "nothing else will ever vote"), {"order": "lift", "validator": "V3", "confirm": "nothing else will ever vote"}),
    (orders.RestartAll(), {"order": "restart-all"}),
    (orders.CutLine(0, 2), {"order": "cut", "line": ["V1", "V3"]}),
    (orders.SlowLine(WALLETS, 2, 50.0), {"order": "slow", "line": ["wallets", "V3"], "ms": 50.0}),
    (orders.LoseOnLine(0, 1, 2.5), {"order": "lose", "line": ["V1", "V2"], "percent": 2.5}),
    (orders.HealLine(WALLETS, 0), {"order": "heal", "line": ["wallets", "V1"]}),
    (orders.HealAllLines(), {"order": "heal"}),
]


def parse(line: str) -> dict[str, Any]:
    program, *arguments = shlex.split(line)
    assert program == "mesh-testnet"
    parser = argparse.ArgumentParser()
    add_commands(parser, CONTROL_COMMANDS, "command")
    options = parser.parse_args(arguments)
    check_arguments(options, parser)
    return order_of(options, NetworkFolder(Path("nowhere")))


@pytest.mark.parametrize(("order", "expected"), CASES, ids=[type(order).__name__ for order, _ in CASES])
def test_command_line_gives_the_same_order(order: Order, expected: dict[str, Any]) -> None:
    assert parse(order.command_line()) == expected
    assert order.describe()
    assert order.is_told


def test_every_order_is_here() -> None:
    kinds = {kind for kind in vars(orders).values() if isinstance(kind, type) and issubclass(kind, Order)}
    abstract = {Order, orders.ValidatorOrder, orders.LineOrder}
    assert kinds - abstract - {orders.WatchValidators, orders.MarkLog} == {type(order) for order, _ in CASES}


def test_who_only_looks_leaves_no_line() -> None:
    for order in (orders.WatchValidators(True), orders.MarkLog(0)):
        assert (order.is_told, order.command_line()) == (False, "")


def test_orders_are_values() -> None:
    assert orders.KillValidator(1) == orders.KillValidator(1) != orders.KillValidator(2)
    assert [field.name for field in fields(orders.SlowLine)] == ["one", "other", "delay_ms"]


@pytest.mark.parametrize(
    "line",
    [
        "restart",
        "restart V1 --all",
        "link heal",
        "link heal V1",
        "link heal V1 V2 --all",
        "link slow V1 V2",
        "link slow V1 V2 --ms x",
        "link lose V1 V2 --percent -1",
        "kill",
    ],
)
def test_command_lines_that_contradict_themselves_are_wrong_usage(line: str) -> None:
    with pytest.raises(SystemExit) as end:
        parse(f"mesh-testnet {line}")
    assert end.value.code == 2
