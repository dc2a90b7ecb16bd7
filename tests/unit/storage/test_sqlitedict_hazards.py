"""What sqlitedict 2.1.0 does that `mesh_core.storage` is built around.

Each test states a habit of the package as it is, good or bad. One that fails after an update says which part of
`mesh_core/storage/connection.py` or `database.py` has to be thought through again.
"""

import contextlib
import pickle
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlitedict
from sqlitedict import SqliteDict

OpenStore = Callable[..., SqliteDict]
PAGE_BYTES = 4096
# Time for something that must not happen to happen.
GRACE_SECONDS = 0.3
DEADLINE_SECONDS = 20.0


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    """Opens SqliteDicts as MESH does; options that a test names win."""
    stores: list[SqliteDict] = []

    def open_one(name: str = "kv.db", **options: Any) -> SqliteDict:
        chosen: dict[str, Any] = {
            "tablename": "kv",
            "journal_mode": "WAL",
            "autocommit": False,
            "outer_stack": False,
            "encode": sqlite3.Binary,
            "decode": bytes,
        } | options
        store = SqliteDict(str(tmp_path / name), **chosen)
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        thread = store.conn
        store.close(do_log=False, force=True)
        if thread is not None:
            thread.join(DEADLINE_SECONDS)


def read_committed(path: Path) -> dict[str, bytes]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, value FROM kv"))


def limit_pages(store: SqliteDict, more_pages: int) -> None:
    """A disk that is full after `more_pages` pages."""
    used = store.conn.select_one("PRAGMA page_count")[0]
    store.conn.select_one(f"PRAGMA max_page_count = {used + more_pages}")


def block_thread(store: SqliteDict) -> "queue.Queue[Any]":
    """Make the store's thread hang, as in a system call that does not return, until the queue is emptied."""
    full: queue.Queue[Any] = queue.Queue(maxsize=1)
    store.conn.execute("VALUES (1), (2), (3)", (), full)
    return full


def unblock_thread(full: "queue.Queue[Any]") -> None:
    while full.get(timeout=DEADLINE_SECONDS) != "--no more--":
        pass


def update_and_commit(store: SqliteDict, items: dict[str, Any]) -> None:
    store.update(items)
    store.commit()


def test_version_is_the_one_whose_habits_are_pinned_here() -> None:
    assert sqlitedict.__version__ == "2.1.0"


def test_values_are_pickled_unless_told_otherwise(tmp_path: Path) -> None:
    with SqliteDict(str(tmp_path / "kv.db"), tablename="kv") as store:
        store["key"] = b"value"
        store.commit()
    assert pickle.loads(read_committed(tmp_path / "kv.db")["key"]) == b"value"


