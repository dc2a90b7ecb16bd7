"""A validator whose disk is full, broken, read-only or damaged: it says so in clear words and stops, and no vote is forgotten or given twice because of it."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, PeerFault
from mesh_core.protocol.identifiers import identify
from mesh_core.storage.validator_store import DATABASE_NAME, JOURNAL_NAME
from mesh_core.storage.vote_journal import RECORD_SIZE_BYTES
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.messages import AckStatus, CertAck, SettlementCertificate, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import STATEMENT, TRANSITION, Transition
from testnet.layout import NetworkFolder, ValidatorFolder
from tests.e2e.processes import END_S, REPOSITORY
from tests.e2e.system_calls import NEEDS_SYSTEM_CALLS, WatchedDisk, make_library
from tests.e2e.validator import ANSWER_S, Client, Event, ValidatorProcess, make_network

WAL_NAME = f"{DATABASE_NAME}-wal"


@dataclass
class Case:
    """A network of which one validator is to run, and what two of its wallets want signed: `vote` once, `other` and `rival` for one slot."""

    network: NetworkFolder
    client: Client
    process: ValidatorProcess
    disk: WatchedDisk | None

    def __post_init__(self) -> None:
        self.vote = self.client.send("alice", "bob", 500)
        self.other = self.client.send("faucet", "bob", 500)
        self.rival = self.client.send("faucet", "bob", 501)

    @property
    def folder(self) -> ValidatorFolder:
        return self.process.folder

    @property
    def database(self) -> Path:
        return self.folder.data_dir / DATABASE_NAME

    async def ask(self, transition: Transition) -> VoteResponse | VoteReject:
        async with self.client.connected() as connection:
            return await self.client.vote(connection, transition)

    async def settle(self, transition: Transition) -> CertAck:
        """Bring a certificate with the votes of a quorum, this validator's not among them."""
        statement = identify(transition).statement
        keys = {index: SigningKey(bytes.fromhex(self.network.validator(index).identity_key.read_text())) for index in (1, 2, 3)}
        signers = tuple(Signer(index, key.sign(domains.SIG_VOTE, STATEMENT.encode(statement))) for index, key in keys.items())
        certificate = CERTIFICATE.encode(Certificate(transition, signers))
        async with self.client.connected() as connection:
            answer = await connection.request(SettlementCertificate(0, certificate), ANSWER_S)
        assert isinstance(answer, CertAck)
        return answer

    async def stop(self) -> None:
        self.process.release()
        assert await self.process.wait() == 0

    async def fatal(self) -> Event:
        """The process ends by itself, with status 1 and one `fatal` line, which the log has as well; nothing else went wrong."""
        assert await self.process.wait() == 1
        [fatal] = self.process.named("fatal")
        assert fatal["text"] in self.process.log
        assert "Traceback" not in self.process.log
        return fatal

    async def fails_to_start(self) -> Event:
        await self.process.launch()
        fatal = await self.fatal()
        assert self.process.named("ready") == []
        return fatal


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_library(tmp_path_factory.mktemp("library"))


def make_case(home: Path, disk: WatchedDisk | None = None) -> Case:
    network, seeds = make_network(home)
    process = ValidatorProcess(network.validator(0), environment=None if disk is None else disk.environment)
    return Case(network, Client(network, seeds), process, disk)


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    made = make_case(tmp_path / "home")
    yield made
    await made.process.end()


@pytest.fixture
async def failing(tmp_path: Path, library: Path) -> AsyncIterator[Case]:
    made = make_case(tmp_path / "home", WatchedDisk(tmp_path / "home", library))
    yield made
    await made.process.end()


async def check_votes(case: Case, given: VoteResponse) -> None:
    """The vote that was given is repeated bit by bit, and the validator is in no quarantine."""
    again = await case.ask(case.vote)
    assert isinstance(again, VoteResponse)
    assert again.vote == given.vote
    assert (await case.process.event("status"))["quarantine"] is None


def check_rival(answer: VoteResponse | VoteReject, *, is_voted: bool) -> None:
    """A slot in which a vote may have been signed is closed to every other transition."""
    if is_voted:
        assert isinstance(answer, VoteReject)
        assert answer.code is ErrorCode.CONFLICTS_WITH_VOTE
    else:
        assert isinstance(answer, VoteResponse)


