"""Group commit: each caller waits for its own batch, order is kept, and a failure reaches everybody exactly once."""

import asyncio
import contextlib
import queue
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.committer import Committer
from mesh_core.storage.database import Database

REPOSITORY = Path(__file__).parents[3]
DEADLINE_SECONDS = 20.0


def read_file(path: Path) -> dict[str, bytes]:
    """What another program sees: only what is committed."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, value FROM kv WHERE key <> 'meta/format' ORDER BY key"))


def hang(database: Database) -> "queue.Queue[Any]":
    """sqlitedict's thread stands still until the queue is emptied, as in a system call that does not return."""
    full: queue.Queue[Any] = queue.Queue(maxsize=1)
    database._connection._thread.execute("VALUES (1), (2), (3)", (), full)
    return full


def resume(full: "queue.Queue[Any]") -> None:
    while full.get(timeout=DEADLINE_SECONDS) != "--no more--":
        pass


@pytest.fixture
def faults() -> list[LocalFault]:
    return []


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "test.db", format_name="mesh-test", deadline_seconds=DEADLINE_SECONDS) as opened:
        yield opened


@pytest.fixture
async def committer(database: Database, faults: list[LocalFault]) -> AsyncIterator[Committer]:
    made = Committer(database, faults.append)
    yield made
    await made.close()


async def test_future_resolves_when_the_batch_is_in_the_file(database: Database, committer: Committer) -> None:
    durable = committer.enqueue([("a", b"1"), ("b", b"2")])
    assert not durable.done()
    await durable
    assert read_file(database.path) == {"a": b"1", "b": b"2"}


async def test_reader_sees_a_queued_batch_before_it_is_durable(database: Database, committer: Committer) -> None:
    await committer.enqueue([("key", b"1"), ("gone", b"1")])
    durable = committer.enqueue([("key", b"2"), ("gone", b"")])
    assert read_file(database.path) == {"key": b"1", "gone": b"1"}
    assert database.get("key") == b"2"
    assert database.get("gone") is None
    await durable
    assert database.get("key") == b"2"
    assert database.get("gone") is None
    assert len(database.pending) == 0


async def test_batches_of_one_turn_share_one_commit(database: Database, committer: Committer) -> None:
    await asyncio.gather(*(committer.enqueue([(f"key{number}", b"1")]) for number in range(100)))
    assert committer.statistics.count == 1
    assert len(read_file(database.path)) == 100


async def test_batches_queued_during_a_commit_share_the_next_one(database: Database, committer: Committer) -> None:
    full = hang(database)
    first = committer.enqueue([("first", b"1")])
    await asyncio.sleep(0)
    later = [committer.enqueue([(f"key{number}", b"1")]) for number in range(50)]
    assert committer.queued_batches_count == 50
    resume(full)
    await first
    await asyncio.gather(*later)
    assert committer.statistics.count == 2


async def test_group_is_limited_and_the_rest_follows_in_order(database: Database, faults: list[LocalFault]) -> None:
    committer = Committer(database, faults.append, batches_per_group=10)
    resolved: list[int] = []
    futures = []
    for number in range(35):
        future = committer.enqueue([("key", bytes([number])), (f"key{number}", b"1")])
        future.add_done_callback(lambda _, number=number: resolved.append(number))  # type: ignore[misc]
        futures.append(future)
    await asyncio.gather(*futures)
    assert resolved == list(range(35))
    assert committer.statistics.count == 4
    assert database.get("key") == bytes([34])
    assert len(read_file(database.path)) == 36
    await committer.close()


async def test_later_record_wins_inside_a_group_and_across_groups(database: Database, committer: Committer) -> None:
    first = committer.enqueue([("key", b"1")])
    second = committer.enqueue([("key", b"2"), ("other", b"1")])
    third = committer.enqueue([("other", b"")])
    await asyncio.gather(first, second, third)
    assert committer.statistics.count == 1
    assert read_file(database.path) == {"key": b"2", "other": b""}
    await committer.enqueue([("key", b"3")])
    assert read_file(database.path)["key"] == b"3"


async def test_empty_batch_waits_for_those_before_it(database: Database, committer: Committer) -> None:
    before = committer.enqueue([("key", b"1")])
    await committer.enqueue([])
    assert before.done()
    assert read_file(database.path) == {"key": b"1"}
    await committer.enqueue([])
    assert committer.statistics.count == 1


async def test_cancelled_caller_does_not_take_its_batch_back(database: Database, committer: Committer) -> None:
    cancelled = committer.enqueue([("cancelled", b"1")])
    kept = committer.enqueue([("kept", b"1")])
    cancelled.cancel()
    await kept
    assert read_file(database.path) == {"cancelled": b"1", "kept": b"1"}


async def test_caller_may_change_its_list_after_queueing(database: Database, committer: Committer) -> None:
    records = [("key", b"1")]
    durable = committer.enqueue(records)
    records[0] = ("key", b"2")
    await durable
    assert read_file(database.path) == {"key": b"1"}


async def test_mistaken_batch_is_refused_and_the_others_are_not_harmed(database: Database, committer: Committer) -> None:
    good = committer.enqueue([("good", b"1")])
    with pytest.raises(AssertionError):
        committer.enqueue([("bad", "text")])  # type: ignore[list-item]
    await good
    assert read_file(database.path) == {"good": b"1"}


async def test_close_makes_everything_queued_durable(database: Database, faults: list[LocalFault]) -> None:
    committer = Committer(database, faults.append, batches_per_group=3)
    futures = [committer.enqueue([(f"key{number}", b"1")]) for number in range(10)]
    await committer.close()
    await committer.close()
    assert all(future.done() for future in futures)
    assert len(read_file(database.path)) == 10
    with pytest.raises(AssertionError, match="closed"):
        committer.enqueue([("late", b"1")])
    assert faults == []


