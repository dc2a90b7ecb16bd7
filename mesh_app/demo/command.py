"""The part of `mesh-app` that shows and records demonstrations: which options go together, and what they do."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_app.exit_status import ExitStatus
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.named_path import named_path

if TYPE_CHECKING:
    from mesh_app.demo.showing import Progress, Style

CAST = ".cast"
SIZE_LEAST, SIZE_MOST = (60, 18), (240, 80)
RECORDING_OPTIONS = ("live", "replay", "render", "record", "events", "speed", "size", "font", "v3")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options for recordings. The parser has `--demo`, `--theme` and `--seed` already."""
    group = parser.add_argument_group("recording")
    group.add_argument(
        "--record",
        action="append",
        type=named_path,
        metavar="FILE",
        help="record into .cast, .mp4, .gif, .png (a poster) or .svg (a picture a chapter); several times for several files. "
        "With --demo the demonstration; alone what you do (.cast), ctrl+r ends it",
    )
    group.add_argument("--live", action="store_true", help="with --demo: real validators, real time (what happens without --replay)")
    group.add_argument("--replay", type=named_path, metavar="FILE", help="the same screens from the events of an earlier run (events.jsonl)")
    group.add_argument("--events", type=named_path, metavar="FILE", help="with --demo: where its events are kept (default: beside the first recording)")
    group.add_argument("--render", type=named_path, metavar="FILE.cast", help="films and pictures of an earlier recording, with --record")
    group.add_argument("--speed", type=_speed, metavar="X", help="so many times faster; figures stay as they were measured")
    group.add_argument("--size", type=_size, metavar="WxH", help="cells of the recorded terminal (default 120x36, which is 1920 by 1080 pixels)")
    group.add_argument("--font", type=named_path, metavar="FILE.ttf", help="another monospaced font than DejaVu Sans Mono")
    group.add_argument("--v3", action="store_true", help="asciicast version 3 instead of 2")


def problem_with(options: argparse.Namespace) -> str | None:
    """Why these options do not go together, in words."""
    given = [f"--{name}" for name in RECORDING_OPTIONS if getattr(options, name) not in (None, False)]
    sources = [name for name in ("replay", "render") if getattr(options, name) is not None]
    if len(sources) > 1 or (options.live and sources):
        return "--live, --replay and --render are three ways: choose one"
    if options.render is not None and (options.demo is not None or options.record is None):
        return "--render FILE.cast goes with --record, and without --demo"
    if options.live and options.demo is None:
        return "--live goes with --demo"
    if options.events is not None and (options.demo is None or options.replay is not None):
        return "--events goes with --demo, and without --replay"
    if options.headless and given:
        return f"--headless plays without a screen: {given[0]} does not go with it"
    if options.demo is None and not sources and given and given != ["--record"]:
        return f"{next(name for name in given if name != '--record')} goes with --demo, --replay or --render"
    return None


def run(options: argparse.Namespace) -> int:
    """Show, record or render; returns the exit status."""
    from mesh_app.demo.showing import Progress, Style

    style = Style(
        size=options.size or Style().size,
        theme=options.theme or Style().theme,
        font=options.font,
        cast_version=3 if options.v3 else 2,
        speed=options.speed or 1.0,
    )
    progress = Progress()
    try:
        with _ended_as_by_keyboard():
            return asyncio.run(_run(options, style, progress)) if options.render is None else _render(options, style, progress)
    except LocalFault as fault:
        progress.clear()
        sys.stderr.write(f"mesh-app: {fault}\n")
        return ExitStatus.FAILED
    except BrokenPipeError:
        # Whoever read has gone. Python flushes once more at the end and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        progress.clear()
        sys.stderr.write("mesh-app: stopped; no recording was written\n")
        return ExitStatus.FAILED


def _interrupt(*_: object) -> None:
    # Not SIGINT itself: a shell that starts this in the background has it ignored.
    raise KeyboardInterrupt


