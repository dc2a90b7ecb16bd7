"""Frames and asciicasts. Goal: a terminal that is sent the recording shows each frame exactly, and a wrong file is refused with its line."""

import io
import json

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_app.recording.cast import CastHeader, CastWriter, read_cast
from mesh_app.recording.frame import Frame, Pen, Run, draw
from mesh_core.errors import ErrorCode, LocalFault

WIDTH, HEIGHT = 12, 3
COLOURS = st.none() | st.tuples(*[st.integers(0, 255)] * 3)
PENS = st.builds(Pen, COLOURS, COLOURS, st.booleans(), st.booleans(), st.booleans(), st.booleans())


@st.composite
def frames(draw_from: st.DrawFn) -> Frame:
    def row() -> tuple[Run, ...]:
        text = draw_from(st.text(st.sampled_from("ab ─█▸é"), min_size=WIDTH, max_size=WIDTH))
        at = draw_from(st.integers(1, WIDTH - 1))
        return Run(text[:at], draw_from(PENS)), Run(text[at:], draw_from(PENS))

    return Frame(WIDTH, tuple(row() for _ in range(HEIGHT)))


def shown(screen: pyte.Screen) -> list[list[tuple[str, str, str, bool]]]:
    return [[(cell.data, cell.fg, cell.bg, cell.bold) for cell in (screen.buffer[y][x] for x in range(WIDTH))] for y in range(HEIGHT)]


def expected(frame: Frame) -> list[list[tuple[str, str, str, bool]]]:
    def name(colour: tuple[int, int, int] | None) -> str:
        return "default" if colour is None else "{:02x}{:02x}{:02x}".format(*colour)

    return [[(letter, name(run.pen.foreground), name(run.pen.background), run.pen.bold) for run in row for letter in run.text] for row in frame.rows]


@given(st.lists(frames(), min_size=1, max_size=4))
def test_terminal_shows_each_frame_after_the_one_before(played: list[Frame]) -> None:
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    before = None
    for frame in played:
        stream.feed(draw(frame, before))
        assert shown(screen) == expected(frame)
        before = frame


def frame_of(text: str) -> Frame:
    return Frame(WIDTH, tuple(((Run(line.ljust(WIDTH), Pen())),) for line in (text, "", "")))


def test_nothing_is_sent_for_a_frame_like_the_one_before() -> None:
    assert draw(frame_of("same"), frame_of("same")) == ""
    assert draw(frame_of("other"), frame_of("same")).count("\x1b[1;1H") == 1


@pytest.mark.parametrize("version", [2, 3])
def test_what_is_written_is_read_again_with_times_from_the_beginning(version: int) -> None:
    file = io.StringIO()
    writer = CastWriter(file, CastHeader(WIDTH, HEIGHT, "a title", ("#ffffff", "#000000", "#000000:#ffffff")), version=version)
    writer.marker(0, "begin")
    writer.frame(0, frame_of("one"))
    writer.frame(1_000, frame_of("one"))
    writer.frame(2_500, frame_of("two"))
    writer.marker(2_500, "end")
    writer.end(4_000)
    header, events = read_cast(file.getvalue().splitlines(), "x.cast")
    assert (header.width, header.height, header.title) == (WIDTH, HEIGHT, "a title")
    assert header.theme == ("#ffffff", "#000000", "#000000:#ffffff")
    assert [(event.seconds, event.kind) for event in events] == [(0, "m"), (0, "o"), (2.5, "o"), (2.5, "m"), (4, "o")]


HEAD = json.dumps({"version": 2, "width": 10, "height": 5})


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ([], "is empty", ""),
        (["nonsense"], "line 1", "no asciicast"),
        ([json.dumps({"version": 1, "width": 10, "height": 5})], "line 1", "version 2 or 3"),
        ([json.dumps({"version": 2, "width": 10**6, "height": 5})], "line 1", "a size of"),
        ([json.dumps({"version": 2, "width": True, "height": 5})], "line 1", "a size of"),
        (["[" * 100_000], "line 1", "no asciicast"),
        ([HEAD, "[1, 2]"], "line 2", "an event is"),
        ([HEAD, '[0, "o", "x"]', '[-1, "o", "x"]'], "line 3", "an event is"),
        ([HEAD, '[NaN, "o", "x"]'], "line 2", "an event is"),
    ],
)
def test_wrong_recording_is_refused_with_its_line(lines: list[str], line: str, words: str) -> None:
    with pytest.raises(LocalFault) as refusal:
        list(read_cast(lines, "x.cast")[1])
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert line in refusal.value.text
    assert words in refusal.value.text
