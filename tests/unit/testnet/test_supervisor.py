"""The supervisor of a local network: what it says of children that fail in every way, and that nothing is left of any of them."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.validator_store import DATABASE_NAME
from testnet import supervisor as supervisor_module
from testnet.child import Event
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.pausing import PauseGuard
from testnet.supervisor import Supervisor, ValidatorState, end_reason
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
        assert one.events[-1]["module"] == "tests.unit.testnet.fake_child"
        one.supervisor.run_as(0, None)
        assert (one.supervisor.states[0], one.supervisor.pid(0), one.supervisor.module(0)) == (ValidatorState.UP, pid, None)
        for index in (0, 1):
            with pytest.raises(LocalFault):
                await one.supervisor.restart(index)


def process_state(pid: int) -> str:
    """The kernel's letter: T for one that is stopped."""
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]


async def test_paused_one_stays_and_does_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        pid = one.supervisor.pid(0) or 0
        await one.supervisor.pause(0)
        await eventually(lambda: process_state(pid) == "T")
        assert one.supervisor.states == (ValidatorState.PAUSED,)
        assert (one.events[-1]["state"], one.events[-1]["pid"]) == ("paused", pid)
        with pytest.raises(LocalFault) as refusal:
            await one.supervisor.pause(0)
        assert (refusal.value.code, refusal.value.text) == (ErrorCode.VALIDATOR_STATE, "V1 is paused: only one that is up can be paused")
        guard = one.supervisor._validators[0].guard
        assert guard is not None
        await one.supervisor.resume(0)
        await eventually(lambda: process_state(pid) != "T")
        assert (one.supervisor.states, one.supervisor.pid(0)) == ((ValidatorState.UP,), pid)
        await until_ended(guard.pid)
        with pytest.raises(LocalFault) as refusal:
            await one.supervisor.resume(0)
        assert refusal.value.text == "V1 is up: it is not paused"


