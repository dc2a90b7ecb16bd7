"""One validator as a real process: how it starts, speaks, stops and is killed, and what it remembers."""

import asyncio
import fcntl
import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from mesh_core.crypto.pedersen import commit_public
from mesh_core.crypto.ristretto import BACKEND
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, PeerFault
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.genesis import read_genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.records import VOTE_LOCK, vote_key
from mesh_core.storage.validator_store import DATABASE_NAME
from mesh_core.types.evidence import EQUIVOCATION_PROOF
from mesh_core.types.messages import ConflictDetail, PongFlag, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, Transition
from mesh_core.validator.config import load_config
from testnet.layout import NetworkFolder
from tests.e2e.processes import END_S, REPOSITORY
from tests.e2e.validator import ANSWER_S, Client, ValidatorProcess, genesis_machine, make_network
from tests.unit.network.peers import eventually


@dataclass
class Case:
    """A network of which one validator is to run."""

    network: NetworkFolder
    seeds: dict[str, bytes]
    process: ValidatorProcess

    @property
    def client(self) -> Client:
        return Client(self.network, self.seeds)


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    network, seeds = make_network(tmp_path / "home")
    process = ValidatorProcess(network.validator(0))
    yield Case(network, seeds, process)
    await process.end()


# --- Start and stop --------------------------------------------------------------------------------------------------------------------------------


async def test_process_says_what_it_is_and_how_it_does_and_ends_in_good_order(case: Case) -> None:
    ready = await case.process.start()
    genesis = case.client.genesis
    config = load_config(case.process.folder.config)
    digest = genesis_machine(genesis).ledger.compute_digest().hex()
    expected = {
        "event": "ready",
        "pid": case.process.pid,
        "public_key": genesis.committee.validators[0].hex(),
        "network_id": genesis.network_id.hex(),
        "host": "127.0.0.1",
        "port": config.listen_port,
        "backend": BACKEND,
        "log_length": 0,
        "state_digest": digest,
        "flags": 0,
        "quarantine": None,
    }
    assert {key: value for key, value in ready.items() if key != "t_ns"} == expected
    status = await case.process.event("status", number=1)
    expected = {
        "event": "status",
        "log_length": 0,
        "state_digest": digest,
        "accounts_count": 2,
        "outputs_count": 0,
        "fee_pool": 0,
        "supply_audit": True,
        "votes_cast": 0,
        "votes_refused": 0,
        "connections_count": 0,
        "peers_up": [],
        "proofs_waiting": 0,
        "parked_count": 0,
        "flags": 0,
        "quarantine": None,
        "held_sum": commit_public(genesis.doc.supply).hex(),
        "public_sum": commit_public(genesis.doc.supply).hex(),
    }
    assert {key: value for key, value in status.items() if key not in {"t_ns", "last_commit_ms"}} == expected
    case.process.signal(signal.SIGTERM)
    assert await case.process.wait() == 0
    assert case.process.events[-1]["event"] == "stopping"
    assert case.process.events[-1]["reason"] == "SIGTERM"
    assert all(line.endswith(b"\n") for line in case.process.lines)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells which signals a process catches")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_during_the_start_ends_it_in_good_order(case: Case, number: signal.Signals) -> None:
    """As soon as the process has taken over its signals: before the store is open, before the port is bound."""
    await case.process.launch()
    await eventually(lambda: _catches(case.process.pid, number) or not case.process.is_running)
    case.process.signal(number)
    assert await case.process.wait() == 0
    assert case.process.events[-1] == case.process.events[-1] | {"event": "stopping", "reason": number.name}


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal. Python has one for SIGINT from the start; asyncio's comes with that for SIGTERM."""
    status = (Path("/proc") / str(pid) / "status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1) and bool(caught >> (number - 1) & 1)


async def test_supervised_process_ends_with_its_standard_input(case: Case) -> None:
    await case.process.start()
    case.process.release()
    assert await case.process.wait() == 0
    assert case.process.events[-1]["reason"] == "standard input ended"


async def test_process_that_nobody_supervises_does_not_mind_the_end_of_its_standard_input(tmp_path: Path) -> None:
    network, _ = make_network(tmp_path / "home")
    process = ValidatorProcess(network.validator(0), supervised=False)
    try:
        await process.start()
        process.release()
        await process.event("status", number=len(process.named("status")))
        assert process.is_running
        process.signal(signal.SIGINT)
        assert await process.wait() == 0
        assert process.events[-1]["reason"] == "SIGINT"
    finally:
        await process.end()


async def test_mistake_in_the_configuration_ends_a_real_process_with_status_1(case: Case) -> None:
    case.process.folder.identity_key.chmod(0o644)
    await case.process.launch()
    assert await case.process.wait() == 1
    [fatal] = case.process.events
    assert (fatal["event"], fatal["code"]) == ("fatal", f"{ErrorCode.KEY_FILE:04x}")
    assert fatal["text"] in case.process.log
    assert f"{case.process.folder.config}: validator.identity_key: " in fatal["text"]


async def test_second_process_on_one_folder_is_refused_and_the_first_goes_on(case: Case) -> None:
    await case.process.start()
    second = ValidatorProcess(case.network.validator(0))
    try:
        await second.launch()
        assert await second.wait() == 1
        [fatal] = second.events
        assert fatal["code"] == f"{ErrorCode.STORE_LOCKED:04x}"
        assert f"in use by process {case.process.pid}" in fatal["text"]
    finally:
        await second.end()
    async with case.client.connected():
        pass


async def test_init_makes_what_a_process_starts_with(case: Case, tmp_path: Path) -> None:
    """The command itself, as an operator types it."""
    folder = tmp_path / "made"
    command = [sys.executable, "-m", "mesh_app", "--validator", "--init", str(folder)]
    first, second = [await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, capture_output=True, text=True, timeout=END_S) for _ in range(2)]
    assert first.returncode == 0
    assert (second.returncode, second.stdout) == (1, "")
    assert "never overwritten" in second.stderr
    key = (folder / "identity.key").read_bytes()
    case.process.folder.identity_key.write_bytes(key)
    await case.process.launch()
    assert await case.process.wait() == 1
    assert case.process.events[0]["code"] == f"{ErrorCode.KEY_NOT_IN_COMMITTEE:04x}"
    assert SigningKey(bytes.fromhex(key.decode())).public_key.hex() in first.stdout