async def test_full_disk_fails_everybody_once_and_keeps_what_was_durable(database: Database, faults: list[LocalFault]) -> None:
    committer = Committer(database, faults.append, batches_per_group=4)
    await committer.enqueue([("before", b"1")])
    [(used,)] = database._connection.request("PRAGMA page_count", deadline=time.monotonic() + DEADLINE_SECONDS)
    database._connection.request(f"PRAGMA max_page_count = {used + 10}", deadline=time.monotonic() + DEADLINE_SECONDS)
    futures = [committer.enqueue([(f"key{number}", b"1" * 40_000)]) for number in range(10)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [getattr(result, "code", None) for result in results] == [ErrorCode.STORE_WRITE] * 10
    assert [fault.code for fault in faults] == [ErrorCode.STORE_WRITE]
    late = committer.enqueue([("late", b"1")])
    assert late.done()
    with pytest.raises(LocalFault, match="full"):
        await late
    await committer.close()
    database.close()
    assert len(faults) == 1
    assert read_file(database.path) == {"before": b"1"}


async def test_hanging_commit_is_a_fault_at_the_deadline(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "test.db", format_name="mesh-test")
    database.deadline_seconds = 0.3  # from now on: a disk that is slow at the opening is not what hangs here
    faulted: asyncio.Future[LocalFault] = asyncio.get_running_loop().create_future()
    committer = Committer(database, faulted.set_result)
    full = hang(database)
    durable = committer.enqueue([("key", b"1")])
    await asyncio.sleep(0)
    queued = committer.enqueue([("key", b"2")])
    async with asyncio.timeout(DEADLINE_SECONDS):
        fault = await faulted
    assert fault.code == ErrorCode.STORE_WRITE
    for future in (durable, queued, committer.enqueue([("key", b"3")])):
        with pytest.raises(LocalFault, match="deadline"):
            await future
    await committer.close()
    database.close()
    resume(full)
    database._connection._thread.join(DEADLINE_SECONDS)
    assert read_file(database.path) == {}
    database._lock.release()


async def test_database_closed_underneath_is_a_fault_and_nobody_waits_for_ever(tmp_path: Path, faults: list[LocalFault]) -> None:
    database = Database.open(tmp_path / "test.db", format_name="mesh-test")
    committer = Committer(database, faults.append)
    database.close()
    async with asyncio.timeout(DEADLINE_SECONDS):
        with pytest.raises(LocalFault, match="closed"):
            await committer.enqueue([("key", b"1")])
    assert [fault.code for fault in faults] == [ErrorCode.STORE_WRITE]


def test_loop_that_ends_during_a_commit_harms_nothing(database: Database, faults: list[LocalFault]) -> None:
    async def queue_and_leave() -> None:
        Committer(database, faults.append).enqueue([("key", b"1")])
        await asyncio.sleep(0)

    full = hang(database)
    asyncio.run(queue_and_leave())
    resume(full)
    # The commit is under way in its thread; a read waits for it.
    deadline = time.monotonic() + DEADLINE_SECONDS
    while read_file(database.path) != {"key": b"1"}:
        assert time.monotonic() < deadline
    assert faults == []


HANGING_PROCESS = """
import asyncio, queue, sys
from pathlib import Path
from mesh_core.storage.validator_store import ValidatorStore

async def main():
    stop = asyncio.Event()
    def on_fault(fault):
        print(fault.code.name, flush=True)
        stop.set()
    store = ValidatorStore.open(Path(sys.argv[1]), on_fault)
    await store.persist([("durable", b"1")])
    store._database.deadline_seconds = 0.3  # what came before may take as long as the disk wants
    store._database._connection._thread.execute("VALUES (1), (2), (3)", (), block)
    store.persist([("lost", b"1")])
    await stop.wait()
    await store.close()

block = queue.Queue(maxsize=1)
asyncio.run(main())
print("end of main", flush=True)
"""


def test_process_with_a_hanging_commit_reports_it_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING_PROCESS, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["STORE_WRITE", "end of main"]
    assert done.returncode == 0
    with Database.open(tmp_path / "validator.db", format_name="mesh-validator") as reopened:
        assert list(reopened.records()) == [("durable", b"1")]


keys_strategy = st.sampled_from(["a", "b", "c", "a:1", "a:2"])
batches_strategy = st.lists(
    st.tuples(st.lists(st.tuples(keys_strategy, st.sampled_from([b""]) | st.binary(max_size=8)), max_size=5), st.booleans()), max_size=25
)


@given(batches=batches_strategy, batches_per_group=st.integers(1, 6))
def test_any_batches_in_any_grouping_equal_a_dictionary(batches: list[tuple[list[tuple[str, bytes]], bool]], batches_per_group: int) -> None:
    """Some batches are awaited, others queued on; reads in between see every queued record, and the file ends as the dictionary."""
    model: dict[str, bytes] = {}

    async def run(path: Path) -> None:
        faults: list[LocalFault] = []
        with Database.open(path, format_name="mesh-test") as database:
            committer = Committer(database, faults.append, batches_per_group=batches_per_group)
            for records, is_awaited in batches:
                durable = committer.enqueue(records)
                model.update(records)
                if is_awaited:
                    await durable
                assert {key: database.get(key) for key in model} == {key: value or None for key, value in model.items()}
            await committer.close()
        assert faults == []

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.db"
        asyncio.run(run(path))
        with Database.open(path, format_name="mesh-test") as reopened:
            assert list(reopened.records()) == sorted((key, value) for key, value in model.items() if value)