@contextlib.contextmanager
def _ended_as_by_keyboard() -> Iterator[None]:
    """A polite kill and a closed terminal are Ctrl-C: whatever is under way is unwound, and no half file and no ffmpeg is left."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _run(options: argparse.Namespace, style: "Style", progress: "Progress") -> int:
    from mesh_app.demo.scenario import load_scenario, shipped_scenarios
    from mesh_app.demo.showing import play_live, read_journal, record_journal, watch_journal
    from mesh_app.recording.outputs import check_outputs

    paths: list[Path] = options.record or []
    check_outputs(paths)
    if options.replay is not None:
        if not paths:
            return await watch_journal(read_journal(options.replay), style)
        return _told(await record_journal(options.replay, paths, style, progress), progress)
    if options.demo == "list":
        for name in shipped_scenarios():
            sys.stdout.write(f"{name:<16} {load_scenario(name).about}\n")
        return ExitStatus.GOOD
    scenario = load_scenario(options.demo)
    events = options.events or (paths[0].with_suffix(".events.jsonl") if paths else None)
    if events is not None:
        check_events(events, paths)
    await play_live(scenario, journal=events, style=style, headless=bool(paths), seed=options.seed, progress=progress)
    if events is None or not paths:
        return ExitStatus.GOOD
    # From here on the run is whole, and whatever goes wrong with its recording can be made good.
    try:
        return _told(await record_journal(events, paths, style, progress, recorded="live"), progress)
    finally:
        progress.clear()
        sys.stderr.write(f"the events of this run: {events} (again: mesh-app --replay {events} --record FILE)\n")


def check_events(events: Path, paths: Sequence[Path]) -> None:
    """LocalFault where the events of a run cannot be kept in this file: said before the run, not after it."""
    if not events.absolute().parent.is_dir() or events.is_dir():
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{events} can be no file: its folder is missing, or it is a folder itself")
    if events.resolve() in {path.resolve() for path in paths}:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{events} cannot hold the events and a recording")


@contextlib.contextmanager
def session(options: argparse.Namespace) -> Iterator[Path | None]:
    """Where the workstation records to while a person works on it, if `--record` was typed; films are made of it afterwards. LocalFault.

    What a person did cannot be done again: the cast stays, whatever becomes of the films.
    """
    if not options.record:
        yield None
        return
    from mesh_app.demo.showing import Progress, Style, record_cast
    from mesh_app.recording.outputs import check_outputs

    paths: list[Path] = options.record
    check_outputs(paths)
    asked = next((path for path in paths if path.suffix == CAST), None)
    cast = asked or paths[0].with_suffix(CAST)
    if asked is None and cast.exists():
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"the session is recorded into {cast}, and films are made of that; it exists already: move it away")
    yield cast
    films = [path for path in paths if path != asked]
    if films and cast.exists():
        progress = Progress()
        try:
            _told(record_cast(cast, films, Style(), progress), progress)
        except KeyboardInterrupt:
            progress.clear()
            raise LocalFault(ErrorCode.INTERNAL, f"stopped; the session is in {cast} (mesh-app --render {cast} --record FILE)") from None


def _render(options: argparse.Namespace, style: "Style", progress: "Progress") -> int:
    from mesh_app.demo.showing import record_cast

    return _told(record_cast(options.render, options.record, style, progress), progress)


def _told(manifest: dict[str, object], progress: "Progress") -> int:
    progress.clear()
    files = manifest["files"]
    assert isinstance(files, dict)
    for name, told in files.items():
        sys.stdout.write(f"{name}  {told['bytes']:,} bytes\n")
    return ExitStatus.GOOD


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.25 <= speed <= 20:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 0.25 to 20")
    return speed


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if width.isdecimal() and height.isdecimal() and len(text) <= 9:
        size = int(width), int(height)
        if all(least <= side <= most for least, side, most in zip(SIZE_LEAST, size, SIZE_MOST, strict=True)):
            return size
    least, most = (f"{one[0]}x{one[1]}" for one in (SIZE_LEAST, SIZE_MOST))
    raise argparse.ArgumentTypeError(f"{text[:20]!r} is no size from {least} to {most}, for example 120x36")
