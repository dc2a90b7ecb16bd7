"""Following logs: complete lines, once each, harmless; cut, rotated, missing and flooded files."""

from pathlib import Path

import pytest

from testnet import log_tail
from testnet.child import Event
from testnet.log_tail import LINE_BYTES, LINES_PER_EVENT, STALE_LOOKS, LogTail, LogTails
from tests.unit.network.peers import eventually


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_come_once_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = LogTail(path)
    assert tail.look() == ([], 0), "no file yet"
    append(path, b"one\ntwo\nthr")
    assert tail.look() == (["one", "two"], 0)
    assert tail.look() == ([], 0)
    append(path, b"ee\n\nfour\r\n")
    assert tail.look() == (["three", "", "four"], 0)
    assert tail.look() == ([], 0)


def test_a_line_without_an_end_is_told_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = LogTail(path)
    append(path, b"what is your na")
    looks = [tail.look() for _ in range(STALE_LOOKS + 3)]
    assert [lines for lines, _ in looks if lines] == [["what is your na"]]
    append(path, b"me?\n")
    assert tail.look() == (["me?"], 0)


def test_what_was_there_before_is_told_from_its_last_whole_lines_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "FIRST_BYTES", 20)
    path = tmp_path / "log"
    append(path, b"".join(b"line %d\n" % number for number in range(100)))
    assert LogTail(path).look() == (["line 98", "line 99"], 0)


def test_a_flood_is_told_in_its_newest_part_and_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "LOOK_BYTES", 20)
    path = tmp_path / "log"
    append(path, b"first\n")
    tail = LogTail(path)
    assert tail.look() == (["first"], 0)
    append(path, b"".join(b"line %d\n" % number for number in range(100)))
    lines, skipped = tail.look()
    assert lines == ["line 98", "line 99"]
    assert skipped == 790 - 20
    append(path, b"last\n")
    assert tail.look() == (["last"], 0)


def test_cut_and_rotated_files_are_read_from_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = LogTail(path)
    append(path, b"a long line to begin with\nand a begun one")
    tail.look()
    path.write_bytes(b"cut\n")
    assert tail.look() == (["cut"], 0)
    path.rename(tmp_path / "log.1")
    assert tail.look() == ([], 0)
    append(path, b"another file, longer than the one before\n")
    assert tail.look() == (["another file, longer than the one before"], 0)


def test_bytes_of_every_kind_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, b"\x1b[2J\x1b]0;title\x07 colour \xff\xfe\x00 \xe2\x80\xae\ttab\n" + bytes(range(256)) + b"\n")
    lines, _ = LogTail(path).look()
    assert lines
    for line in lines:
        assert line.isprintable()
        assert "\x1b" not in line
    assert lines[0].startswith("\\x1b[2J\\x1b]0;title\\x07 colour ")


def test_a_line_without_end_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, b"x" * (LINE_BYTES + 10) + b"\n")
    lines, _ = LogTail(path).look()
    assert [len(line) for line in lines] == [LINE_BYTES, 10]


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path)])
def test_what_is_no_file_has_no_lines(tmp_path: Path, make: object) -> None:
    path = tmp_path / "log"
    make(path)  # type: ignore[operator]
    assert LogTail(path).look() == ([], 0)


async def test_all_logs_are_followed_in_events_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "INTERVAL_S", 0.01)
    logs = [tmp_path / "one", tmp_path / "two"]
    events: list[Event] = []
    tails = LogTails(logs, events.append)
    tails.start()
    append(logs[1], b"hello\n")
    await eventually(lambda: len(events) == 1)
    assert (events[0]["event"], events[0]["validator"], events[0]["lines"], events[0]["skipped"]) == ("log_line", 1, ["hello"], 0)
    append(logs[0], b"x\n" * (LINES_PER_EVENT + 1))
    await eventually(lambda: sum(len(event["lines"]) for event in events if event["validator"] == 0) == LINES_PER_EVENT + 1)
    seen = len(events)
    append(logs[0], b"the last word\n")
    await tails.close()
    assert sum(len(event["lines"]) for event in events if event["validator"] == 0) == LINES_PER_EVENT + 2
    assert all(len(event["lines"]) <= LINES_PER_EVENT for event in events)
    assert len(events) == seen + 1
    await tails.close()
