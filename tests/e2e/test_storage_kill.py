"""Goal: a batch that was acknowledged survives `kill -9`, no batch is ever there in part, and journal and database agree afterwards.

Method: a child process does to its store what a validator does. Several writers vote at once (a record and an entry of the journal for each vote, as
the protocol encodes them) and the child prints the number of each vote once its future has resolved. Now and then it makes the journal shorter, as
each start does. It is killed at a different moment in each round, also in the middle of a transaction of several statements, and goes on with the same
files in the next round. After each kill the files are opened again, compared by the protocol's own rules, and held against what was printed.

MESH_STORAGE_KILLS sets the number of kills for a long run.

A kill keeps the page cache: this shows atomicity and order. That nothing is acknowledged before its fsync is what `test_storage_fsync.py` shows.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from mesh_core.errors import LocalFault
from mesh_core.protocol.records import VOTE_LOCK, VOTE_PREFIX, VoteLock, parse_owner, parse_sequence, vote_key
from mesh_core.protocol.vote_journal import JOURNAL_ENTRY, JournalCondition, JournalEntry, compare_journal, decode_entries
from mesh_core.storage.validator_store import DATABASE_NAME, ValidatorStore
from mesh_core.types.basic import Hash32, PublicKey, Signature
from mesh_core.types.transition import Statement

REPOSITORY = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0
WRITERS_COUNT = 8
KILLS = int(os.environ.get("MESH_STORAGE_KILLS", "24"))
NETWORK = Hash32(bytes(32))
HEADER = b"the tested validator"
# After so many votes the child makes the journal shorter, and keeps the last few of each sender.
VOTES_BETWEEN_COMPACTIONS = 25
KEPT_PER_SENDER = 3


def sender_of(vote: int) -> PublicKey:
    """Each writer votes for one account."""
    return PublicKey(bytes([vote % WRITERS_COUNT] * 32))


def statement_of(vote: int) -> Statement:
    return Statement(NETWORK, 0, sender_of(vote), vote, Hash32(vote.to_bytes(32, "big")))


def signature_of(vote: int) -> Signature:
    return Signature(vote.to_bytes(64, "big"))


def lock_of(vote: int, parts: int) -> VoteLock:
    """The record of a vote; the transition in it is long where a batch is to need several statements."""
    return VoteLock(0, statement_of(vote).transition_id, signature_of(vote), signature_of(vote), b"transition %d" % parts)


def key_of(vote: int) -> str:
    return vote_key(sender_of(vote), vote)


def part_key(vote: int, part: int) -> str:
    """A record beside the vote, as outputs and the log stand beside a certificate."""
    return f"p/{vote:08d}/{part:05d}"


def entry_of(vote: int) -> bytes:
    return JOURNAL_ENTRY.encode(JournalEntry(statement_of(vote), signature_of(vote)))


def batch_of(vote: int, parts: int) -> list[tuple[str, bytes]]:
    return [(key_of(vote), VOTE_LOCK.encode(lock_of(vote, parts))), *((part_key(vote, part), b"%d %d" % (vote, part)) for part in range(parts))]


def raise_fault(fault: LocalFault) -> None:
    raise fault


def open_store(data_dir: Path) -> ValidatorStore:
    return ValidatorStore.open(data_dir, raise_fault, header=HEADER, is_first_start=True)


def check_files(data_dir: Path, parts: int) -> set[int]:
    """The votes in the database, each of which must be there whole and exact, and known to the journal."""
    with closing(sqlite3.connect(data_dir / DATABASE_NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = open_store(data_dir)
    rows = dict(store.records())
    journal = store.journal
    asyncio.run(store.close())

    found = {parse_sequence(key) for key in rows if key.startswith(VOTE_PREFIX)}
    assert rows == {key: value for vote in found for key, value in batch_of(vote, parts)}

    assert journal.condition is JournalCondition.INTACT
    entries = decode_entries(journal.entries, NETWORK)
    assert entries == [JournalEntry(statement_of(entry.sequence), signature_of(entry.sequence)) for entry in entries]
    # Applied is what lies before the newest vote of an account.
    newest = {parse_owner(key_of(vote)): vote for vote in sorted(found)}
    held = [JournalEntry(statement_of(vote), signature_of(vote)) for vote in newest.values()]
    compared = compare_journal(entries, held, held, lambda owner: newest.get(owner, 0))
    assert compared.contradiction is None
    # The journal goes first: it may know a vote that the database lacks, never the other way round.
    assert compared.unwritten == ()
    assert len(compared.lost) <= WRITERS_COUNT
    journalled = {entry.sequence for entry in entries}
    assert {vote for vote in found if vote >= min(journalled, default=0)} <= journalled
    return found


@pytest.mark.parametrize(
    ("parts", "kills", "most_acknowledged"),
    [(2, KILLS * 2 // 3, 100), (900, KILLS - KILLS * 2 // 3, 20)],
    ids=["one statement a group or few", "several statements a vote"],
)
def test_killed_writer_loses_no_acknowledged_vote_and_tears_none(tmp_path: Path, parts: int, kills: int, most_acknowledged: int) -> None:
    acknowledged: set[int] = set()
    found: set[int] = set()
    for round_number in range(kills):
        start = max(found, default=0) + 1 + WRITERS_COUNT
        command = [sys.executable, __file__, str(tmp_path), str(start), str(parts)]
        with subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            # Another number of acknowledgements in each round, so that the kills fall at different moments, some in the making of a shorter journal.
            for _ in range(1 + 7 * round_number % most_acknowledged):
                acknowledged.add(int(child.stdout.readline()))
            # An acknowledgement is the beginning of the next group; the kill shall meet every part of one, the journal's and the database's.
            time.sleep(round_number * 37 % 50 / 10_000)
            child.kill()
            # What had been printed before the kill counts too; the last line may be cut off.
            acknowledged.update(int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n"))
            child.wait(DEADLINE_SECONDS)
        found = check_files(tmp_path, parts)
        assert acknowledged <= found, f"round {round_number}: acknowledged votes are lost: {sorted(acknowledged - found)}"
    # Eight writers at most had a vote under way at each kill.
    assert len(found) <= len(acknowledged) + kills * WRITERS_COUNT
    if "MESH_STORAGE_KILLS" in os.environ:
        sys.stderr.write(f"\n{kills} kills, {len(acknowledged)} acknowledged votes, {len(found)} found\n")


async def write_for_ever(data_dir: Path, start: int, parts: int) -> None:
    """The child: never returns."""
    store = open_store(data_dir)
    entries = list(store.journal.entries)
    store.compact_journal(shortened(entries))
    numbers = count(start)
    while True:
        votes = [next(numbers) for _ in range(VOTES_BETWEEN_COMPACTIONS)]
        waiting = iter(votes)

        async def vote_on(waiting: Iterator[int] = waiting) -> None:
            for vote in waiting:
                await store.persist(batch_of(vote, parts), [entry_of(vote)])
                sys.stdout.write(f"{vote}\n")
                sys.stdout.flush()

        await asyncio.gather(*(vote_on() for _ in range(WRITERS_COUNT)))
        entries += map(entry_of, votes)
        store.compact_journal(shortened(entries))


def shortened(entries: list[bytes]) -> list[bytes]:
    return entries[-KEPT_PER_SENDER * WRITERS_COUNT :]


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
