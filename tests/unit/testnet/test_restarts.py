"""Restarts: an end that nobody asked for is mended, later each time; one that was asked for, or that comes again and again, is not."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh_core.errors import LocalFault
from testnet import restarts as restarts_module
from testnet import supervisor as supervisor_module
from testnet.restarts import DELAY_LEAST_S, DELAY_MOST_S, HEALTHY_S, SAME_ENDS_MOST, Restarts
from testnet.supervisor import ValidatorState
from tests.e2e.processes import is_running
from tests.unit.network.peers import eventually
from tests.unit.testnet.test_supervisor import Watched


@pytest.fixture(autouse=True)
def fake_validators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "VALIDATOR_MODULE", "tests.unit.testnet.fake_child")


@asynccontextmanager
async def kept(home: Path, *modes: str) -> AsyncIterator[Watched]:
    one = Watched(home, modes, auto_restart=True)
    async with one.supervisor:
        yield one
    assert [pid for pid in one.pids() if is_running(pid)] == []


def end(one: Watched, index: int = 0, number: signal.Signals = signal.SIGSEGV) -> int:
    """What the machine's troubles do to a process."""
    pid = one.supervisor.pid(index)
    assert pid is not None
    os.kill(pid, number)
    return pid


# --- The policy ------------------------------------------------------------------------------------------------------------------------------------


def test_delays_double_up_to_the_most_while_ends_differ() -> None:
    restarts = Restarts()
    delays = [restarts.delay_after(-number % 2 - 9, served_s=0.0) for number in range(10)]
    assert delays[:4] == [DELAY_LEAST_S * factor for factor in (1, 2, 4, 8)]
    assert delays[-1] == DELAY_MOST_S
    assert sorted(delays, key=lambda delay: delay or 0) == delays


def test_same_end_several_times_in_a_row_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.delay_after(1, served_s=HEALTHY_S - 1) is None for _ in range(SAME_ENDS_MOST)] == [False] * (SAME_ENDS_MOST - 1) + [True]


def test_another_end_in_between_begins_to_count_anew() -> None:
    restarts = Restarts()
    ends = [1] * (SAME_ENDS_MOST - 1) + [3] + [1] * (SAME_ENDS_MOST - 1)
    assert None not in [restarts.delay_after(status, served_s=0.0) for status in ends]


def test_long_service_begins_a_new_series() -> None:
    restarts = Restarts()
    for _ in range(10):
        assert restarts.delay_after(-11, served_s=HEALTHY_S) == DELAY_LEAST_S


# --- The supervisor --------------------------------------------------------------------------------------------------------------------------------


async def test_one_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    async with kept(tmp_path, "ready", "ready") as one:
        await one.supervisor.start_all()
        pid = end(one)
        await eventually(lambda: one.states_of(0)[-1] == "up" and one.supervisor.pid(0) not in (None, pid))
        assert one.states_of(0) == ["starting", "up", "exited", "restarting", "starting", "up"]
        [told] = [event for event in one.events if event.get("state") == "restarting"]
        assert (told["validator"], told["delay_s"], told["exit"], told["detail"]) == (0, DELAY_LEAST_S, -signal.SIGSEGV, "again in 0.2 s")
        assert one.states_of(1) == ["starting", "up"]
    assert one.states_of(0)[-1] == "stopped"


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_end_that_was_asked_for_stays(tmp_path: Path, how: str) -> None:
    async with kept(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        await (one.supervisor.kill(0) if how == "kill" else one.supervisor.stop(0))
        assert one.supervisor._validators[0].restarting is None
        assert one.states_of(0)[-1] == ("exited" if how == "kill" else "stopped")


async def test_orderly_end_by_a_signal_from_outside_stays(tmp_path: Path) -> None:
    async with kept(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        end(one, number=signal.SIGTERM)
        await eventually(lambda: one.states_of(0)[-1] == "stopped")
        assert one.supervisor._validators[0].restarting is None


async def test_without_being_asked_to_nothing_is_restarted(tmp_path: Path) -> None:
    one = Watched(tmp_path, ("ready",))
    async with one.supervisor:
        await one.supervisor.start(0)
        end(one)
        await eventually(lambda: one.states_of(0)[-1] == "exited")
        assert one.supervisor._validators[0].restarting is None


async def test_first_start_that_fails_is_told_and_not_repeated(tmp_path: Path) -> None:
    async with kept(tmp_path, "fatal") as one:
        with pytest.raises(LocalFault):
            await one.supervisor.start(0)
        assert one.supervisor._validators[0].restarting is None
        assert one.states_of(0) == ["starting", "exited"]


async def test_same_fault_again_and_again_is_given_up_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts_module, "DELAY_MOST_S", DELAY_LEAST_S)
    async with kept(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        one.set_mode(0, "fatal")
        end(one)
        await eventually(lambda: one.supervisor._validators[0].restarting is None and len(one.states_of(0)) > 4)
        assert one.supervisor.states == (ValidatorState.EXITED,)
        assert one.states_of(0).count("restarting") == SAME_ENDS_MOST
        detail = one.events[-1]["detail"]
        assert detail == "ended 3 times in a row with status 1, not started again: validator.toml: listen_port: is missing"
        # A person who has mended it starts it, and it is kept again.
        one.set_mode(0, "ready")
        await one.supervisor.start(0)
        pid = end(one)
        await eventually(lambda: one.supervisor.states == (ValidatorState.UP,) and one.supervisor.pid(0) not in (None, pid))


@pytest.mark.parametrize("how", ["kill", "stop", "stop_all"])
async def test_pause_before_a_restart_can_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(restarts_module.Restarts, "delay_after", lambda *_, **__: 60.0)
    async with kept(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        end(one)
        await eventually(lambda: one.states_of(0)[-1] == "restarting")
        await {"kill": lambda: one.supervisor.kill(0), "stop": lambda: one.supervisor.stop(0), "stop_all": one.supervisor.stop_all}[how]()
        assert one.states_of(0)[-1] == "stopped"
        assert one.supervisor._validators[0].restarting is None
        assert len(one.pids()) == 1


async def test_start_during_the_pause_starts_at_once_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts_module.Restarts, "delay_after", lambda *_, **__: 60.0)
    async with kept(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        end(one)
        await eventually(lambda: one.states_of(0)[-1] == "restarting")
        await asyncio.gather(one.supervisor.start(0), one.supervisor.start(0))
        assert one.supervisor.states == (ValidatorState.UP,)
        assert len(one.pids()) == 2


async def test_shutdown_in_the_middle_of_a_restart_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new process is there and not ready so far."""
    monkeypatch.setattr(restarts_module.Restarts, "delay_after", lambda *_, **__: 0.0)
    async with kept(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        one.set_mode(0, "silent")
        end(one)
        await eventually(lambda: one.states_of(0)[-1] == "starting" and one.supervisor.pid(0) is not None and len(one.states_of(0)) > 4)
        second = one.supervisor.pid(0)
        assert second is not None
        await one.supervisor.stop_all()
        assert not is_running(second)
        assert one.supervisor.states[0] in {ValidatorState.STOPPED, ValidatorState.EXITED}
        assert one.supervisor._validators[0].restarting is None
