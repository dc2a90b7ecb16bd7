"""Pictures as films: MP4 through ffmpeg (H.264), GIF through Pillow. Both take pictures one after the other and hold few of them."""

import io
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from mesh_app.recording.extras import require_extra
from mesh_app.recording.frame import Frame
from mesh_app.recording.painter import Painter
from mesh_app.recording.pictures import PICTURE_MS
from mesh_core.errors import ErrorCode, LocalFault

FRAMES_PER_SECOND: Final = 1000 // PICTURE_MS
QUALITY: Final = "20"
"""x264's constant rate factor: 18 cannot be told from the source, 23 is its default."""
_ENCODING: Final = (
    *("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", QUALITY, "-preset", "medium", "-tune", "animation"),
    # The same bytes however many cores there are.
    *("-flags:v", "+bitexact", "-threads", "2"),
)
_CONTAINER: Final = ("-movflags", "+faststart", "-map_metadata:g", "-1", "-fflags", "+bitexact")
"""The index first, so that a browser can begin at once; nothing of the machine in it."""
_SPECIAL: Final = re.compile(r"[=;#\\\n]")
TITLE_CHARACTERS_MOST: Final = 200
STOP_SECONDS: Final = 5.0
GIF_COLOURS: Final = 64
GIF_BYTES_MOST: Final = 3_000_000
GIF_PICTURES_MOST: Final = 300
"""Pillow holds them all while it writes."""
GIF_STEPS_MS: Final = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000)
"""A GIF that becomes too large is made again with fewer pictures a second."""


@dataclass(frozen=True, slots=True)
class FilmChapter:
    """A part of a film."""

    title: str
    begin_ms: int
    end_ms: int


class Mp4Writer:
    """`add` paints a picture so many times as it is seen; `finish` makes the file whole; `abandon` ends ffmpeg at once, whatever was written."""

    def __init__(self, path: Path, painter: Painter, first: Frame) -> None:
        """LocalFault where ffmpeg cannot be run."""
        require_extra()
        import imageio_ffmpeg

        self._path = path
        self._painter = painter
        self._image = painter.paint(first)
        self._shown = first
        self._complaints = tempfile.TemporaryFile()
        size = "x".join(str(side) for side in self._image.size)
        source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FRAMES_PER_SECOND), "-i", "-", "-an")
        try:
            self._program = imageio_ffmpeg.get_ffmpeg_exe()
            # In a session of its own: Ctrl-C is for this process, which then ends ffmpeg. If this process is killed, ffmpeg's input ends, and so does ffmpeg.
            self._ffmpeg = subprocess.Popen(
                [self._program, "-y", "-loglevel", "error", *source, *_ENCODING, *_CONTAINER, str(path.absolute())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                start_new_session=True,
            )
        except (OSError, RuntimeError) as error:
            self._complaints.close()
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"ffmpeg cannot be run: {error}") from error

    def add(self, frame: Frame, times: int) -> None:
        """A picture that is seen for so many tenths of a second. LocalFault where ffmpeg gives up (a full disk)."""
        repaint(self._painter, self._image, frame, self._shown)
        self._shown = frame
        data = self._image.tobytes()
        assert self._ffmpeg.stdin is not None
        try:
            for _ in range(times):
                self._ffmpeg.stdin.write(data)
        except OSError as error:
            raise self._gave_up() from error

    def finish(self, chapters: Sequence[FilmChapter] = ()) -> None:
        """All of it is in the file, with its chapters, which players list. LocalFault."""
        assert self._ffmpeg.stdin is not None
        try:
            self._ffmpeg.stdin.close()
        except OSError as error:
            raise self._gave_up() from error
        # A disk that is full at the very end shows in the status alone.
        if self._ffmpeg.wait() != 0:
            raise self._gave_up()
        if chapters:
            self._write_chapters(chapters)
        self._complaints.close()

    def _write_chapters(self, chapters: Sequence[FilmChapter]) -> None:
        """Where they begin is known when the film is made: it is packed once more, its pictures as they are."""
        marked = self._path.with_name(f"{self._path.stem}.chapters{self._path.suffix}")
        sources = ("-i", str(self._path.absolute()), "-f", "ffmetadata", "-i", "-")
        command = [self._program, "-y", "-loglevel", "error", *sources, "-map", "0:v", "-map_chapters", "1", "-c", "copy", *_CONTAINER, str(marked.absolute())]
        try:
            subprocess.run(command, input=_metadata(chapters), stdout=subprocess.DEVNULL, stderr=self._complaints, start_new_session=True, check=True)
            marked.replace(self._path)
        except (OSError, subprocess.CalledProcessError) as error:
            raise self._gave_up() from error
        finally:
            marked.unlink(missing_ok=True)

    def abandon(self) -> None:
        """ffmpeg runs no more, and never writes again. Without effect after `finish`."""
        self._ffmpeg.kill()
        self._ffmpeg.wait()
        assert self._ffmpeg.stdin is not None
        with suppress(OSError):
            self._ffmpeg.stdin.close()
        self._complaints.close()

    def _gave_up(self) -> LocalFault:
        try:
            self._ffmpeg.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._ffmpeg.kill()
        self._complaints.seek(0)
        lines = self._complaints.read(4_096).decode("utf-8", "replace").strip().splitlines()
        return LocalFault(ErrorCode.STORE_UNAVAILABLE, f"ffmpeg gave up: {lines[-1] if lines else f'status {self._ffmpeg.returncode}'}")


