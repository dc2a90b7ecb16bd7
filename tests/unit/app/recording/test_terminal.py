"""Recordings of other programs. Goal: what a terminal would show is what is painted, and nothing that a stranger recorded stops the painter."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mesh_app.recording.cast import MAX_SECONDS, CastEvent, read_cast
from mesh_app.recording.frame import BACKGROUND, FOREGROUND, Frame
from mesh_app.recording.pictures import Picture, canvas_of, pictures_of
from mesh_app.recording.terminal import MARKS_MOST, Terminal
from mesh_core.errors import ErrorCode, LocalFault

V2 = {"version": 2, "width": 10, "height": 3}
V3 = {"version": 3, "term": {"cols": 10, "rows": 3}}


def played(header: Mapping[str, object], *events: list[object]) -> list[Picture]:
    lines = [json.dumps(header), *(json.dumps(event) for event in events)]
    cast_header, first = read_cast(lines, "x.cast")
    canvas = canvas_of(cast_header, first)
    return list(pictures_of(*read_cast(lines, "x.cast"), canvas))


def rows(frame: Frame) -> list[str]:
    return [line.rstrip() for line in frame.text().split("\n")]


def terminal(*pieces: str, width: int = 10, height: int = 3) -> Frame:
    shown = Terminal(width, height)
    for piece in pieces:
        shown.feed(piece)
    return shown.frame(width, height)


def pens(frame: Frame) -> dict[str, tuple[object, ...]]:
    return {run.text.strip(): (run.pen.foreground, run.pen.background, run.pen.bold, run.pen.underline) for run in frame.rows[0] if run.text.strip()}


def test_second_version_counts_from_the_beginning_and_the_third_from_the_event_before() -> None:
    second = played(V2, [0.05, "o", "a"], [1.5, "i", "typed"], [1.5, "o", "b"], [1.5, "m", "two"])
    third = played(V3, [0.05, "o", "a"], [1.45, "o", "b"], [0, "m", "two"], [0.2, "x", "0"])
    for pictures in (second, third):
        assert [(one.at_ms, rows(one.frame)[0], one.chapter) for one in pictures] == [(0, "a", None), (1500, "ab", "two")]


def test_comments_of_the_third_version_are_passed_over() -> None:
    lines = [json.dumps(V3), "# a comment", "", '[0.1,"o","a"]']
    assert len(list(read_cast(lines, "x.cast")[1])) == 1


def test_film_begins_with_the_recording_and_not_with_its_first_output() -> None:
    first, second = played(V2, [2.0, "o", "late"])
    assert (first.at_ms, rows(first.frame)) == (0, ["", "", ""])
    assert (second.at_ms, rows(second.frame)[0]) == (2000, "late")


def test_cast_with_nothing_in_it_is_one_empty_picture() -> None:
    [only] = played(V2)
    assert rows(only.frame) == ["", "", ""]


def test_two_chapters_at_one_time_are_both_kept() -> None:
    assert [one.chapter for one in played(V2, [0, "m", "a"], [0, "m", "b"]) if one.chapter] == ["a", "b"]


def test_canvas_holds_every_size_and_a_smaller_terminal_stands_in_its_corner() -> None:
    pictures = played(V2, [0, "o", "wide"], [1, "r", "6x5"], [1, "o", "\x1b[5;1Hlow"])
    assert {(one.frame.width, one.frame.height) for one in pictures} == {(10, 5)}
    assert rows(pictures[-1].frame) == ["wide", "", "", "", "low"]
    assert all(sum(cell_len(run.text) for run in row) == 10 for one in pictures for row in one.frame.rows)


@pytest.mark.parametrize("size", ["0x5", "5x0", "501x5", "5x201", "5", "5x5x5", "-5x5", "٣x٣", "100000x5", ""])
def test_impossible_size_is_refused_with_its_line(size: str) -> None:
    with pytest.raises(LocalFault) as refusal:
        played(V2, [0, "o", "a"], [1, "r", size])
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert "line 3: a size of 1x1 to 500x200" in refusal.value.text


def test_recording_of_days_is_refused_before_anything_is_painted() -> None:
    with pytest.raises(LocalFault, match=r"line 3: a recording of more than 3 hours"):
        played(V2, [0, "o", "a"], [MAX_SECONDS + 1, "o", "b"])
    with pytest.raises(LocalFault, match=r"line 3: a recording of more than 3 hours"):
        played(V3, [MAX_SECONDS - 1, "o", "a"], [2, "o", "b"])


def test_colours_of_every_spelling_are_the_same() -> None:
    shown = pens(terminal("\x1b[38;2;1;2;3mA\x1b[0;38:2::1:2:3mB\x1b[0;38:2:1:2:3mC\x1b[0;38;5;196mD\x1b[0;38:5:196mE\x1b[0;1;31mF\x1b[0;4:3mG\x1b[0;105mH"))
    assert shown["ABC"] == ((1, 2, 3), None, False, False)
    assert shown["DE"] == ((255, 0, 0), None, False, False)
    assert shown["F"] == ((205, 49, 49), None, True, False)
    assert shown["G"] == (None, None, False, True)
    assert shown["H"][1] == (214, 112, 214)


def test_reverse_video_without_colours_swaps_those_of_the_terminal() -> None:
    assert pens(terminal("\x1b[7mR"))["R"][:2] == (BACKGROUND, FOREGROUND)


def test_other_screen_comes_empty_and_gives_the_first_one_back() -> None:
    shown = Terminal(10, 3)
    shown.feed("shell$ vi\r\n\x1b[?1049h")
    assert rows(shown.frame(10, 3)) == ["", "", ""]
    shown.feed("text\x1b[?1049h again")
    assert rows(shown.frame(10, 3))[0] == "text again"
    shown.feed("\x1b[?1049l$")
    assert rows(shown.frame(10, 3)) == ["shell$ vi", "$", ""]


@pytest.mark.parametrize("data", ["\x1b[2;3Hhere", "\x1b[38;2;255;0;0mred", "\x1b]0;title\x07after", "\x1b]8;;http://x\x1b\\link", "\x1b[>4;1m\x1b[?2026hon"])
def test_sequence_may_be_cut_anywhere(data: str) -> None:
    whole = terminal(data)
    assert "title" not in whole.text()
    for at in range(len(data) + 1):
        assert terminal(data[:at], data[at:]) == whole


def test_sequence_without_an_end_is_given_up() -> None:
    assert "after" in terminal("\x1b]0;" + "x" * 100_000, "after").text()


def test_wide_letters_and_marks_keep_the_columns() -> None:
    frame = terminal("漢字e\u0301|", "\r\n", "👨\u200d👩x\ufe0fy", "\r\n", "ab\x1b[3;2H漢")
    assert rows(frame)[0] == "漢字é|"
    assert rows(frame)[1] == "👨👩xy"
    assert rows(frame)[2] == "a漢"
    assert all(sum(cell_len(run.text) for run in row) == 10 for row in frame.rows)


@pytest.mark.parametrize(
    "pieces",
    [["a" + "\u0301" * 20_000], ["a", *["\u0301"] * 20_000], ["a" + "\x1b[2G\u0301" * 20_000], ["\x1b[1;10Ha" + "\x1b[2;1H\u0301" * 20_000]],
    ids=["one", "many", "moved", "from below"],
)
def test_a_letter_takes_so_many_marks_and_no_more(pieces: list[str]) -> None:
    """A recording of a hundred kilobytes would otherwise be painted for a minute, and one of a megabyte for hours."""
    [row, *_] = terminal(*pieces).rows
    assert "".join(run.text for run in row).rstrip().count("\u0301") in {MARKS_MOST - 1, MARKS_MOST}


def test_half_of_a_wide_letter_that_was_written_over_is_a_space() -> None:
    frame = terminal("漢\x1b[1;1Ha")
    assert sum(cell_len(run.text) for run in frame.rows[0]) == 10
    assert rows(frame)[0] == "a"


SEQUENCES = st.one_of(
    st.text(max_size=8),
    st.builds(
        lambda prefix, numbers, end: f"\x1b[{prefix}{numbers}{end}",
        st.sampled_from(["", "?", ">", "=", "<", "!"]),
        st.text("0123456789;:", max_size=12),
        st.characters(min_codepoint=0x40, max_codepoint=0x7E),
    ),
    st.sampled_from(
        [
            "\x1b[?1049h",
            "\x1b[?1049l",
            "\x1b(0",
            "\x1b)B",
            "\x1bc",
            "\x1bM",
            "\x9b5m",
            "\x0e",
            "\x0f",
            "\x1b7",
            "\x1b8",
            "\x1b#8",
            "\t",
            "\r\n",
            "\x08",
            "\x1bP$q\x1b\\",
            "\udc00",
        ]
    ),
)


@given(st.lists(SEQUENCES, max_size=30))
def test_nothing_that_is_sent_breaks_the_picture(pieces: list[str]) -> None:
    frame = terminal(*pieces)
    assert (frame.width, frame.height) == (10, 3)
    assert all(sum(cell_len(run.text) for run in row) == 10 for row in frame.rows)


def test_event_of_a_resize_knows_its_size() -> None:
    assert CastEvent(0, "r", "80x24").size == (80, 24)
