"""The services between the screen and the processes: commands to the wallets, a home and its owner, and what follows from what the validators say."""

import asyncio
import inspect
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh_app.orders.validators import StartValidator
from mesh_app.orders.wallets import Pay
from mesh_app.services.workbench import LocalWorkbench
from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.wallet_store import list_wallets
from mesh_core.wallet.faucet import ask_faucet
from testnet.child import Child
from testnet.command_process import COMMAND_LIMIT_BYTES
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.wallet_service import WalletService
from tests.e2e.processes import REPOSITORY, START_S, is_running
from tests.unit.network.peers import eventually

Event = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> NetworkFolder:
    """A network whose validators do not run."""
    made = NetworkFolder(tmp_path / "home")
    create_network(made, name="test", wallets={"alice": 10_000, "bob": 0})
    return made


# --- The wallets' process --------------------------------------------------------------------------------------------------------------------------


class Wallets:
    """The process itself, spoken to line by line."""

    def __init__(self, child: Child, events: list[Event]) -> None:
        self.child = child
        self.events = events

    @property
    def answers(self) -> list[Event]:
        return [event for event in self.events if event["event"] == "answer"]

    async def say(self, line: bytes) -> Event:
        """Send a line and wait for its answer."""
        count = len(self.answers)
        stdin = self.child._process.stdin
        assert stdin is not None
        stdin.write(line + b"\n")
        await eventually(lambda: len(self.answers) > count, within_s=START_S)
        return self.answers[count]


@asynccontextmanager
async def wallets_of(folder: NetworkFolder) -> AsyncIterator[Wallets]:
    events: list[Event] = []
    arguments = ["--network", str(folder.network_file), "--wallets", str(folder.wallets)]
    child = await Child.start("testnet.wallet_process", arguments, folder.home / "wallets.log", events.append)
    try:
        yield Wallets(child, events)
    finally:
        await child.stop(START_S)


COMMANDS: list[tuple[bytes, int | None, str]] = [
    (b"not JSON", None, "is no command"),
    (b"[]", None, "is no command"),
    (b"{}", None, "is no command"),
    (b'{"id": "1", "command": "pay"}', None, "is no command"),
    (b"[" * 10_000, None, "is no command"),
    (b"\xff\xfe", None, "is no command"),
    (b'{"id": 1}', 1, "unknown"),
    (b'{"id": 2, "command": "fly"}', 2, "unknown"),
    (b'{"id": 3, "command": "pay"}', 3, "fields"),
    (b'{"id": 4, "command": "pay", "wallet": "alice", "to": "bob", "amount": 1.9, "text": ""}', 4, "fields"),
    (b'{"id": 5, "command": "pay", "wallet": "alice", "to": "bob", "amount": "5", "text": ""}', 5, "fields"),
    (b'{"id": 6, "command": "pay", "wallet": "alice", "to": "bob", "amount": true, "text": ""}', 6, "fields"),
    (b'{"id": 7, "command": "pay", "wallet": "alice", "to": "bob", "amount": 1e3, "text": ""}', 7, "fields"),
    (b'{"id": 8, "command": "pay", "wallet": 5, "to": "bob", "amount": 1, "text": ""}', 8, "fields"),
    (b'{"id": 9, "command": "create", "name": null}', 9, "fields"),
]


async def test_line_that_is_no_command_is_answered_and_changes_nothing(folder: NetworkFolder) -> None:
    """A fraction is no amount, and a text is none: nothing is guessed where money moves."""
    async with wallets_of(folder) as wallets:
        for line, number, reason in COMMANDS:
            answer = await wallets.say(line)
            assert (answer["id"], answer["ok"], answer["code"]) == (number, False, f"{ErrorCode.CONFIG_INVALID:04x}"), line
            assert reason in answer["text"], line
        answer = await wallets.say(b'{"id": 10, "command": "create", "name": "carol"}')
        assert (answer["id"], answer["ok"], answer["code"]) == (10, True, None)
        assert [event for event in wallets.events if event["event"] in {"payment_started", "payment_queued"}] == []
    assert list_wallets(folder.wallets) == ("alice", "bob", "carol")


