"""A file that is not what was written is refused, or gives what was written: no bit that flips is ever believed."""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.database import Database
from mesh_core.storage.integrity import check_row, compute_checksum
from mesh_core.storage.validator_store import DATABASE_NAME, ValidatorStore

REPOSITORY = Path(__file__).parents[3]
DEADLINE_SECONDS = 20.0
FORMAT = "mesh-test"
# How many places of a file are tried; with MESH_FLIPS as many as one likes.
FLIPS = int(os.environ.get("MESH_FLIPS", "250"))
REFUSALS = {ErrorCode.STORE_CORRUPT, ErrorCode.STORE_FORMAT, ErrorCode.STORE_UNAVAILABLE}


def open_database(path: Path) -> Database:
    return Database.open(path, format_name=FORMAT)


def rows(count: int) -> dict[str, bytes]:
    return {f"v/{number:04d}": (b"vote %d " % number) * 30 for number in range(count)}


def change_file(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


# Rows


def test_checksum_is_over_key_and_value_and_where_they_meet() -> None:
    checksums = {compute_checksum(*row) for row in [("a", b"bc"), ("ab", b"c"), ("abc", b""), ("a", b"bd"), ("b", b"bc")]}
    assert len(checksums) == 5
    assert compute_checksum("v/1", b"vote") == zlib.crc32(b"v/1\0vote")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kv SET value = x'31' WHERE key = 'v/0003'",
        "UPDATE kv SET key = 'w/0003' WHERE key = 'v/0003'",
        "UPDATE kv SET checksum = checksum + 1 WHERE key = 'v/0003'",
        "UPDATE kv SET checksum = 'text' WHERE key = 'v/0003'",
        "UPDATE kv SET value = (SELECT value FROM kv WHERE key = 'v/0004') WHERE key = 'v/0003'",
        "UPDATE kv SET value = x'' WHERE key = 'v/0003'",
    ],
)
def test_row_that_was_changed_is_refused_and_the_file_stays_as_it_is(path: Path, change: str) -> None:
    with open_database(path) as database:
        database.write(list(rows(10).items()))
    change_file(path, change)
    content = path.read_bytes()
    for _ in range(2):
        with pytest.raises(LocalFault, match=r"is damaged: the value of './0003'") as caught:
            open_database(path)
        assert caught.value.code == ErrorCode.STORE_CORRUPT
        assert str(path) in caught.value.text
    assert path.read_bytes() == content


def test_file_without_checksums_is_taken_over_and_what_is_written_has_them(path: Path) -> None:
    change_file(path, "CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB)")
    change_file(path, "INSERT INTO kv VALUES ('meta/format', CAST('mesh-test 1' AS BLOB)), ('old', x'01'), ('changed', x'01')")
    with open_database(path) as database:
        database.write([("changed", b"\2")])
    with open_database(path) as database:
        assert list(database.records()) == [("changed", b"\2"), ("old", b"\1")]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        checksums = dict(connection.execute("SELECT key, checksum FROM kv"))
    assert checksums == {"meta/format": None, "old": None, "changed": compute_checksum("changed", b"\2")}


@pytest.mark.parametrize("row", [(b"key", b"1", None), ("k\u00e9y", b"1", None), ("key", "1", None), ("key", None, None), (None, b"1", None)])
def test_row_of_another_kind_is_not_ours(path: Path, row: tuple[object, object, object]) -> None:
    with pytest.raises(LocalFault, match="did not write") as caught:
        check_row(path, row)
    assert caught.value.code == ErrorCode.STORE_CORRUPT


# Bits that flip


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        [value] = file.read(1)
        file.seek(place)
        file.write(bytes([value ^ 1 << bit]))


def places(size: int, count: int) -> list[tuple[int, int]]:
    """Where bits flip: all over the file, and each byte of what SQLite keeps at its beginning in turn."""
    source = random.Random(f"{size} {count}")
    return [(place, source.randrange(8)) for place in {*range(0, min(size, 112), max(1, 112 * 4 // count)), *(source.randrange(size) for _ in range(count))}]


def load(path: Path) -> dict[str, bytes] | None:
    """What the file gives, in one scan and key by key; None if it is refused."""
    try:
        with open_database(path) as database:
            found = dict(database.records())
            assert {key: database.get(key) for key in rows(60)} == {key: found.get(key) for key in rows(60)}
    except LocalFault as fault:
        if fault.code not in REFUSALS:
            raise
        return None
    else:
        return found


def test_any_flipped_bit_in_the_file_is_refused_or_harmless(tmp_path: Path) -> None:
    written = tmp_path / "written" / "test.db"
    with open_database(written) as database:
        for start in range(0, 60, 10):
            database.write(list(rows(60).items())[start : start + 10])
        database.write([("v/0007", b"")])
    expected = {key: value for key, value in rows(60).items() if key != "v/0007"}
    outcomes = {True: 0, False: 0}
    for number, (place, bit) in enumerate(places(written.stat().st_size, FLIPS)):
        damaged = tmp_path / str(number) / "test.db"
        damaged.parent.mkdir()
        shutil.copy(written, damaged)
        flip(damaged, place, bit)
        found = load(damaged)
        assert found in (None, expected), f"bit {bit} of byte {place}"
        outcomes[found is None] += 1
    # Both happen: free space holds nothing, and the rest is refused.
    assert min(outcomes.values()) > FLIPS // 10


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from mesh_core.storage.database import Database
from tests.unit.storage.test_integrity import FORMAT, rows
database = Database.open(Path(sys.argv[1]), format_name=FORMAT)
for row in rows(12).items():
    database.write([row])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_any_flipped_bit_in_the_log_is_refused_or_gives_an_earlier_state(tmp_path: Path) -> None:
    """SQLite ends its recovery at the first frame that is not exact: what is lost then is what the vote journal is for."""
    written = tmp_path / "written" / "test.db"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(written)], cwd=REPOSITORY, env=environment, timeout=DEADLINE_SECONDS, check=False)
    states = [dict(list(rows(12).items())[:count]) for count in range(13)]
    log = f"{written.name}-wal"
    lengths: set[int] = set()
    for number, (place, bit) in enumerate(places((written.parent / log).stat().st_size, FLIPS // 2)):
        damaged = tmp_path / str(number)
        damaged.mkdir()
        for name in (written.name, log):
            shutil.copy(written.parent / name, damaged)
        flip(damaged / log, place, bit)
        found = load(damaged / written.name)
        assert found is None or found in states, f"bit {bit} of byte {place}"
        lengths.add(-1 if found is None else len(found))
    assert len(lengths) > 5


# The store of a validator


async def test_damage_that_a_read_meets_stops_the_validator(tmp_path: Path) -> None:
    faults: list[LocalFault] = []
    store = ValidatorStore.open(tmp_path, faults.append)
    await store.persist([("a/1", b"1"), ("a/2", b"2")])
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection, connection:
        connection.execute("UPDATE kv SET value = x'03' WHERE key = 'a/2'")
    under_way = store.persist([("a/3", b"3")])
    await asyncio.sleep(0)
    queued = store.persist([("a/4", b"4")])
    assert store.get("a/1") == b"1"
    for _ in range(2):
        with pytest.raises(LocalFault, match="'a/2'") as caught:
            store.get("a/2")
        assert caught.value.code == ErrorCode.STORE_CORRUPT
    for future in (under_way, queued, store.persist([("a/5", b"5")])):
        with pytest.raises(LocalFault, match="'a/2'"):
            await future
    assert [fault.code for fault in faults] == [ErrorCode.STORE_CORRUPT]
    await store.close()