class TestFailingDisk:
    """Full or broken, from one moment on."""

    pytestmark = NEEDS_SYSTEM_CALLS

    @pytest.mark.parametrize(
        ("call", "name", "is_voted"),
        [
            # The journal comes first: what it did not take, nobody has seen.
            ("write", JOURNAL_NAME, False),
            ("sync", JOURNAL_NAME, True),
            ("write", WAL_NAME, True),
            ("sync", WAL_NAME, True),
        ],
    )
    async def test_vote_that_cannot_be_made_durable_is_not_given(self, failing: Case, call: str, name: str, is_voted: bool) -> None:
        assert failing.disk is not None
        await failing.process.start()
        given = await failing.ask(failing.vote)
        assert isinstance(given, VoteResponse)
        failing.disk.fail(call, name)
        async with failing.client.connected() as connection:
            with pytest.raises(PeerFault):
                await connection.request(VoteRequest(0, (), TRANSITION.encode(failing.other)), ANSWER_S)
        fatal = await failing.fatal()
        assert fatal["code"] == f"{ErrorCode.STORE_WRITE:04x}"
        assert str(failing.folder.vote_journal if name == JOURNAL_NAME else failing.database) in fatal["text"]
        failing.disk.mend()

        await failing.process.start()
        await check_votes(failing, given)
        check_rival(await failing.ask(failing.rival), is_voted=is_voted)

    @pytest.mark.parametrize("call", ["write", "sync"])
    async def test_certificate_that_cannot_be_made_durable_is_not_acknowledged(self, failing: Case, call: str) -> None:
        assert failing.disk is not None
        await failing.process.start()
        failing.disk.fail(call, WAL_NAME)
        with pytest.raises(PeerFault):
            await failing.settle(failing.vote)
        assert (await failing.fatal())["code"] == f"{ErrorCode.STORE_WRITE:04x}"
        failing.disk.mend()
        await failing.process.start()
        assert (await failing.settle(failing.vote)).status is (AckStatus.APPLIED if call == "write" else AckStatus.ALREADY_APPLIED)

    @pytest.mark.parametrize(
        ("call", "name"), [("write", DATABASE_NAME), ("write", WAL_NAME), ("write", f"{JOURNAL_NAME}.new"), ("sync", f"{JOURNAL_NAME}.new")]
    )
    async def test_first_start_that_fails_is_a_first_start_the_next_time(self, failing: Case, call: str, name: str) -> None:
        """And no quarantine: nothing was voted for."""
        assert failing.disk is not None
        failing.disk.fail(call, name)
        fatal = await failing.fails_to_start()
        assert fatal["code"] in {f"{code:04x}" for code in (ErrorCode.STORE_UNAVAILABLE, ErrorCode.STORE_WRITE)}
        assert str(failing.folder.path) in fatal["text"]
        failing.disk.mend()
        await failing.process.start()
        assert isinstance(await failing.ask(failing.vote), VoteResponse)


# --- A folder that cannot be written to ------------------------------------------------------------------------------------------------------------


def _can_bind() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _can_bind(), reason="only the superuser of a Linux machine can make a folder read-only for himself")
@pytest.mark.parametrize("place", ["data", "journal"])
async def test_read_only_folder_is_named_and_nothing_is_lost(case: Case, place: str) -> None:
    await case.process.start()
    given = await case.ask(case.vote)
    assert isinstance(given, VoteResponse)
    await case.stop()
    folder = case.folder.data_dir if place == "data" else case.folder.path
    # The data folder stays writable where the journal's is not: it is a mount of its own.
    mounts = f"mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}'"
    if place == "journal":
        mounts = f"mount --bind '{case.folder.data_dir}' '{case.folder.data_dir}' && {mounts.replace('--bind', '--rbind')}"
    command = ["unshare", "-m", "sh", "-c", f"{mounts} && exec '{sys.executable}' -m mesh_core.validator --config '{case.folder.config}'"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, capture_output=True, text=True, timeout=END_S, check=False)
    assert done.returncode == 1, done.stderr
    assert f'"code":"{ErrorCode.STORE_UNAVAILABLE:04x}"' in done.stdout.replace(" ", "")
    assert "Read-only file system" in done.stderr
    assert str(case.database if place == "data" else case.folder.vote_journal) in done.stderr
    assert "Traceback" not in done.stderr
    await case.process.start()
    await check_votes(case, given)


# --- Damaged files ---------------------------------------------------------------------------------------------------------------------------------


