"""A recording of what a person does: a picture at each tick, straight into an asciicast. Secrets are covered before they reach it."""

import contextlib
import os
from pathlib import Path
from typing import IO, Final

from mesh_app.recording.cast import CastHeader, CastWriter
from mesh_app.recording.frame import Frame, Pen, Run
from mesh_core.errors import ErrorCode, LocalFault

COVER: Final = "a secret is on the screen: not recorded"
_NANOSECONDS_PER_MILLISECOND: Final = 1_000_000


class SessionRecording:
    """Begun when it is made. The file has another name until `end`, so that a half recording is never taken for a whole one."""

    def __init__(self, path: Path, size: tuple[int, int], now_ns: int, *, title: str = "MESH") -> None:
        """LocalFault where the file cannot be written."""
        self.path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._start_ns = now_ns
        self._last_ms = 0
        try:
            self._file: IO[str] = self._part.open("w", encoding="utf-8", errors="replace")
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error
        self._cast = CastWriter(self._file, CastHeader(*size, title))

    def take(self, now_ns: int, frame: Frame, *, is_secret: bool) -> None:
        """What the screen shows. LocalFault where the disk is full."""
        if not frame.rows:
            return  # a screen that was just opened and has no layout yet: a terminal shows the one before, too
        self._last_ms = max(self._last_ms, (now_ns - self._start_ns) // _NANOSECONDS_PER_MILLISECOND)
        try:
            self._cast.frame(self._last_ms, covered(frame) if is_secret else frame)
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{self.path} cannot be written: {error.strerror or error}") from error

    def end(self) -> None:
        """The recording is whole. LocalFault."""
        try:
            self._cast.end(self._last_ms)
            self._file.close()
            self._part.replace(self.path)
        except OSError as error:
            self.abandon()
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{self.path} cannot be written: {error.strerror or error}") from error

    def abandon(self) -> None:
        """Nothing remains of it."""
        # What a full disk did not take was told when it was written; closing would tell it again.
        with contextlib.suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)


def covered(frame: Frame) -> Frame:
    """A picture of the same size that shows nothing but why."""
    middle = frame.height // 2
    pen = Pen()
    return Frame(frame.width, tuple((Run((COVER[: frame.width] if y == middle else "").center(frame.width), pen),) for y in range(frame.height)))
