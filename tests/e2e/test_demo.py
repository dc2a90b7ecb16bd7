"""The headless demonstration as a command: what it prints, how it ends, and that no process and no file of it is left."""

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.processes import REPOSITORY, START_S, is_running, until_ended

pytestmark = pytest.mark.asyncio(loop_scope="module")

Event = dict[str, Any]
SUMMARY_KEYS = (
    "event",
    "ok",
    "alice",
    "bob",
    "fee_pool",
    "certificates",
    "votes",
    "digests_equal",
    "supply_audit",
    "payment_ms",
    "prove_ms",
)
"""Exactly these, in this order."""


@dataclass
class Run:
    """One run of the command."""

    status: int
    lines: list[str]
    errors: str
    temporary: Path
    pids: set[int] = field(default_factory=set)

    @property
    def events(self) -> list[Event]:
        """All lines but the last, as JSON."""
        return [json.loads(line) for line in self.lines[:-1]]

    @property
    def summary(self) -> Event:
        """The last line, as JSON."""
        return dict(json.loads(self.lines[-1]))

    def named(self, name: str) -> list[Event]:
        """All events of a name."""
        return [event for event in self.events if event["event"] == name]


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """A shell makes what it starts in the background ignore SIGINT, and so would every child of these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def keep_in_step(transport: asyncio.SubprocessTransport) -> None:
    """Make its output's pipe small: it waits for a reader that falls behind, so that what a line tells still holds when the line is read."""
    output = transport.get_pipe_transport(1)
    assert output is not None
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(output.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, 4096)


@asynccontextmanager
async def demo(temporary: Path, *arguments: str, name: str = "first-payment") -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, running. Its temporary home is made in `temporary`."""
    loop = asyncio.get_running_loop()
    with heeding_interrupts():
        # As create_subprocess_exec does it, which keeps the transport, and with it the pipe, to itself.
        transport, protocol = await loop.subprocess_exec(
            lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=1 << 20, loop=loop),
            sys.executable,
            "-m",
            "mesh_app",
            "--demo",
            name,
            "--headless",
            *arguments,
            cwd=REPOSITORY,
            env=os.environ | {"TMPDIR": str(temporary)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    keep_in_step(transport)
    process = asyncio.subprocess.Process(transport, protocol, loop)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def wallet_pids(temporary: Path) -> set[int]:
    """The wallets' process writes its id into the locks of its wallets."""
    return {int(path.read_text()) for path in temporary.glob("mesh-demo-*/home/wallets/*/wallet.db.lock") if path.read_text().strip()}


def left_in(temporary: Path) -> list[str]:
    """Names of what is left of temporary homes."""
    return [path.name for path in temporary.iterdir()]


async def play(temporary: Path, *arguments: str, name: str = "first-payment") -> Run:
    """Run the command to its end."""
    async with demo(temporary, *arguments, name=name) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        pids: set[int] = set()
        async with asyncio.timeout(START_S * 2):
            async for line in process.stdout:
                lines.append(line.decode().removesuffix("\n"))
                with suppress(OSError, ValueError):
                    pids |= wallet_pids(temporary)
            errors = (await process.stderr.read()).decode()
            status = await process.wait()
    run = Run(status, lines, errors, temporary)
    if "--json" in arguments:
        pids |= {event["pid"] for event in run.named("ready")}
    # The command itself held the locks while it made the wallets.
    run.pids = pids - {process.pid}
    return run


async def check_nothing_is_left(run: Run) -> None:
    """No process, no temporary home. All processes have ended before the command did."""
    assert [pid for pid in run.pids if is_running(pid)] == []
    assert left_in(run.temporary) == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The plain run."""
    return await play(tmp_path_factory.mktemp("first"), "--json", "--seed", "7")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everything(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All that Alice has but the fee, with the keys of the plain run."""
    return await play(tmp_path_factory.mktemp("everything"), "--json", "--seed", "7", "--amount", "9999")