def test_raw_bytes_codec_stores_the_bytes_themselves(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    store["key"] = b"\x80\x04value"
    store.commit()
    assert read_committed(tmp_path / "kv.db") == {"key": b"\x80\x04value"}
    assert store["key"] == b"\x80\x04value"


def test_synchronous_is_off_after_opening_and_full_can_be_set_and_read_back(open_store: OpenStore) -> None:
    store = open_store()
    assert store.conn.select_one("PRAGMA synchronous") == (0,)
    store.conn.select_one("PRAGMA synchronous = FULL")
    assert store.conn.select_one("PRAGMA synchronous") == (2,)


def test_synchronous_cannot_be_set_inside_a_transaction(open_store: OpenStore) -> None:
    store = open_store()
    store["key"] = b"value"
    with pytest.raises(sqlite3.OperationalError, match="inside a transaction"):
        store.conn.select_one("PRAGMA synchronous = FULL")


def test_reopening_resets_synchronous(open_store: OpenStore) -> None:
    first = open_store()
    first.conn.select_one("PRAGMA synchronous = FULL")
    first.close()
    assert open_store().conn.select_one("PRAGMA synchronous") == (0,)


def test_commit_without_blocking_returns_before_anything_is_committed(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    full = block_thread(store)
    store["key"] = b"value"
    store.commit(blocking=False)
    assert read_committed(tmp_path / "kv.db") == {}
    unblock_thread(full)
    store.commit()
    assert read_committed(tmp_path / "kv.db") == {"key": b"value"}


@pytest.mark.parametrize("autocommit", [False, True])
def test_update_runs_on_after_a_failing_statement(open_store: OpenStore, tmp_path: Path, *, autocommit: bool) -> None:
    store = open_store(autocommit=autocommit)
    full = block_thread(store)
    # What `update` does; it would wait here with autocommit.
    store.conn.executemany('REPLACE INTO "kv" VALUES (?, ?)', [("a", b"1"), ("b", object()), ("c", b"3")])
    unblock_thread(full)
    with pytest.raises(sqlite3.Error, match="binding"):
        store.commit()
    store.commit()
    assert read_committed(tmp_path / "kv.db") == {"a": b"1", "c": b"3"}


def test_disk_full_in_update_leaves_part_of_the_batch_committed(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    limit_pages(store, 8)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        update_and_commit(store, {f"key{number:02d}": bytes(PAGE_BYTES // 2) for number in range(40)})
    store.commit()
    assert 0 < len(read_committed(tmp_path / "kv.db")) < 40


def test_disk_full_in_one_statement_leaves_nothing(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    limit_pages(store, 8)
    values = [item for number in range(40) for item in (f"key{number:02d}", bytes(PAGE_BYTES // 2))]
    store.conn.execute('REPLACE INTO "kv"(key, value) VALUES ' + ",".join(["(?,?)"] * 40), values)
    with pytest.raises(sqlite3.OperationalError):
        store.commit()
    store.commit()
    assert read_committed(tmp_path / "kv.db") == {}


def test_disk_full_rolls_back_by_itself_and_the_next_statement_starts_a_transaction_of_its_own(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    limit_pages(store, 8)
    full = block_thread(store)
    for key, size in (("first", 1), ("large", 40 * PAGE_BYTES), ("last", 1)):
        store.conn.execute('REPLACE INTO "kv" VALUES (?, ?)', (key, bytes(size)))
    unblock_thread(full)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.commit()
    store.commit()
    assert list(read_committed(tmp_path / "kv.db")) == ["last"]


def test_error_surfaces_in_the_call_that_comes_next_whoever_makes_it(open_store: OpenStore, tmp_path: Path) -> None:
    """A reader swallows the error of a write; the commit after it succeeds without the record."""
    store = open_store()
    full = block_thread(store)
    store.conn.execute("REPLACE INTO no_such_table VALUES (1)")
    unblock_thread(full)
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        store.conn.select_one("SELECT 1")
    store.commit()
    assert read_committed(tmp_path / "kv.db") == {}


@contextlib.contextmanager
def reader_of(path: Path) -> Iterator[None]:
    """Another connection in the middle of a read."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM kv").fetchall()
        yield
        reader.execute("ROLLBACK")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_commit_that_fails_kills_the_thread_and_never_returns(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store(journal_mode="DELETE")
    store.conn.select_one("PRAGMA busy_timeout = 20")
    with reader_of(tmp_path / "kv.db"):
        store["key"] = b"value"
        committer = threading.Thread(target=store.commit, daemon=True)
        committer.start()
        store.conn.join(DEADLINE_SECONDS)
        assert not store.conn.is_alive()
        committer.join(GRACE_SECONDS)
        assert committer.is_alive()


def test_commit_as_a_statement_reports_its_failure_and_the_thread_lives(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store(journal_mode="DELETE")
    store.conn.select_one("PRAGMA busy_timeout = 20")
    with reader_of(tmp_path / "kv.db"):
        store["key"] = b"value"
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.conn.select_one("COMMIT")
    assert store.conn.is_alive()
    store.conn.select_one("COMMIT")
    assert read_committed(tmp_path / "kv.db") == {"key": b"value"}


def test_reader_does_not_disturb_a_commit_in_wal(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    with reader_of(tmp_path / "kv.db"):
        store["key"] = b"value"
        store.commit()
    assert read_committed(tmp_path / "kv.db") == {"key": b"value"}


def test_two_writers_on_one_file_lose_the_second_write(open_store: OpenStore, tmp_path: Path) -> None:
    first, second = open_store(), open_store()
    second.conn.select_one("PRAGMA busy_timeout = 20")
    first["first"] = b"1"
    first.conn.select_one("SELECT 1")
    second["second"] = b"2"
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        second.commit()
    first.commit()
    second.commit()
    assert read_committed(tmp_path / "kv.db") == {"first": b"1"}


def test_iteration_is_in_order_of_writing_and_a_rewrite_moves_a_key_to_the_end(open_store: OpenStore) -> None:
    store = open_store()
    for key in ("b", "a", "c"):
        store[key] = b"1"
    store["b"] = b"2"
    store.commit()
    assert list(store.keys()) == ["a", "c", "b"]


def test_select_collects_the_whole_result_in_memory(open_store: OpenStore) -> None:
    store = open_store()
    store.update({f"key{number}": b"1" for number in range(1000)})
    store.commit()
    rows = store.conn.select('SELECT key, value FROM "kv"')
    next(rows)
    store.conn.select_one("SELECT 1")
    assert rows.gi_frame.f_locals["res"].qsize() == 1000


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_row_that_cannot_be_read_kills_the_thread_and_the_reader_never_returns(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    store["a"] = b"1"
    store.commit()
    # Text that is no UTF-8, as a damaged file has it.
    store.conn.select_one("INSERT INTO kv VALUES (CAST(x'7aff' AS TEXT), x'00')")
    reader = threading.Thread(target=lambda: list(store.conn.select("SELECT key FROM kv ORDER BY key")), daemon=True)
    reader.start()
    store.conn.join(DEADLINE_SECONDS)
    assert not store.conn.is_alive()
    reader.join(GRACE_SECONDS)
    assert reader.is_alive()
