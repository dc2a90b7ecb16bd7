"""Goal: what a validator answers is on the disk before the answer leaves. A kill cannot show that, since the page cache survives it; so fsyncs are counted.

Method: a real validator answers real vote requests and certificates over QUIC, with a library preloaded that writes down its writes, fsyncs and
datagrams in their order (system_calls.c), and with each answer marked as it is handed to QUIC (counted_validator.py). For every answer: the journal was
written and forced to the disk, then the database, nothing written was left unforced, and the datagram came after all that. The same check must fail for
a validator whose store is opened with `synchronous=OFF`, whose journal is not forced, or that acknowledges a vote when it is queued.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.identifiers import identify
from mesh_core.storage.validator_store import DATABASE_NAME, JOURNAL_NAME
from mesh_core.storage.vote_journal import RECORD_SIZE_BYTES
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer
from mesh_core.types.messages import AckStatus, CertAck, SettlementCertificate, VoteResponse
from mesh_core.types.transition import STATEMENT, Transition
from testnet.layout import NetworkFolder
from tests.e2e.system_calls import NEEDS_SYSTEM_CALLS, WatchedDisk, make_library
from tests.e2e.validator import ANSWER_S, Client, ValidatorProcess, make_network

WAL_NAME = f"{DATABASE_NAME}-wal"
SENDERS = tuple(f"sender{number}" for number in range(6))
QUORUM = 3

pytestmark = NEEDS_SYSTEM_CALLS


@dataclass
class Answer:
    """One answer, and what happened between the one before it and the moment at which it was handed to QUIC. `unforced`: written and not yet forced then."""

    message: str
    calls: list[tuple[str, int, str]]
    unforced: list[str]
    is_sent_afterwards: bool = False

    def count(self, what: str, name: str) -> int:
        return sum(1 for call in self.calls if (call[0], call[2]) == (what, name))

    @property
    def bytes_journalled(self) -> int:
        return sum(size for what, size, name in self.calls if (what, name) == ("write", JOURNAL_NAME))

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Writes and fsyncs of journal and log in their order, repetitions left out."""
        steps = [(what, name) for what, _, name in self.calls if what in ("write", "sync") and name in (JOURNAL_NAME, WAL_NAME)]
        return [step for number, step in enumerate(steps) if number == 0 or steps[number - 1] != step]


IN_THE_JOURNAL = [("write", JOURNAL_NAME), ("sync", JOURNAL_NAME)]
IN_THE_DATABASE = [("write", WAL_NAME), ("sync", WAL_NAME)]


def read_answers(file: Path, *, after: int) -> list[Answer]:
    """What a validator answered since the line `after`."""
    answers: list[Answer] = []
    unforced: set[str] = set()
    calls: list[tuple[str, int, str]] = []
    for line in file.read_text().splitlines()[after:]:
        what, size, rest = line.split(" ", 2)
        name = Path(rest).name
        calls.append((what, int(size), name))
        match what:
            case "write" if name in (JOURNAL_NAME, DATABASE_NAME, WAL_NAME):
                unforced.add(name)
            case "sync":
                unforced.discard(name)
            case "send":
                for answer in answers:
                    answer.is_sent_afterwards = True
            case "answer":
                answers.append(Answer(rest, calls, sorted(unforced)))
                calls = []
    return answers


def find_violations(answers: list[Answer]) -> list[str]:
    """What is wrong with the answers to requests of which each came after the answer to the one before."""
    violations = []
    for number, answer in enumerate(answers):
        is_vote = answer.message == "VoteResponse"
        expected = IN_THE_JOURNAL + IN_THE_DATABASE if is_vote else IN_THE_DATABASE
        fsyncs = {name: answer.count("sync", name) for name in (JOURNAL_NAME, WAL_NAME)}
        if answer.unforced:
            violations.append(f"answer {number}, {answer.message}: written and not forced to the disk: {answer.unforced}")
        if answer.steps != expected:
            violations.append(f"answer {number}, {answer.message}: {answer.steps} came before it")
        if fsyncs != {JOURNAL_NAME: int(is_vote), WAL_NAME: 1}:
            violations.append(f"answer {number}, {answer.message}: fsyncs {fsyncs}")
        if answer.bytes_journalled != (RECORD_SIZE_BYTES if is_vote else 0):
            violations.append(f"answer {number}, {answer.message}: {answer.bytes_journalled} bytes in the journal")
        if not answer.is_sent_afterwards:
            violations.append(f"answer {number}, {answer.message}: no datagram left after it")
    return violations


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_library(tmp_path_factory.mktemp("library"))


