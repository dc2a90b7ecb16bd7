"""Standard output of a validator: whole lines, in order, and never at the expense of the writer."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mesh_core.validator.lines import Stopping
from mesh_core.validator.output import MAX_WAITING_LINES, LineWriter

PATIENCE_S = 30.0
MORE_THAN_FIT = MAX_WAITING_LINES + 6000
"""Lines of about 240 bytes, of which a pipe holds some 4,400 where its sixteen pages are the largest that Linux has."""


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        for descriptor in (reading, writing):
            with suppress(OSError):
                os.close(descriptor)


def close(output: LineWriter) -> None:
    """And wait for the end of its thread, which `close` gives two seconds: a busy machine may take them."""
    output.close()
    output._thread.join(PATIENCE_S)


def line(number: int) -> Stopping:
    return Stopping(number, "x" * 200)


def test_lines_come_whole_and_in_order() -> None:
    with pipe() as (reading, writing):
        output = LineWriter(writing)
        for number in range(100):
            output.write(line(number))
        close(output)
        os.close(writing)
        with os.fdopen(reading, "rb", closefd=False) as file:
            lines = [json.loads(data) for data in file]
    assert [entry["t_ns"] for entry in lines] == list(range(100))
    assert lines[0] == {"event": "stopping", "t_ns": 0, "reason": "x" * 200}


def test_reader_that_does_not_read_holds_up_nobody_and_loses_only_the_newest_lines() -> None:
    """More than the pipe and the queue hold: `write` returns all the same, and what was lost is counted."""
    count = MORE_THAN_FIT
    with pipe() as (reading, writing):
        output = LineWriter(writing)
        for number in range(count):
            output.write(line(number))
        assert output.dropped_count > 0
        lost = output.dropped_count
        # The other end begins to read: everything that was kept arrives, whole and in order.
        found: list[int] = []

        def read() -> None:
            with os.fdopen(reading, "rb", closefd=False) as file:
                found.extend(json.loads(data)["t_ns"] for data in file)

        reader = threading.Thread(target=read)
        reader.start()
        close(output)
        os.close(writing)
        reader.join(PATIENCE_S)
        assert not reader.is_alive()
    assert found == sorted(found)
    assert len(found) == count - lost


def test_close_does_not_wait_for_ever_for_a_reader_that_does_not_read() -> None:
    with pipe() as (_, writing):
        output = LineWriter(writing)
        for number in range(MORE_THAN_FIT):
            output.write(line(number))
        closing = threading.Thread(target=output.close)
        closing.start()
        closing.join(PATIENCE_S)
        assert not closing.is_alive()


def test_reader_that_has_gone_ends_the_writing_and_not_the_process() -> None:
    with pipe() as (reading, writing):
        os.close(reading)
        output = LineWriter(writing)
        for number in range(10):
            output.write(line(number))
        close(output)
        assert not output._thread.is_alive()
        output.write(line(10))


def test_end_of_the_reader_is_told_once() -> None:
    with pipe() as (reading, writing):
        os.close(reading)
        told = threading.Semaphore(0)
        output = LineWriter(writing, on_end=told.release)
        output.write_line("a line\n")
        assert told.acquire(timeout=PATIENCE_S)
        output.write_line("another\n")
        output.close()
        assert not told.acquire(blocking=False)
