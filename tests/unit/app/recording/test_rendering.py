"""Films. Goal: as many pictures as the recording is long, of the size that it says, in which letters can be read: by comparing pixels, not by trust."""

import asyncio
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

from mesh_app.demo.showing import Progress, Style, record_journal
from mesh_app.recording.blocks import boxes_of
from mesh_app.recording.cast import CastHeader, read_cast
from mesh_app.recording.extras import font_file
from mesh_app.recording.frame import Frame, Pen, Run
from mesh_app.recording.outputs import Outputs
from mesh_app.recording.painter import LARGE, SMALL, CellSize, Painter
from mesh_app.recording.pictures import Picture, pictures_of
from tests.unit.app.recording.replayed import first_seconds

SIZE = (80, 24)
SECONDS = 3.0
TICKS = 31
"""Ten a second, and the last."""
WORDS = "MESH starts four validators on this machine"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

Pixels = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Made:
    """A recording of the real run's first seconds, in every form."""

    folder: Path
    manifest: dict[str, Any]

    def frames(self) -> list[Frame]:
        """What the cast shows."""
        with (self.folder / "x.cast").open() as file:
            return [picture.frame for picture in pictures_of(*read_cast(file, "x.cast"), SIZE)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made once: it takes seconds."""
    folder = tmp_path_factory.mktemp("films")
    events = first_seconds(folder / "run.events.jsonl", SECONDS)
    paths = [folder / f"x{ending}" for ending in (".cast", ".mp4", ".gif", ".png", ".svg")]
    return Made(folder, asyncio.run(record_journal(events, paths, Style(size=SIZE), Progress())))


def pictures_of_film(path: Path, size: tuple[int, int]) -> Pixels:
    """(picture, y, x): how bright each pixel is."""
    decode = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    data = subprocess.run(decode, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, size[1], size[0]).astype(np.float64)


def place_of(frame: Frame, words: str) -> tuple[int, int]:
    """Row and column where words stand."""
    rows = frame.text().split("\n")
    y = next(y for y, row in enumerate(rows) if words in row)
    return y, rows[y].index(words)


def style_at(frame: Frame, y: int, x: int) -> str:
    at = 0
    for run in frame.rows[y]:
        at += len(run.text)
        if x < at:
            return ("Bold" if run.pen.bold else "") + ("Oblique" if run.pen.italic else "")
    raise AssertionError


def read_words(picture: Pixels, frame: Frame, words: str, cell: CellSize) -> str:
    """The letters that the pixels resemble most, of all letters and digits, where the cast says that the words are."""
    painter = Painter(cell)
    y, x = place_of(frame, words)
    read = ""
    for offset, letter in enumerate(words):
        if letter == " ":
            read += " "
            continue
        left, top = (x + offset) * cell.width, y * cell.height
        seen = picture[top : top + cell.height, left : left + cell.width]
        style = style_at(frame, y, x + offset)
        masks = {one: np.asarray(painter.glyph(one, style), np.float64) for one in ALPHABET}
        read += max(ALPHABET, key=lambda one: likeness(seen, masks[one]))
    return read


def likeness(one: Pixels, other: Pixels) -> float:
    """Pearson's correlation of two pictures."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_film_has_a_picture_every_tenth_of_a_second_in_the_size_of_the_cells(made: Made) -> None:
    film = pictures_of_film(made.folder / "x.mp4", (SIZE[0] * LARGE.width, SIZE[1] * LARGE.height))
    assert len(film) == TICKS
    # Not one picture all the time: the validators come up.
    assert np.abs(film[-1] - film[0]).max() > 100


def test_words_of_the_film_can_be_read(made: Made) -> None:
    film = pictures_of_film(made.folder / "x.mp4", (SIZE[0] * LARGE.width, SIZE[1] * LARGE.height))
    assert read_words(film[-1], made.frames()[-1], WORDS, LARGE) == WORDS


def chapters_of_film(path: Path) -> list[tuple[str, int]]:
    """(title, where it begins in ms), as ffmpeg reads them back."""
    read = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path), "-f", "ffmetadata", "-"]
    told = subprocess.run(read, check=True, capture_output=True).stdout.decode().replace("\\\n", "\0").split("[CHAPTER]\n")[1:]
    found = []
    for chapter in told:
        fields = dict(line.split("=", 1) for line in chapter.splitlines() if "=" in line)
        unit = Fraction(fields["TIMEBASE"])
        found.append((re.sub(r"\\(.)", r"\1", fields["title"]).replace("\0", "\n"), round(int(fields["START"]) * unit * 1000)))
    return found