@dataclass
class Case:
    """A watched validator and somebody who asks it."""

    network: NetworkFolder
    client: Client
    calls_file: Path
    process: ValidatorProcess
    calls_of_the_start: int

    def send(self, sender: str) -> Transition:
        return self.client.send(sender, "bob", 10)

    def certify(self, transition: Transition) -> Certificate:
        """A certificate with the votes of a quorum, this validator's among them."""
        statement = identify(transition).statement
        keys = [SigningKey(bytes.fromhex(self.network.validator(index).identity_key.read_text())) for index in range(QUORUM)]
        return Certificate(transition, tuple(Signer(index, key.sign(domains.SIG_VOTE, STATEMENT.encode(statement))) for index, key in enumerate(keys)))

    async def end(self) -> list[Answer]:
        """Kill the validator, so that its orderly stop adds nothing, and read what it did."""
        await self.process.kill()
        return read_answers(self.calls_file, after=self.calls_of_the_start)


@asynccontextmanager
async def watched(home: Path, library: Path, without: str = "") -> AsyncIterator[Case]:
    network, seeds = make_network(home, wallets=dict.fromkeys(SENDERS, 1000) | {"bob": 0})
    disk = WatchedDisk(home, library)
    process = ValidatorProcess(network.validator(0), module="tests.e2e.counted_validator", environment=disk.environment | {"MESH_TEST_WITHOUT": without})
    await process.start()
    try:
        yield Case(network, Client(network, seeds), disk.calls, process, len(disk.calls.read_text().splitlines()))
    finally:
        await process.end()


async def vote_and_settle(case: Case, senders: tuple[str, ...]) -> None:
    """Each sender asks for a vote and then brings its certificate, one request after the other."""
    async with case.client.connected() as connection:
        for sender in senders:
            transition = case.send(sender)
            assert isinstance(await case.client.vote(connection, transition), VoteResponse)
            ack = await connection.request(SettlementCertificate(0, CERTIFICATE.encode(case.certify(transition))), ANSWER_S)
            assert isinstance(ack, CertAck)
            assert ack.status is AckStatus.APPLIED


async def test_every_vote_and_certificate_is_on_the_disk_before_its_answer_leaves(tmp_path: Path, library: Path) -> None:
    async with watched(tmp_path / "home", library) as case:
        await vote_and_settle(case, SENDERS)
        answers = await case.end()
    assert [answer.message for answer in answers] == ["VoteResponse", "CertAck"] * len(SENDERS)
    assert find_violations(answers) == []


async def test_votes_at_once_share_their_fsyncs_and_none_is_answered_before_them(tmp_path: Path, library: Path) -> None:
    async with watched(tmp_path / "home", library) as case, case.client.connected() as connection:
        transitions = [case.send(sender) for sender in SENDERS]
        votes = await asyncio.gather(*(case.client.vote(connection, transition) for transition in transitions))
        assert all(isinstance(vote, VoteResponse) for vote in votes)
        answers = await case.end()
    assert [answer.message for answer in answers] == ["VoteResponse"] * len(SENDERS)
    entries_count = 0
    for number, answer in enumerate(answers, 1):
        # A group is acknowledged as a whole, and the next one may be half written while the last answers of this one leave.
        entries_count += answer.bytes_journalled // RECORD_SIZE_BYTES
        assert entries_count >= number
        assert answer.is_sent_afterwards
    assert answers[0].steps[:4] == IN_THE_JOURNAL + IN_THE_DATABASE
    fsyncs = [sum(answer.count("sync", name) for answer in answers) for name in (JOURNAL_NAME, WAL_NAME)]
    assert 1 <= fsyncs[0] == fsyncs[1] <= len(SENDERS)
    assert sum(answer.bytes_journalled for answer in answers) == len(SENDERS) * RECORD_SIZE_BYTES


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("database", f"VoteResponse: written and not forced to the disk: ['{WAL_NAME}']"),
        ("database", f"CertAck: written and not forced to the disk: ['{WAL_NAME}']"),
        ("journal", f"VoteResponse: written and not forced to the disk: ['{JOURNAL_NAME}']"),
        ("waiting", "VoteResponse"),
    ],
)
async def test_the_same_check_fails_without_the_protection(tmp_path: Path, library: Path, without: str, words: str) -> None:
    async with watched(tmp_path / "home", library, without) as case:
        await vote_and_settle(case, SENDERS[:2])
        answers = await case.end()
    assert [answer.message for answer in answers] == ["VoteResponse", "CertAck"] * 2
    assert any(words in violation for violation in find_violations(answers)), find_violations(answers)
