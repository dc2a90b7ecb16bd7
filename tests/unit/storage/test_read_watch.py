"""A read that the disk never answers ends the process; one that takes its time, and one after the other, do not."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.read_watch import LOOKS_PER_DEADLINE, ReadWatch
from mesh_core.storage.validator_store import ValidatorStore

REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 20.0
DEADLINE_S = 0.1


def looking(answers: Iterator[int | None], *, most: int) -> threading.Event:
    """Whether a watch that has looked so often, and has seen these reads, took one for a hang."""
    enough, hung = threading.Event(), threading.Event()
    looks = count(1)

    def reading() -> int | None:
        if next(looks) >= most:
            enough.set()
        return next(answers)

    watch = ReadWatch(reading, DEADLINE_S, hung.set)
    assert enough.wait(PATIENCE_S)
    watch.close()
    return hung


def test_read_after_read_is_no_hang_and_neither_is_none_at_all() -> None:
    for answers in (count(), iter(lambda: None, 1)):
        assert not looking(answers, most=3 * LOOKS_PER_DEADLINE).is_set()


def test_one_read_for_all_looks_of_a_deadline_is_one() -> None:
    hung = threading.Event()
    watch = ReadWatch(lambda: 7, DEADLINE_S, hung.set)
    assert hung.wait(PATIENCE_S)
    watch.close()


def test_read_that_ends_in_time_starts_the_count_again() -> None:
    almost = [1] * LOOKS_PER_DEADLINE
    hung = looking(iter([*almost, None, *almost, 2, *almost, *[None] * 10_000]), most=3 * LOOKS_PER_DEADLINE + 3)
    assert not hung.is_set()


async def test_store_tells_the_read_that_hangs_and_goes_on_when_it_does_not(tmp_path: Path) -> None:
    faults: list[LocalFault] = []
    store = ValidatorStore.open(tmp_path, faults.append)
    await store.persist([("key", b"1")])
    store._database.deadline_seconds = 0.5  # for reads; commits may take as long as the disk wants
    told: list[LocalFault] = []
    hung = threading.Event()

    def on_hang(fault: LocalFault) -> None:
        told.append(fault)
        hung.set()

    watch = store.watch_reads(on_hang)
    store._database._reader._connection.create_function("hang", 0, lambda: hung.wait(PATIENCE_S))
    assert store.get("key") == b"1"
    assert told == []
    store._database._reader.read("SELECT hang()", ())
    assert [fault.code for fault in told] == [ErrorCode.STORE_UNAVAILABLE]
    assert "did not answer" in told[0].text
    watch.close()
    await store.close()


HANGING_PROCESS = """
import sys, time
from pathlib import Path
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.validator.output import LineWriter
from mesh_core.validator.process import end_hard

output = LineWriter()
store = ValidatorStore.open(Path(sys.argv[1]), print)
store._database.deadline_seconds = 0.2  # for reads; what makes the file may take as long as the disk wants
store.watch_reads(lambda fault: end_hard(fault, output))
store._database._reader._connection.create_function("hang", 0, lambda: time.sleep(3600))
store._database._reader.read("SELECT hang()", ())
print("the read came back")
"""


def test_process_whose_read_hangs_says_so_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING_PROCESS, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    assert "did not answer within 0.2 s" in done.stderr
    assert '"event":"fatal"' in done.stdout.replace(" ", "")
    assert "the read came back" not in done.stdout
