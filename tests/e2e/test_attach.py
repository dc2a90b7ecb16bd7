"""`mesh-app attach` on a network that `mesh-testnet up` runs: through its control socket, and with its network file alone."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_app.orders.ledger import WatchLog
from mesh_app.orders.performance import StopTraffic
from mesh_app.orders.validators import KillValidator, StartValidator
from mesh_app.orders.wallets import Pay
from mesh_app.services.attached import AttachedWorkbench
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.wallet_store import WalletStore
from testnet.genesis import FAUCET_ALLOCATION, create_network
from testnet.layout import NetworkFolder
from tests.e2e.processes import REPOSITORY, START_S
from tests.e2e.test_up import Up, up
from tests.unit.network.peers import eventually

SEED = b"\x2b" * 32


class Attached:
    """A workbench that is attached, and what its screens would show."""

    def __init__(self, workbench: AttachedWorkbench) -> None:
        self.workbench = workbench
        self.state = State()
        self.names: set[str] = set()

    def look(self) -> State:
        self.state.now_ns = self.workbench.now_ns()
        while not self.workbench.events.empty():
            event = self.workbench.events.get_nowait()
            self.names.add(event["event"])
            apply(self.state, event)
        return self.state

    async def until(self, condition: Callable[[State], bool]) -> None:
        await eventually(lambda: condition(self.look()), within_s=START_S)

    async def refusal(self, order: Any) -> str:
        with pytest.raises(LocalFault) as refused:
            await self.workbench.do(order)
        assert refused.value.code is ErrorCode.READ_ONLY
        return refused.value.text


@asynccontextmanager
async def attached(network_file: Path, folder: Path, *, has_home: bool) -> AsyncIterator[Attached]:
    workbench = AttachedWorkbench(network_file, NetworkFolder(folder), has_home=has_home)
    workbench.open()
    async with workbench:
        await workbench.start()
        yield Attached(workbench)


def make_home(home: Path) -> NetworkFolder:
    """A network, and a wallet in its home that nobody has open, with money."""
    folder = NetworkFolder(home)
    create_network(folder, name="local-4", wallets={"faucet": FAUCET_ALLOCATION, "carol": 5_000})
    WalletStore.restore(folder.wallets, "dave", SEED)
    return folder


@pytest.mark.slow
async def test_a_network_that_somebody_else_runs(tmp_path: Path) -> None:
    folder = make_home(tmp_path / "home")
    apart = tmp_path / "apart"
    apart.mkdir()
    async with up(folder.home) as running:
        await running.until_ready()
        async with attached(folder.network_file, folder.home, has_home=True) as inside, attached(folder.network_file, apart, has_home=False) as outside:
            await everything_is_seen_from_inside(inside, running)
            await only_what_is_told_is_seen_from_outside(outside, folder)
            await free_wallets_pay_and_held_ones_do_not(inside, outside)
            await the_ledger_is_read_both_ways(inside, outside)
            await validators_take_orders_through_the_socket_alone(inside, outside)
            running.process.terminate()
            await running.ended()
            # Its validators' ends are told before its own.
            await inside.until(lambda state: any("has ended, and its validators with it" in entry.text for entry in state.entries))
            await inside.until(lambda state: not any(validator.is_running for validator in state.validators))
            assert "no program with a control socket" in await inside.refusal(KillValidator(0))
            await outside.until(lambda state: all(validator.state == "unreachable" for validator in state.validators))
            for one in (inside, outside):
                assert one.state.unreadable_count == 0, [entry.text for entry in one.state.entries if entry.kind == "garbage"]


async def everything_is_seen_from_inside(inside: Attached, running: Up) -> None:
    await inside.until(lambda state: state.validators_up == 4 and "dave" in state.wallets and state.wallets["dave"].is_open and "faucet" in state.wallets)
    pids = {validator.pid for validator in inside.state.validators}
    assert pids == {one["pid"] for one in running.named("network_ready")[0]["validators"]}
    assert inside.workbench.mode == "ATTACHED"


async def only_what_is_told_is_seen_from_outside(outside: Attached, folder: NetworkFolder) -> None:
    await outside.until(lambda state: state.validators_up == 4 and all(validator.state_digest for validator in state.validators))
    assert {validator.pid for validator in outside.state.validators} == {None}
    assert outside.workbench.mode == "ATTACHED (read-only)"
    assert not outside.state.wallets
    assert outside.state.network is not None
    assert outside.state.network.home == ""


async def free_wallets_pay_and_held_ones_do_not(inside: Attached, outside: Attached) -> None:
    assert "the program that runs this network holds it" in await inside.refusal(Pay("faucet", "dave", 5, ""))
    assert "no keys" in await outside.refusal(Pay("carol", "dave", 5, ""))
    await inside.workbench.do(Pay("carol", "dave", 500, "rent"))
    await inside.until(lambda state: state.wallets["dave"].balance == 500 and any(payment.is_over for payment in state.payments.values()))
    # Lengths come with answers to pings, votes and certificates with events, on other connections.
    await outside.until(lambda state: [validator.log_length for validator in state.validators] == [2] * 4)
    await outside.until(lambda state: [len(certificate.applied_ns) for certificate in state.certificates.values()] == [4, 4])
    # Who gets a certificate before it has checked the request votes no more, so one of the four may have no vote at all.
    await outside.until(lambda state: sum(validator.votes_cast >= 1 for validator in state.validators) >= 3)
    assert {validator.last_commit_ms for validator in outside.state.validators} == {None}, "what cannot be seen is not made up"


async def the_ledger_is_read_both_ways(inside: Attached, outside: Attached) -> None:
    for one in (inside, outside):
        await one.workbench.do(WatchLog())
        await one.until(lambda state: state.ledger.length == 2 and not state.ledger.is_reading)
        # A validator's last line may still be the one from before the second certificate.
        await one.until(lambda state: state.ledger.digest == state.validators[0].state_digest)
    await outside.until(lambda state: state.audit is not None and state.audit.supply_audit is True)
    await outside.until(lambda state: state.validators[0].accounts_count == 3)


async def validators_take_orders_through_the_socket_alone(inside: Attached, outside: Attached) -> None:
    assert "validators are only seen" in await outside.refusal(KillValidator(2))
    assert "the program that runs the network" in await inside.refusal(StopTraffic())
    await inside.workbench.do(KillValidator(2))
    await inside.until(lambda state: state.validators[2].condition[1] == "killed")
    await outside.until(lambda state: state.validators[2].condition[1] == "unreachable")
    await inside.workbench.do(StartValidator(2))
    await inside.until(lambda state: state.validators[2].is_up)
    await outside.until(lambda state: state.validators[2].is_up)


async def run(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mesh_app",
        *arguments,
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_S):
        out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def test_attaching_to_nothing_says_what_to_do(tmp_path: Path) -> None:
    for arguments in (["--home", str(tmp_path)], ["--network", str(tmp_path / "network.toml")]):
        status, out, errors = await run("attach", "--json", *arguments)
        assert (status, out) == (1, "")
        assert "start one with mesh-app or 'mesh-testnet up', or name a network's folder with --home" in errors


async def test_a_network_that_does_not_run_is_shown_as_silent(tmp_path: Path) -> None:
    """Without a screen: every event as a line, until the reader goes."""
    folder = NetworkFolder(tmp_path)
    create_network(folder, name="local-4", wallets={"alice": 10})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mesh_app",
        "attach",
        "--json",
        "--home",
        str(tmp_path),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(START_S):
        # The silence is told after a while, by another process than the one that looks: either may be first.
        while not {"fault", "unreachable"} <= {event.get("state", event["event"]) for event in found}:
            found.append(json.loads(await process.stdout.readline()))
        told = [event["state"] for event in found if event["event"] == "validator_state"]
        assert (told[:4], set(told[4:])) == (["awaited"] * 4, {"unreachable"})
        [fault] = [event for event in found if event["event"] == "fault"]
        assert "no validator answers" in fault["text"]
        process.terminate()
        assert await process.wait() == 0
