"""A network that somebody else runs. Goal: every order of the validators' screen means the same through the control socket, and a refusal says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_app.orders.order import Order
from mesh_app.orders.performance import StopTraffic
from mesh_app.orders.validators import (
    CutLine,
    HealAllLines,
    HealLine,
    KillValidator,
    LiftQuarantine,
    LoseOnLine,
    PauseValidator,
    RestartAll,
    RestartValidator,
    ResumeValidator,
    SlowLine,
    StartValidator,
    StopValidator,
    WatchValidators,
    WipeValidator,
)
from mesh_app.orders.wallets import Pay
from mesh_app.services.attached import AttachedWorkbench
from mesh_app.services.control_desk import control_order
from mesh_app.services.ledger import LedgerDesk
from mesh_app.spans import plain
from mesh_app.widgets.validator_card import card_lines
from mesh_core.errors import ErrorCode, LocalFault
from testnet.conditions import GOOD, Conditions
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.lines import WALLETS, Line
from tests.unit.testnet.test_control import Controlled

VALIDATOR_ORDERS: list[tuple[Order, tuple[Any, ...]]] = [
    (StartValidator(0), ("start", 0)),
    (StopValidator(1), ("stop", 1)),
    (KillValidator(2), ("kill", 2)),
    (RestartValidator(3), ("restart", 3)),
    (PauseValidator(0), ("pause", 0)),
    (ResumeValidator(0), ("resume", 0)),
    (RestartAll(), ("restart_all",)),
    (WipeValidator(2), ("wipe", 2)),
    (LiftQuarantine(2, "nothing else votes"), ("lift", 2, "nothing else votes")),
]
LINE_ORDERS: list[tuple[Order, object]] = [
    (CutLine(0, 2), (Line.between(0, 2), Conditions(is_cut=True))),
    (SlowLine(WALLETS, 1, 50.0), (Line.between(WALLETS, 1), Conditions(delay_ms=50.0))),
    (LoseOnLine(0, 3, 5.0), (Line.between(0, 3), Conditions(loss=0.05))),
    (HealLine(0, 2), (Line.between(0, 2), GOOD)),
    (HealAllLines(), "all"),
]


async def carry_out(order: Order, controlled: Controlled) -> None:
    found = control_order(order)
    assert found is not None
    name, fields = found
    await controlled.server._orders.perform({"id": 1, "order": name, **fields})


@pytest.fixture
def controlled(tmp_path: Path) -> Controlled:
    return Controlled(tmp_path)


@pytest.mark.parametrize(("order", "done"), VALIDATOR_ORDERS, ids=lambda value: type(value).__name__)
async def test_an_order_for_a_validator_is_done_by_the_other_program(order: Order, done: tuple[Any, ...], controlled: Controlled) -> None:
    await carry_out(order, controlled)
    assert controlled.supervisor.done == [done]


@pytest.mark.parametrize(("order", "done"), LINE_ORDERS, ids=lambda value: type(value).__name__)
async def test_an_order_for_a_line_is_done_by_the_other_program(order: Order, done: object, controlled: Controlled) -> None:
    await carry_out(order, controlled)
    assert controlled.lines.done == [done]


def test_what_the_socket_does_not_take_is_no_order_for_it() -> None:
    assert control_order(Pay("alice", "bob", 1, "")) is None
    assert control_order(StopTraffic()) is None


# --- Refusals --------------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., AttachedWorkbench]:
    """A workbench that has found no program and opened no wallet."""

    def make(*, has_home: bool) -> AttachedWorkbench:
        folder = NetworkFolder(tmp_path)
        create_network(folder, name="local-4", wallets={"alice": 10})
        workbench = AttachedWorkbench(folder.network_file, folder, has_home=has_home)
        workbench.open()
        return workbench

    return make


@pytest.mark.parametrize(
    ("order", "has_home", "why"),
    [
        (KillValidator(0), True, "no program with a control socket runs the network of this home"),
        (KillValidator(0), False, "validators are only seen; attach with --home"),
        (CutLine(0, 1), False, "validators are only seen"),
        (Pay("alice", "bob", 1, ""), True, "it is not open here"),
        (Pay("alice", "bob", 1, ""), False, "there are no keys; attach with --home"),
        (StopTraffic(), True, "this is done by the program that runs the network"),
    ],
)
async def test_a_refused_order_says_why(opened: Callable[..., AttachedWorkbench], order: Order, has_home: bool, why: str) -> None:
    workbench = opened(has_home=has_home)
    assert workbench.mode == "ATTACHED (read-only)"
    with pytest.raises(LocalFault, match="from here") as refused:
        await workbench.do(order)
    assert refused.value.code is ErrorCode.READ_ONLY
    assert why in refused.value.text


async def test_a_network_from_outside_is_awaited_until_somebody_answers(opened: Callable[..., AttachedWorkbench], monkeypatch: pytest.MonkeyPatch) -> None:
    """A validator that nobody has asked yet is not stopped, and no key here starts it."""

    async def begin(_: LedgerDesk) -> None:
        pass

    monkeypatch.setattr(LedgerDesk, "begin", begin)
    workbench = opened(has_home=False)
    await workbench.start()
    state = State()
    while not workbench.events.empty():
        apply(state, workbench.events.get_nowait())
    assert state.unreadable_count == 0
    assert [validator.condition for validator in state.validators] == [("◌", "awaited", "wait")] * 4
    state.now_ns = state.validators[0].since_ns + 2_000_000_000
    assert [plain(line) for line in card_lines(state, state.validators[0], 30)] == ["◌ no answer yet… 0:02"]
    await workbench.close()


async def test_what_only_looks_is_never_refused(opened: Callable[..., AttachedWorkbench]) -> None:
    await opened(has_home=False).do(WatchValidators(True))


def test_nothing_to_attach_to(tmp_path: Path) -> None:
    for has_home, what in ((True, f"there is no network in {tmp_path}"), (False, f"there is no network file {tmp_path / 'network.toml'}")):
        folder = NetworkFolder(tmp_path)
        with pytest.raises(LocalFault, match="start one with mesh-app or 'mesh-testnet up'") as refused:
            AttachedWorkbench(folder.network_file, folder, has_home=has_home).open()
        assert refused.value.code is ErrorCode.NO_NETWORK
        assert what in refused.value.text
