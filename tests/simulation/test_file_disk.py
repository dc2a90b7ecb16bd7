"""A disk of real files beside the model: a difference is told, and a torn record is really there."""

from pathlib import Path

from mesh_core.errors import LocalFault
from mesh_core.protocol.vote_journal import JournalCondition
from mesh_core.storage.validator_store import JOURNAL_NAME
from testnet.simulation.disk import DiskTimes, Image
from testnet.simulation.entropy import Stream
from testnet.simulation.file_disk import FileDisk
from testnet.simulation.stores import SimulatedValidatorStore

ENTRIES = tuple(bytes([number]) * 176 for number in range(4))


def no_fault(fault: LocalFault) -> None:
    raise AssertionError(fault)


def make_disk(folder: Path, told: list[str], seed: str = "disk") -> FileDisk:
    return FileDisk(Stream(seed), DiskTimes(0.01, 0.01), folder / "V1", b"header", told.append)


def test_files_hold_what_the_model_keeps_over_lives(tmp_path: Path) -> None:
    told: list[str] = []
    disk = make_disk(tmp_path, told)
    assert SimulatedValidatorStore(disk, no_fault).journal.condition is JournalCondition.FIRST_START
    disk.keep_entries(ENTRIES[:2])
    disk.keep_records([("a", b"1"), ("b", b"2")])
    disk.keep_records([("b", b"")])
    disk.content.is_first_start = False
    store = SimulatedValidatorStore(disk, no_fault)
    assert store.journal.entries == ENTRIES[:2]
    store.compact_journal(ENTRIES[1:2])
    assert SimulatedValidatorStore(disk, no_fault).journal.entries == ENTRIES[1:2]
    disk.end_life()
    assert told == []


def test_a_torn_record_lies_in_the_file_until_the_next_start(tmp_path: Path) -> None:
    told: list[str] = []
    sizes: set[int] = set()
    for seed in range(8):
        disk = make_disk(tmp_path / str(seed), told, str(seed))
        SimulatedValidatorStore(disk, no_fault)
        disk.content.is_first_start = False
        disk.tear(ENTRIES)
        sizes.add((tmp_path / str(seed) / "V1" / JOURNAL_NAME).stat().st_size % 180)
        journal = SimulatedValidatorStore(disk, no_fault).journal
        assert journal.entries == tuple(disk.content.journal or ())
        disk.end_life()
    assert len(sizes) > 2
    assert told == []


def test_a_difference_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    disk = make_disk(tmp_path, told)
    SimulatedValidatorStore(disk, no_fault)
    disk.keep_records([("a", b"1")])
    disk.content.records["b"] = b"2"
    disk.content.journal = [ENTRIES[0]]
    SimulatedValidatorStore(disk, no_fault)
    assert len(told) == 2
    disk.end_life()


def test_what_an_injection_puts_there_is_there(tmp_path: Path) -> None:
    told: list[str] = []
    disk = make_disk(tmp_path, told)
    SimulatedValidatorStore(disk, no_fault)
    disk.keep_records([("a", b"1")])
    for content in (Image({"c": b"3"}, list(ENTRIES), False), Image({"c": b"3"}, None, False), Image({}, [ENTRIES[1]], False), Image(is_first_start=False)):
        disk.replace(content)
        store = SimulatedValidatorStore(disk, no_fault)
        assert store.journal.entries == tuple(content.journal or ())
        assert (store.journal.condition is JournalCondition.MISSING) == (content.journal is None)
        assert dict(store.records()) == content.records
    disk.end_life()
    assert told == []