# --- The summary -----------------------------------------------------------------------------------------------------------------------------------


async def test_summary_says_exactly_what_it_promises(first: Run) -> None:
    assert (first.status, first.errors) == (0, "")
    summary = first.summary
    assert tuple(summary) == SUMMARY_KEYS
    expected = {
        "event": "summary",
        "ok": True,
        "alice": 9499,
        "bob": 500,
        "fee_pool": 1,
        "certificates": 2,
        "digests_equal": True,
        "supply_audit": True,
    }
    assert {key: summary[key] for key in expected} == expected
    assert 6 <= summary["votes"] <= 8
    assert 0 < summary["prove_ms"] < summary["payment_ms"]


async def test_summary_agrees_with_what_the_processes_said(first: Run) -> None:
    digests = {event["validator"]: event["state_digest"] for event in first.named("status") if event["log_length"] == 2}
    assert sorted(digests) == [0, 1, 2, 3]
    assert len(set(digests.values())) == 1
    votes = first.named("vote_cast")
    assert first.summary["votes"] == len(votes)
    [sent] = [event for event in first.named("payment_started") if event["kind"] == "send"]
    [certificate] = [event for event in first.named("certificate") if event["payment"] == sent["payment"]]
    [proved] = [event for event in first.named("payment_step") if (event["payment"], event["step"]) == (sent["payment"], "proved")]
    assert (first.summary["payment_ms"], first.summary["prove_ms"]) == (certificate["payment_ms"], proved["ms"])
    # From the call, which the start of the payment tells, to the durable certificate.
    assert abs((certificate["t_ns"] - sent["t_ns"]) / 1e6 - certificate["payment_ms"]) < 0.01


async def test_four_validators_are_four_processes(first: Run) -> None:
    ready = {event["validator"]: event for event in first.named("ready")}
    assert sorted(ready) == [0, 1, 2, 3]
    assert len({event["pid"] for event in ready.values()}) == 4
    assert len({event["port"] for event in ready.values()}) == 4
    assert len(first.pids) == 5


async def test_nothing_is_left_of_a_run(first: Run, everything: Run) -> None:
    for run in (first, everything):
        await check_nothing_is_left(run)
    stopped = [event for event in first.named("validator_state") if event["state"] == "stopped"]
    assert sorted(event["validator"] for event in stopped) == [0, 1, 2, 3]
    assert {event["exit"] for event in stopped} == {0}


# --- Amounts ---------------------------------------------------------------------------------------------------------------------------------------


async def test_everything_that_alice_has_can_be_paid(everything: Run) -> None:
    assert (everything.status, everything.errors) == (0, "")
    assert (everything.summary["alice"], everything.summary["bob"], everything.summary["ok"]) == (0, 9999, True)


async def test_amount_that_alice_does_not_have_is_a_clear_error(tmp_path: Path) -> None:
    run = await play(tmp_path, "--json", "--amount", "10000")
    assert run.status == 1
    assert run.errors == "mesh-app: 10000 and a fee of 1 are more than the 10000 that can be spent: pay at most 9999 [1303]\n"
    summary = run.summary
    assert tuple(summary) == (*SUMMARY_KEYS, "error")
    assert (summary["ok"], summary["alice"], summary["bob"], summary["certificates"], summary["votes"]) == (False, 10_000, 0, 0, 0)
    assert summary["payment_ms"] is None
    for name in ("certificate", "certificate_applied", "vote_requested", "vote_cast"):
        assert run.named(name) == []
    await check_nothing_is_left(run)


# --- Seeds -----------------------------------------------------------------------------------------------------------------------------------------


