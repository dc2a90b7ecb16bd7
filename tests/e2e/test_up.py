"""`mesh-testnet up` as a person starts it: ready, a faucet that pays whoever asks, and nothing left behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh_app.services.workbench import LocalWorkbench
from mesh_core.crypto.keys import WalletKeys
from mesh_core.storage.wallet_store import WalletStore
from mesh_core.wallet.events import WalletEvent
from mesh_core.wallet.faucet import ask_faucet
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from testnet.faucet import FAUCET_TEXT
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from tests.e2e.processes import END_S, REPOSITORY, START_S, is_running, until_ended
from tests.unit.network.peers import eventually

Event = dict[str, Any]
SEED = b"\x2a" * 32
AMOUNT = 10_000


class Up:
    """The running command and its lines."""

    def __init__(self, process: asyncio.subprocess.Process, folder: NetworkFolder) -> None:
        self.process = process
        self.folder = folder
        self.events: list[Event] = []
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.events.append(json.loads(line))

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    async def until_ready(self) -> Event:
        await eventually(lambda: self.named("network_ready") != [], within_s=START_S)
        return self.named("network_ready")[0]

    @property
    def pids(self) -> list[int]:
        """Every process that it has started: validators by their own word, the wallets' process by its parent."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    async def ended(self) -> int:
        async with asyncio.timeout(END_S):
            status = await self.process.wait()
            await self._reading
        return status


@asynccontextmanager
async def up(home: Path, *options: str) -> AsyncIterator[Up]:
    arguments = ["-m", "testnet.cli", "up", str(home), "--json", *options]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    running = Up(process, NetworkFolder(home))
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await running.ended()


async def ask(folder: NetworkFolder, seed: bytes = SEED) -> bytes:
    return await asyncio.to_thread(ask_faucet, folder.faucet_socket, WalletKeys.from_seed(seed).address, AMOUNT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_network_is_made_pays_from_its_faucet_and_ends_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    home = tmp_path / "home"
    async with up(home) as running:
        ready = await running.until_ready()
        assert [one["name"] for one in ready["validators"]] == ["V1", "V2", "V3", "V4"]
        assert (ready["home"], ready["faucet"]) == (str(home), str(home / "faucet.sock"))
        cert_id = await ask(running.folder)
        await eventually(
            lambda: cert_id.hex() in [event["cert_id"] for event in running.named("certificate_applied")] and bool(running.named("faucet")), within_s=START_S
        )
        assert [(event["ok"], event["amount"], event["cert_id"]) for event in running.named("faucet")] == [(True, AMOUNT, cert_id.hex())]
        pids = running.pids
        assert len(pids) == 5
        running.process.send_signal(number)
        assert await running.ended() == 0
        assert [event["event"] for event in running.events][-1] == "network_stopped"
        assert running.named("network_stopping")[0]["reason"] == number.name
        assert running.process.stderr is not None
        assert await running.process.stderr.read() == b""
    assert [pid for pid in pids if is_running(pid)] == []
    assert not running.folder.faucet_socket.exists()


async def test_wallets_of_people_stay_free_and_get_what_the_faucet_pays(tmp_path: Path) -> None:
    """A home of the workstation: it has wallets beside the faucet, and each can be opened by another program while the network runs."""
    folder = NetworkFolder(tmp_path / "home")
    create_network(folder, name="test", wallets={"alice": 0, "faucet": 1_000_000})
    told: list[WalletEvent] = []
    async with up(folder.home) as running:
        await running.until_ready()
        store = WalletStore.open(folder.wallets, "alice", _fail)
        seed = store.read_seed()
        await store.close()
        await ask(folder, seed)
        wallets = WalletHome(folder.wallets, load_network(folder.network_file), told.append, _fail)
        wallets.start(only=["alice"])
        try:
            account = wallets.wallet("alice").account
            await eventually(lambda: account.balance.spendable == AMOUNT, within_s=START_S)
        finally:
            await wallets.close()
            await asyncio.sleep(0.01)  # the sockets of closed connections close in a later turn of the loop
    assert FAUCET_TEXT in [event.text for event in told if hasattr(event, "text")]


async def test_home_has_one_network_at_a_time(tmp_path: Path) -> None:
    async with up(tmp_path / "home") as running:
        await running.until_ready()
        async with up(tmp_path / "home") as second:
            assert await second.ended() == 1
            assert second.process.stderr is not None
            refusal = (await second.process.stderr.read()).decode()
        assert second.events == []
        assert f"process {running.process.pid}" in refusal
        assert "[1501]" in refusal
        assert len(await ask(running.folder)) == 32


async def test_killed_processes_come_back(tmp_path: Path) -> None:
    async with up(tmp_path / "home") as running:
        ready = await running.until_ready()
        validator = ready["validators"][0]["pid"]
        (wallets,) = set(running.pids) - {one["pid"] for one in ready["validators"]}
        os.kill(wallets, signal.SIGKILL)
        os.kill(validator, signal.SIGKILL)
        await eventually(lambda: len([event for event in running.named("ready") if event["validator"] == 0]) == 2, within_s=START_S)
        await eventually(lambda: running.named("fault") != [], within_s=START_S)
        assert "the wallets' process ended (-9)" in running.named("fault")[0]["text"]
        assert len(await ask(running.folder)) == 32


async def test_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    async with up(tmp_path / "home") as running:
        await running.until_ready()
        pids = running.pids
        running.process.kill()
        await until_ended(*pids)
    async with up(tmp_path / "home") as again:
        await again.until_ready()
        assert len(await ask(again.folder)) == 32


async def test_signal_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    async with up(tmp_path / "home") as running:
        await eventually(lambda: running.named("validator_state") != [], within_s=START_S)
        pids = running.pids
        running.process.terminate()
        assert await running.ended() == 0
    assert [pid for pid in pids if is_running(pid)] == []


async def test_network_whose_lines_nobody_reads_any_more_stops(tmp_path: Path) -> None:
    """`mesh-testnet up DIR | head`: it must not stay behind unseen."""
    script = f"exec {sys.executable} -m testnet.cli up {tmp_path / 'home'} | head -n 1"
    process = await asyncio.create_subprocess_shell(
        script, cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(START_S + END_S):
        shown, complaints = await process.communicate()
    assert shown.count(b"\n") == 1
    assert b"made in" in shown
    assert complaints == b""
    folder = NetworkFolder(tmp_path / "home")
    await until_ended(int((folder.home / "network.lock").read_text()))


async def test_validator_that_cannot_be_started_is_status_3(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    create_network(folder, name="test", wallets={"faucet": 5})
    folder.validator(2).identity_key.chmod(0o644)
    async with up(folder.home) as running:
        assert await running.ended() == 3
        assert running.process.stderr is not None
        assert b"V3 did not start" in await running.process.stderr.read()
    assert not folder.faucet_socket.exists()


async def test_workstation_serves_the_faucet_of_its_home(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    async with LocalWorkbench(folder) as workbench:
        workbench.open()
        await workbench.start()
        assert len(await ask(folder)) == 32
        assert folder.faucet_socket.exists()
    assert not folder.faucet_socket.exists()


def _fail(fault: Exception) -> None:
    raise fault
