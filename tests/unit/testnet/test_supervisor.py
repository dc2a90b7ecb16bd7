"""The supervisor of a local network: what it says of children that fail in every way, and that nothing is left of any of them."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet import supervisor as supervisor_module
from testnet.child import Event
from testnet.layout import NetworkFolder
from testnet.supervisor import Supervisor, ValidatorState
from tests.e2e.processes import is_running, until_ended
from tests.unit.network.peers import eventually


@pytest.fixture(autouse=True)
def fake_validators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that behave as a file in their folder says, and deadlines that tests need not wait for."""
    monkeypatch.setattr(supervisor_module, "VALIDATOR_MODULE", "tests.unit.testnet.fake_child")


class Watched:
    """A supervisor and everything that it published."""

    def __init__(self, home: Path, modes: tuple[str, ...], *, auto_restart: bool = False) -> None:
        self.folder = NetworkFolder(home)
        self.events: list[Event] = []
        for index, mode in enumerate(modes):
            self.set_mode(index, mode)
        self.supervisor = Supervisor(self.folder, len(modes), self.events.append, auto_restart=auto_restart)

    def set_mode(self, index: int, mode: str) -> None:
        folder = self.folder.validator(index)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.config.with_name("mode").write_text(mode)

    def states_of(self, index: int) -> list[str]:
        return [event["state"] for event in self.events if event["event"] == "validator_state" and event["validator"] == index]

    def pids(self) -> list[int]:
        return [event["pid"] for event in self.events if event["event"] == "ready"]


@asynccontextmanager
async def watched(home: Path, *modes: str) -> AsyncIterator[Watched]:
    one = Watched(home, modes)
    async with one.supervisor:
        yield one
    assert [pid for pid in one.pids() if is_running(pid)] == []


