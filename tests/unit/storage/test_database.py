"""The database: durable, all or nothing, owned by one process, and dead after a write that failed."""

import contextlib
import os
import pickle
import queue
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlitedict import SqliteDict
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.connection import Connection, Row
from mesh_core.storage.database import ROWS_PER_PAGE, ROWS_PER_STATEMENT, Database, _describe_open_failure

FORMAT = "mesh-test"
REPOSITORY = Path(__file__).parents[3]
DEADLINE_SECONDS = 20.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "test.db"


def open_database(path: Path, **options: Any) -> Database:
    return Database.open(path, **({"format_name": FORMAT} | options))


def read_file(path: Path) -> dict[str, bytes]:
    """What another program sees in the file, our own record of the format left out."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, value FROM kv WHERE key <> 'meta/format' ORDER BY key"))


def change_file(path: Path, statement: str, arguments: Sequence[object] = ()) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(statement, arguments)
        connection.commit()


def ask(database: Database, statement: str) -> list[Row]:
    return database._connection.request(statement, deadline=time.monotonic() + DEADLINE_SECONDS)


def fill_disk_after(database: Database, more_pages: int) -> None:
    [(used,)] = ask(database, "PRAGMA page_count")
    ask(database, f"PRAGMA max_page_count = {used + more_pages}")


def load(path: Path) -> list[tuple[str, bytes]]:
    with open_database(path) as database:
        return list(database.records())


def numbered(count: int, size_bytes: int = 8) -> list[tuple[str, bytes]]:
    return [(f"key{number:06d}", number.to_bytes(4, "big") * (size_bytes // 4)) for number in range(count)]


@contextlib.contextmanager
def hanging_thread(database: Database, *, is_ended: bool = True) -> Iterator[None]:
    """sqlitedict's thread stands still, as it does in a system call that does not return, until the block is left."""
    thread = database._connection._thread
    full: queue.Queue[Any] = queue.Queue(maxsize=1)
    thread.execute("VALUES (1), (2), (3)", (), full)
    yield
    while full.get(timeout=DEADLINE_SECONDS) != "--no more--":
        pass
    if is_ended:
        thread.join(DEADLINE_SECONDS)


# Reading and writing


def test_records_come_back_after_reopening_in_order_of_their_keys(path: Path) -> None:
    with open_database(path) as database:
        database.write([("b", b"2"), ("a", b"1"), ("ab", b"3")])
        database.write([("a", b"4")])
        assert list(database.records()) == [("a", b"4"), ("ab", b"3"), ("b", b"2")]
    with open_database(path) as database:
        assert list(database.records()) == [("a", b"4"), ("ab", b"3"), ("b", b"2")]
        assert database.get("b") == b"2"
        assert database.get("c") is None


def test_records_of_a_prefix_are_exactly_the_keys_that_start_with_it(path: Path) -> None:
    keys = ["a", "a:", "a:1", "a:~", "a:\x7f", "a;", "b:1", "A:1"]
    with open_database(path) as database:
        database.write([(key, b"1") for key in keys])
        assert [key for key, _ in database.records("a:")] == ["a:", "a:1", "a:~", "a:\x7f"]
        assert [key for key, _ in database.records()] == sorted(keys)
        assert list(database.records("z")) == []


@pytest.mark.parametrize("count", [ROWS_PER_PAGE - 1, ROWS_PER_PAGE, ROWS_PER_PAGE + 1, 3 * ROWS_PER_PAGE])
def test_records_at_the_edge_of_a_page_are_complete(path: Path, count: int) -> None:
    rows = numbered(count)
    with open_database(path) as database:
        database.write(rows)
        assert list(database.records()) == rows


@pytest.mark.parametrize("count", [ROWS_PER_STATEMENT, ROWS_PER_STATEMENT + 1, 5 * ROWS_PER_STATEMENT])
def test_write_of_several_statements_is_one_commit(path: Path, count: int) -> None:
    with open_database(path) as database:
        database.write(numbered(count))
        assert database.statistics.count == 1
    assert read_file(path) == dict(numbered(count))