# --- Votes -----------------------------------------------------------------------------------------------------------------------------------------


def vote_on_disk(case: Case, transition: bytes) -> bytes | None:
    """The record of a vote as another process reads it from the file at this moment."""
    core = TRANSITION.decode(transition).core
    path = case.process.folder.data_dir / DATABASE_NAME
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT value FROM kv WHERE key = ?", (vote_key(core.sender, core.sequence),)).fetchone()
    return None if row is None else bytes(row[0])


async def test_vote_is_in_the_file_when_it_arrives(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at in the very call that takes the answer off the stream."""
    await case.process.start()
    transition = TRANSITION.encode(case.client.send("alice", "bob", 500))
    assert vote_on_disk(case, transition) is None
    found: list[bytes | None] = []
    async with case.client.connected() as connection:
        take = connection._receive_answer

        def look_and_take(message: object) -> None:
            found.append(vote_on_disk(case, transition))
            take(message)  # type: ignore[arg-type]

        monkeypatch.setattr(connection, "_receive_answer", look_and_take)
        answer = await connection.request(VoteRequest(0, (), transition), ANSWER_S)
    assert isinstance(answer, VoteResponse)
    [record] = found
    assert record is not None
    lock = VOTE_LOCK.decode(record)
    assert (lock.transition, lock.signature) == (transition, answer.vote.signature)
    assert lock.transition_id == answer.vote.statement.transition_id


async def test_killed_validator_remembers_its_vote_and_proves_that_another_one_is_asked_for(case: Case) -> None:
    client = case.client
    first, second = client.send("alice", "bob", 500), client.send("alice", "bob", 501)
    await case.process.start()
    async with client.connected() as connection:
        given = await client.vote(connection, first)
        assert isinstance(given, VoteResponse)
        await case.process.kill()
    ready = await case.process.start()
    assert ready["log_length"] == 0
    async with client.connected() as connection:
        refused = await client.vote(connection, second)
        again = await client.vote(connection, first)
    assert isinstance(again, VoteResponse)
    assert again.vote == given.vote
    assert isinstance(refused, VoteReject)
    assert refused.code is ErrorCode.CONFLICTS_WITH_VOTE
    assert isinstance(refused.detail, ConflictDetail)
    # Somebody who has the genesis document and nothing else is convinced.
    genesis = read_genesis(case.network.genesis_file.read_bytes())
    assert verify_equivocation(refused.detail.proof, genesis)
    assert {refused.detail.proof.id_a, refused.detail.proof.id_b} == {identify(first).transition_id, identify(second).transition_id}
    told = await case.process.event("equivocation")
    assert bytes.fromhex(told["proof"]) == EQUIVOCATION_PROOF.encode(refused.detail.proof)
    assert (told["kind"], told["offender"]) == ("client", client.keys["alice"].owner.hex())
    refusal = await case.process.event("vote_rejected")
    assert (refusal["code"], refusal["rule"], refusal["name"], refusal["reason"]) == ("0401", 4, "CONFLICT", "CONFLICTS_WITH_VOTE")


async def test_reader_that_does_not_read_its_output_stops_no_vote_and_no_stop(case: Case) -> None:
    """The pipe is full, and so the writing thread hangs; the votes come all the same, and SIGTERM ends the process with status 0."""
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    capacity = fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ) if hasattr(fcntl, "F_GETPIPE_SZ") else 65536
    try:
        await case.process.launch(stdout=writing)
        os.close(writing)
        client = case.client
        await _until_up(client)
        # Refused by rule 3, which costs next to nothing and is told in two lines of more than 100 bytes each.
        unknown = TRANSITION.encode(client.send_unproven("bob", "alice", 1))
        refused = capacity // 50
        async with client.connected() as connection:
            for _ in range(refused):
                await connection.request(VoteRequest(0, (), unknown), ANSWER_S)
            await eventually(lambda: _waiting_bytes(reading) > 0)
            vote = await client.vote(connection, client.send("alice", "bob", 500))
            assert isinstance(vote, VoteResponse)
        case.process.signal(signal.SIGTERM)
        assert await case.process.wait() == 0
        # A write of many lines goes in whole or waits, so how full the pipe is depends on how they were gathered; that most found no room does not.
        lines = os.read(reading, capacity).split(b"\n")
        assert len(lines) < refused
        assert json.loads(lines[0])["event"] == "ready"
    finally:
        os.close(reading)


async def test_closed_standard_output_does_not_lead_into_another_file(case: Case) -> None:
    """The number 1 would go to the first file that the process opens, and the lines into that: its database, for instance."""
    config = case.process.folder.config
    command = f"exec '{sys.executable}' -m mesh_core.validator --config '{config}' >&- <&-"
    process = await asyncio.create_subprocess_exec("sh", "-c", command, cwd=REPOSITORY, stderr=asyncio.subprocess.DEVNULL, start_new_session=True)
    try:
        client = case.client
        await _until_up(client)
        async with client.connected() as connection:
            assert isinstance(await client.vote(connection, client.send("alice", "bob", 500)), VoteResponse)
        assert _standard_files(process.pid) in ([os.devnull] * 2, None)
        process.terminate()
        async with asyncio.timeout(END_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    files = {path.name: path.read_bytes() for path in case.process.folder.data_dir.iterdir()}
    assert [name for name, data in files.items() if b'"event"' in data] == []
    with closing(sqlite3.connect(case.process.folder.data_dir / DATABASE_NAME)) as connection_:
        assert connection_.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _standard_files(pid: int) -> list[str] | None:
    """What a process has in the place of standard input and output; None where the system does not tell."""
    folder = Path("/proc") / str(pid) / "fd"
    return [str((folder / name).readlink()) for name in ("0", "1")] if folder.exists() else None


def _waiting_bytes(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0])


async def _until_up(client: Client) -> None:
    """Nobody reads the ready line here."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            try:
                async with client.connected():
                    return
            except PeerFault:
                await asyncio.sleep(0.02)


# --- Disks -----------------------------------------------------------------------------------------------------------------------------------------


async def test_full_disk_ends_the_process_with_a_clear_line_and_no_answered_vote_is_lost(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk. Whatever was answered is there afterwards; the vote that found no room was never answered."""
    names = [f"payer-{number}" for number in range(30)]
    network, seeds = make_network(tmp_path / "home", wallets=dict.fromkeys(names, 1_000))
    client, folder = Client(network, seeds), network.validator(0)
    answered: list[tuple[Transition, VoteResponse]] = []
    limited = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        f"ulimit -f 256; exec '{sys.executable}' -m mesh_core.validator --config '{folder.config}'",
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await _until_up(client)
        with pytest.raises(PeerFault):
            await _vote_for_all(client, names, answered)
        async with asyncio.timeout(END_S):
            printed, _ = await limited.communicate()
    finally:
        if limited.returncode is None:
            limited.kill()
            await limited.wait()
    assert limited.returncode == 1
    fatal = json.loads(printed.splitlines()[-1])
    assert (fatal["event"], fatal["code"]) == ("fatal", f"{ErrorCode.STORE_WRITE:04x}")
    assert "the validator stops, nothing was acknowledged that is not on the disk" in fatal["text"]
    assert 0 < len(answered) < len(names)
    process = ValidatorProcess(folder)
    try:
        assert (await process.start())["quarantine"] is None
        async with client.connected() as connection:
            for transition, answer in answered:
                again = await client.vote(connection, transition)
                assert isinstance(again, VoteResponse)
                assert again.vote == answer.vote
    finally:
        await process.end()


async def _vote_for_all(client: Client, names: list[str], answered: list[tuple[Transition, VoteResponse]]) -> None:
    """One payment of each, until the connection ends: PeerFault."""
    async with client.connected() as connection:
        for name in names:
            transition = client.send(name, names[0], 1)
            answer = await client.vote(connection, transition)
            assert isinstance(answer, VoteResponse)
            answered.append((transition, answer))


async def test_damaged_database_is_a_clear_line_and_is_left_as_it_is(case: Case) -> None:
    await case.process.start()
    async with case.client.connected() as connection:
        assert isinstance(await case.client.vote(connection, case.client.send("alice", "bob", 500)), VoteResponse)
    case.process.signal(signal.SIGTERM)
    assert await case.process.wait() == 0
    path = case.process.folder.data_dir / DATABASE_NAME
    damaged = b"\xff" * 100 + path.read_bytes()[100:]
    path.write_bytes(damaged)
    await case.process.launch()
    assert await case.process.wait() == 1
    [fatal] = case.process.events
    assert (fatal["event"], fatal["code"]) == ("fatal", f"{ErrorCode.STORE_CORRUPT:04x}")
    assert str(path) in fatal["text"]
    assert path.read_bytes() == damaged


async def test_damaged_vote_journal_is_quarantine_and_is_kept_aside(case: Case) -> None:
    """A bad record before the last: votes may be missing, so this validator must not vote."""
    await case.process.start()
    client = case.client
    async with client.connected() as connection:
        for name in ("alice", "faucet"):
            assert isinstance(await client.vote(connection, client.send(name, "bob", 5)), VoteResponse)
    await case.process.kill()
    journal = case.process.folder.vote_journal
    content = bytearray(journal.read_bytes())
    content[200] ^= 1
    journal.write_bytes(content)
    ready = await case.process.start()
    assert ready["flags"] == PongFlag.QUARANTINE
    assert "damaged" in ready["quarantine"]
    async with client.connected() as connection:
        answer = await client.vote(connection, client.send("alice", "bob", 6))
        assert isinstance(answer, VoteReject)
        assert answer.code in {ErrorCode.CONFLICTS_WITH_VOTE, ErrorCode.NOT_VOTING}
    assert any(path.read_bytes() == bytes(content) for path in journal.parent.iterdir() if path.is_file() and path != journal)


async def test_state_is_told_on_request_while_it_runs_and_not_afterwards(case: Case) -> None:
    await case.process.start()
    async with case.client.connected() as connection:
        assert isinstance(await case.client.vote(connection, case.client.send("alice", "bob", 500)), VoteResponse)
    command = [sys.executable, "-m", "mesh_app", "--validator", "--config", str(case.process.folder.config), "--status"]
    as_json = await asyncio.to_thread(subprocess.run, [*command, "--json"], cwd=REPOSITORY, capture_output=True, text=True, timeout=END_S)
    told = json.loads(as_json.stdout)
    assert (told["pid"], told["index"], told["votes_cast"], told["journal_entries"], told["flags"]) == (case.process.pid, 0, 1, 1, [])
    assert told["backend"] == BACKEND
    assert told["durable"]["count"] >= 2
    assert told["proofs"]["count"] == told["journal"]["count"] == 1
    assert min(told["durable"]["median_ms"], told["proofs"]["median_ms"], told["journal"]["last_ms"], told["commits"]["last_ms"]) > 0
    assert [(peer["index"], peer["up"]) for peer in told["peers"]] == [(1, False), (2, False), (3, False)]
    secret = case.process.folder.identity_key.read_text().strip()
    assert secret not in as_json.stdout
    for_people = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, capture_output=True, text=True, timeout=END_S)
    assert "condition   votes" in for_people.stdout
    case.process.signal(signal.SIGTERM)
    assert await case.process.wait() == 0
    silent = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, capture_output=True, text=True, timeout=END_S)
    assert (silent.returncode, silent.stdout) == (1, "")
    assert "no validator runs on" in silent.stderr