@pytest.mark.parametrize("end", ["stop", "kill", "leave"])
async def test_paused_one_ends_as_others_do_and_leaves_no_guard(tmp_path: Path, end: str) -> None:
    async with watched(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        await one.supervisor.pause(0)
        guard = one.supervisor._validators[0].guard
        assert guard is not None
        if end == "stop":
            await one.supervisor.stop(0)
            assert one.events[-1]["exit"] == 0
        if end == "kill":
            await one.supervisor.kill(0)
            assert one.events[-1]["exit"] == -signal.SIGKILL
    await until_ended(guard.pid)


async def test_paused_one_is_woken_when_nobody_is_left_to_resume_it() -> None:
    sleeper = await asyncio.create_subprocess_exec("/bin/sleep", "60", start_new_session=True)
    try:
        guard = await PauseGuard.watch(sleeper.pid)
        sleeper.send_signal(signal.SIGSTOP)
        await eventually(lambda: process_state(sleeper.pid) == "T")
        stdin = guard._process.stdin
        assert stdin is not None
        stdin.close()  # what the kernel does when the supervisor ends
        await eventually(lambda: process_state(sleeper.pid) != "T")
        # Until this loop knows of the end: the kernel tells it to others sooner, and what still runs for a loop that is closed is a warning in some later test.
        await guard._process.wait()
    finally:
        sleeper.kill()
        await sleeper.wait()


async def test_only_one_that_is_up_can_be_paused(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready") as one:
        for order in (one.supervisor.pause, one.supervisor.resume):
            with pytest.raises(LocalFault) as refusal:
                await order(0)
            assert refusal.value.code is ErrorCode.VALIDATOR_STATE
        assert one.events == []


async def test_restart_of_all_is_one_after_the_other(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready", "ready", "ready") as one:
        await one.supervisor.start_all()
        since = len(one.events)
        await one.supervisor.restart_all()
        told = [(event["validator"], event["state"]) for event in one.events[since:] if event["event"] == "validator_state"]
        assert told == [(index, state) for index in range(3) for state in ("stopping", "stopped", "starting", "up")]


async def test_each_launch_and_each_end_is_marked_in_the_log_on_a_line_of_its_own(tmp_path: Path) -> None:
    async with watched(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        first = one.supervisor.pid(0)
        await eventually(lambda: "mode ready" in one.folder.validator(0).log.read_text())
        with one.folder.validator(0).log.open("a") as log:
            log.write("cut off in the mid")
        await one.supervisor.kill(0)
        await one.supervisor.start(0)
        second = one.supervisor.pid(0)
    lines = one.folder.validator(0).log.read_text().splitlines()
    marks = [line for line in lines if line.startswith("── ")]
    assert [mark.split(" · ")[0] for mark in marks] == [f"── start pid {first}", "── exit -9", f"── start pid {second}", "── exit 0"]
    assert "killed as asked (SIGKILL)" in marks[1]
    assert "stopped as asked" in marks[3]
    assert "cut off in the mid" in lines


@pytest.mark.parametrize(
    ("exit_status", "asked", "detail", "reason"),
    [
        (0, "stop", "", "stopped as asked"),
        (0, "", "", "stopped: somebody else sent it SIGTERM"),
        (-9, "kill", "", "killed as asked (SIGKILL)"),
        (-9, "stop", "", "killed (SIGKILL): it did not stop within 5 s"),
        (-9, "deadline", "not ready within 20 s", "killed (SIGKILL): not ready within 20 s"),
        (-9, "", "", "ended by SIGKILL, which was not sent from here"),
        (-11, "stop", "", "ended by SIGSEGV, which was not sent from here"),
        (-63, "", "", "ended by signal 63, which was not sent from here"),
        (1, "", "validator.toml: listen_port: is missing", "failed with status 1: validator.toml: listen_port: is missing"),
        (3, "stop", "", "failed with status 3"),
    ],
)
def test_reasons_of_ends(exit_status: int, asked: str, detail: str, reason: str) -> None:
    assert end_reason(exit_status, asked=asked, detail=detail) == reason


async def test_routes_are_told_at_once_and_after_each_start(tmp_path: Path) -> None:
    async with watched(tmp_path, "listen") as one:
        one.supervisor.route(0, 2, ("127.0.0.1", 40_001))
        await one.supervisor.start(0)

        def all_heard() -> list[object]:
            texts = [event["text"] for event in one.events if event["event"] == "heard"]
            return [json.loads(line) for line in "".join(texts).splitlines()]

        to_relay = {"command": "route", "validator": 2, "host": "127.0.0.1", "port": 40_001}
        directly = {"command": "route", "validator": 2, "host": None, "port": None}
        await eventually(lambda: all_heard() == [to_relay])
        one.supervisor.route(0, 2, None)
        await eventually(lambda: all_heard() == [to_relay, directly])
        one.events.clear()
        await one.supervisor.restart(0)
        one.supervisor.route(0, 1, ("127.0.0.1", 40_002))
        await eventually(lambda: all_heard() == [{**to_relay, "validator": 1, "port": 40_002}])


def with_data(home: Path) -> NetworkFolder:
    """A network whose V1 has a database, a journal, and something of its owner's beside them."""
    folder = NetworkFolder(home)
    create_network(folder, name="test", wallets={"faucet": 1})
    one = folder.validator(0)
    one.first_start.unlink()
    one.data_dir.mkdir()
    for path in (one.data_dir / DATABASE_NAME, one.data_dir / f"{DATABASE_NAME}-wal", one.data_dir / "notes.txt", one.vote_journal):
        path.write_bytes(b"data")
    return folder


async def test_wiping_takes_database_and_journal_and_nothing_else(tmp_path: Path) -> None:
    folder = with_data(tmp_path / "home")
    events: list[Event] = []
    one = folder.validator(0)
    keys = {path: path.read_bytes() for path in (one.identity_key, one.tls_key, one.tls_certificate, one.config)}
    await Supervisor(folder, 4, events.append).wipe(0)
    assert [path.name for path in sorted(one.data_dir.iterdir()) if not path.name.endswith(".lock")] == ["notes.txt"]
    assert not one.vote_journal.exists()
    assert {path: path.read_bytes() for path in keys} == keys
    assert not one.first_start.exists(), "it has run: what it comes back with must be a quarantine"
    assert [(event["event"], event["validator"], event["files"]) for event in events] == [("validator_wiped", 0, 3)]
    await Supervisor(folder, 4, events.append).wipe(0)
    assert events[-1]["files"] == 0


async def test_data_of_one_that_runs_are_not_wiped(tmp_path: Path) -> None:
    folder = with_data(tmp_path / "home")
    async with watched(tmp_path / "home", "ready") as one:
        await one.supervisor.start(0)
        for pause in (False, True):
            if pause:
                await one.supervisor.pause(0)
            with pytest.raises(LocalFault) as refusal:
                await one.supervisor.wipe(0)
            assert refusal.value.code is ErrorCode.VALIDATOR_STATE
            assert "stop it first" in refusal.value.text
        assert (folder.validator(0).data_dir / DATABASE_NAME).exists()


@pytest.mark.parametrize(("content", "is_gone"), [(b"precious", False), (b"", True), (b"mesh.vote", True), (b"mesh.votejournal and more", True)])
async def test_a_file_that_a_strangers_configuration_calls_a_journal_is_kept(tmp_path: Path, content: bytes, is_gone: bool) -> None:
    folder = with_data(tmp_path / "home")
    validator = folder.validator(0)
    precious = tmp_path / "precious"
    precious.write_bytes(content)
    text = validator.config.read_text()
    assert 'vote_journal = "votes.journal"' in text
    validator.config.write_text(text.replace('vote_journal = "votes.journal"', f'vote_journal = "{precious}"'))
    if is_gone:
        await Supervisor(folder, 4, lambda event: None).wipe(0)
    else:
        with pytest.raises(LocalFault, match="is no vote journal"):
            await Supervisor(folder, 4, lambda event: None).wipe(0)
        precious.unlink()
        os.mkfifo(precious)
        with pytest.raises(LocalFault, match="is not a regular file"):
            await Supervisor(folder, 4, lambda event: None).wipe(0)
    assert precious.exists() is not is_gone
    assert (validator.data_dir / DATABASE_NAME).exists() is not is_gone


async def test_data_that_another_program_uses_are_not_wiped(tmp_path: Path) -> None:
    folder = with_data(tmp_path / "home")
    lock = OwnerLock.acquire(folder.validator(0).data_dir / DATABASE_NAME)
    try:
        with pytest.raises(LocalFault) as refusal:
            await Supervisor(folder, 4, lambda event: None).wipe(0)
        assert refusal.value.code is ErrorCode.STORE_LOCKED
        assert folder.validator(0).vote_journal.exists()
    finally:
        lock.release()


async def test_lifting_that_is_refused_says_why_and_the_validator_runs_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(tmp_path, "ready") as one:
        await one.supervisor.start(0)
        first = one.supervisor.pid(0)
        monkeypatch.setattr(one.supervisor, "_lift", _refuse_to_lift)
        with pytest.raises(LocalFault):
            await one.supervisor.lift(0, "a sentence")
        assert one.supervisor.states == (ValidatorState.UP,)
        assert one.supervisor.pid(0) not in (None, first)


async def test_a_sentence_that_no_process_can_be_given_lifts_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor(NetworkFolder(tmp_path), 4, lambda event: None)
    for sentence in ("a\0b", "\ud800", "a" * 10_000_000):
        with pytest.raises(LocalFault, match="was not lifted") as refusal:
            await supervisor.lift(0, sentence)
        assert refusal.value.code is ErrorCode.VALIDATOR_STATE


async def _refuse_to_lift(index: int, sentence: str) -> None:
    raise LocalFault(ErrorCode.VALIDATOR_STATE, "not lifted")