def test_records_of_a_large_file_are_read_in_little_memory(path: Path) -> None:
    value = bytes(8 * 1024)
    with open_database(path) as database:
        for start in range(0, 8000, 1000):
            database.write([(f"key{number}", value) for number in range(start, start + 1000)])
        tracemalloc.start()
        count = sum(1 for _ in database.records())
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 8000
    assert peak_bytes < 8000 * len(value) / 4


def test_last_of_several_records_with_one_key_wins(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1"), ("other", b"2"), ("key", b"3")])
        assert database.get("key") == b"3"


def test_empty_value_is_absent_at_once_and_deleted_at_the_next_opening(path: Path) -> None:
    with open_database(path) as database:
        database.write([("gone", b"1"), ("kept", b"2")])
        database.write([("gone", b"")])
        assert database.get("gone") is None
        assert list(database.records()) == [("kept", b"2")]
    assert read_file(path) == {"gone": b"", "kept": b"2"}
    open_database(path).close()
    assert read_file(path) == {"kept": b"2"}


def test_empty_write_commits_nothing(path: Path) -> None:
    with open_database(path) as database:
        database.write([])
        assert database.statistics.count == 0


def test_get_sees_a_queued_batch_and_write_refuses_to_overtake_it(path: Path) -> None:
    with open_database(path) as database:
        database.write([("a", b"1"), ("b", b"1")])
        number = database.pending.add([("a", b"2"), ("b", b"")])
        assert database.get("a") == b"2"
        assert database.get("b") is None
        with pytest.raises(AssertionError, match="overtake"):
            database.write([("a", b"3")])
        database.pending.release(number, [("a", b"2"), ("b", b"")])
        assert database.get("a") == b"1"


def test_releasing_a_batch_keeps_what_a_later_one_wrote(path: Path) -> None:
    with open_database(path) as database:
        first = database.pending.add([("a", b"1"), ("b", b"1")])
        database.pending.add([("a", b"2")])
        database.pending.release(first, [("a", b"1"), ("b", b"1")])
        assert database.get("a") == b"2"
        assert database.get("b") is None


@pytest.mark.parametrize(
    "record", [("", b"1"), ("ü", b"1"), ("meta/format", b"1"), (b"key", b"1"), ("key", bytearray(b"1")), ("key", "1"), ("key", None)], ids=repr
)
def test_record_that_is_our_own_mistake_is_refused_and_harms_nothing(path: Path, record: Any) -> None:
    with open_database(path) as database:
        with pytest.raises(AssertionError):
            database.write([("good", b"1"), record])
        database.write([("later", b"2")])
    assert read_file(path) == {"later": b"2"}


def test_statistics_measure_every_commit(path: Path) -> None:
    with open_database(path) as database:
        for number in range(3):
            database.write([("key", bytes([number + 1]))])
        statistics = database.statistics
    assert statistics.count == 3
    assert 0 < statistics.last_seconds <= statistics.max_seconds <= statistics.sum_seconds


records_strategy = st.lists(
    st.tuples(
        st.text(st.characters(min_codepoint=1, max_codepoint=127), min_size=1, max_size=3).filter(lambda key: key != "meta/format"),
        st.sampled_from([b""]) | st.binary(max_size=40),
    ),
    max_size=12,
)


@given(
    sessions=st.lists(st.lists(records_strategy, max_size=4), min_size=1, max_size=3),
    prefix=st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=1),
)
def test_file_equals_a_dictionary_after_any_batches_and_reopenings(sessions: list[list[list[tuple[str, bytes]]]], prefix: str) -> None:
    model: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.db"
        for batches in sessions:
            with open_database(path) as database:
                for batch in batches:
                    database.write(batch)
                    model.update(batch)
        with open_database(path) as database:
            alive = {key: value for key, value in model.items() if value}
            assert list(database.records()) == sorted(alive.items())
            assert list(database.records(prefix)) == sorted(item for item in alive.items() if item[0].startswith(prefix))
            assert all(database.get(key) == alive.get(key) for key in model)
        assert read_file(path) == alive


# Durability and safety of the file


def test_opening_sets_wal_full_sync_and_full_fsync(path: Path) -> None:
    with open_database(path) as database:
        assert ask(database, "PRAGMA journal_mode") == [("wal",)]
        assert ask(database, "PRAGMA synchronous") == [(2,)]
        assert ask(database, "PRAGMA fullfsync") == [(1,)]