async def test_all_are_started_at_once_and_stopped_in_good_order(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready", "ready", "ready") as one:
        await one.supervisor.start_all()
        assert one.supervisor.states == (ValidatorState.UP,) * 3
        assert sorted(one.pids()) == sorted(one.supervisor.pid(index) or 0 for index in range(3))
        assert {event["validator"] for event in one.events if event["event"] == "ready"} == {0, 1, 2}
    assert one.supervisor.states == (ValidatorState.STOPPED,) * 3
    assert [one.states_of(index) for index in range(3)] == [["starting", "up", "stopping", "stopped"]] * 3
    assert {event["exit"] for event in one.events if event["event"] == "validator_state" and event["state"] == "stopped"} == {0}


async def test_one_that_fails_is_named_with_its_reason_and_the_others_are_up_until_all_are_stopped(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready", "fatal", "ready", "ready") as one:
        with pytest.raises(LocalFault) as refusal:
            await one.supervisor.start_all()
        assert refusal.value.code is ErrorCode.VALIDATOR_START
        assert "V2 did not start: validator.toml: listen_port: is missing" in refusal.value.text
        assert str(one.folder.validator(1).log) in refusal.value.text
        assert one.supervisor.states == (ValidatorState.UP, ValidatorState.EXITED, ValidatorState.UP, ValidatorState.UP)
        assert [event["detail"] for event in one.events if event["event"] == "validator_state" and event["state"] == "exited"] == [
            "validator.toml: listen_port: is missing"
        ]
    assert [state for state in one.supervisor.states if state is not ValidatorState.EXITED] == [ValidatorState.STOPPED] * 3


async def test_one_that_ends_without_a_word_is_told_with_its_status(tmp_path: Path) -> None:
    async with watched(tmp_path, "exit") as one:
        with pytest.raises(LocalFault) as refusal:
            await one.supervisor.start(0)
        assert "V1 did not start: it ended with status 3 and gave no reason; its log:" in refusal.value.text


async def test_one_that_says_nothing_is_killed_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "START_DEADLINE_S", 0.3)
    async with watched(tmp_path, "silent") as one:
        with pytest.raises(LocalFault) as refusal:
            await one.supervisor.start(0)
        assert "V1 did not start: not ready within 0.3 s" in refusal.value.text
        [exited] = [event for event in one.events if event["event"] == "validator_state" and event["state"] == "exited"]
        assert exited["detail"] == "not ready within 0.3 s"
        assert exited["exit"] == -signal.SIGKILL
        [starting] = [event for event in one.events if event["event"] == "validator_state" and event["state"] == "starting"]
        await until_ended(starting["pid"])


@pytest.mark.parametrize("mode", ["garbage", "huge", "odd"])
async def test_one_that_prints_what_nobody_understands_is_up_when_it_says_so(tmp_path: Path, mode: str) -> None:
    async with watched(tmp_path, mode, "ready") as one:
        await one.supervisor.start_all()
        assert one.supervisor.states == (ValidatorState.UP, ValidatorState.UP)
        strange = [event for event in one.events if event["event"] in {"garbage", "odd"}]
        assert {event["validator"] for event in strange} <= {0}
        assert strange != [] or mode == "huge"


async def test_one_that_does_not_want_to_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_DEADLINE_S", 0.1)
    async with watched(tmp_path, "stubborn") as one:
        await one.supervisor.start(0)
        await one.supervisor.stop(0)
        assert one.supervisor.states == (ValidatorState.EXITED,)
        assert one.events[-1]["exit"] == -signal.SIGKILL


async def test_folder_that_does_not_exist_is_a_reason(tmp_path: Path) -> None:
    one = Watched(tmp_path, ())
    supervisor = Supervisor(one.folder, 1, one.events.append)
    with pytest.raises(LocalFault) as refusal:
        await supervisor.start(0)
    assert refusal.value.code is ErrorCode.VALIDATOR_START
    assert "V1 cannot be started: No such file or directory" in refusal.value.text
    assert supervisor.states == (ValidatorState.EXITED,)


async def test_killed_one_is_told_as_exited_and_can_be_started_again(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        first = one.supervisor.pid(0)
        await one.supervisor.kill(0)
        assert one.supervisor.pid(0) is None
        assert (one.events[-1]["state"], one.events[-1]["exit"]) == ("exited", -signal.SIGKILL)
        await one.supervisor.restart(0)
        assert one.supervisor.states == (ValidatorState.UP,)
        assert one.supervisor.pid(0) not in (None, first)
        assert one.events[-1]["restarts"] == 1
        await one.supervisor.restart(0)
        assert one.events[-1]["restarts"] == 2


async def test_failed_one_can_be_started_when_its_fault_is_mended(tmp_path: Path) -> None:
    async with watched(tmp_path, "fatal") as one:
        with pytest.raises(LocalFault):
            await one.supervisor.start(0)
        one.set_mode(0, "ready")
        await one.supervisor.start(0)
        assert one.supervisor.states == (ValidatorState.UP,)
        assert one.events[-1]["detail"] == ""


async def test_starting_twice_at_once_starts_one_process(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready") as one:
        await asyncio.gather(one.supervisor.start(0), one.supervisor.start(0))
        await one.supervisor.start(0)
        assert len(one.pids()) == 1


async def test_stopping_what_does_not_run_does_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready") as one:
        await one.supervisor.stop(0)
        await one.supervisor.kill(0)
        assert one.events == []
        assert one.supervisor.pid(0) is None


async def test_stop_during_a_start_ends_the_start(tmp_path: Path) -> None:
    async with watched(tmp_path, "silent") as one:
        starting = asyncio.create_task(one.supervisor.start(0))
        await eventually(lambda: one.states_of(0) == ["starting"])
        await one.supervisor.stop(0)
        with pytest.raises(LocalFault):
            await starting
        assert one.supervisor.pid(0) is None


async def test_one_that_crashes_later_is_told(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        child = one.supervisor._validators[0].child
        assert child is not None
        child.signal(signal.SIGSEGV)
        await eventually(lambda: one.states_of(0)[-1] == "exited")
        assert one.events[-1]["exit"] == -signal.SIGSEGV


async def test_another_module_runs_from_the_next_start_on_and_only_where_it_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "VALIDATOR_MODULE", "tests.unit.testnet.no_such_module")
    async with watched(tmp_path, "ready", "ready") as one:
        one.supervisor.run_as(0, "tests.unit.testnet.fake_child")
        assert (one.supervisor.module(0), one.supervisor.module(1)) == ("tests.unit.testnet.fake_child", None)
        await one.supervisor.start(0)
        pid = one.supervisor.pid(0)
        one.supervisor.run_as(0, None)
        assert (one.supervisor.states[0], one.supervisor.pid(0), one.supervisor.module(0)) == (ValidatorState.UP, pid, None)
        for index in (0, 1):
            with pytest.raises(LocalFault):
                await one.supervisor.restart(index)
