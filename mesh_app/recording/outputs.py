"""The files of a recording, by their endings: cast, mp4, gif, png, svg, and the manifest that says how they came about.

Every file is written beside its place under another name and moved there when it is whole, so that an interrupted recording leaves nothing.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

from mesh_app.recording.cast import CastHeader, CastWriter
from mesh_app.recording.extras import require_extra
from mesh_app.recording.frame import Frame
from mesh_app.recording.pictures import PICTURE_MS, Picture
from mesh_app.recording.svg import svg_of
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import open_plain_file

if TYPE_CHECKING:
    from mesh_app.recording.painter import CellSize, Painter
    from mesh_app.recording.video import FilmChapter, GifMaker, Mp4Writer

ENDINGS: Final = (".cast", ".mp4", ".gif", ".png", ".svg")
NEEDS_EXTRA: Final = (".mp4", ".gif", ".png")
CHAPTER_PICTURE_MS: Final = 3_000
"""A chapter's picture shows it so long after its beginning: by then something has happened."""

CHAPTERS_MOST: Final = 500
LEAD_MS: Final = 2_000
BEGINNING: Final = "beginning"

_UNFIT: Final = re.compile(r"[^a-z0-9]+")


def check_outputs(paths: Sequence[Path]) -> None:
    """LocalFault (CONFIG_INVALID) where an ending is unknown, a folder is missing, a file is named twice, or a package is missing."""
    for path in paths:
        if path.suffix not in ENDINGS:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path.name}: a recording ends with {', '.join(ENDINGS)}")
        if not path.absolute().parent.is_dir():
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no folder {path.absolute().parent}")
        if not os.access(path.absolute().parent, os.W_OK):
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"nothing may be written into {path.absolute().parent}")
        if path.is_dir():
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is a folder")
    if len({path.resolve() for path in paths}) != len(paths):
        raise LocalFault(ErrorCode.CONFIG_INVALID, "a file is named twice")
    if any(path.suffix in NEEDS_EXTRA for path in paths):
        require_extra()


@dataclass(slots=True)
class _Chapter:
    title: str
    number: int
    begin_ms: int
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How it is painted. `font`: a file in the place of the package's own font."""

    font: Path | None = None
    cast_version: int = 2