@pytest.mark.parametrize(("pragma", "found"), [("journal_mode", "delete"), ("synchronous", 0), ("synchronous", 1), ("fullfsync", 0)])
def test_opening_is_refused_where_a_durability_setting_does_not_hold(path: Path, monkeypatch: pytest.MonkeyPatch, pragma: str, found: str | int) -> None:
    request = Connection.request

    def request_on_a_poor_file_system(self: Connection, statement: str, arguments: Sequence[object] = (), *, deadline: float) -> list[Row]:
        rows = request(self, statement, arguments, deadline=deadline)
        return [(found,)] if statement == f"PRAGMA {pragma}" else rows

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "request", request_on_a_poor_file_system)
        with pytest.raises(LocalFault, match=pragma) as caught:
            open_database(path)
    assert caught.value.code == ErrorCode.STORE_UNAVAILABLE
    open_database(path).close()


def test_files_are_for_their_owner_only(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["test.db", "test.db-shm", "test.db-wal", "test.db.lock"], 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_opening_takes_away_the_rights_of_others(path: Path) -> None:
    open_database(path).close()
    path.chmod(0o644)
    open_database(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


class Malice:
    """Unpickling it makes a folder."""

    def __init__(self, target: Path) -> None:
        self.target = target

    @override
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_pickle_in_the_file_comes_back_as_bytes_and_does_not_run(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "owned"
    payload = pickle.dumps(Malice(target))
    open_database(path).close()
    change_file(path, "INSERT INTO kv (key, value) VALUES ('evil', ?)", (payload,))

    with SqliteDict(str(path), tablename="kv", flag="r", journal_mode="WAL") as as_others_open_it:
        as_others_open_it["evil"]
    assert target.is_dir(), "the payload works where values are unpickled"
    target.rmdir()

    with open_database(path) as database:
        assert database.get("evil") == payload
        assert list(database.records()) == [("evil", payload)]
        assert database._connection._store["evil"] == payload
    assert not target.exists()


# All or nothing


@pytest.mark.parametrize("rows", [numbered(300, 2000), numbered(3 * ROWS_PER_STATEMENT, 400)], ids=["one statement", "several statements"])
def test_full_disk_leaves_nothing_of_the_batch_and_ends_the_use(path: Path, rows: list[tuple[str, bytes]]) -> None:
    database = open_database(path)
    database.write([("before", b"1")])
    # Room for the first statement of several, so that the disk is full in the middle of the batch.
    fill_disk_after(database, 50)
    with pytest.raises(LocalFault, match="full") as caught:
        database.write(rows)
    assert caught.value.code == ErrorCode.STORE_WRITE
    for use in (lambda: database.write([("after", b"1")]), lambda: database.get("before"), lambda: next(database.records())):
        with pytest.raises(LocalFault) as again:
            use()
        assert again.value.code == ErrorCode.STORE_WRITE
    database.close()
    with open_database(path) as reopened:
        assert list(reopened.records()) == [("before", b"1")]
        reopened.write(rows)
    assert read_file(path) == {"before": b"1"} | dict(rows)


@pytest.mark.parametrize("resolution", ["ABORT", "FAIL", "ROLLBACK"])
@pytest.mark.parametrize("position", [0, ROWS_PER_STATEMENT // 2, ROWS_PER_STATEMENT, 2 * ROWS_PER_STATEMENT + 1])
def test_statement_that_fails_in_the_middle_leaves_nothing_of_the_batch(path: Path, resolution: str, position: int) -> None:
    """ABORT undoes the statement, FAIL keeps the rows that it had done, ROLLBACK ends the transaction: three states in which a commit would be wrong."""
    open_database(path).close()
    change_file(path, f"CREATE TRIGGER refuse BEFORE INSERT ON kv WHEN NEW.key = 'key{position:06d}' BEGIN SELECT RAISE({resolution}, 'refused'); END")
    database = open_database(path)
    with pytest.raises(LocalFault, match="refused") as caught:
        database.write(numbered(3 * ROWS_PER_STATEMENT))
    assert caught.value.code == ErrorCode.STORE_WRITE
    # Rolled back at once, not only when the object is closed: another program finds no lock.
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=DEADLINE_SECONDS)) as other:
        other.execute("BEGIN IMMEDIATE")
    database.close()
    assert read_file(path) == {}


FULL_AT_COMMIT = """
import resource, sys
from pathlib import Path
from mesh_core.errors import MeshError
from mesh_core.storage.database import Database
path = Path(sys.argv[1])
database = Database.open(path, format_name="mesh-test")
database.write([("before", b"1")])
limit = path.with_name(path.name + "-wal").stat().st_size + 1000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for key in ("refused", "after"):
    try:
        database.write([(key, b"1")])
    except MeshError as error:
        print(error.code.name, flush=True)
database.close()
"""


def test_disk_that_is_full_only_at_the_commit_fails_the_write(path: Path) -> None:
    """The statements change pages in memory; the log is first written by COMMIT. A limit on the size of files stands for the full disk."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_AT_COMMIT, str(path)], cwd=REPOSITORY, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert done.stdout.splitlines() == ["STORE_WRITE", "STORE_WRITE"]
    assert load(path) == [("before", b"1")]


@pytest.mark.parametrize("stage", ["BEGIN", "REPLACE", "COMMIT"])
def test_interrupt_during_a_write_commits_nothing_later(path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    database = open_database(path)
    request = Connection.request

    def request_interrupted(self: Connection, statement: str, arguments: Sequence[object] = (), *, deadline: float) -> list[Row]:
        if statement.startswith(stage):
            raise KeyboardInterrupt
        return request(self, statement, arguments, deadline=deadline)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "request", request_interrupted)
        with pytest.raises(KeyboardInterrupt):
            database.write([("key", b"1")])
    with pytest.raises(LocalFault):
        database.write([("other", b"1")])
    database.close()
    assert read_file(path) == {}


def test_lock_of_another_program_fails_the_write(path: Path) -> None:
    database = open_database(path)
    ask(database, "PRAGMA busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(LocalFault, match="locked") as caught:
            database.write([("key", b"1")])
    assert caught.value.code == ErrorCode.STORE_WRITE
    database.close()
    assert read_file(path) == {}


def test_hanging_write_fails_at_the_deadline_and_is_not_made_later(path: Path) -> None:
    database = open_database(path)
    database.deadline_seconds = 0.3  # from now on: a disk that is slow at the opening is not what hangs here
    with hanging_thread(database):
        with pytest.raises(LocalFault, match="deadline") as caught:
            database.write([("key", b"1")])
        assert caught.value.code == ErrorCode.STORE_WRITE
        # Neither has waited for the thread: it hangs until this block is left.
        database.close()
        # The hanging write might still reach the disk, so nobody else may have the file yet.
        with pytest.raises(LocalFault) as locked:
            open_database(path)
        assert locked.value.code == ErrorCode.STORE_LOCKED
    assert read_file(path) == {}
    database._lock.release()


# Reads beside the writer


def test_read_waits_for_no_write_however_long_that_takes(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1"), ("other", b"1")])
        with hanging_thread(database, is_ended=False):
            writer = threading.Thread(target=database.write, args=([("key", b"2")],))
            writer.start()
            assert database.get("key") == b"1"
            assert list(database.records()) == [("key", b"1"), ("other", b"1")]
            assert writer.is_alive(), "it hangs until this block is left, or fails at its deadline: who had waited for it would find it ended"
        writer.join(DEADLINE_SECONDS)
        assert database.get("key") == b"2"


def test_read_in_the_middle_of_a_write_sees_the_last_commit_and_swallows_no_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sqlitedict gives an error to whoever calls next. On the writer's connection a reader would take it over, and the write would be acknowledged."""
    open_database(path).close()
    change_file(path, "CREATE TRIGGER refuse BEFORE INSERT ON kv WHEN NEW.key = 'refused' BEGIN SELECT RAISE(ABORT, 'refused'); END")
    database = open_database(path)
    database.write([("key", b"1")])
    request = Connection.request
    answers: list[bytes | None] = []

    def read_before_each_statement(self: Connection, statement: str, arguments: Sequence[object] = (), *, deadline: float) -> list[Row]:
        answers.append(database.get("key"))
        return request(self, statement, arguments, deadline=deadline)

    monkeypatch.setattr(Connection, "request", read_before_each_statement)
    database.write([("key", b"2")])
    assert answers == [b"1"] * 3
    assert database.get("key") == b"2"
    with pytest.raises(LocalFault, match="refused"):
        database.write([("refused", b"1")])
    database.close()


def test_write_is_seen_by_every_thread_as_soon_as_it_returns(path: Path) -> None:
    """Readers in three threads never see an older value than one whose write had returned before they asked, and never a part of a batch."""
    rounds = 100
    faults: list[object] = []
    written = 0

    def read_on() -> None:
        while written < rounds:
            least = written
            rows = dict(database.records())
            values = {int.from_bytes(value, "big") for value in rows.values()}
            found = int.from_bytes(database.get("a") or b"", "big")
            if len(values) != 1 or min(values) < least or found < least:
                faults.append((least, values, found))

    with open_database(path) as database:
        database.write([("a", b"\0\0"), ("b", b"\0\0")])
        readers = [threading.Thread(target=read_on) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(1, rounds + 1):
            database.write([("a", number.to_bytes(2, "big")), ("b", number.to_bytes(2, "big"))])
            written = number
            if database.get("a") != number.to_bytes(2, "big"):
                faults.append(number)
        for reader in readers:
            reader.join(DEADLINE_SECONDS)
    assert faults == []


def test_reads_hold_no_snapshot_so_that_the_log_is_reset(path: Path) -> None:
    """A SELECT that is not run to its end would keep the write-ahead log growing for as long as the validator lives."""
    with open_database(path) as database:
        database.write(numbered(2 * ROWS_PER_PAGE))
        half_read = database.records()
        next(half_read)
        for _ in range(30):
            database.write(numbered(100, 4000))
            assert database.get("key000000") == bytes(4000)
        # 12 MB were written; SQLite empties its log after each 1000 pages or so.
        assert path.with_name(path.name + "-wal").stat().st_size < 8_000_000
        assert sum(1 for _ in half_read) == 2 * ROWS_PER_PAGE - 1


def test_reader_cannot_write(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database._reader.read("DELETE FROM kv", ())
        assert database.get("key") == b"1"


def test_closing_leaves_an_empty_log(path: Path) -> None:
    """The writer is the last to leave: a read-only connection could not bring the log into the file."""
    database = open_database(path)
    database.write([("key", b"1")])
    assert database.get("key") == b"1"
    database.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["test.db", "test.db.lock"]


def test_read_is_not_kept_waiting_by_another_program(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as intruder:
            intruder.execute("BEGIN EXCLUSIVE")
            assert database.get("key") == b"1"


def test_damage_that_a_read_meets_ends_the_writing_too(path: Path) -> None:
    with open_database(path) as database:
        database.write(numbered(4000, 400))
        ask(database, "PRAGMA wal_checkpoint(TRUNCATE)")
        # By another process: closing the file in this one would drop SQLite's own locks on it.
        size = path.stat().st_size // 2 // 4096 * 4096
        damage = f"f = open({str(path)!r}, 'r+b'); f.seek({size}); f.write(bytes(50 * 4096)); f.close()"
        subprocess.run([sys.executable, "-c", damage], check=True, timeout=DEADLINE_SECONDS)
        with pytest.raises(LocalFault) as caught:
            list(database.records())
        assert caught.value.code == ErrorCode.STORE_CORRUPT
        assert str(path) in caught.value.text
        with pytest.raises(LocalFault, match="malformed") as caught:
            database.write([("after", b"1")])
        assert caught.value.code == ErrorCode.STORE_CORRUPT
        with pytest.raises(LocalFault, match="malformed"):
            database.get("key000000")


# One owner


def test_second_opening_is_refused_with_path_and_process(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
        with pytest.raises(LocalFault) as caught:
            open_database(path)
        assert caught.value.code == ErrorCode.STORE_LOCKED
        assert str(path) in caught.value.text
        assert f"process {os.getpid()}" in caught.value.text
        database.write([("key", b"2")])
    with open_database(path) as database:
        assert database.get("key") == b"2"


def test_second_opening_through_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    with open_database(path):
        (tmp_path / "link.db").symlink_to(path)
        with pytest.raises(LocalFault) as caught:
            open_database(tmp_path / "link.db")
    assert caught.value.code == ErrorCode.STORE_LOCKED


OPENER = """
import sys
from pathlib import Path
from mesh_core.errors import MeshError
from mesh_core.storage.database import Database
try:
    database = Database.open(Path(sys.argv[1]), format_name="mesh-test")
except MeshError as error:
    print(f"{error.code.name}: {error.text}", flush=True)
else:
    print("open", flush=True)
    sys.stdin.read()
"""


def start_opener(path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", OPENER, str(path)], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_second_process_is_refused_until_the_first_is_gone(path: Path) -> None:
    with start_opener(path) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "open\n"
        with start_opener(path) as second:
            answer, _ = second.communicate(timeout=DEADLINE_SECONDS)
        assert answer.startswith("STORE_LOCKED")
        assert f"process {owner.pid}" in answer
        with pytest.raises(LocalFault, match=f"process {owner.pid}") as caught:
            open_database(path)
        assert caught.value.code == ErrorCode.STORE_LOCKED
        owner.kill()
    open_database(path).close()


def test_failed_opening_gives_up_the_ownership(path: Path) -> None:
    open_database(path).close()
    for _ in range(2):
        with pytest.raises(LocalFault) as caught:
            open_database(path, format_version=2)
        assert caught.value.code == ErrorCode.STORE_FORMAT
    open_database(path).close()


def test_closing_twice_is_harmless_and_a_closed_database_is_not_used(path: Path) -> None:
    database = open_database(path)
    database.close()
    database.close()
    with pytest.raises(AssertionError, match="closed"):
        database.write([("key", b"1")])
    with pytest.raises(AssertionError, match="closed"):
        database.get("key")


# Files that are not ours, damaged files, places where nothing can be written


@pytest.mark.parametrize(
    ("options", "words"),
    [({"format_version": 2}, ["holds version 1", "knows version 2"]), ({"format_name": "mesh-wallet"}, ["mesh-test 1", "mesh-wallet"])],
    ids=["version", "name"],
)
def test_other_format_is_refused_and_the_file_stays_as_it_is(path: Path, options: dict[str, Any], words: list[str]) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
    content = path.read_bytes()
    with pytest.raises(LocalFault) as caught:
        open_database(path, **options)
    assert caught.value.code == ErrorCode.STORE_FORMAT
    assert str(path) in caught.value.text
    assert all(word in caught.value.text for word in words)
    assert path.read_bytes() == content


@pytest.mark.parametrize("found", [b"mesh-test 1\n", b"mesh-test", b"\xff\xfe", "mesh-test 1", None])
def test_strange_format_record_is_refused(path: Path, found: object) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
    change_file(path, "UPDATE kv SET value = ? WHERE key = 'meta/format'", (found,))
    with pytest.raises(LocalFault) as caught:
        open_database(path)
    assert caught.value.code == ErrorCode.STORE_FORMAT


def test_rows_without_format_record_are_refused(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
    change_file(path, "DELETE FROM kv WHERE key = 'meta/format'")
    with pytest.raises(LocalFault) as caught:
        open_database(path)
    assert caught.value.code == ErrorCode.STORE_FORMAT


def test_crash_between_making_the_table_and_the_format_record_is_a_new_file(path: Path) -> None:
    path.parent.mkdir()
    change_file(path, "CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB)")
    with open_database(path) as database:
        database.write([("key", b"1")])
    with open_database(path) as database:
        assert database.get("key") == b"1"


def test_database_of_another_application_is_refused_and_stays_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    change_file(path, "CREATE TABLE photos (name TEXT)")
    content = path.read_bytes()
    with pytest.raises(LocalFault, match="photos") as caught:
        open_database(path)
    assert caught.value.code == ErrorCode.STORE_FORMAT
    assert path.read_bytes() == content


def test_file_that_is_no_database_is_refused_and_stays_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(LocalFault) as caught:
        open_database(path)
    assert caught.value.code == ErrorCode.STORE_CORRUPT
    assert str(path) in caught.value.text
    assert path.read_bytes() == b"Dear diary, " * 1000


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_damage_in_the_middle_is_reported_and_nobody_waits_for_ever(path: Path) -> None:
    with open_database(path) as database:
        database.write(numbered(4000, 400))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 20 * 4096] = b"\xa5" * (20 * 4096)
    path.write_bytes(content)

    with pytest.raises(LocalFault) as caught:
        load(path)
    assert caught.value.code == ErrorCode.STORE_CORRUPT


def test_row_that_is_not_text_and_bytes_is_reported_as_damage(path: Path) -> None:
    with open_database(path) as database:
        database.write([("key", b"1")])
    change_file(path, "INSERT INTO kv (key, value) VALUES ('alien', 42)")
    with pytest.raises(LocalFault, match="alien") as caught:
        open_database(path)
    assert caught.value.code == ErrorCode.STORE_CORRUPT


def test_key_that_is_no_text_is_reported_as_damage(path: Path) -> None:
    """sqlitedict's own thread would die of it (test_sqlitedict_hazards.py)."""
    with open_database(path) as database:
        database.write([("a", b"1")])
    change_file(path, "INSERT INTO kv (key, value) VALUES (CAST(x'7aff' AS TEXT), x'00')")
    with pytest.raises(LocalFault, match="UTF-8") as caught:
        open_database(path)
    assert caught.value.code == ErrorCode.STORE_CORRUPT


def test_rows_that_appear_while_the_file_is_open_are_checked_as_well(path: Path) -> None:
    for statement, words in {
        "INSERT INTO kv (key, value) VALUES ('alien', 42)": "alien",
        "INSERT INTO kv (key, value) VALUES (CAST(x'7aff' AS TEXT), x'00')": "UTF-8",
        "UPDATE kv SET value = x'02' WHERE key = 'key'": "not what was written",
    }.items():
        with open_database(path) as database:
            database.write([("key", b"1")])
            change_file(path, statement)
            with pytest.raises(LocalFault, match=words) as caught:
                list(database.records())
            assert caught.value.code == ErrorCode.STORE_CORRUPT
            with pytest.raises(LocalFault, match=words):
                database.write([("after", b"1")])
        path.unlink()


def test_missing_file_is_not_created_where_it_has_to_exist(path: Path) -> None:
    with pytest.raises(LocalFault, match="no database at") as caught:
        open_database(path, create=False)
    assert caught.value.code == ErrorCode.STORE_UNAVAILABLE
    assert not path.parent.exists()


def test_folder_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LocalFault, match="is a folder") as caught:
        open_database(path)
    assert caught.value.code == ErrorCode.STORE_UNAVAILABLE


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(LocalFault, match=str(tmp_path / "home")) as caught:
        open_database(tmp_path / "home" / "test.db")
    assert caught.value.code == ErrorCode.STORE_UNAVAILABLE


def test_lock_of_another_program_is_told_apart_from_damage(path: Path) -> None:
    """Opening itself would wait SQLite's five seconds for the lock, so the real error is made here without waiting."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as first, contextlib.closing(sqlite3.connect(path, timeout=0)) as second:
        first.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as busy:
            second.execute("CREATE TABLE kv (key TEXT)")
    fault = _describe_open_failure(path, busy.value)
    assert fault.code == ErrorCode.STORE_LOCKED
    assert str(path) in fault.text


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Permissions do not bind the superuser, as whom tests may run in a container."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach (pytest's own are private)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_folder_without_write_permission_is_refused(open_folder: Path, unprivileged: None) -> None:
    if os.getuid() != 0:
        open_folder.chmod(0o555)
    with pytest.raises(LocalFault, match="Permission denied") as caught:
        open_database(open_folder / "test.db")
    assert caught.value.code == ErrorCode.STORE_UNAVAILABLE
    assert str(open_folder) in caught.value.text
    assert list(open_folder.iterdir()) == []


SMALL_DISK = """
import resource, sys
from pathlib import Path
from mesh_core.errors import MeshError
from mesh_core.storage.database import Database
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    Database.open(Path(sys.argv[1]), format_name="mesh-test")
except MeshError as error:
    print(error.code.name, flush=True)
"""


@pytest.mark.parametrize("size_bytes", [256, 4096, 5000, 9000])
def test_disk_that_is_full_while_the_file_is_made_is_reported_and_leaves_a_new_file(path: Path, size_bytes: int) -> None:
    """A limit on the size of files stands for the full disk."""
    done = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(path), str(size_bytes)], cwd=REPOSITORY, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert done.stdout == "STORE_UNAVAILABLE\n"
    assert done.returncode == 0
    with open_database(path) as database:
        database.write([("key", b"1")])