def _metadata(chapters: Sequence[FilmChapter]) -> bytes:
    """ffmpeg's own form (ffmpeg.org/ffmpeg-formats.html, "Metadata"). A title is a stranger's: what means something there is escaped."""
    lines = [";FFMETADATA1"]
    for chapter in chapters:
        title = _SPECIAL.sub(r"\\\g<0>", chapter.title[:TITLE_CHARACTERS_MOST])
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={chapter.begin_ms}", f"END={chapter.end_ms}", f"title={title}"]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


class GifMaker:
    """Collects small pictures of one film or chapter, and makes a GIF that is not larger than it may be."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._frames: list[tuple[int, Frame]] = []
        self._end_ms = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to make a GIF of."""
        return not self._frames

    def add(self, at_ms: int, frame: Frame) -> None:
        """What is seen from a time on."""
        self._end_ms = at_ms + PICTURE_MS
        if not self._frames or self._frames[-1][1] is not frame:
            self._frames.append((at_ms, frame))

    def end(self, at_ms: int) -> None:
        """The last picture stays until here."""
        self._end_ms = max(self._end_ms, at_ms)

    def make(self) -> bytes:
        """The file's bytes: at most GIF_BYTES_MOST where a picture a minute is enough for that."""
        data = b""
        for step_ms in GIF_STEPS_MS:
            if len({at_ms // step_ms for at_ms, _ in self._frames}) > GIF_PICTURES_MOST and step_ms != GIF_STEPS_MS[-1]:
                continue
            data = self._make(step_ms)
            if len(data) <= GIF_BYTES_MOST:
                break
        return data

    def _make(self, step_ms: int) -> bytes:
        images, durations = [], []
        palette: Image.Image | None = None
        for image, length_ms in self._thinned(step_ms):
            if palette is None:
                palette = self._palette()
            images.append(image.quantize(palette=palette, dither=Image.Dither.NONE))
            durations.append(length_ms)
        file = io.BytesIO()
        images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False, disposal=1)
        return file.getvalue()

    def _thinned(self, step_ms: int) -> Iterator[tuple[Image.Image, int]]:
        """(picture, length in ms): of each step the last picture."""
        kept: list[tuple[int, Frame]] = []
        for at_ms, frame in self._frames:
            slot_ms = at_ms // step_ms * step_ms
            if kept and kept[-1][0] == slot_ms:
                kept[-1] = (slot_ms, frame)
            else:
                kept.append((slot_ms, frame))
        image = self._painter.paint(kept[0][1])
        shown = kept[0][1]
        # The first slot may have begun before its picture: a film of a chapter begins where the chapter does.
        begins_ms = [self._frames[0][0], *(at_ms for at_ms, _ in kept[1:])]
        for begin_ms, end_ms, (_, frame) in zip(begins_ms, [*begins_ms[1:], self._end_ms], kept, strict=True):
            repaint(self._painter, image, frame, shown)
            shown = frame
            yield image.copy(), max(PICTURE_MS, end_ms - begin_ms)

    def _palette(self) -> Image.Image:
        """One palette for all pictures, of some of them: colours that change from picture to picture would flicker."""
        step = max(1, len(self._frames) // 8)
        images = [self._painter.paint(frame) for _, frame in self._frames[::step]]
        sheet = Image.new("RGB", (images[0].width, sum(image.height for image in images)))
        top = 0
        for image in images:
            sheet.paste(image, (0, top))
            top += image.height
        return sheet.quantize(colors=GIF_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def repaint(painter: Painter, image: Image.Image, frame: Frame, shown: Frame) -> None:
    """Paints the rows that differ."""
    for y in range(min(frame.height, shown.height)):
        if frame.rows[y] != shown.rows[y]:
            painter.paint_row(image, frame, y)


def png_of(painter: Painter, frame: Frame) -> bytes:
    """A picture as PNG."""
    with closing(io.BytesIO()) as file:
        painter.paint(frame).save(file, "PNG", optimize=True)
        return file.getvalue()
