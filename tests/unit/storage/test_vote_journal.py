"""The vote journal: every entry durable before its vote is in the database, a torn tail cut off, damage and other people's files left alone."""

import asyncio
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.vote_journal import JOURNAL_ENTRY, JournalCondition, JournalContents
from mesh_core.storage import vote_journal
from mesh_core.storage.database import Database
from mesh_core.storage.pending import Record
from mesh_core.storage.validator_store import DATABASE_NAME, JOURNAL_NAME, ValidatorStore
from mesh_core.storage.vote_journal import ENTRY_SIZE_BYTES, HEADER_LIMIT_BYTES, RECORD_SIZE_BYTES, VoteJournal
from mesh_core.types.codec import Reader

HEADER = b"network and validator"
DEADLINE_SECONDS = 20.0


def entry(number: int) -> bytes:
    return (b"%d." % number).ljust(ENTRY_SIZE_BYTES, b"~")


def entries(*numbers: int) -> tuple[bytes, ...]:
    return tuple(map(entry, numbers))


def record(payload: bytes) -> bytes:
    return payload + zlib.crc32(payload).to_bytes(4, "big")


def fail(fault: LocalFault) -> None:
    raise fault


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "other disk" / "votes.journal"


def open_journal(path: Path, *, header: bytes = HEADER, may_be_created: bool = True) -> VoteJournal:
    return VoteJournal.open(path, header, may_be_created=may_be_created)


def make_journal(path: Path, *numbers: int) -> bytes:
    """A journal with these entries, closed; the file's content."""
    journal = open_journal(path)
    journal.append(entries(*numbers))
    journal.close()
    return path.read_bytes()


def read_journal(path: Path, *, header: bytes = HEADER) -> JournalContents:
    journal = open_journal(path, header=header, may_be_created=False)
    journal.close()
    return journal.contents


def open_store(folder: Path, **options: Any) -> ValidatorStore:
    chosen: dict[str, Any] = {"header": HEADER, "is_first_start": True} | options
    return ValidatorStore.open(folder, fail, **chosen)


def lose_database(folder: Path) -> None:
    for file in folder.glob(f"{DATABASE_NAME}*"):
        file.unlink()


# The file


def test_entry_of_the_protocol_is_the_payload_of_a_record() -> None:
    reader = Reader(bytes(ENTRY_SIZE_BYTES))
    JOURNAL_ENTRY.read(reader)
    assert reader.left == 0


def test_file_is_a_header_and_records_of_180_bytes(path: Path) -> None:
    content = make_journal(path, 1, 2)
    header = (b"mesh.votejournal" + b"\x00\x01" + len(HEADER).to_bytes(2, "big") + HEADER).ljust(176, b"\0")
    assert content == record(header) + record(entry(1)) + record(entry(2))


def test_entries_come_back_in_order_and_new_ones_follow(path: Path) -> None:
    journal = open_journal(path)
    assert journal.contents == JournalContents(JournalCondition.FIRST_START)
    journal.append(entries(1, 2))
    journal.append(())
    journal.append(entries(3))
    assert journal.size_bytes == 4 * RECORD_SIZE_BYTES
    assert journal.statistics.count == 2
    journal.close()
    journal = open_journal(path)
    assert journal.contents == JournalContents(JournalCondition.INTACT, entries(1, 2, 3))
    assert journal.notes == ()
    journal.append(entries(4))
    journal.close()
    assert read_journal(path) == JournalContents(JournalCondition.INTACT, entries(1, 2, 3, 4))


def test_missing_file_is_not_made_by_opening_it(path: Path) -> None:
    assert read_journal(path) == JournalContents(JournalCondition.MISSING)
    assert not path.exists()


