"""What ends a recording: Ctrl-C, a kill, a full disk, a folder that goes. Goal: no half file stands where a whole one was asked for, and no ffmpeg runs on."""

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from mesh_app.recording.cast import CastHeader
from mesh_app.recording.frame import Frame, Pen, Run
from mesh_app.recording.outputs import Outputs, check_outputs
from mesh_app.recording.pictures import Picture
from mesh_core.errors import ErrorCode, LocalFault
from tests.unit.app.recording.replayed import REAL, mesh_app

DEADLINE_S = 30.0


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def programs_with(path: Path) -> list[str]:
    """Command lines of running programs that name this path."""
    shown = subprocess.run(["ps", "-axww", "-o", "command"], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if str(path) in line and "ffmpeg" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_a_film_is_made_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    paths = [tmp_path / "x.mp4", tmp_path / "x.cast", tmp_path / "x.gif"]
    process = mesh_app("--replay", REAL, *(word for path in paths for word in ("--record", path)), cwd=tmp_path)
    wait_for(lambda: bool(programs_with(tmp_path)))
    process.send_signal(number)
    _, complaint = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert complaint == "mesh-app: stopped; no recording was written\n"
    assert list(tmp_path.iterdir()) == []
    assert programs_with(tmp_path) == []


def test_ffmpeg_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    process = mesh_app("--replay", REAL, "--record", tmp_path / "x.mp4", cwd=tmp_path)
    wait_for(lambda: bool(programs_with(tmp_path)))
    process.kill()
    process.communicate(timeout=DEADLINE_S)
    wait_for(lambda: not programs_with(tmp_path))
    assert not (tmp_path / "x.mp4").exists()


def test_file_that_becomes_larger_than_the_disk_allows_is_told_and_gone(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        for ending in (".cast", ".mp4", ".png"):
            path = tmp_path / f"x{ending}"
            with pytest.raises(LocalFault) as refusal:
                record([path], (frame_of(str(number % 10)) for number in range(40)))
            assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
            assert list(tmp_path.iterdir()) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_recording_of_nothing_but_chapters_fills_no_disk(tmp_path: Path) -> None:
    """A stranger's, with a mark every tenth of a second: each would be a file."""

    def mark_often() -> None:
        with Outputs([tmp_path / "x.svg"], CastHeader(10, 3)) as outputs:
            for number in range(1_000):
                outputs.add(Picture(number * 100, Frame(10, ((Run("x" * 10, Pen()),),)), f"{number}"))

    with pytest.raises(LocalFault, match="more than 500 chapters") as refusal:
        mark_often()
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert list(tmp_path.iterdir()) == []


def frame_of(letter: str) -> Frame:
    """All of the screen in one letter, in many colours, so that it is hard to compress."""
    return Frame(100, tuple(tuple(Run(letter, Pen((x * 2, y * 8, int(letter) * 20))) for x in range(100)) for y in range(30)))


def record(paths: list[Path], frames: Iterable[Frame]) -> None:
    """Ten frames a second, and the end."""
    with Outputs(paths, CastHeader(10, 3)) as outputs:
        for number, frame in enumerate(frames):
            outputs.add(Picture(number * 100, frame))
        outputs.finish(0, {})


def broken_frames() -> Iterator[Frame]:
    """Something else breaks in the middle."""
    yield small_frame("one")
    yield small_frame("two")
    raise ZeroDivisionError


def small_frame(text: str) -> Frame:
    return Frame(10, tuple((Run(text.ljust(10), Pen()),) for _ in range(3)))


@pytest.mark.parametrize("ending", [".cast", ".mp4", ".gif", ".png", ".svg"])
def test_folder_that_vanishes_is_told(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()

    def frames() -> Iterator[Frame]:
        yield small_frame("one")
        yield small_frame("two")
        shutil.rmtree(folder)

    with pytest.raises(LocalFault) as refusal:
        record([folder / f"x{ending}"], frames())
    assert refusal.value.code is ErrorCode.STORE_UNAVAILABLE
    assert not folder.exists()


def test_fault_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / f"x{ending}" for ending in (".cast", ".mp4", ".gif", ".png", ".svg")]
    with pytest.raises(ZeroDivisionError):
        record(paths, broken_frames())
    assert list(tmp_path.iterdir()) == []
    assert programs_with(tmp_path) == []


def test_earlier_file_stays_until_a_whole_one_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.cast"
    path.write_text("earlier")
    with pytest.raises(ZeroDivisionError):
        record([path], broken_frames())
    assert path.read_text() == "earlier"
    record([path], [small_frame("one")])
    assert path.read_text().startswith('{"version":2')


def test_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "treasure").write_text("kept")
    (tmp_path / "x.cast").symlink_to(tmp_path / "treasure")
    record([tmp_path / "x.cast"], [small_frame("one")])
    assert (tmp_path / "treasure").read_text() == "kept"


def test_nothing_to_record_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="there is nothing to record"):
        record([tmp_path / "x.cast"], [])
    assert list(tmp_path.iterdir()) == []


def test_title_of_a_chapter_may_be_anything(tmp_path: Path) -> None:
    paths = [tmp_path / "x.cast", tmp_path / "x.svg", tmp_path / "x.gif"]
    with Outputs(paths, CastHeader(10, 3, "<b>\x00\ud800")) as outputs:
        for number, title in enumerate(("../../etc", "\ud800\x1b[2J", "x" * 500, "漢字")):
            outputs.add(Picture(number * 100, small_frame(str(number)), title))
        outputs.finish(400, {})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert "x-01-etc.svg" in names
    assert "x-04.svg" in names
    assert max(map(len, names)) < 60
    assert "\x00" not in (tmp_path / "x.svg").read_text()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x.webm"], "a recording ends with .cast, .mp4"),
        (["x"], "a recording ends with"),
        (["missing/x.cast"], "there is no folder"),
        (["folder.cast"], "is a folder"),
        (["x.cast", "../{here}/x.cast"], "named twice"),
        (["x.cast", "x.cast"], "named twice"),
    ],
)
def test_wrong_output_is_refused_before_anything_is_done(tmp_path: Path, names: list[str], words: str) -> None:
    (tmp_path / "folder.cast").mkdir()
    with pytest.raises(LocalFault) as refusal:
        check_outputs([tmp_path / name.format(here=tmp_path.name) for name in names])
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
    assert words in refusal.value.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_must_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LocalFault, match="nothing may be written into"):
        check_outputs([tmp_path / "x.cast"])
