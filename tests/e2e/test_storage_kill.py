"""Goal: a batch that was acknowledged survives `kill -9`, and no batch is ever there in part.

Method: a child process writes batches through the group commit, several writers at once, and prints the number of each batch once its future has
resolved. It is killed at a different moment in each round, also in the middle of a transaction of several statements, and writes on into the same
file in the next round. After each kill the file is opened again and compared with what was printed. (A kill keeps the page cache: this shows
atomicity and order. That an acknowledgement comes after the fsync is shown by the settings that `test_database.py` reads back.)
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mesh_core.errors import LocalFault
from mesh_core.storage.validator_store import DATABASE_NAME, ValidatorStore

REPOSITORY = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0
WRITERS_COUNT = 8
VALUE_SIZE_BYTES = 400


def key(batch: int, part: int) -> str:
    return f"{batch:08d}:{part:05d}"


def value(batch: int, part: int) -> bytes:
    return f"{batch}:{part};".encode().ljust(VALUE_SIZE_BYTES, b".")


def check_file(data_dir: Path, keys_per_batch: int) -> set[int]:
    """The numbers of the batches in the file, each of which must be there whole and exact."""
    with closing(sqlite3.connect(data_dir / DATABASE_NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = ValidatorStore.open(data_dir, raise_fault)
    rows = dict(store.records())
    asyncio.run(store.close())
    found = {int(name.partition(":")[0]) for name in rows}
    assert rows == {key(batch, part): value(batch, part) for batch in found for part in range(keys_per_batch)}
    return found


def raise_fault(fault: LocalFault) -> None:
    raise fault


@pytest.mark.parametrize(("keys_per_batch", "kills"), [(3, 15), (900, 6)], ids=["one statement a group or few", "several statements a batch"])
def test_killed_writer_loses_no_acknowledged_batch_and_tears_none(tmp_path: Path, keys_per_batch: int, kills: int) -> None:
    acknowledged: set[int] = set()
    found: set[int] = set()
    for round_number in range(kills):
        start = max(found, default=0) + 1
        command = [sys.executable, __file__, str(tmp_path), str(start), str(keys_per_batch)]
        with subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            # A few more acknowledgements in each round, so that the kills fall at different moments.
            for _ in range(1 + 7 * round_number):
                acknowledged.add(int(child.stdout.readline()))
            child.kill()
            # What had been printed before the kill counts too; the last line may be cut off.
            acknowledged.update(int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n"))
            child.wait(DEADLINE_SECONDS)
        found = check_file(tmp_path, keys_per_batch)
        assert acknowledged <= found, f"round {round_number}: acknowledged batches are lost: {sorted(acknowledged - found)}"
    # Eight writers at most had a batch under way at each kill.
    assert len(found) <= len(acknowledged) + kills * WRITERS_COUNT


async def write_for_ever(data_dir: Path, start: int, keys_per_batch: int) -> None:
    """The child: never returns."""
    store = ValidatorStore.open(data_dir, raise_fault)
    numbers = iter(range(start, 2**31))

    async def write_on() -> None:
        for batch in numbers:
            await store.persist([(key(batch, part), value(batch, part)) for part in range(keys_per_batch)])
            sys.stdout.write(f"{batch}\n")
            sys.stdout.flush()

    await asyncio.gather(*(write_on() for _ in range(WRITERS_COUNT)))


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
