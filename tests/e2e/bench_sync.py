"""How long a vote takes while ten thousand certificates are fetched: at the validator that fetches them, and at the one that they come from.

    python -m tests.e2e.bench_sync [--certificates N] [--votes N] [--payments N] [--silent]

Two real validator processes of a committee of four, in which nobody else runs: V1 has all certificates, V4 none. V4 is started, and from then on until it has
caught up another process asks both for votes, one after the other, each for the payment of an account of its own, with a good range proof. `idle`: the same
with V1 before V4 is there, and with V4 afterwards. Times are from the request to the vote, in milliseconds.

All processes share the cores of one machine, so a vote is also slower because somebody else computes. How much that is shows a validator of another network,
which has nothing to do with the catch-up: it is asked in turn with the two others, and what happens to its times is the machine's doing.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mesh_core.crypto import domains
from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import LocalFault
from mesh_core.network.client import Connection, LocalIdentity, connect
from mesh_core.protocol.construction import Payment, draft_send, prove_draft, sign_draft
from mesh_core.protocol.effects import Effect, Persist
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.storage.files import write_atomically
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.types.account import AccountState
from mesh_core.types.basic import Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.genesis import GENESIS_DOC, Allocation, GenesisDoc
from mesh_core.types.messages import Role, VoteRequest, VoteResponse
from mesh_core.types.transition import STATEMENT, TRANSITION, Transition
from mesh_core.validator.config import load_config
from mesh_core.validator.identity import end_first_start, init_identity
from mesh_core.validator.restoring import open_store
from mesh_core.wallet.network import load_network
from testnet.genesis import configure, free_ports
from testnet.layout import NetworkFolder
from tests.cluster import sign_core
from tests.e2e.validator import ANSWER_S, Event, ValidatorProcess, genesis_machine
from tests.unit.network.peers import eventually

PAYERS = 100
BALANCE = 1_000_000
SIGNERS = (0, 1, 2)
FULL, EMPTY = 0, 3
BATCH = 250
LOOK_AGAIN_S = 0.05


@dataclass
class Scene:
    """The network's files, the validators' keys, and the accounts whose payments are voted on."""

    folder: NetworkFolder
    genesis: Genesis
    validators: list[SigningKey]
    accounts: list[WalletKeys]

    def balance_of(self, keys: WalletKeys) -> AccountState:
        return genesis_machine(self.genesis).ledger.account_or_zero(keys.owner)


def make_scene(home: Path, accounts_count: int, name: str = "bench") -> Scene:
    """A network whose genesis knows many accounts, without wallets for them."""
    folder = NetworkFolder(home)
    folder.home.mkdir()
    seeds = [bytes([number]) * 32 for number in range(1, 5)]
    validators = sorted((SigningKey(seed) for seed in seeds), key=lambda key: key.public_key)
    by_key = {SigningKey(seed).public_key: seed for seed in seeds}
    for index, key in enumerate(validators):
        init_identity(folder.validator(index).path, lambda _, seed=by_key[key.public_key]: seed)  # type: ignore[misc]
    accounts = [WalletKeys.from_seed(number.to_bytes(32, "big")) for number in range(1, accounts_count + 1)]
    allocations = tuple(Allocation(owner, BALANCE) for owner in sorted(keys.owner for keys in accounts))
    doc = GenesisDoc(name, bytes(32), 1, 0, tuple(key.public_key for key in validators), allocations)
    genesis = check_genesis(doc)
    write_atomically(folder.genesis_file, GENESIS_DOC.encode(doc), 0o644)
    configure(folder, genesis, free_ports(4))
    return Scene(folder, genesis, validators, accounts)


def make_history(scene: Scene, count: int) -> Iterator[Certificate]:
    """Payments of the first accounts in turn, without proofs, certified by the keys of a quorum."""
    ledger = genesis_machine(scene.genesis).ledger
    payers = scene.accounts[:PAYERS]
    states = {keys.owner: (ledger.account_or_zero(keys.owner), Opening(BALANCE, 0)) for keys in payers}
    for number in range(count):
        keys = payers[number % len(payers)]
        state, opening = states[keys.owner]
        draft = draft_send(keys, scene.genesis, state, opening, [Payment(payers[0].address, 1)], os.urandom)
        transition = sign_core(draft.core, keys)
        states[keys.owner] = AccountState(keys.owner, state.sequence + 1, draft.core.new_balance, identify(transition).transition_id), draft.new_opening
        statement = STATEMENT.encode(identify(transition).statement)
        yield Certificate(transition, tuple(Signer(index, Signature(scene.validators[index].sign(domains.SIG_VOTE, statement))) for index in SIGNERS))


def fill(scene: Scene, index: int, history: list[Certificate]) -> None:
    """A validator's data as they are after it has voted for, and applied, all of this."""
    config, identity = load_config(scene.folder.validator(index).config), scene.validators[index]
    store = open_store(config, scene.genesis, identity, _raise)
    machine = ValidatorMachine(scene.genesis, identity, store, store.journal)
    _write(store, machine.initial_effects())
    for start in range(0, len(history), BATCH):
        effects: list[Effect] = []
        for certificate in history[start : start + BATCH]:
            machine.votes.vote(identify(certificate.transition))
            effects += machine.take_certificate(CERTIFICATE.encode(certificate)).effects
        _write(store, effects)
    store.compact_journal(machine.compacted_journal())
    asyncio.run(store.close())
    end_first_start(config.identity_key)