def test_film_has_the_chapters_of_the_recording(made: Made) -> None:
    assert chapters_of_film(made.folder / "x.mp4") == [("1 · Four validators, four processes", 0)]


def test_chapters_of_a_stranger_are_titles_and_nothing_else(tmp_path: Path) -> None:
    """What means something to ffmpeg, half of a character, and a title that would begin a chapter of its own."""
    titles = ("=;#\\ and \n[CHAPTER]\ntitle=x", "half \ud800", "the end" + "d" * 70_000)
    shots = [Picture(2_000 + number * 200, Frame(8, ((Run("film", Pen()),),)), title) for number, title in enumerate(titles)]
    with Outputs([tmp_path / "x.mp4"], CastHeader(8, 1)) as outputs:
        for shot in (replace(shots[0], at_ms=0, chapter=None), *shots):
            outputs.add(shot)
        outputs.finish(2_600, {})
    assert chapters_of_film(tmp_path / "x.mp4") == [("beginning", 0), (titles[0], 2_000), ("half ?", 2_200), ("the end" + "d" * 193, 2_400)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.manifest.json", "x.mp4"]


def gif_pictures(path: Path) -> Iterator[tuple[Pixels, int]]:
    with Image.open(path) as gif:
        for number in range(getattr(gif, "n_frames", 1)):
            gif.seek(number)
            yield np.asarray(gif.convert("L"), np.float64), int(gif.info["duration"])


def test_gif_is_as_long_as_the_recording_and_can_be_read(made: Made) -> None:
    pictures = list(gif_pictures(made.folder / "x.gif"))
    assert sum(ms for _, ms in pictures) == made.manifest["length_ms"] == TICKS * 100
    assert pictures[-1][0].shape == (SIZE[1] * SMALL.height, SIZE[0] * SMALL.width)
    assert read_words(pictures[-1][0], made.frames()[-1], WORDS, SMALL) == WORDS


def test_other_letters_would_have_been_noticed(made: Made) -> None:
    frame = made.frames()[-1]
    picture = np.asarray(Painter(LARGE).paint(frame).convert("L"), np.float64)
    y, x = place_of(frame, WORDS)
    picture[y * LARGE.height : (y + 1) * LARGE.height, x * LARGE.width : (x + 1) * LARGE.width] = picture[
        y * LARGE.height : (y + 1) * LARGE.height, (x + 1) * LARGE.width : (x + 2) * LARGE.width
    ]
    assert read_words(picture, frame, WORDS, LARGE) == "E" + WORDS[1:]


def test_poster_and_pictures_of_chapters(made: Made) -> None:
    with Image.open(made.folder / "x.png") as poster:
        assert poster.size == (SIZE[0] * LARGE.width, SIZE[1] * LARGE.height)
        assert read_words(np.asarray(poster.convert("L"), np.float64), made.frames()[-1], WORDS, LARGE) == WORDS
    [chapter] = made.folder.glob("x-01-*.svg")
    assert "MESH starts" in chapter.read_text()


def test_every_letter_of_the_screens_is_in_the_font(made: Made) -> None:
    known = TTFont(font_file()).getBestCmap()
    missing = {letter for frame in made.frames() for letter in frame.text() if ord(letter) not in known and boxes_of(letter) is None} - {"\n"}
    assert missing == set()


def test_manifest_tells_source_tools_and_every_file(made: Made) -> None:
    told = json.loads((made.folder / "x.manifest.json").read_text())
    assert told == made.manifest
    assert (told["mode"], told["recorded"], told["figures"]) == ("LIVE", "replay", "measured in the run that the events are of")
    assert told["chapters"] == [{"title": "1 · Four validators, four processes", "at_ms": 700}]
    assert told["look"] == {"size": "80x24", "theme": "mesh-dark", "font": "DejaVuSansMono", "speed": 1.0, "asciicast": 2}
    assert {"mesh-protocol", "textual", "Pillow", "imageio-ffmpeg", "matplotlib", "python"} <= told["made_with"].keys()
    assert {"scenario", "date", "versions", "machine", "group_library", "seed"} <= told["run"].keys()
    files = sorted(path for path in made.folder.iterdir() if path.name not in {"x.manifest.json", "run.events.jsonl"})
    assert [path.name for path in files] == [*told["files"]]
    for path in files:
        assert told["files"][path.name] == {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert told["events"]["sha256"] == hashlib.sha256((made.folder / "run.events.jsonl").read_bytes()).hexdigest()


def test_nothing_else_is_left(made: Made) -> None:
    assert [path.name for path in made.folder.iterdir() if path.name.startswith(".")] == []
