"""Pictures as films: MP4 through ffmpeg (H.264), GIF through Pillow. Both take pictures one after the other and hold few of them."""

import io
from collections.abc import Iterator
from contextlib import closing
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
_PARAMETERS: Final = (
    *("-crf", QUALITY, "-preset", "medium", "-tune", "animation"),
    # The index first, so that a browser can begin at once; nothing of the machine in it.
    *("-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact"),
)
GIF_COLOURS: Final = 64
GIF_BYTES_MOST: Final = 3_000_000
GIF_STEPS_MS: Final = (100, 200, 500, 1_000)
"""A GIF that becomes too large is made again with fewer pictures a second."""


class Mp4Writer:
    """`add` paints a picture so many times as it is seen; `close` finishes the file."""

    def __init__(self, path: Path, painter: Painter, first: Frame) -> None:
        """LocalFault where ffmpeg cannot be run."""
        require_extra()
        import imageio_ffmpeg

        self._painter = painter
        self._image = painter.paint(first)
        self._shown = first
        self._height = first.height
        try:
            # The size is even already, and neither scaled nor rounded to blocks of 16.
            self._encoder = imageio_ffmpeg.write_frames(
                str(path),
                self._image.size,
                fps=FRAMES_PER_SECOND,
                codec="libx264",
                quality=None,
                macro_block_size=1,
                pix_fmt_out="yuv420p",
                output_params=[
                    "-crf",
                    QUALITY,
                    "-preset",
                    "medium",
                    "-tune",
                    "animation",
                    "-movflags",
                    "+faststart",
                    "-map_metadata",
                    "-1",
                    "-fflags",
                    "+bitexact",
                ],
                ffmpeg_log_level="error",
            )
            self._encoder.send(None)
        except (OSError, RuntimeError) as error:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"ffmpeg cannot be run: {error}") from error

    def add(self, frame: Frame, times: int) -> None:
        """A picture that is seen for so many tenths of a second. LocalFault where ffmpeg gives up (a full disk)."""
        repaint(self._painter, self._image, frame, self._shown)
        self._shown = frame
        data = self._image.tobytes()
        try:
            for _ in range(times):
                self._encoder.send(data)
        except (OSError, StopIteration) as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"ffmpeg gave up: {error}") from error

    def close(self) -> None:
        """All of it is in the file. LocalFault."""
        try:
            self._encoder.close()
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"ffmpeg gave up: {error}") from error


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
        self._frames.append((at_ms, frame))
        self._end_ms = at_ms + PICTURE_MS

    def end(self, at_ms: int) -> None:
        """The last picture stays until here."""
        self._end_ms = max(self._end_ms, at_ms)

    def make(self) -> bytes:
        """The file's bytes: at most GIF_BYTES_MOST where a picture a second is enough for that."""
        data = b""
        for step_ms in GIF_STEPS_MS:
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
        for number, (at_ms, frame) in enumerate(kept):
            repaint(self._painter, image, frame, shown)
            shown = frame
            end_ms = kept[number + 1][0] if number + 1 < len(kept) else max(self._end_ms, at_ms + step_ms)
            yield image.copy(), end_ms - at_ms

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