def test_file_and_folder_are_for_their_owner_only(path: Path) -> None:
    make_journal(path, 1)
    assert {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {"votes.journal": 0o600, "votes.journal.lock": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    read_journal(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("bad", [b"", bytes(175), bytes(177), "text", bytearray(176)], ids=repr)
def test_entry_that_is_our_own_mistake_is_refused_and_harms_nothing(path: Path, bad: Any) -> None:
    journal = open_journal(path)
    with pytest.raises(AssertionError):
        journal.append([entry(1), bad])
    journal.append(entries(2))
    journal.close()
    assert read_journal(path).entries == entries(2)


# A torn tail


@pytest.mark.parametrize("cut", [1, 4, 5, 90, 179])
def test_incomplete_last_record_is_cut_off_durably(path: Path, cut: int) -> None:
    content = make_journal(path, 1, 2)
    path.write_bytes(content[:-cut])
    journal = open_journal(path)
    assert journal.contents == JournalContents(JournalCondition.INTACT, entries(1))
    assert path.read_bytes() == content[:-RECORD_SIZE_BYTES]
    assert f"cut off {RECORD_SIZE_BYTES - cut} bytes" in journal.notes[0]
    journal.append(entries(3))
    journal.close()
    assert read_journal(path) == JournalContents(JournalCondition.INTACT, entries(1, 3))


@pytest.mark.parametrize("place", [0, 100, 175, 176, 179])
def test_last_record_that_is_not_exact_is_cut_off(path: Path, place: int) -> None:
    content = bytearray(make_journal(path, 1, 2))
    content[2 * RECORD_SIZE_BYTES + place] ^= 1
    path.write_bytes(content)
    assert read_journal(path) == JournalContents(JournalCondition.INTACT, entries(1))


@pytest.mark.parametrize(("written", "zeros"), [(0, 3 * RECORD_SIZE_BYTES), (30, 700), (179, 1), (180, 4096)])
def test_pages_of_an_append_that_were_never_written_are_cut_off(path: Path, written: int, zeros: int) -> None:
    """File systems that give a file its length before its content leave zeros there after a power cut."""
    content = make_journal(path, 1)
    path.write_bytes(content + record(entry(2))[:written] + bytes(zeros))
    assert read_journal(path) == JournalContents(JournalCondition.INTACT, entries(*(1, 2) if written == 180 else (1,)))


# Damage


@pytest.mark.parametrize("bad_record", [0, 1, 2])
@pytest.mark.parametrize("place", [0, 17, 100, 179])
def test_bad_record_before_the_last_is_damage_and_the_file_stays_as_it_is(path: Path, bad_record: int, place: int) -> None:
    content = bytearray(make_journal(path, 1, 2, 3))
    content[bad_record * RECORD_SIZE_BYTES + place] ^= 0x80
    path.write_bytes(content)
    for _ in range(2):
        journal = open_journal(path)
        assert journal.contents == JournalContents(JournalCondition.DAMAGED, entries(*(number for number in (1, 2, 3) if number != bad_record)))
        assert f"unreadable records: 1, the first is number {bad_record}" in journal.notes[0]
        assert not journal.is_trusted
        journal.close()
        assert path.read_bytes() == content


@pytest.mark.parametrize("length", [0, 10, 16, 100, 179])
def test_file_that_is_shorter_than_its_header_is_damage(path: Path, length: int) -> None:
    """A crash cannot do that: the file gets its name when it is whole."""
    path.parent.mkdir()
    content = make_journal(path)
    path.write_bytes(content[:length])
    assert read_journal(path) == JournalContents(JournalCondition.DAMAGED)
    assert path.stat().st_size == length


def damage(path: Path) -> bytes:
    content = bytearray(make_journal(path, 1, 2, 3))
    content[2 * RECORD_SIZE_BYTES] ^= 1
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("repeats", [1, 2])
def test_compaction_keeps_the_damaged_file_aside_and_makes_a_whole_one(path: Path, repeats: int) -> None:
    for repeat in range(1, repeats + 1):
        damaged = damage(path)
        journal = open_journal(path)
        journal.compact(entries(7))
        kept = path.with_name(f"votes.journal.damaged-{repeat}")
        assert kept.read_bytes() == damaged
        assert str(kept) in journal.notes[-1]
        journal.append(entries(8))
        journal.close()
        assert read_journal(path) == JournalContents(JournalCondition.INTACT, entries(7, 8))
        path.unlink()


def test_append_to_a_damaged_journal_makes_a_new_one_with_all_that_could_be_read(path: Path) -> None:
    damaged = damage(path)
    journal = open_journal(path)
    journal.append(entries(4))
    journal.append(entries(5))
    journal.close()
    assert path.with_name("votes.journal.damaged-1").read_bytes() == damaged
    assert read_journal(path) == JournalContents(JournalCondition.INTACT, entries(1, 3, 4, 5))


# Other people's files


@pytest.mark.parametrize("other", [b"", HEADER + b"\0", HEADER[:-1], bytes(HEADER_LIMIT_BYTES)])
def test_journal_of_another_validator_or_network_is_refused_and_stays_as_it_is(path: Path, other: bytes) -> None:
    content = make_journal(path, 1)
    with pytest.raises(LocalFault, match="another validator or network") as caught:
        open_journal(path, header=other)
    assert caught.value.code == ErrorCode.STORE_FORMAT
    assert str(path) in caught.value.text
    assert path.read_bytes() == content
    assert read_journal(path).entries == entries(1)


def test_other_version_is_refused_and_stays_as_it_is(path: Path) -> None:
    content = make_journal(path, 1)
    newer = record(content[:16] + b"\x00\x02" + content[18:176]) + content[180:]
    path.write_bytes(newer)
    with pytest.raises(LocalFault, match=r"holds version 2 .* knows version 1") as caught:
        open_journal(path)
    assert caught.value.code == ErrorCode.STORE_FORMAT
    assert path.read_bytes() == newer


@pytest.mark.parametrize("content", [b"Dear diary, " * 1000, b"x", bytes(4096), record(entry(1)) + record(entry(2))], ids=["text", "x", "zeros", "no header"])
def test_file_of_another_program_is_refused_and_stays_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o644)
    with pytest.raises(LocalFault, match="is not a vote journal") as caught:
        open_journal(path)
    assert caught.value.code == ErrorCode.STORE_FORMAT
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_is_no_regular_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    os.mkfifo(path.parent / "pipe")
    for place in (path, path.parent / "pipe"):
        with pytest.raises(LocalFault, match="not a regular file") as caught:
            open_journal(place)
        assert caught.value.code == ErrorCode.STORE_UNAVAILABLE


def test_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalFault, match=str(tmp_path / "file")) as caught:
        open_journal(tmp_path / "file" / "votes.journal")
    assert caught.value.code == ErrorCode.STORE_UNAVAILABLE


def test_one_journal_has_one_owner(path: Path, tmp_path: Path) -> None:
    journal = open_journal(path)
    (tmp_path / "link").symlink_to(path)
    for place in (path, tmp_path / "link"):
        with pytest.raises(LocalFault, match=f"process {os.getpid()}") as caught:
            open_journal(place)
        assert caught.value.code == ErrorCode.STORE_LOCKED
    journal.close()
    journal.close()
    open_journal(path).close()


# Writes that fail


def fail_when_called(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(vote_journal, name, broken)


def append_five(journal: VoteJournal) -> None:
    journal.append(entries(5))


def compact_to_five(journal: VoteJournal) -> None:
    journal.compact(entries(5))


@pytest.mark.parametrize("use", [append_five, compact_to_five])
@pytest.mark.parametrize("name", ["flush_file", "_write_all"])
def test_failed_write_is_never_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch, name: str, use: Callable[[VoteJournal], None]) -> None:
    make_journal(path, 1)
    journal = open_journal(path)
    with monkeypatch.context() as patch:
        fail_when_called(patch, name)
        with pytest.raises(LocalFault, match="Input/output error") as caught:
            use(journal)
        assert caught.value.code == ErrorCode.STORE_WRITE
        assert str(path) in caught.value.text
    # The disk is well again, the object is not: what the failed fsync left in the page cache is unknown.
    length = path.stat().st_size
    for again in (append_five, compact_to_five):
        with pytest.raises(LocalFault, match="Input/output error") as caught:
            again(journal)
        assert caught.value.code == ErrorCode.STORE_WRITE
    assert path.stat().st_size == length
    journal.close()
    assert read_journal(path).entries[:1] == entries(1)


@pytest.mark.parametrize("stage", ["_write_all", "flush_file", "flush_directory"])
def test_compaction_that_fails_leaves_the_old_content_or_the_new(path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    make_journal(path, 1, 2)
    journal = open_journal(path)
    fail_when_called(monkeypatch, stage)
    with pytest.raises(LocalFault):
        journal.compact(entries(2))
    monkeypatch.undo()
    journal.close()
    assert read_journal(path) == JournalContents(JournalCondition.INTACT, entries(2) if stage == "flush_directory" else entries(1, 2))


def test_compaction_to_what_is_there_writes_nothing(path: Path) -> None:
    make_journal(path, 1, 2)
    number = path.stat().st_ino
    journal = open_journal(path)
    journal.compact(entries(1, 2))
    assert path.stat().st_ino == number
    journal.compact(entries(2))
    assert path.stat().st_ino != number
    assert journal.contents == JournalContents(JournalCondition.INTACT, entries(2))
    journal.append(entries(3))
    # What was appended is not in `contents`: the same entries again are another file now.
    journal.compact(entries(2))
    journal.close()
    assert read_journal(path).entries == entries(2)


def test_closed_journal_takes_nothing(path: Path) -> None:
    journal = open_journal(path)
    journal.close()
    with pytest.raises(LocalFault, match="closed"):
        journal.append(entries(1))
    assert read_journal(path).entries == ()


numbers_strategy = st.lists(st.integers(0, 5), max_size=4)


@given(sessions=st.lists(st.tuples(st.booleans(), st.lists(numbers_strategy, max_size=3), st.integers(0, 400)), max_size=4))
def test_file_equals_a_list_after_any_appends_compactions_and_crashes(sessions: list[tuple[bool, list[list[int]], int]]) -> None:
    """Each session may compact, appends, and dies in the middle of one more append."""
    model: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.journal"
        for is_compacted, appends, torn_bytes in sessions:
            journal = open_journal(path)
            assert list(journal.contents.entries) == model
            assert journal.contents.condition in {JournalCondition.FIRST_START, JournalCondition.INTACT}
            if is_compacted:
                model = model[-2:]
                journal.compact(model)
            for numbers in appends:
                journal.append(entries(*numbers))
                model += entries(*numbers)
            journal.close()
            torn = (record(entry(8)) + record(entry(9)) + record(entry(10)))[:torn_bytes]
            path.write_bytes(path.read_bytes() + torn)
            model += entries(8, 9)[: torn_bytes // RECORD_SIZE_BYTES]
        assert list(open_and_close(path).entries) == model


def open_and_close(path: Path) -> JournalContents:
    journal = open_journal(path)
    journal.close()
    return journal.contents


# Beside the database


async def test_records_and_entries_come_back_after_reopening(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert store.journal == JournalContents(JournalCondition.FIRST_START)
    assert store.journal_path == tmp_path / JOURNAL_NAME
    await store.persist([("v/1", b"vote")], entries(1))
    await store.persist([], entries(2))
    await store.persist([("a/1", b"account")])
    assert (store.statistics.count, store.journal_statistics.count) == (2, 2)
    await store.close()
    store = open_store(tmp_path)
    assert store.journal == JournalContents(JournalCondition.INTACT, entries(1, 2))
    assert list(store.records()) == [("a/1", b"account"), ("v/1", b"vote")]
    await store.close()


async def test_write_without_an_event_loop_is_durable_too(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write([("v/1", b"vote")], entries(1))
    await store.close()
    store = open_store(tmp_path)
    assert (store.get("v/1"), store.journal.entries) == (b"vote", entries(1))
    await store.close()


@pytest.mark.parametrize(
    ("is_first_start", "has_database", "has_journal", "condition"),
    [
        (True, False, False, JournalCondition.FIRST_START),
        (False, False, False, JournalCondition.MISSING),
        (True, True, False, JournalCondition.MISSING),
        (False, True, False, JournalCondition.MISSING),
        (True, False, True, JournalCondition.INTACT),
        (False, False, True, JournalCondition.INTACT),
        (True, True, True, JournalCondition.INTACT),
        (False, True, True, JournalCondition.INTACT),
    ],
)
async def test_condition_is_told_for_every_loss(
    tmp_path: Path, is_first_start: bool, has_database: bool, has_journal: bool, condition: JournalCondition
) -> None:
    store = open_store(tmp_path)
    await store.persist([("v/1", b"vote")], entries(1))
    await store.close()
    if not has_database:
        lose_database(tmp_path)
    if not has_journal:
        (tmp_path / JOURNAL_NAME).unlink()
    store = open_store(tmp_path, is_first_start=is_first_start)
    assert store.journal == JournalContents(condition, entries(1) if has_journal else ())
    await store.close()
    assert (tmp_path / JOURNAL_NAME).exists() == (condition is not JournalCondition.MISSING)


async def test_crash_between_making_the_database_and_the_journal_is_still_a_first_start(tmp_path: Path) -> None:
    await open_store(tmp_path).close()
    (tmp_path / JOURNAL_NAME).unlink()
    store = open_store(tmp_path)
    assert store.journal.condition is JournalCondition.FIRST_START
    await store.close()


async def test_crash_between_making_the_journal_and_the_first_commit_is_still_a_first_start(tmp_path: Path) -> None:
    await open_store(tmp_path).close()
    assert (tmp_path / JOURNAL_NAME).exists()
    store = open_store(tmp_path)
    assert store.journal == JournalContents(JournalCondition.FIRST_START)
    await store.close()
    store = open_store(tmp_path, is_first_start=False)
    assert store.journal == JournalContents(JournalCondition.INTACT)
    await store.close()


async def test_journal_may_lie_on_another_disk(tmp_path: Path) -> None:
    journal_path = tmp_path / "other" / "disk" / "my.journal"
    store = open_store(tmp_path / "data", journal_path=journal_path)
    await store.persist([("v/1", b"vote")], entries(1))
    assert store.journal_path == journal_path
    assert not (tmp_path / "data" / JOURNAL_NAME).exists()
    assert journal_path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(LocalFault) as caught:
        open_store(tmp_path / "second", journal_path=journal_path)
    assert caught.value.code == ErrorCode.STORE_LOCKED
    assert str(journal_path) in caught.value.text
    await store.close()
    # The refused store gave up its database, too.
    await open_store(tmp_path / "second").close()


async def test_journal_at_its_usual_place_is_not_for_a_second_validator_either(tmp_path: Path) -> None:
    store = open_store(tmp_path / "first")
    with pytest.raises(LocalFault) as caught:
        open_store(tmp_path / "second", journal_path=tmp_path / "first" / JOURNAL_NAME)
    assert caught.value.code == ErrorCode.STORE_LOCKED
    await store.close()


async def test_journal_of_another_validator_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    await open_store(tmp_path / "first").close()
    with pytest.raises(LocalFault) as caught:
        open_store(tmp_path / "second", journal_path=tmp_path / "first" / JOURNAL_NAME, header=b"another")
    assert caught.value.code == ErrorCode.STORE_FORMAT


async def test_journal_is_written_before_the_database_and_once_for_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    append, commit = VoteJournal.append, Database.commit

    def observed_append(self: VoteJournal, added: Sequence[bytes]) -> None:
        append(self, added)
        order.append(f"journal {len(added)}")

    def observed_commit(self: Database, records: Sequence[Record]) -> None:
        commit(self, records)
        order.append(f"database {len(records)}")

    monkeypatch.setattr(VoteJournal, "append", observed_append)
    monkeypatch.setattr(Database, "commit", observed_commit)
    store = open_store(tmp_path)
    await asyncio.gather(*(store.persist([(f"v/{number}", b"vote")], entries(number)) for number in range(10)), store.persist([("a/1", b"account")]))
    await store.persist([("a/2", b"account")])
    assert order == ["journal 10", "database 11", "database 1"]
    await store.close()


@pytest.mark.parametrize("condition", [JournalCondition.MISSING, JournalCondition.DAMAGED])
async def test_new_journal_for_a_lost_one_is_made_after_the_database_knows_of_the_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, condition: JournalCondition
) -> None:
    """If the new one came first, a crash before the commit would leave a whole journal and no word of the loss: a validator that votes again."""
    if condition is JournalCondition.DAMAGED:
        damage(tmp_path / JOURNAL_NAME)
    store = open_store(tmp_path, is_first_start=False)
    assert store.journal.condition is condition

    def crash(_: Database, __: object) -> None:
        raise LocalFault(ErrorCode.STORE_WRITE, "power cut")

    faults: list[LocalFault] = []
    store._committer._on_fault = faults.append
    with monkeypatch.context() as patch:
        patch.setattr(Database, "commit", crash)
        with pytest.raises(LocalFault, match="power cut"):
            await store.persist([("m/quarantine", b"why")], entries(5))
    assert len(faults) == 1
    await store.close()
    store = open_store(tmp_path, is_first_start=False)
    assert store.journal.condition is condition

    await store.persist([("m/quarantine", b"why")], entries(5))
    await store.close()
    store = open_store(tmp_path, is_first_start=False)
    assert store.get("m/quarantine") == b"why"
    assert store.journal == JournalContents(JournalCondition.INTACT, entries(5) if condition is JournalCondition.MISSING else entries(1, 3, 5))
    await store.close()


async def test_compaction_of_the_store_is_what_the_next_start_reads(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    await store.persist([("v/1", b"vote")], entries(1, 2, 3))
    assert store.journal_size_bytes == 4 * RECORD_SIZE_BYTES
    waiting = store.persist([("v/2", b"vote")], entries(4))
    with pytest.raises(AssertionError, match="durable first"):
        store.compact_journal(entries(4))
    with pytest.raises(AssertionError, match="overtake"):
        store.write([("v/3", b"vote")])
    await waiting
    store.compact_journal(entries(4))
    assert store.journal == JournalContents(JournalCondition.INTACT, entries(4))
    assert store.journal_size_bytes == 2 * RECORD_SIZE_BYTES
    await store.persist([("v/3", b"vote")], entries(5))
    await store.close()
    store = open_store(tmp_path)
    assert store.journal == JournalContents(JournalCondition.INTACT, entries(4, 5))
    await store.close()


async def test_journal_that_cannot_be_written_stops_the_store_and_no_vote_is_in_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[LocalFault] = []
    store = ValidatorStore.open(tmp_path, faults.append, header=HEADER, is_first_start=True)
    await store.persist([("v/1", b"vote")], entries(1))
    with monkeypatch.context() as patch:
        fail_when_called(patch, "flush_file")
        first, second = store.persist([("v/2", b"vote")], entries(2)), store.persist([("v/3", b"vote")])
        results = await asyncio.gather(first, second, return_exceptions=True)
    assert [getattr(result, "code", None) for result in results] == [ErrorCode.STORE_WRITE] * 2
    with pytest.raises(LocalFault, match="Input/output error"):
        await store.persist([("v/4", b"vote")])
    assert [fault.code for fault in faults] == [ErrorCode.STORE_WRITE]
    await store.close()
    store = open_store(tmp_path)
    assert list(store.records()) == [("v/1", b"vote")]
    assert store.journal.entries[:1] == entries(1)
    await store.close()


async def test_hanging_journal_is_a_fault_at_the_deadline_and_stays_owned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulted: asyncio.Future[LocalFault] = asyncio.get_running_loop().create_future()
    store = ValidatorStore.open(tmp_path, faulted.set_result, header=HEADER, is_first_start=True)
    store._database.deadline_seconds = 0.3  # from now on: a disk that is slow at the opening is not what hangs here
    disk_answers = threading.Event()
    monkeypatch.setattr(vote_journal, "flush_file", lambda _: disk_answers.wait(DEADLINE_SECONDS))
    durable = store.persist([("v/1", b"vote")], entries(1))
    async with asyncio.timeout(DEADLINE_SECONDS):
        fault = await faulted
    assert fault.code == ErrorCode.STORE_WRITE
    assert "did not answer" in fault.text
    for future in (durable, store.persist([("v/2", b"vote")])):
        with pytest.raises(LocalFault, match="did not answer"):
            await future
    await store.close()
    # The hanging write may yet happen: nobody else may read the file before it has.
    with pytest.raises(LocalFault) as caught:
        open_store(tmp_path)
    assert caught.value.code == ErrorCode.STORE_LOCKED
    disk_answers.set()
    monkeypatch.undo()
    store._journal._lock.release()
