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
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self

from mesh_app.recording.cast import CastHeader, CastWriter
from mesh_app.recording.extras import require_extra
from mesh_app.recording.pictures import PICTURE_MS, Picture
from mesh_app.recording.svg import svg_of
from mesh_core.errors import ErrorCode, LocalFault

if TYPE_CHECKING:
    from mesh_app.recording.painter import Painter
    from mesh_app.recording.video import GifMaker, Mp4Writer

ENDINGS: Final = (".cast", ".mp4", ".gif", ".png", ".svg")
NEEDS_EXTRA: Final = (".mp4", ".gif", ".png")
CHAPTER_PICTURE_MS: Final = 3_000
"""A chapter's picture shows it so long after its beginning: by then something has happened."""

_UNFIT: Final = re.compile(r"[^a-z0-9]+")


def check_outputs(paths: Sequence[Path]) -> None:
    """LocalFault (CONFIG_INVALID) where an ending is unknown, a folder is missing, a file is named twice, or a package is missing."""
    for path in paths:
        if path.suffix not in ENDINGS:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path.name}: a recording ends with {', '.join(ENDINGS)}")
        if not path.absolute().parent.is_dir():
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no folder {path.absolute().parent}")
        if path.is_dir():
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is a folder")
    if len({path.absolute() for path in paths}) != len(paths):
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
    """A context manager: `add` each picture in order, `finish` at the end. Left without `finish`, no file remains."""

    def __init__(self, paths: Sequence[Path], header: CastHeader, look: Look | None = None) -> None:
        """Call `check_outputs` before. LocalFault where a file cannot be written."""
        self._header = header
        self._look = look or Look()
        self._paths = {path: path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}") for path in paths}
        self._files: dict[Path, IO[str]] = {}
        self._casts: list[CastWriter] = []
        self._videos: dict[Path, Mp4Writer] = {}
        self._gifs: dict[Path, list[tuple[str, GifMaker]]] = {path: [] for path in paths if path.suffix == ".gif"}
        self._painters: dict[bool, Painter] = {}
        self._chapters: list[_Chapter] = []
        self._last: Picture | None = None
        self._poster: Picture | None = None
        for path in paths:
            if path.suffix == ".cast":
                with _told(path):
                    self._files[path] = self._paths[path].open("w", encoding="utf-8")
                self._casts.append(CastWriter(self._files[path], header, version=self._look.cast_version))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()
        for video in self._videos.values():
            with contextlib.suppress(LocalFault):
                video.close()
        for part in self._paths.values():
            part.unlink(missing_ok=True)

    # --- Pictures

    def add(self, picture: Picture) -> None:
        """What is seen from a time on. LocalFault."""
        last, self._last = self._last, picture
        if last is not None:
            self._film(last, picture.at_ms)
        if picture.chapter is not None:
            self._begin_chapter(picture.chapter, picture.at_ms)
        for cast in self._casts:
            cast.frame(picture.at_ms, picture.frame)
        if self._chapters and (self._chapters[-1].picture is None or picture.at_ms - self._chapters[-1].begin_ms <= CHAPTER_PICTURE_MS):
            self._chapters[-1].picture = picture
        if not self._chapters and self._poster is None:
            self._poster = picture

    def take_poster(self) -> None:
        """The picture that was added last is the poster."""
        self._poster = self._last

    def _begin_chapter(self, title: str, at_ms: int) -> None:
        self._chapters.append(_Chapter(title, len(self._chapters) + 1, at_ms))
        for cast in self._casts:
            cast.marker(at_ms, title)
        for makers in self._gifs.values():
            if makers:
                makers[-1][1].end(at_ms)
            makers.append((title, self._gif_maker()))

    def _film(self, picture: Picture, until_ms: int) -> None:
        times = (until_ms - picture.at_ms) // PICTURE_MS
        for path, part in self._paths.items():
            if path.suffix == ".mp4":
                if path not in self._videos:
                    from mesh_app.recording.video import Mp4Writer

                    self._videos[path] = Mp4Writer(part, self._painter(is_large=True), picture.frame)
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
        self._film(self._last, max(end_ms, self._last.at_ms + PICTURE_MS))
        for cast in self._casts:
            cast.end(end_ms)
        for path, file in self._files.items():
            with _told(path):
                file.close()
        for path, video in self._videos.items():
            progress(f"finishing {path.name}")
            video.close()
        self._videos.clear()
        made = self._whole_files(end_ms, progress)
        for path, data in made.items():
            with _told(path):
                part = self._paths.setdefault(path, path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}"))
                part.write_bytes(data)
        manifest = {"recording": 1, **about, "chapters": [{"title": one.title, "at_ms": one.begin_ms} for one in self._chapters], "length_ms": end_ms}
        manifest["files"] = {path.name: _fingerprint(part) for path, part in sorted(self._paths.items())}
        for path, part in self._paths.items():
            with _told(path):
                part.replace(path)
        first = next(iter(self._paths))
        with _told(first):
            first.with_suffix(".manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        return manifest

    def _whole_files(self, end_ms: int, progress: Callable[[str], None]) -> dict[Path, bytes]:
        """Files that are made in one piece: GIFs, posters, pictures of the chapters."""
        made: dict[Path, bytes] = {}
        for path, makers in self._gifs.items():
            full = [(title, maker) for title, maker in makers if not maker.is_empty]
            full[-1][1].end(end_ms)
            for number, (title, maker) in enumerate(full, 1):
                name = path if len(full) == 1 else _numbered(path, number, title)
                progress(f"making {name.name}")
                made[name] = maker.make()
            if len(full) > 1:
                # The name that was asked for holds the chapter that shows most.
                longest = max(range(len(full)), key=lambda index: len(made[_numbered(path, index + 1, full[index][0])]))
                made[path] = made[_numbered(path, longest + 1, full[longest][0])]
        poster = self._poster or next((one.picture for one in self._chapters if one.picture is not None), self._last)
        assert poster is not None
        for path in [*self._paths]:
            if path.suffix == ".png":
                from mesh_app.recording.video import png_of

                progress(f"painting {path.name}")
                made[path] = png_of(self._painter(is_large=True), poster.frame)
            elif path.suffix == ".svg":
                made[path] = svg_of(poster.frame, self._header.title).encode()
                for one in self._chapters:
                    if one.picture is not None:
                        made[_numbered(path, one.number, one.title)] = svg_of(one.picture.frame, one.title).encode()
        return made

    def _painter(self, *, is_large: bool) -> "Painter":
        if is_large not in self._painters:
            from mesh_app.recording.painter import LARGE, SMALL, Painter

            self._painters[is_large] = Painter(LARGE if is_large else SMALL, self._look.font)
        return self._painters[is_large]

    def _gif_maker(self) -> "GifMaker":
        from mesh_app.recording.video import GifMaker

        return GifMaker(self._painter(is_large=False))


def _numbered(path: Path, number: int, title: str) -> Path:
    words = _UNFIT.sub("-", title.lower()).strip("-")[:40]
    return path.with_name(f"{path.stem}-{number:02}-{words}{path.suffix}" if words else f"{path.stem}-{number:02}{path.suffix}")


def _fingerprint(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error