def _write(store: ValidatorStore, effects: list[Effect]) -> None:
    store.write([record for effect in effects if isinstance(effect, Persist) for record in effect.records])


def _raise(fault: LocalFault) -> None:
    raise fault


def make_payments(scene: Scene, count: int) -> list[Transition]:
    """One proven payment for each of the accounts behind the payers."""
    ledger = genesis_machine(scene.genesis).ledger
    found = []
    for keys in scene.accounts[PAYERS : PAYERS + count]:
        draft = draft_send(keys, scene.genesis, ledger.account_or_zero(keys.owner), Opening(BALANCE, 0), [Payment(keys.address, 1)], os.urandom)
        found.append(sign_draft(draft, prove_draft(draft, os.urandom), keys.signing_key))
    return found


class Voter:
    """Asks one validator for votes, each request once."""

    def __init__(self, connection: Connection, payments: Iterator[Transition]) -> None:
        self._connection = connection
        self._payments = payments

    async def ask(self) -> float:
        """Milliseconds from a request to its vote."""
        transition = TRANSITION.encode(next(self._payments))
        started = time.perf_counter()
        answer = await self._connection.request(VoteRequest(0, (), transition), ANSWER_S)
        assert isinstance(answer, VoteResponse), answer
        return (time.perf_counter() - started) * 1000


class CatchUp:
    """How far a validator's catch-up is by its own lines, each of which is read once: parsing thousands again and again takes time that others need."""

    def __init__(self, process: ValidatorProcess) -> None:
        self._process = process
        self._read = 0
        self.progress: list[tuple[int, int]] = []
        """Nanoseconds and height."""

    def height(self) -> int:
        for line in self._process.lines[self._read :]:
            if b'"sync_progress"' in line:
                event = json.loads(line)
                self.progress.append((int(event["t_ns"]), int(event["height"])))
        self._read = len(self._process.lines)
        return self.progress[-1][1] if self.progress else 0

    def rate(self) -> float:
        """Certificates a second, from the first line to the last."""
        (began, first), (ended, last) = self.progress[0], self.progress[-1]
        return (last - first) / (ended - began) * 1e9


@dataclass
class Asked:
    """One validator's votes in two phases."""

    voter: Voter
    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


