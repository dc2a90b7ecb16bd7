"""How long a vote takes while ten thousand certificates are fetched: at the validator that fetches them, and at the one that they come from.

    python -m tests.e2e.bench_sync [--certificates N] [--votes N] [--payments N]

Two real validator processes of a committee of four, in which nobody else runs: V1 has all certificates, V4 none. V4 is started, and from then on until it has
caught up a third process asks both for votes, one after the other, each for the payment of an account of its own, with a good range proof. `idle`: the same
with V1 before V4 is there, and with V4 afterwards. Times are from the request to the vote, in milliseconds. The three processes share the cores: with two
cores, V4's and V1's sharing is part of the figures.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
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
from tests.e2e.validator import ANSWER_S, ValidatorProcess, genesis_machine
from tests.unit.network.peers import eventually

PAYERS = 100
BALANCE = 1_000_000
SIGNERS = (0, 1, 2)
FULL, EMPTY = 0, 3
BATCH = 250


@dataclass
class Scene:
    """The network's files, the validators' keys, and the accounts whose payments are voted on."""

    folder: NetworkFolder
    genesis: Genesis
    validators: list[SigningKey]
    accounts: list[WalletKeys]

    def balance_of(self, keys: WalletKeys) -> AccountState:
        return genesis_machine(self.genesis).ledger.account_or_zero(keys.owner)


def make_scene(home: Path, accounts_count: int) -> Scene:
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
    doc = GenesisDoc("bench", bytes(32), 1, 0, tuple(key.public_key for key in validators), allocations)
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

    async def ask_often(self, count: int) -> list[float]:
        return [await self.ask() for _ in range(count)]


def tell(name: str, times: list[float]) -> None:
    ordered = sorted(times)
    p90, most = ordered[len(ordered) * 9 // 10], ordered[-1]
    sys.stdout.write(f"{name:<34} median {statistics.median(ordered):7.1f}   p90 {p90:7.1f}   max {most:7.1f} ms   ({len(ordered)} votes)\n")


async def connected(scene: Scene, index: int) -> Connection:
    address = load_network(scene.folder.network_file).validators[index]
    return await connect(address, LocalIdentity(Role.WALLET), scene.genesis.network_id, connect_timeout_s=ANSWER_S, handshake_timeout_s=ANSWER_S)


async def bench(scene: Scene, certificates: int, payments: list[Transition], votes: int, module: str) -> None:
    """Start both, ask both, tell."""
    full, empty = ValidatorProcess(scene.folder.validator(FULL)), ValidatorProcess(scene.folder.validator(EMPTY), module=module)
    try:
        await full.start()
        source = Voter(await connected(scene, FULL), iter(payments))
        idle_source = await source.ask_often(votes)
        await empty.start()
        target = Voter(await connected(scene, EMPTY), iter(payments))
        started = time.perf_counter()
        during_source, during_target = [], []
        while empty.named("status")[-1]["log_length"] < certificates:
            during_target.append(await target.ask())
            during_source.append(await source.ask())
        seconds = time.perf_counter() - started
        idle_target = await target.ask_often(votes)
        await eventually(lambda: empty.named("status")[-1]["flags"] == 0, within_s=ANSWER_S)
        digests = {process.named("status")[-1]["state_digest"] for process in (full, empty)}
        assert len(digests) == 1, "the same certificates, another state"
    finally:
        await full.end()
        await empty.end()
    cast = empty.named("vote_cast")[: len(during_target)]
    parts = {name: [float(line[name]) for line in cast] for name in ("rules_ms", "proof_ms", "durable_ms", "total_ms")}
    tell("V1, nobody fetches", idle_source)
    tell("V1, V4 fetches from it", during_source)
    tell("V4, nothing to fetch", idle_target)
    tell("V4, fetching", during_target)
    shown = ", ".join(f"{name.removesuffix('_ms')} {statistics.median(times):.1f}" for name, times in parts.items())
    sys.stdout.write(f"V4, fetching, inside: {shown} ms (medians)\n")
    sys.stdout.write(f"{certificates} certificates in {seconds:.1f} s: {certificates / seconds:.0f} a second, votes meanwhile\n")


def main() -> None:
    """Make everything, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--votes", type=int, default=60, help="votes in each idle phase")
    parser.add_argument("--payments", type=int, default=1500, help="accounts that pay once; enough for all phases")
    parser.add_argument("--module", default="mesh_core.validator", help="what V4 runs, for instance something that profiles it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as home:
        scene = make_scene(Path(home) / "home", PAYERS + options.payments)
        history = list(make_history(scene, options.certificates))
        fill(scene, FULL, history)
        payments = make_payments(scene, options.payments)
        asyncio.run(bench(scene, options.certificates, payments, options.votes, options.module))


if __name__ == "__main__":
    main()