async def test_seed_fixes_keys_and_never_blindings(first: Run, everything: Run) -> None:
    """The same addresses and the same network, and not one commitment in common."""
    networks = [run.named("network")[0] for run in (first, everything)]
    assert networks[0]["network_id"] == networks[1]["network_id"]
    assert networks[0]["validators"] == networks[1]["validators"]
    addresses = [{event["wallet"]: event["address"] for event in run.named("wallet")} for run in (first, everything)]
    assert addresses[0] == addresses[1]
    assert sorted(addresses[0]) == ["alice", "bob", "faucet"]
    commitments = [{event["commitment"] for event in run.named("wallet") if event["sequence"] > 0} for run in (first, everything)]
    assert len(commitments[0]) == len(commitments[1]) == 2
    assert commitments[0] & commitments[1] == set()


async def test_equal_runs_of_one_seed_have_different_commitments(first: Run, tmp_path: Path) -> None:
    """Also with the same amount: a blinding that depended on the seed alone would be the same."""
    again = await play(tmp_path, "--json", "--seed", "7")
    assert again.named("network")[0]["network_id"] == first.named("network")[0]["network_id"]
    ids = [{event["cert_id"] for event in run.named("certificate")} for run in (first, again)]
    assert len(ids[0]) == len(ids[1]) == 2
    assert ids[0] & ids[1] == set()
    balances = [{event["balance"]: event["commitment"] for event in run.named("wallet") if event["sequence"] > 0} for run in (first, again)]
    assert sorted(balances[0]) == sorted(balances[1]) == [500, 9499]
    assert set(balances[0].values()) & set(balances[1].values()) == set()


# --- For people ------------------------------------------------------------------------------------------------------------------------------------


async def test_without_json_it_prints_one_event_a_line_and_the_summary(tmp_path: Path) -> None:
    run = await play(tmp_path, "--amount", "1")
    assert (run.status, run.errors) == (0, "")
    empty = run.lines.index("")
    told, summary = run.lines[:empty], run.lines[empty + 1 :]
    assert len(told) > 30
    for line in told:
        seconds, unit = line.split()[:2]
        assert unit == "s"
        assert float(seconds) >= 0
        assert line.isprintable()
    assert not any("unreadable" in line or "malformed" in line or "unknown event" in line for line in told)
    found = dict(line.split(maxsplit=1) for line in summary)
    assert tuple(found) == SUMMARY_KEYS[1:]
    assert (found["ok"], found["alice"], found["bob"], found["certificates"]) == ("True", "9998", "1", "2")
    await check_nothing_is_left(run)


# --- Ends before the end ---------------------------------------------------------------------------------------------------------------------------


async def until_busy(process: asyncio.subprocess.Process, temporary: Path) -> set[int]:
    """Wait until all processes run and the payment is under way; their ids."""
    assert process.stdout is not None
    pids: set[int] = set()
    async with asyncio.timeout(START_S):
        while True:
            event = json.loads(await process.stdout.readline())
            if event["event"] == "ready":
                pids.add(event["pid"])
            if event["event"] == "payment_started":
                pids |= wallet_pids(temporary)
                assert len(pids) == 5
                return pids


async def test_kill_leaves_no_process(tmp_path: Path) -> None:
    async with demo(tmp_path, "--json") as process:
        pids = await until_busy(process, tmp_path)
        assert all(is_running(pid) for pid in pids)
        process.kill()
        await process.wait()
        await until_ended(*pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_polite_end_leaves_no_process_and_no_file(tmp_path: Path, number: signal.Signals) -> None:
    async with demo(tmp_path, "--json") as process:
        pids = await until_busy(process, tmp_path)
        process.send_signal(number)
        _, errors = await process.communicate()
        assert process.returncode == 1
        assert b"Traceback" not in errors
        assert [pid for pid in pids if is_running(pid)] == []
        assert left_in(tmp_path) == []


async def test_reader_that_goes_away_ends_it_at_once(tmp_path: Path) -> None:
    """As `| head -1` does. It does not wait for its deadline, and does not complain."""
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mesh_app",
        "--demo",
        "first-payment",
        "--headless",
        "--json",
        cwd=REPOSITORY,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    os.close(reading)
    async with asyncio.timeout(START_S):
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (1, b"")
    assert left_in(tmp_path) == []
