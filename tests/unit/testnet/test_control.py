"""The control socket: orders, what is refused, hostile input, followers that read and followers that do not."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network import local_socket
from testnet import control, control_client
from testnet.child import Event
from testnet.conditions import GOOD, Conditions
from testnet.control import ControlServer
from testnet.control_client import ControlClient, connected
from testnet.control_memory import LOG_LINES_KEPT, Memory
from testnet.control_orders import Orders
from testnet.ending import end_network
from testnet.layout import NetworkFolder
from testnet.lines import WALLETS, Line
from testnet.ownership import own_home
from testnet.profiles import Profile
from testnet.supervisor import ValidatorState
from tests.unit.network.peers import eventually


class FakeSupervisor:
    """Four validators that do what they are told, or refuse."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.refusal: LocalFault | None = None
        self.hold: asyncio.Event | None = None
        self.states = (ValidatorState.UP,) * 4

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        async def do(*arguments: Any) -> None:
            if self.hold is not None:
                await self.hold.wait()
            if self.refusal is not None:
                raise self.refusal
            self.done.append((name, *arguments))

        return do

    def pid(self, index: int) -> int | None:
        return 100 + index

    def module(self, index: int) -> str | None:
        return None


class FakeLines:
    """Remembers what was done to lines."""

    def __init__(self) -> None:
        self.done: list[object] = []

    async def set(self, line: Line, conditions: Conditions) -> None:
        self.done.append((line, conditions))

    async def apply(self, profile: Profile) -> None:
        self.done.append(profile.name)

    async def heal_all(self) -> None:
        self.done.append("all")


class Controlled:
    """A control socket in front of fakes."""

    def __init__(self, home: Path, *, lets_others_end: bool = True) -> None:
        self.folder = NetworkFolder(home)
        self.supervisor, self.lines, self.memory = FakeSupervisor(), FakeLines(), Memory()
        self.told: list[Event] = []
        self.watched: list[bool] = []
        self.ended: list[str] = []
        end = self.ended.append if lets_others_end else None
        orders = Orders(self.folder, self.supervisor, self.lines, self.memory, "a test", end)  # type: ignore[arg-type]
        self.server = ControlServer(self.folder, self.memory, orders, self.told.append, self.watched.append)


@asynccontextmanager
async def controlled(home: Path, *, lets_others_end: bool = True) -> AsyncIterator[Controlled]:
    one = Controlled(home, lets_others_end=lets_others_end)
    await one.server.open()
    try:
        yield one
    finally:
        await one.server.close()
    assert not one.folder.control_socket.exists()