class Outputs:
    """A context manager: `add` each picture in order, `finish` at the end. Left without `finish`, no file remains, and nothing runs any more."""

    def __init__(self, paths: Sequence[Path], header: CastHeader, look: Look | None = None) -> None:
        """Call `check_outputs` before. LocalFault where a file cannot be written."""
        self._header = header
        self._look = look or Look()
        self._parts = {path: _part(path) for path in paths}
        self._casts: dict[Path, tuple[IO[str], CastWriter]] = {}
        self._videos: dict[Path, Mp4Writer] = {}
        self._gifs: dict[Path, list[tuple[str, GifMaker]]] = {path: [] for path in paths if path.suffix == ".gif"}
        self._painters: dict[CellSize, Painter] = {}
        self._chapters: list[_Chapter] = []
        self._last: Picture | None = None
        self._poster: Picture | None = None
        self._is_poster_chosen = False
        self._on_leaving = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for path, part in self._parts.items():
            self._on_leaving.callback(part.unlink, missing_ok=True)
            if path.suffix == ".cast":
                with self._told(path):
                    # Half of a surrogate pair, which the title of a stranger's chapter may hold, becomes a question mark.
                    file = part.open("w", encoding="utf-8", errors="replace")
                    self._on_leaving.callback(_close, file)
                    self._casts[path] = file, CastWriter(file, self._header, version=self._look.cast_version)
        return self

    def __exit__(self, *_: object) -> None:
        self._on_leaving.close()

    @contextlib.contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._on_leaving.close()
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error

    # --- Pictures

    def add(self, picture: Picture) -> None:
        """What is seen from a time on. LocalFault."""
        last, self._last = self._last, picture
        if last is not None:
            self._film(last, picture.at_ms)
        if picture.chapter is not None:
            self._begin_chapter(picture.chapter, picture.at_ms)
        for path, (_, cast) in self._casts.items():
            with self._told(path):
                cast.frame(picture.at_ms, picture.frame)
        if self._chapters and (self._chapters[-1].picture is None or picture.at_ms - self._chapters[-1].begin_ms <= CHAPTER_PICTURE_MS):
            self._chapters[-1].picture = picture
        if not self._chapters and not self._is_poster_chosen and (self._poster is None or _fullness(picture) > _fullness(self._poster)):
            self._poster = picture

    def take_poster(self) -> None:
        """The picture that was added last is the poster; where nobody chooses one, the first chapter's picture, or the one with most on it."""
        self._poster, self._is_poster_chosen = self._last, True

    def _begin_chapter(self, title: str, at_ms: int) -> None:
        if len(self._chapters) >= CHAPTERS_MOST:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"more than {CHAPTERS_MOST} chapters: each would be a picture and a film of its own")
        self._chapters.append(_Chapter(title, len(self._chapters) + 1, at_ms))
        for path, (_, cast) in self._casts.items():
            with self._told(path):
                cast.marker(at_ms, title)
        for makers in self._gifs.values():
            if len(makers) == 1 and at_ms < LEAD_MS and len(self._chapters) == 1:
                # A moment before the first chapter is its beginning, and no film of its own.
                makers[0] = title, makers[0][1]
                continue
            if makers:
                makers[-1][1].end(at_ms)
            makers.append((title, self._gif_maker()))

    def _film(self, picture: Picture, until_ms: int) -> None:
        times = (until_ms - picture.at_ms) // PICTURE_MS
        for path, part in self._parts.items():
            if path.suffix == ".mp4":
                if path not in self._videos:
                    from mesh_app.recording.video import Mp4Writer

                    self._videos[path] = Mp4Writer(part, self._large_painter(picture.frame), picture.frame)
                    self._on_leaving.callback(self._videos[path].abandon)
                self._videos[path].add(picture.frame, times)
        for makers in self._gifs.values():
            if not makers:
                makers.append(("", self._gif_maker()))
            makers[-1][1].add(picture.at_ms, picture.frame)

    # --- The end

    def finish(self, end_ms: int, about: dict[str, Any], progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
        """Finish every file and put it in its place; returns the manifest, which lies beside the first file. LocalFault."""
        if self._last is None:
            raise LocalFault(ErrorCode.CONFIG_INVALID, "there is nothing to record")
        end_ms = max(end_ms, self._last.at_ms + PICTURE_MS)
        self._film(self._last, end_ms)
        for path, (file, cast) in self._casts.items():
            with self._told(path):
                cast.end(end_ms)
                file.close()
        for path, video in self._videos.items():
            progress(f"finishing {path.name}")
            video.finish(self._film_chapters(end_ms))
        for path, data in self._whole_files(end_ms, progress):
            self._write(path, data)
        files = {}
        for path, part in sorted(self._parts.items()):
            with self._told(path):
                files[path.name] = fingerprint(part)
        chapters = [{"title": one.title, "at_ms": one.begin_ms} for one in self._chapters]
        manifest = {"recording": 1, **about, "chapters": chapters, "length_ms": end_ms, "files": files}
        self._write(next(iter(self._parts)).with_suffix(".manifest.json"), (json.dumps(manifest, indent=2) + "\n").encode())
        for path, part in self._parts.items():
            with self._told(path):
                part.replace(path)
        return manifest

    def _film_chapters(self, end_ms: int) -> "list[FilmChapter]":
        """The chapters, from the film's beginning on: players count from there whatever the file says."""
        from mesh_app.recording.video import FilmChapter

        begins = [(one.title, one.begin_ms) for one in self._chapters]
        if begins and begins[0][1] < LEAD_MS:
            begins[0] = begins[0][0], 0
        elif begins:
            begins.insert(0, (self._header.title or BEGINNING, 0))
        ends_ms = [*(begin_ms for _, begin_ms in begins[1:]), end_ms]
        return [FilmChapter(title, begin_ms, until_ms) for (title, begin_ms), until_ms in zip(begins, ends_ms[: len(begins)], strict=True)]

    def _write(self, path: Path, data: bytes) -> None:
        part = self._parts.setdefault(path, _part(path))
        self._on_leaving.callback(part.unlink, missing_ok=True)
        with self._told(path):
            part.write_bytes(data)

    def _whole_files(self, end_ms: int, progress: Callable[[str], None]) -> Iterator[tuple[Path, bytes]]:
        """Files that are made in one piece: GIFs, posters, pictures of the chapters."""
        for path in [*self._parts]:
            progress(f"painting {path.name}")
            match path.suffix:
                case ".gif":
                    yield from self._gif_files(path, end_ms, progress)
                case ".png":
                    from mesh_app.recording.video import png_of

                    poster = self._poster_picture().frame
                    yield path, png_of(self._large_painter(poster), poster)
                case ".svg":
                    yield path, _svg(self._poster_picture().frame, self._header.title)
                    for one in self._chapters:
                        if one.picture is not None:
                            yield _numbered(path, one.number, one.title), _svg(one.picture.frame, one.title)
                case _:
                    pass

    def _gif_files(self, path: Path, end_ms: int, progress: Callable[[str], None]) -> Iterator[tuple[Path, bytes]]:
        """One a chapter; the name that was asked for holds the chapter that shows most."""
        full = [(title, maker) for title, maker in self._gifs[path] if not maker.is_empty]
        full[-1][1].end(end_ms)
        largest = b""
        for number, (title, maker) in enumerate(full, 1):
            name = _numbered(path, number, title)
            progress(f"painting {name.name}")
            data = maker.make()
            largest = max(largest, data, key=len)
            if len(full) > 1:
                yield name, data
        yield path, largest

    def _poster_picture(self) -> Picture:
        of_chapters = next((one.picture for one in self._chapters if one.picture is not None), None)
        poster = self._poster if self._is_poster_chosen else of_chapters or self._poster
        assert poster is not None
        return poster

    def _large_painter(self, frame: Frame) -> "Painter":
        from mesh_app.recording.painter import cell_for

        return self._painter(cell_for(frame.width, frame.height))

    def _painter(self, cell: "CellSize") -> "Painter":
        if cell not in self._painters:
            from mesh_app.recording.painter import Painter

            self._painters[cell] = Painter(cell, self._look.font)
        return self._painters[cell]

    def _gif_maker(self) -> "GifMaker":
        from mesh_app.recording.painter import SMALL
        from mesh_app.recording.video import GifMaker

        return GifMaker(self._painter(SMALL))


def _fullness(picture: Picture) -> int:
    return sum(len(run.text) - run.text.count(" ") for row in picture.frame.rows for run in row)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")


def _close(file: IO[str]) -> None:
    # What a full disk did not take was told when it was written; closing would tell it again.
    with contextlib.suppress(OSError):
        file.close()


def _svg(frame: Frame, title: str) -> bytes:
    return svg_of(frame, title).encode("utf-8", "replace")


def _numbered(path: Path, number: int, title: str) -> Path:
    words = _UNFIT.sub("-", title.lower()).strip("-")[:40]
    return path.with_name(f"{path.stem}-{number:02}-{words}{path.suffix}" if words else f"{path.stem}-{number:02}{path.suffix}")


def fingerprint(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file, as a manifest tells them. OSError."""
    with open_plain_file(path) as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