async def test_line_without_an_end_is_dropped_and_the_next_one_is_read(folder: NetworkFolder) -> None:
    async with wallets_of(folder) as wallets:
        wallets.child.send({"id": 1, "command": "create", "name": "x" * (3 * COMMAND_LIMIT_BYTES)})
        wallets.child.send({"id": 2, "command": "create", "name": "carol"})
        await eventually(lambda: 2 in [answer["id"] for answer in wallets.answers], within_s=START_S)
        assert [answer["ok"] for answer in wallets.answers if answer["id"] == 2] == [True]
        assert 1 not in [answer["id"] for answer in wallets.answers]


async def test_process_ends_with_its_standard_input(folder: NetworkFolder) -> None:
    async with wallets_of(folder) as wallets:
        await eventually(lambda: len([event for event in wallets.events if event["event"] == "wallet"]) >= 2, within_s=START_S)
        wallets.child.release()
        async with asyncio.timeout(START_S):
            assert await wallets.child.ended == 0


async def test_process_that_hangs_does_not_outlive_its_owner() -> None:
    """Its loop does not turn any more, so nobody reads the end of its standard input."""
    script = "import time; from testnet import command_process as c; c.end_with_standard_input(0.1); print('up', flush=True); time.sleep(600)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        assert await process.stdout.readline() == b"up\n"
        process.stdin.write(b"a command that nobody reads\n")
        await process.stdin.drain()
        assert process.returncode is None
        process.stdin.close()
        assert await process.wait() == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: folder.network_file.write_text("nonsense"), "is not TOML"),
        (lambda folder: folder.genesis_file.write_bytes(b""), "does not decode"),
    ],
    ids=["network.toml", "genesis"],
)
async def test_process_that_cannot_start_says_why_and_has_status_1(folder: NetworkFolder, spoil: Any, reason: str) -> None:
    spoil(folder)
    async with wallets_of(folder) as wallets:
        async with asyncio.timeout(START_S):
            assert await wallets.child.ended == 1
        fault = wallets.events[-1]
        assert (fault["event"], fault["wallet"], fault["payment"]) == ("fault", None, None)
        assert reason in fault["text"]


# --- The screen's side of it -----------------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def service_of(folder: NetworkFolder) -> AsyncIterator[tuple[WalletService, list[Event]]]:
    events: list[Event] = []
    service = WalletService(folder, events.append)
    await service.start()
    try:
        yield service, events
    finally:
        await service.stop()


async def refuse(waiting: Any) -> LocalFault:
    with pytest.raises(LocalFault) as refusal:
        async with asyncio.timeout(START_S):
            await waiting
    return refusal.value


async def test_order_that_the_wallets_refuse_raises_their_code_and_words(folder: NetworkFolder) -> None:
    async with service_of(folder) as (service, _):
        assert (await refuse(service.pay("nobody", "bob", 1, ""))).code is ErrorCode.WALLET_UNKNOWN
        assert (await refuse(service.create("alice"))).code is ErrorCode.WALLET_EXISTS
        assert "there is a wallet 'alice'" in (await refuse(service.create("alice"))).text