def tell(name: str, asked: Asked) -> None:
    """Both phases, and how much slower the second is."""
    for phase, times in (("idle", asked.idle), ("during the catch-up", asked.busy)):
        if not times:
            continue
        ordered = sorted(times)
        p90, p99 = (ordered[len(ordered) * part // 100] for part in (90, 99))
        middle = statistics.median(ordered)
        slower = f"   {middle / statistics.median(asked.idle):.2f} x" if times is asked.busy else ""
        sys.stdout.write(
            f"{name:<16} {phase:<20} median {middle:6.2f}   p90 {p90:6.2f}   p99 {p99:6.2f}   max {ordered[-1]:6.2f} ms   ({len(ordered)} votes){slower}\n"
        )


def inside(lines: list[Event]) -> str:
    """What the validator itself says of the parts of its votes."""
    parts = {name: statistics.median(float(line[name]) for line in lines) for name in ("rules_ms", "proof_ms", "durable_ms", "total_ms")}
    return ", ".join(f"{name.removesuffix('_ms')} {middle:.2f}" for name, middle in parts.items())


async def connected(scene: Scene, index: int) -> Connection:
    address = load_network(scene.folder.network_file).validators[index]
    return await connect(address, LocalIdentity(Role.WALLET), scene.genesis.network_id, connect_timeout_s=ANSWER_S, handshake_timeout_s=ANSWER_S)


@dataclass(frozen=True)
class Plan:
    """How many certificates are fetched, how many votes each idle phase has, what V4 runs, and whether nobody asks for votes meanwhile."""

    certificates: int
    votes: int
    module: str
    silent: bool


async def bench(scene: Scene, other: Scene, payments: list[Transition], others: list[Transition], plan: Plan) -> None:
    """Start all, ask all, tell."""
    full, empty = ValidatorProcess(scene.folder.validator(FULL)), ValidatorProcess(scene.folder.validator(EMPTY), module=plan.module)
    beside = ValidatorProcess(other.folder.validator(FULL))
    left = iter(payments)
    try:
        await full.start()
        await beside.start()
        source = Asked(Voter(await connected(scene, FULL), left))
        control = Asked(Voter(await connected(other, FULL), iter(others)))
        for _ in range(plan.votes):
            source.idle.append(await source.voter.ask())
            control.idle.append(await control.voter.ask())
        await empty.start()
        target = Asked(Voter(await connected(scene, EMPTY), left))
        catch_up = CatchUp(empty)
        await eventually(lambda: catch_up.height() > 0, within_s=ANSWER_S)
        while catch_up.height() < plan.certificates:
            if plan.silent:
                await asyncio.sleep(LOOK_AGAIN_S)
            for asked in () if plan.silent else (target, source, control):
                asked.busy.append(await asked.voter.ask())
        await eventually(lambda: empty.named("status")[-1]["flags"] == 0, within_s=ANSWER_S)
        for _ in range(plan.votes):
            target.idle.append(await target.voter.ask())
            source.idle.append(await source.voter.ask())
            control.idle.append(await control.voter.ask())
        await eventually(lambda: len({process.named("status")[-1]["state_digest"] for process in (full, empty)}) == 1, within_s=ANSWER_S)
    finally:
        for process in (full, empty, beside):
            await process.end()
    tell("V4, fetching", target)
    tell("V1, serving", source)
    tell("another network", control)
    cast = empty.named("vote_cast")
    if not plan.silent:
        sys.stdout.write(f"V4 inside, medians in ms: idle: {inside(cast[len(target.busy) :])}; fetching: {inside(cast[: len(target.busy)])}\n")
    sys.stdout.write(f"{plan.certificates} certificates, {catch_up.rate():.0f} a second, {'nobody votes' if plan.silent else 'votes meanwhile'}\n")


def main() -> None:
    """Make everything, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--votes", type=int, default=60, help="votes in each idle phase")
    parser.add_argument("--payments", type=int, default=4000, help="accounts that pay once; enough for all phases")
    parser.add_argument("--module", default="mesh_core.validator", help="what V4 runs, for instance something that profiles it")
    parser.add_argument("--silent", action="store_true", help="ask for no votes meanwhile: how fast the catch-up is with nobody there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as home:
        scene = make_scene(Path(home) / "home", PAYERS + options.payments)
        other = make_scene(Path(home) / "other", PAYERS + options.payments, name="another")
        history = list(make_history(scene, options.certificates))
        fill(scene, FULL, history)
        payments, others = make_payments(scene, options.payments), make_payments(other, options.payments // 2)
        plan = Plan(options.certificates, options.votes, options.module, options.silent)
        asyncio.run(bench(scene, other, payments, others, plan))


if __name__ == "__main__":
    main()
