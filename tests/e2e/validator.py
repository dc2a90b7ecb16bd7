"""One validator as a process, and a client that speaks to it over real QUIC."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening
from mesh_core.network.client import Connection, LocalIdentity, PeerAddress, connect
from mesh_core.network.genesis_file import load_genesis
from mesh_core.protocol.construction import Draft, Payment, draft_send, prove_draft, sign_draft
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.types.account import AccountState
from mesh_core.types.messages import Role, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, Transition
from mesh_core.wallet.network import load_network
from testnet.genesis import create_network
from testnet.layout import NetworkFolder, ValidatorFolder
from tests.cluster import MemoryStore, sign_core, start_validator, validator_keys
from tests.e2e.processes import END_S, REPOSITORY, START_S, is_running
from tests.unit.network.peers import eventually

Event = dict[str, Any]
ANSWER_S = 30.0


class ValidatorProcess:
    """`python -m mesh_core.validator`. `lines` is all of its standard output, `events` the same as JSON; a line that is none fails the test that reads it."""

    def __init__(
        self, folder: ValidatorFolder, *, supervised: bool = True, module: str = "mesh_core.validator", environment: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self._environment = os.environ | (environment or {})
        self._supervised = supervised
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.lines: list[bytes] = []

    async def launch(self, stdout: int | None = None) -> None:
        """Start the process; it is not ready by then. `stdout` takes the place of the pipe that is read here."""
        arguments = ["-m", self._module, "--config", str(self.folder.config), *(["--supervised"] if self._supervised else [])]
        with self.folder.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                cwd=REPOSITORY,
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE if stdout is None else stdout,
                stderr=log,
                start_new_session=True,
            )
        self.lines = []
        if stdout is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def start(self) -> Event:
        """Start the process and wait for its ready line."""
        await self.launch()
        return await self.event("ready", within_s=START_S)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(line)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return is_running(self.pid)

    @property
    def events(self) -> list[Event]:
        events = [json.loads(line) for line in self.lines]
        assert all(isinstance(event, dict) and isinstance(event["event"], str) for event in events)
        return events

    def named(self, name: str) -> list[Event]:
        """All events of a name so far."""
        return [event for event in self.events if event["event"] == name]

    async def event(self, name: str, *, number: int = 0, within_s: float = ANSWER_S) -> Event:
        """An event of a name, waited for."""
        await eventually(lambda: len(self.named(name)) > number or not self.is_running, within_s=within_s)
        assert len(self.named(name)) > number, self.log
        return self.named(name)[number]

    @property
    def log(self) -> str:
        return self.folder.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def release(self) -> None:
        """End its standard input."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def wait(self) -> int:
        """Its exit status; everything that it printed has been read by then."""
        assert self._process is not None
        async with asyncio.timeout(END_S):
            status = await self._process.wait()
            if self._reading is not None:
                await self._reading
        return status

    async def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def end(self) -> None:
        """Whatever it does, it is gone afterwards."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self.wait()


class Client:
    """What a person with Alice's seed can ask one validator."""

    def __init__(self, network: NetworkFolder, seeds: dict[str, bytes], index: int = 0) -> None:
        self.genesis: Genesis = load_genesis(network.genesis_file)
        self.keys = {name: WalletKeys.from_seed(seed) for name, seed in seeds.items()}
        self.address: PeerAddress = load_network(network.network_file).validators[index]

    async def connect(self) -> Connection:
        return await connect(self.address, LocalIdentity(Role.WALLET), self.genesis.network_id, connect_timeout_s=ANSWER_S, handshake_timeout_s=ANSWER_S)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        connection = await self.connect()
        try:
            yield connection
        finally:
            connection.close()
            await connection.wait_closed()
            await asyncio.sleep(0)

    async def vote(self, connection: Connection, transition: Transition) -> VoteResponse | VoteReject:
        answer = await connection.request(VoteRequest(0, (), TRANSITION.encode(transition)), ANSWER_S)
        assert isinstance(answer, VoteResponse | VoteReject)
        return answer

    def draft(self, sender: str, recipient: str, amount: int) -> Draft:
        """A SEND from an account as the genesis leaves it; one that has nothing claims to have plenty."""
        keys = self.keys[sender]
        balance = next((allocation.amount for allocation in self.genesis.doc.allocations if allocation.owner == keys.owner), 2**40)
        state = genesis_state(self.genesis, keys)
        return draft_send(keys, self.genesis, state, Opening(balance, 0), [Payment(self.keys[recipient].address, amount)], os.urandom)

    def send(self, sender: str, recipient: str, amount: int) -> Transition:
        """A SEND, proven and signed."""
        draft = self.draft(sender, recipient, amount)
        return sign_draft(draft, prove_draft(draft, os.urandom), self.keys[sender].signing_key)

    def send_unproven(self, sender: str, recipient: str, amount: int) -> Transition:
        """A SEND whose proof is only as long as one."""
        return sign_core(self.draft(sender, recipient, amount).core, self.keys[sender])


def genesis_state(genesis: Genesis, keys: WalletKeys) -> AccountState:
    """An account as the genesis leaves it."""
    return genesis_machine(genesis).ledger.account_or_zero(keys.owner)


def genesis_machine(genesis: Genesis) -> ValidatorMachine:
    """A validator of this network that has seen nothing."""
    return start_validator(genesis, validator_keys()[0], MemoryStore()).machine


def make_network(home: Path, *, wallets: dict[str, int] | None = None) -> tuple[NetworkFolder, dict[str, bytes]]:
    """A network of four and the seeds of its wallets."""
    folder = NetworkFolder(home)
    amounts = {"alice": 10_000, "bob": 0, "faucet": 1_000_000} if wallets is None else wallets
    return folder, create_network(folder, name="test", wallets=amounts)