async def test_order_that_is_too_long_is_refused_and_not_lost(folder: NetworkFolder) -> None:
    """The process would drop it, and the person would wait for ever."""
    async with service_of(folder) as (service, _):
        for text in ("x" * COMMAND_LIMIT_BYTES, "ä" * (COMMAND_LIMIT_BYTES // 6)):
            assert (await refuse(service.pay("alice", "bob", 1, text))).code is ErrorCode.CONFIG_INVALID
        assert (await refuse(service.create("x" * 40_000))).code is ErrorCode.WALLET_NAME_INVALID


async def test_end_of_the_process_is_told_to_whoever_waits_and_to_everybody(folder: NetworkFolder) -> None:
    async with service_of(folder) as (service, events):
        waiting = asyncio.create_task(service.pay("alice", "bob", 1, "no validator runs"))
        await eventually(lambda: "payment_queued" in [event["event"] for event in events], within_s=START_S)
        pid = service.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        fault = await refuse(waiting)
        assert fault.code is ErrorCode.STORE_UNAVAILABLE
        assert "ended (-9)" in fault.text
        assert [event["text"] for event in events if event["event"] == "fault"] == [fault.text]
        assert service.pid is None
        with pytest.raises(LocalFault):
            service.require_running()
        assert (await refuse(service.pay("alice", "bob", 1, ""))).code is ErrorCode.STORE_UNAVAILABLE
        await service.start()
        assert (await refuse(service.create("alice"))).code is ErrorCode.WALLET_EXISTS


async def test_orderly_stop_is_no_fault(folder: NetworkFolder) -> None:
    async with service_of(folder) as (service, events):
        await eventually(lambda: events != [], within_s=START_S)
        pid = service.pid
    assert pid is not None
    assert not is_running(pid)
    assert [event for event in events if event["event"] == "fault"] == []
    await service.stop()


# --- The workbench ---------------------------------------------------------------------------------------------------------------------------------


async def test_home_has_one_owner(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    async with LocalWorkbench(folder) as first:
        first.open()
        async with LocalWorkbench(folder) as second:
            with pytest.raises(LocalFault) as refusal:
                second.open()
            assert refusal.value.code is ErrorCode.HOME_IN_USE
            assert str(folder.home) in refusal.value.text
            assert f"process {os.getpid()}" in refusal.value.text
    async with LocalWorkbench(folder) as third:
        third.open()
        assert third.genesis.network_id == first.genesis.network_id


async def test_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with LocalWorkbench(NetworkFolder(tmp_path / "file")) as workbench:
        with pytest.raises(LocalFault) as refusal:
            workbench.open()
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
    assert str(tmp_path / "file") in refusal.value.text


async def test_new_home_has_what_the_workstation_promises(tmp_path: Path) -> None:
    async with LocalWorkbench(NetworkFolder(tmp_path / "home")) as workbench:
        workbench.open()
        doc = workbench.genesis.doc
    assert (doc.fee_base, doc.fee_per_output) == (1, 0)
    assert sorted(allocation.amount for allocation in doc.allocations) == [10_000, 1_000_000_000]
    assert list_wallets(tmp_path / "home" / "wallets") == ("alice", "bob", "faucet")
    assert len(doc.validators) == 4


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[LocalWorkbench]:
    async with LocalWorkbench(NetworkFolder(tmp_path / "home")) as workbench:
        workbench.open()
        yield workbench


def status(validator: int, **changes: Any) -> Event:
    return {"event": "status", "validator": validator, "log_length": 5, "state_digest": "ab", "supply_audit": True, **changes}


def audits(workbench: LocalWorkbench) -> list[tuple[bool, bool | None, int]]:
    """The audits among everything that was published since the last call."""
    events = [workbench.events.get_nowait() for _ in range(workbench.events.qsize())]
    return [(event["digests_equal"], event["supply_audit"], event["log_length"]) for event in events if event["event"] == "audit"]


async def test_audit_compares_validators_that_have_applied_as_much(opened: LocalWorkbench) -> None:
    for index in range(2):
        opened.publish(status(index))
    assert audits(opened) == []
    opened.publish(status(2))
    assert audits(opened) == [(True, True, 5)]
    opened.publish(status(3, log_length=4))
    assert audits(opened) == []
    opened.publish(status(3))
    assert audits(opened) == []
    opened.publish(status(3, state_digest="cd"))
    assert audits(opened) == [(False, True, 5)]
    opened.publish(status(3, supply_audit=False))
    assert audits(opened) == [(True, False, 5)]
    opened.publish(status(3, supply_audit=None))
    assert audits(opened) == [(True, None, 5)]


@pytest.mark.parametrize(
    "changes",
    [{"validator": None}, {"validator": [1]}, {"validator": 99}, {"log_length": []}, {"log_length": "5"}, {"state_digest": {}}, {"supply_audit": 0}],
    ids=str,
)
async def test_a_status_that_is_malformed_stops_no_audit(opened: LocalWorkbench, changes: dict[str, Any]) -> None:
    """The reader of a control socket, or of a process, would end with it: nothing more would ever be seen of that network."""
    opened.publish({"event": "validator_state"})
    opened.publish(status(0) | changes)
    for index in range(1, 4):
        opened.publish(status(index))
    assert audits(opened) == [(True, True, 5)]


async def test_audit_says_whether_the_ledger_was_read_at_all(opened: LocalWorkbench) -> None:
    """From outside, the sums are known once somebody has read the log; a ledger that is too large is something else."""
    unread = {name: value for name, value in status(0).items() if name != "supply_audit"}
    for index in range(3):
        opened.publish({**unread, "validator": index})
    for index in range(3):
        opened.publish(status(index, supply_audit=None))
    told = [event for _ in range(opened.events.qsize()) if (event := opened.events.get_nowait())["event"] == "audit"]
    assert [(event["supply_audit"], event["is_read"]) for event in told] == [(None, False), (None, True)]


async def test_validator_that_is_down_counts_no_more(opened: LocalWorkbench) -> None:
    for index in range(4):
        opened.publish(status(index, state_digest="cd" if index == 3 else "ab"))
    assert audits(opened)[-1] == (False, True, 5)
    opened.publish({"event": "validator_state", "validator": 3, "state": "exited"})
    opened.publish(status(0, log_length=5))
    assert audits(opened) == [(True, True, 5)]


async def test_validator_that_cannot_be_started_is_told_as_an_event(opened: LocalWorkbench) -> None:
    """An order returns at once; nobody waits for what comes of it."""
    opened.supervisor._folder.validator(0).config.write_text("nonsense")
    await opened.do(StartValidator(0))
    told: list[Event] = []
    async with asyncio.timeout(START_S):
        while not told or told[-1]["event"] != "fault":
            told.append(await opened.events.get())
    assert told[-1]["code"] == f"{ErrorCode.VALIDATOR_START:04x}"
    assert "V1 did not start" in told[-1]["text"]
    assert "is not TOML" in told[-1]["text"]
    assert json.dumps(told)


async def test_work_that_is_given_up_before_it_began_is_not_forgotten(opened: LocalWorkbench) -> None:
    """An order just before the screen is left. Python would warn, some time later, of a coroutine that nobody awaited."""
    began: list[str] = []

    async def work() -> None:
        began.append("began")

    assert opened._context is not None
    given = work()
    opened._context.in_background(given)
    await opened._context.cancel_tasks()
    assert (began, inspect.getcoroutinestate(given)) == ([], inspect.CORO_CLOSED)


async def test_closing_while_a_validator_starts_leaves_no_process(tmp_path: Path) -> None:
    workbench = LocalWorkbench(NetworkFolder(tmp_path / "home"))
    async with workbench:
        workbench.open()
        for index in range(4):
            await workbench.do(StartValidator(index))
        await asyncio.sleep(0)
        await eventually(lambda: any(workbench.supervisor.pid(index) is not None for index in range(4)), within_s=START_S)
        pids = [pid for index in range(4) if (pid := workbench.supervisor.pid(index)) is not None]
    assert [pid for pid in pids if is_running(pid)] == []
    assert [workbench.supervisor.pid(index) for index in range(4)] == [None] * 4


async def test_order_without_wallets_is_refused_at_once(opened: LocalWorkbench) -> None:
    with pytest.raises(LocalFault) as refusal:
        await opened.do(Pay("alice", "bob", 1, ""))
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE


async def test_faucet_listens_while_the_workbench_runs_and_says_why_it_cannot_pay(opened: LocalWorkbench, tmp_path: Path) -> None:
    """The validators' own start is another test's: the faucet does not wait for them."""
    path = tmp_path / "home" / "faucet.sock"
    await opened._open_faucet()
    address = WalletKeys.from_seed(b"\x11" * 32).address
    assert "process does not run" in (await refuse(asyncio.to_thread(ask_faucet, path, address, 5))).text
    await opened.close()
    assert not path.exists()


async def test_workbench_whose_faucet_cannot_listen_works_all_the_same(opened: LocalWorkbench, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home" / "faucet.sock").write_text("precious")
    await opened._open_faucet()
    assert "no faucet: cannot listen" in caplog.text
    await opened.close()
    assert (tmp_path / "home" / "faucet.sock").read_text() == "precious"
