"""The simulated disk: what a loss of power leaves."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.vote_journal import JournalCondition
from testnet.simulation.disk import Disk, DiskTimes, Failing, Image, Writer
from testnet.simulation.entropy import Stream
from testnet.simulation.loop import make_loop
from testnet.simulation.stores import SimulatedValidatorStore

ENTRIES = tuple(bytes([number]) * 176 for number in range(8))


def run(main: Coroutine[Any, Any, None]) -> None:
    loop = make_loop(Stream("ties"), most_steps=100_000, most_seconds=1000.0)
    try:
        loop.run(main)
    finally:
        loop.close()


def make_disk(seed: str = "disk") -> Disk:
    return Disk(Stream(seed), DiskTimes(0.01, 0.01))


def no_fault(fault: LocalFault) -> None:
    raise AssertionError(fault)


def test_readers_see_a_batch_at_once_and_the_disk_after_its_sync() -> None:
    async def main() -> None:
        disk = make_disk()
        writer = Writer(disk, no_fault)
        durable = writer.enqueue([("a", b"1")], ENTRIES[:1])
        assert writer.get("a") == b"1"
        assert disk.content.records == {}
        await durable
        assert disk.content.records == {"a": b"1"}
        assert disk.content.journal == [ENTRIES[0]]
        await writer.enqueue([("a", b"")])
        assert disk.content.records == {}

    run(main())


def test_what_is_queued_during_a_sync_goes_into_the_next_group() -> None:
    async def main() -> None:
        disk = make_disk()
        writer = Writer(disk, no_fault)
        first = writer.enqueue([("a", b"1")])
        await asyncio.sleep(0.005)
        later = [writer.enqueue([(f"b{number}", b"1")]) for number in range(5)]
        await first
        assert disk.content.records == {"a": b"1"}
        await asyncio.gather(*later)
        assert len(disk.content.records) == 6
        assert disk.syncs_count == 2

    run(main())


def crash_at(seconds: float, seed: str) -> Disk:
    disk = make_disk(seed)

    async def main() -> None:
        writer = Writer(disk, no_fault)
        writer.enqueue([("a", b"1"), ("b", b"2")], ENTRIES)
        await asyncio.sleep(seconds)
        writer.crash()
        await asyncio.sleep(1.0)

    run(main())
    return disk


@pytest.mark.parametrize("seed", [str(number) for number in range(20)])
def test_a_crash_keeps_a_prefix_of_the_entries_and_the_records_all_or_none(seed: str) -> None:
    before, during = crash_at(0.005, seed), crash_at(0.015, seed)
    assert before.content.records == {}
    assert tuple(before.content.journal or ()) == ENTRIES[: len(before.content.journal or ())]
    assert tuple(during.content.journal or ()) == ENTRIES
    assert during.content.records in ({}, {"a": b"1", "b": b"2"})


def test_crashes_end_in_every_way() -> None:
    lengths = {len(crash_at(0.005, str(seed)).content.journal or ()) for seed in range(60)}
    assert lengths == set(range(len(ENTRIES) + 1))
    assert {len(crash_at(0.015, str(seed)).content.records) for seed in range(20)} == {0, 2}


@pytest.mark.parametrize("failing", [Failing.SYNC, Failing.FULL])
def test_a_disk_that_fails_acknowledges_nothing_any_more(failing: Failing) -> None:
    async def main() -> None:
        faults: list[LocalFault] = []
        disk = make_disk()
        writer = Writer(disk, faults.append)
        disk.failing = failing
        for _ in range(2):
            with pytest.raises(LocalFault) as caught:
                await writer.enqueue([("a", b"1")])
            assert caught.value.code is ErrorCode.STORE_WRITE
        assert len(faults) == 1

    run(main())


def condition(content: Image) -> JournalCondition:
    disk = make_disk()
    disk.content = content
    return SimulatedValidatorStore(disk, no_fault).journal.condition


def test_a_lost_journal_is_told_from_a_first_start() -> None:
    assert condition(Image()) is JournalCondition.FIRST_START
    assert condition(Image(journal=[])) is JournalCondition.FIRST_START
    assert condition(Image(is_first_start=False)) is JournalCondition.MISSING
    assert condition(Image(records={"a": b"1"})) is JournalCondition.MISSING
    assert condition(Image(journal=[ENTRIES[0]])) is JournalCondition.INTACT
    assert condition(Image(journal=[], is_first_start=False)) is JournalCondition.INTACT
