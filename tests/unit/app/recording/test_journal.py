"""Journals. Goal: what was written is read again; a damaged or foreign file is refused with its line, and cannot make the player wait for ever."""

import io
import json
from pathlib import Path

import pytest
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from testnet.journal import Entry, Header, Journal, JournalWriter, parse_journal, read_journal, written_journal

HEADER = Header("LIVE", 5_000, {"version": "0.1.0"})
HEAD = json.dumps({"mesh-events": 1, "mode": "LIVE", "start_ns": 5_000, "about": {}})


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = io.StringIO()
    writer = JournalWriter(file, HEADER)
    writer.event(0, {"event": "caption", "text": "é"})
    writer.key(100, "p")
    writer.end(2_000)
    path = tmp_path / "events.jsonl"
    path.write_text(file.getvalue())
    assert read_journal(path) == Journal(HEADER, (Entry(0, event={"event": "caption", "text": "é"}), Entry(100, key="p")), 2_000)


def test_journal_of_a_run_that_was_killed_ends_with_its_last_line() -> None:
    assert parse_journal([HEAD, '{"at_ms":700,"key":"q"}'], "x").length_ms == 700


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "is empty"),
        (["nonsense"], "line 1"),
        (["[]"], "line 1: no object"),
        (['{"mesh-simulation": 1}'], "line 1: no journal of this program"),
        ([json.dumps({"mesh-events": 1, "mode": "\x1b[2J", "start_ns": 0, "about": {}})], "line 1: mode"),
        ([json.dumps({"mesh-events": 1, "mode": "SIM", "start_ns": -1, "about": {}})], "line 1: start_ns"),
        ([HEAD, '{"at_ms":5}'], "line 2: neither event nor key nor end"),
        ([HEAD, '{"at_ms":"5","key":"q"}'], "line 2: at_ms"),
        ([HEAD, '{"at_ms":5,"key":"q"}', '{"at_ms":4,"key":"q"}'], "line 3: at_ms must be a number of milliseconds, at least 5"),
        ([HEAD, '{"at_ms":1e12,"key":"q"}'], "line 2: at_ms"),
        ([HEAD, '{"at_ms":100000000000,"key":"q"}'], "line 2: at_ms"),
        ([HEAD, '{"at_ms":5,"event":"pay"}'], "line 2: neither"),
        ([HEAD, "[" * 100_000], "line 2"),
        # A pause of years, in the language of the library that presses keys.
        ([HEAD, '{"at_ms":5,"key":"wait:99999999999"}'], "line 2: neither"),
        ([HEAD, '{"at_ms":5,"key":"\\ud800"}'], "line 2: neither"),
        ([HEAD, '{"at_ms":5,"key":"\\u001b"}'], "line 2: neither"),
        ([HEAD, json.dumps({"at_ms": 5, "key": "x" * 61})], "line 2: neither"),
        ([HEAD, '{"at_ms":10800001,"end":true}'], "three hours"),
        ([json.dumps({"mesh-events": 1, "mode": "REAL", "start_ns": 0, "about": {}})], "line 1: mode is LIVE or SIM"),
        ([json.dumps({"mesh-events": 1, "mode": "LIVE", "start_ns": 0, "about": []})], "line 1: start_ns or about"),
    ],
)
def test_wrong_journal_is_refused_with_its_line(lines: list[str], words: str) -> None:
    with pytest.raises(LocalFault) as refusal:
        parse_journal(lines, "x.jsonl")
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert words in refusal.value.text


def test_journal_that_is_left_by_a_fault_is_gone_and_a_whole_one_is_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x"

    def write(*, is_broken: bool) -> None:
        with written_journal(path, HEADER) as journal:
            journal.key(1, "p")
            if is_broken:
                raise ZeroDivisionError
            journal.end(2)

    with pytest.raises(ZeroDivisionError):
        write(is_broken=True)
    assert list(tmp_path.iterdir()) == []
    write(is_broken=False)
    assert [one.name for one in tmp_path.iterdir()] == ["x"]
    assert read_journal(path).length_ms == 2


def test_full_disk_is_told_by_the_writer() -> None:
    class Full(io.StringIO):
        @override
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(LocalFault, match="No space left") as refusal:
        JournalWriter(Full(), HEADER)
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE


def test_poster_is_where_the_journal_says() -> None:
    lines = [HEAD, '{"at_ms":5,"event":{"event":"caption","text":""}}', '{"at_ms":700,"event":{"event":"poster"}}', '{"at_ms":900,"event":{"event":"poster"}}']
    assert parse_journal(lines, "x").poster_ms == 700
    assert parse_journal(lines[:2], "x").poster_ms is None


def test_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, words in (("binary", "not UTF-8"), ("missing", "No such file")):
        with pytest.raises(LocalFault) as refusal:
            read_journal(tmp_path / name)
        assert words in refusal.value.text