@asynccontextmanager
async def raw(one: Controlled) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which anything can be sent."""
    dialled = local_socket.connect(one.folder.control_socket, 5)
    dialled.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=dialled, limit=1 << 24)
    try:
        yield reader, writer
    finally:
        writer.close()


async def refusal_of(client: ControlClient, order: str, **fields: Any) -> LocalFault:
    with pytest.raises(LocalFault) as refusal:
        await client.order(order, **fields)
    return refusal.value


async def test_orders_reach_the_validators_and_the_lines(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one, connected(one.folder) as client:
        for name in ("start", "stop", "kill", "restart", "pause", "resume"):
            await client.order(name, validator="V3")
        await client.order("restart-all")
        await client.order("wipe", validator="v2", confirm="V2")
        await client.order("lift", validator="4", confirm="a sentence")
        assert one.supervisor.done == [
            *((name, 2) for name in ("start", "stop", "kill", "restart", "pause", "resume")),
            ("restart_all",),
            ("wipe", 1),
            ("lift", 3, "a sentence"),
        ]
        await client.order("cut", line=["V3", "V1"])
        await client.order("slow", line=["wallets", "V2"], ms=12.5)
        await client.order("lose", line=["1", "2"], percent=5)
        await client.order("shape", line=["V1", "V2"], delay_ms=24, jitter_ms=1.5, loss=0.01, reordering=0.02, duplication=0.03, bandwidth_kbit_s=800)
        await client.order("heal", line=["V1", "V3"])
        await client.order("profile", profile="australia")
        await client.order("heal")
        assert one.lines.done == [
            (Line(0, 2), Conditions(is_cut=True)),
            (Line(WALLETS, 1), Conditions(delay_ms=12.5)),
            (Line(0, 1), Conditions(loss=0.05)),
            (Line(0, 1), Conditions(delay_ms=24, jitter_ms=1.5, loss=0.01, reordering=0.02, duplication=0.03, bandwidth_kbit_s=800)),
            (Line(0, 2), GOOD),
            "australia",
            "all",
        ]
        texts = [event["text"] for event in one.told]
        assert texts[:2] == ["start V3", "stop V3"]
        assert texts[-5:] == ["lose 1 2", "shape V1 V2", "heal V1 V3", "profile australia", "heal"]


@pytest.mark.parametrize(
    ("order", "fields", "code", "words"),
    [
        ("kill", {"validator": "V5"}, ErrorCode.CONFIG_INVALID, "'V5' is none of V1 to V4"),
        ("kill", {"validator": "V0"}, ErrorCode.CONFIG_INVALID, "'V0' is none of V1 to V4"),
        ("kill", {"validator": "wallets"}, ErrorCode.CONFIG_INVALID, "is none of"),
        ("kill", {"validator": 2}, ErrorCode.CONFIG_INVALID, "unknown"),
        ("kill", {}, ErrorCode.CONFIG_INVALID, "unknown"),
        ("explode", {"validator": "V1"}, ErrorCode.CONFIG_INVALID, "unknown"),
        ("__init__", {"validator": "V1"}, ErrorCode.CONFIG_INVALID, "unknown"),
        ("wipe", {"validator": "V1"}, ErrorCode.CONFIG_INVALID, "unknown"),
        ("wipe", {"validator": "V1", "confirm": "V2"}, ErrorCode.CONFIRMATION_MISSING, "the confirmation is the validator's name, V1"),
        ("cut", {"line": ["V1"]}, ErrorCode.CONFIG_INVALID, "unknown"),
        ("cut", {"line": ["V1", "V1"]}, ErrorCode.CONFIG_INVALID, "no line from V1 to itself"),
        ("cut", {"line": ["V1", "mars"]}, ErrorCode.CONFIG_INVALID, "'mars' is none of V1 to V4 or wallets"),
        ("slow", {"line": ["V1", "V2"], "ms": -1}, ErrorCode.CONFIG_INVALID, "from 0 to 10000 ms"),
        ("slow", {"line": ["V1", "V2"], "ms": True}, ErrorCode.CONFIG_INVALID, "delay"),
        ("slow", {"line": ["V1", "V2"], "ms": float("nan")}, ErrorCode.CONFIG_INVALID, "delay"),
        ("lose", {"line": ["V1", "V2"], "percent": 10**4000}, ErrorCode.CONFIG_INVALID, "share"),
        ("lose", {"line": ["V1", "V2"], "percent": True}, ErrorCode.CONFIG_INVALID, "share"),
        ("lose", {"line": ["V1", "V2"], "percent": float("nan")}, ErrorCode.CONFIG_INVALID, "share"),
        ("slow", {"line": ["V1", "V2"], "ms": 10**4000}, ErrorCode.CONFIG_INVALID, "delay"),
        ("shape", {"line": ["V1", "V2"], "loss": 10**4000}, ErrorCode.CONFIG_INVALID, "share"),
        ("profile", {"profile": "./a\0b\ud800"}, ErrorCode.CONFIG_INVALID, "cannot be read"),
        ("lose", {"line": ["V1", "V2"], "percent": 101}, ErrorCode.CONFIG_INVALID, "share"),
        ("shape", {"line": ["V1", "V2"], "jitters": 1}, ErrorCode.CONFIG_INVALID, "a line has no 'jitters'"),
        ("profile", {"profile": "atlantis"}, ErrorCode.CONFIG_INVALID, "there is no profile 'atlantis'"),
        ("heal", {"line": "everything"}, ErrorCode.CONFIG_INVALID, "unknown"),
    ],
)
async def test_orders_that_are_refused_do_nothing(tmp_path: Path, order: str, fields: dict[str, Any], code: ErrorCode, words: str) -> None:
    async with controlled(tmp_path) as one, connected(one.folder) as client:
        fault = await refusal_of(client, order, **fields)
        assert fault.code is code
        assert words in fault.text
        assert (one.supervisor.done, one.lines.done) == ([], [])


async def test_the_end_of_all_is_ordered_where_the_program_takes_such_orders(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one, connected(one.folder) as client:
        await client.order("down")
        assert one.ended == ["another program asked for it"]
        assert one.told[-1]["text"] == "down"
    async with controlled(tmp_path, lets_others_end=False) as one, connected(one.folder) as client:
        refusal = await refusal_of(client, "down")
        assert (refusal.code, one.ended) == (ErrorCode.HOME_IN_USE, [])
        assert "a test, process " in refusal.text


async def test_reports_are_watched_until_nobody_does_or_the_connection_ends(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one:
        async with connected(one.folder) as client, connected(one.folder) as other:
            await client.order("watch", on=True)
            await other.order("watch", on=True)
            await client.order("watch", on=False)
            assert one.watched == [True, True, True]
            assert (await refusal_of(client, "watch", on="yes")).code is ErrorCode.CONFIG_INVALID
        await eventually(lambda: one.watched[-1] is False)
        assert one.told == [], "who only looks is not told"


async def test_a_mark_goes_into_the_log(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one, connected(one.folder) as client:
        one.folder.validator(1).path.mkdir(parents=True)
        await client.order("mark", validator="V2")
        assert one.folder.validator(1).log.read_text().startswith("── mark · ")


async def test_refusal_of_the_supervisor_comes_with_its_code_and_words(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one, connected(one.folder) as client:
        one.supervisor.refusal = LocalFault(ErrorCode.VALIDATOR_STATE, "V1 is up: stop it first")
        fault = await refusal_of(client, "wipe", validator="V1", confirm="V1")
        assert (fault.code, fault.text) == (ErrorCode.VALIDATOR_STATE, "V1 is up: stop it first")


async def test_orders_run_beside_each_other_and_so_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_ORDERS", 2)
    async with controlled(tmp_path) as one, connected(one.folder) as client, connected(one.folder) as other:
        one.supervisor.hold = asyncio.Event()
        slow = [asyncio.create_task(client.order("stop", validator=f"V{number}")) for number in (1, 2)]
        await eventually(lambda: len(one.told) == 2)
        third = asyncio.create_task(client.order("status"))
        assert len((await other.order("status"))["status"]["validators"]) == 4
        one.supervisor.hold.set()
        await asyncio.gather(*slow)
        assert one.supervisor.done == [("stop", 0), ("stop", 1)]
        with pytest.raises(LocalFault, match="wait for an answer") as refusal:
            await third
        assert refusal.value.code is ErrorCode.BUSY


async def test_whoever_leaves_after_an_order_has_it_done_all_the_same(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one:
        one.supervisor.hold = asyncio.Event()
        async with raw(one) as (_, writer):
            writer.write(b'{"id": 1, "order": "kill", "validator": "V1"}\n')
            await eventually(lambda: len(one.told) == 1)
        one.supervisor.hold.set()
        await eventually(lambda: one.supervisor.done == [("kill", 0)])


async def test_only_the_user_may_open_the_socket(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one:
        assert stat.S_IMODE(one.folder.control_socket.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b'{"id": 1}\n',
        b'{"id": true, "order": "status"}\n',
        b'{"id": "1", "order": "status"}\n',
        b'{"id": 1, "order": ["kill"]}\n',
        b"[" * 10_000 + b"\n",
        b'{"id": 1, "order": "kill", "validator": "\xff\xfe"}\n',
    ],
)
async def test_lines_that_are_no_order_are_answered_and_the_next_is_heard(tmp_path: Path, line: bytes) -> None:
    async with controlled(tmp_path) as one, raw(one) as (reader, writer):
        writer.write(line)
        answer = json.loads(await reader.readline())
        assert (answer["ok"], answer["code"]) == (False, f"{ErrorCode.CONFIG_INVALID:04x}")
        writer.write(b'{"id": 7, "order": "status"}\n')
        answer = json.loads(await reader.readline())
        assert (answer["answer"], answer["ok"]) == (7, True)
        assert (one.supervisor.done, one.told) == ([], [])


async def test_a_line_that_does_not_end_is_the_end(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one, raw(one) as (reader, writer):
        writer.write(b"x" * (control.ORDER_LIMIT_BYTES + 10))
        answer = json.loads(await reader.readline())
        assert answer["text"] == f"an order has at most {control.ORDER_LIMIT_BYTES} bytes"
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        async with connected(one.folder) as client:
            await client.order("status")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=300))
async def test_noise_does_nothing(tmp_path: Path, noise: bytes) -> None:
    async with controlled(tmp_path) as one:
        async with raw(one) as (_, writer):
            writer.write(noise + b"\n")
            with suppress(ConnectionError):
                await writer.drain()
        async with connected(one.folder) as client:
            await client.order("status")
        assert (one.supervisor.done, one.lines.done) == ([], [])


async def test_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CONNECTIONS", 1)
    async with controlled(tmp_path) as one:
        async with connected(one.folder) as client:
            await client.order("status")
            async with connected(one.folder) as late:
                assert (await refusal_of(late, "status")).code is ErrorCode.NO_NETWORK
        await eventually(lambda: len(one.server._connections) == 0)
        async with connected(one.folder) as client:
            await client.order("status")


def state_event(index: int, state: str, **fields: Any) -> Event:
    return {"event": "validator_state", "t_ns": 5, "validator": index, "state": state, "pid": 100 + index, **fields}


async def test_a_follower_is_told_how_things_are_and_then_everything(tmp_path: Path) -> None:
    async with controlled(tmp_path) as one:
        one.server.take({"event": "log_line", "t_ns": 6, "validator": 1, "lines": [str(number) for number in range(1000)], "skipped": 0})
        one.server.take({"event": "line_state", "t_ns": 4, "line": "V1-V3", "relayed": True, "cut": True, "delay_ms": 0.0, "loss": 0.0})
        one.server.take(state_event(1, "starting"))
        one.server.take({"event": "ready", "t_ns": 6, "validator": 1, "pid": 101, "host": "h", "port": 1})
        one.server.take(state_event(1, "up"))
        one.server.take({"event": "vote_cast", "t_ns": 6, "validator": 1})
        one.server.take({"event": "network", "t_ns": 1, "name": "local-4"})
        async with connected(one.folder) as client:
            told: list[Event] = []

            async def follow() -> None:
                async for event in client.events():
                    told.append(event)

            following = asyncio.create_task(follow())
            await eventually(lambda: bool(told) and told[-1]["event"] == "snapshot_end")
            one.server.take({"event": "vote_cast", "t_ns": 9, "validator": 2})
            await eventually(lambda: told[-1]["event"] == "vote_cast")
            assert [event["event"] for event in told] == [
                "snapshot_begin",
                "network",
                "validator_state",
                "ready",
                "line_state",
                "log_line",
                "snapshot_end",
                "vote_cast",
            ]
            assert len(told[5]["lines"]) == LOG_LINES_KEPT
            assert told[5]["lines"][-1] == "999"
            assert (await client.order("status"))["status"]["lines"] == [{"line": "V1-V3", "cut": True, "delay_ms": 0.0, "loss": 0.0}]
            await one.server.close()
            await following
            assert (await refusal_of(client, "status")).code is ErrorCode.NO_NETWORK


async def test_a_follower_that_does_not_read_is_dropped_and_the_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SLOW_BYTES", 64 * 1024)
    async with controlled(tmp_path) as one, raw(one) as (_, writer), connected(one.folder) as good:
        writer.write(b'{"id": 1, "order": "follow"}\n')
        told: list[Event] = []

        async def follow() -> None:
            async for event in good.events():
                told.append(event)

        following = asyncio.create_task(follow())
        await eventually(lambda: sum(connection.follows for connection in one.server._connections) == 2)
        event = {"event": "log_line", "t_ns": 1, "validator": 0, "lines": ["x" * 1000], "skipped": 0}
        sent = 0
        while sum(connection.follows for connection in one.server._connections) == 2:
            one.server.take(event)
            sent += 1
            await asyncio.sleep(0)
            assert sent < 50_000
        await eventually(lambda: sum(each["event"] == "log_line" for each in told) == sent)
        following.cancel()


async def test_a_program_that_hangs_is_no_reason_to_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the socket open and is paused: the system takes connections and lines for it all the same."""
    monkeypatch.setattr(control_client, "ANSWER_TIMEOUT_S", 0.05)
    folder = NetworkFolder(tmp_path)
    listening = local_socket.bind_private(folder.control_socket)
    lock = own_home(folder)
    try:
        listening.listen()
        async with connected(folder) as client:
            for order in ("status", "down"):
                with pytest.raises(LocalFault, match="paused, or hangs") as refusal:
                    await client.order(order)
                assert refusal.value.code is ErrorCode.NO_NETWORK
        with pytest.raises(LocalFault) as refusal:
            await asyncio.wait_for(end_network(folder, 0.05), 20)
        assert refusal.value.code is ErrorCode.HOME_IN_USE
    finally:
        lock.release()
        listening.close()


async def test_nobody_there_is_a_reason(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "nowhere")
    for is_there in (False, True):
        if is_there:
            folder.home.mkdir()
            local_socket.bind_private(folder.control_socket).close()  # left over from a network that was killed
        with pytest.raises(LocalFault) as refusal:
            async with connected(folder):
                pass
        assert refusal.value.code is ErrorCode.NO_NETWORK
        assert f"no network runs in {folder.home}: start it with mesh-app" in refusal.value.text


def test_memory_forgets_what_a_process_said_before_it_was_started_again() -> None:
    memory = Memory()
    memory.take(state_event(0, "up"))
    memory.take({"event": "status", "t_ns": 1, "validator": 0, "log_length": 5})
    assert memory.last("status", 0) is not None
    memory.take(state_event(0, "starting"))
    assert memory.last("status", 0) is None
    assert [event["event"] for event in memory.recall()] == ["validator_state"]