def overwrite(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


def spoil_header(path: Path) -> None:
    overwrite(path, 0, b"no database file")


def spoil_page(path: Path) -> None:
    overwrite(path, 4096, b"\xa5" * 2048)


def spoil_one_bit_of_a_vote(path: Path) -> None:
    """In the record's value; SQLite itself does not notice that."""
    with closing(sqlite3.connect(path)) as connection:
        [(value,), _] = connection.execute("SELECT value FROM kv WHERE key LIKE 'v/%'").fetchall()
    place = path.read_bytes().index(value[:100]) + 50
    overwrite(path, place, bytes([value[50] ^ 1]))


def cut_off_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("spoil", [spoil_header, spoil_page, spoil_one_bit_of_a_vote, cut_off_half])
async def test_damaged_database_is_refused_and_the_journal_keeps_the_vote(case: Case, spoil: Callable[[Path], None]) -> None:
    await case.process.start()
    given = await case.ask(case.vote)
    assert isinstance(given, VoteResponse)
    assert isinstance(await case.ask(case.other), VoteResponse)
    await case.stop()
    spoil(case.database)
    content = case.database.read_bytes()
    fatal = await case.fails_to_start()
    assert fatal["code"] == f"{ErrorCode.STORE_CORRUPT:04x}"
    assert str(case.database) in fatal["text"]
    assert case.database.read_bytes() == content

    # What the operator does: move it away. The journal still knows what was voted for.
    case.database.rename(case.database.with_name("damaged.db"))
    await case.process.start()
    await check_votes(case, given)
    check_rival(await case.ask(case.rival), is_voted=True)


def spoil_first_frame(path: Path) -> None:
    overwrite(path, 32 + 24 + 100, b"\xa5" * 64)


def spoil_last_frame(path: Path) -> None:
    overwrite(path, path.stat().st_size - 100, b"\xa5" * 64)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("spoil", [spoil_first_frame, spoil_last_frame, empty])
async def test_vote_that_a_damaged_log_has_lost_is_in_the_journal(case: Case, spoil: Callable[[Path], None]) -> None:
    """SQLite ends its recovery at a frame that is not exact, without a word."""
    await case.process.start()
    given = await case.ask(case.vote)
    assert isinstance(given, VoteResponse)
    assert isinstance(await case.ask(case.other), VoteResponse)
    await case.process.kill()
    spoil(case.folder.data_dir / WAL_NAME)
    await case.process.start()
    await check_votes(case, given)
    check_rival(await case.ask(case.rival), is_voted=True)


async def test_torn_end_of_the_journal_is_cut_off(case: Case) -> None:
    await case.process.start()
    given = await case.ask(case.vote)
    assert isinstance(given, VoteResponse)
    await case.process.kill()
    with case.folder.vote_journal.open("ab") as file:
        file.write(b"\xa5" * 100)
    await case.process.start()
    assert "cut off 100 bytes" in case.process.log
    await check_votes(case, given)
    assert isinstance(await case.ask(case.other), VoteResponse)


@pytest.mark.parametrize("is_lost", [False, True], ids=["damaged", "lost"])
async def test_damaged_or_lost_journal_is_quarantine_for_good(case: Case, is_lost: bool) -> None:
    await case.process.start()
    given = await case.ask(case.vote)
    assert isinstance(given, VoteResponse)
    assert isinstance(await case.ask(case.other), VoteResponse)
    await case.process.kill()
    journal = case.folder.vote_journal
    overwrite(journal, RECORD_SIZE_BYTES + 7, b"\xa5")
    damaged = journal.read_bytes()
    if is_lost:
        journal.unlink()
    for _ in range(2):
        ready = await case.process.start()
        assert "journal" in ready["quarantine"]
        refused = await case.ask(case.client.send("faucet", "alice", 1))
        assert isinstance(refused, VoteReject)
        assert refused.code in {ErrorCode.NOT_VOTING, ErrorCode.CONFLICTS_WITH_VOTE}
        again = await case.ask(case.vote)
        assert isinstance(again, VoteResponse)
        assert again.vote == given.vote
        await case.process.kill()
    kept = journal.with_name(f"{JOURNAL_NAME}.damaged-1")
    assert kept.exists() == (not is_lost)
    if not is_lost:
        assert kept.read_bytes() == damaged
        assert str(kept) in case.process.log


async def test_journal_of_another_validator_is_refused(case: Case) -> None:
    second = ValidatorProcess(case.network.validator(1))
    try:
        await second.start()
        await second.kill()
    finally:
        await second.end()
    shutil.copy(second.folder.vote_journal, case.folder.vote_journal)
    fatal = await case.fails_to_start()
    assert fatal["code"] == f"{ErrorCode.STORE_FORMAT:04x}"
    assert "another validator or network" in fatal["text"]
