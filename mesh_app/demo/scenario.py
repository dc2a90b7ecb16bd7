"""A demonstration as data: chapters of steps in a TOML file, what each says, presses and waits for (docs/demo.md, "Your own scenario").

title = "Alice pays Bob"

[[chapter]]
title = "A payment"

[[chapter.step]]
at = 2.0                        # not before so many seconds of the chapter
caption = "Alice pays Bob 500."
action = "everywhere.pay"       # an action of the registry, by its key; or keys = ["tab", "enter"], or type = "500"
until = "payments 1"            # a condition (mesh_app/demo/conditions.py), within = 20 seconds
hold = 3.0                      # and then so many seconds more
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mesh_app.actions import ACTIONS
from mesh_app.demo.conditions import Condition, parse_condition
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from testnet.journal import is_key

FOLDER: Final = Path(__file__).with_name("scenarios")
ENDING: Final = ".toml"
WITHIN_S: Final = 30.0
SECONDS_MOST: Final = 600.0
TEXT_MOST: Final = 400
STEPS_MOST: Final = 500
FILE_BYTES_MOST: Final = 256 * 1024

_STEP_KEYS: Final = frozenset({"at", "caption", "action", "keys", "type", "until", "within", "hold", "poster"})
_KEY_WORDS: Final = {action.id: action.keys.split(",")[0] for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class ScenarioStep:
    """One step. `keys` are pressed one after the other. `condition` is awaited for at most `within_s`, `condition_words` are its words."""

    at_s: float = 0.0
    caption: str | None = None
    keys: tuple[str, ...] = ()
    is_typed: bool = False
    condition: Condition | None = None
    condition_words: str = ""
    within_s: float = WITHIN_S
    hold_s: float = 0.0
    is_poster: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """Steps under a title."""

    title: str
    steps: tuple[ScenarioStep, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole demonstration. `about` is a line for lists."""

    name: str
    title: str
    about: str
    chapters: tuple[Chapter, ...]


def shipped_scenarios() -> dict[str, Path]:
    """The scenarios that come with the program, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob(f"*{ENDING}"))}


def load_scenario(name: str) -> Scenario:
    """A shipped scenario by its name, or one in a file by its path. LocalFault (CONFIG_INVALID) with the line and the reason."""
    path = shipped_scenarios().get(name) or Path(name)
    if path.suffix != ENDING or not path.is_file():
        known = ", ".join(shipped_scenarios())
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no demonstration {name}; there are {known}, or the path of your own {ENDING} file")
    try:
        text = read_plain_file(path, FILE_BYTES_MOST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} cannot be read: {error}") from error
    return parse_scenario(text, path)


def parse_scenario(text: str, path: Path) -> Scenario:
    """The scenario in a text. LocalFault."""
    if len(text) > FILE_BYTES_MOST:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is longer than {FILE_BYTES_MOST} bytes")
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path}: {error}") from error
    return _Reader(text, path).scenario(told)


class _Reader:
    """Knows where each chapter and step begins in the text, so that a fault names its line."""

    def __init__(self, text: str, path: Path) -> None:
        self._path = path
        self._chapter_lines, self._step_lines = [], []
        for number, line in enumerate(text.splitlines(), 1):
            match line.partition("#")[0].replace(" ", ""):
                case "[[chapter]]":
                    self._chapter_lines.append(number)
                case "[[chapter.step]]":
                    self._step_lines.append(number)
                case _:
                    pass
        self._steps_read = 0

    def scenario(self, told: Mapping[str, Any]) -> Scenario:
        self._known(told, {"title", "about", "chapter"}, 1)
        title, about = self._text(told, "title", 1), self._text(told, "about", 1, default="")
        chapters = told.get("chapter")
        if not isinstance(chapters, list) or not chapters or not all(isinstance(chapter, dict) for chapter in chapters):
            raise self._fault(1, "at least one [[chapter]] is needed")
        return Scenario(self._path.stem, title, about, tuple(self._chapter(chapter, number) for number, chapter in enumerate(chapters)))

    def _chapter(self, told: Mapping[str, Any], number: int) -> Chapter:
        line = self._chapter_lines[number] if number < len(self._chapter_lines) else 1
        self._known(told, {"title", "step"}, line)
        steps = told.get("step")
        if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
            raise self._fault(line, "a chapter needs at least one [[chapter.step]]")
        return Chapter(self._text(told, "title", line), tuple(self._step(step) for step in steps))

    def _step(self, told: Mapping[str, Any]) -> ScenarioStep:
        line = self._step_lines[self._steps_read] if self._steps_read < len(self._step_lines) else 1
        self._steps_read += 1
        if self._steps_read > STEPS_MOST:
            raise self._fault(line, f"more than {STEPS_MOST} steps")
        self._known(told, _STEP_KEYS, line)
        condition, words = None, ""
        if "until" in told:
            words = self._text(told, "until", line)
            try:
                condition = parse_condition(words)
            except ValueError as error:
                raise self._fault(line, f"until: {error}") from error
        elif "within" in told:
            raise self._fault(line, "within goes with until")
        poster = told.get("poster", False)
        if not isinstance(poster, bool):
            raise self._fault(line, "poster is true or false")
        return ScenarioStep(
            at_s=self._seconds(told, "at", line, 0.0),
            caption=self._text(told, "caption", line) if "caption" in told else None,
            keys=self._keys(told, line),
            is_typed="type" in told,
            condition=condition,
            condition_words=words,
            within_s=self._seconds(told, "within", line, WITHIN_S),
            hold_s=self._seconds(told, "hold", line, 0.0),
            is_poster=poster,
        )

    def _keys(self, told: Mapping[str, Any], line: int) -> tuple[str, ...]:
        given = [name for name in ("action", "keys", "type") if name in told]
        if len(given) > 1:
            raise self._fault(line, f"{' and '.join(given)} are one step too many in one: write a step for each")
        if "action" in told:
            name = self._text(told, "action", line)
            if name not in _KEY_WORDS:
                raise self._fault(line, f"there is no action {name}; mesh-app's help lists them, and docs/workstation.md their names")
            return (_KEY_WORDS[name],)
        if "type" in told:
            text = self._text(told, "type", line)
            if not text.isprintable():
                raise self._fault(line, 'type is a text of one line; other keys are keys = ["tab", "enter"]')
            return tuple(text)
        keys = told.get("keys", [])
        if not isinstance(keys, list) or not all(isinstance(key, str) and is_key(key) for key in keys):
            raise self._fault(line, 'keys is a list of names, for example ["tab", "enter"]')
        return tuple(keys)

    def _seconds(self, told: Mapping[str, Any], name: str, line: int, default: float) -> float:
        value = told.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= SECONDS_MOST:
            raise self._fault(line, f"{name} is a number of seconds from 0 to {SECONDS_MOST:g}")
        return float(value)

    def _text(self, told: Mapping[str, Any], name: str, line: int, *, default: str | None = None) -> str:
        value = told.get(name, default)
        if not isinstance(value, str) or len(value) > TEXT_MOST or (not value and default is None):
            raise self._fault(line, f"{name} is a text of 1 to {TEXT_MOST} characters")
        return value

    def _known(self, told: Mapping[str, Any], names: set[str] | frozenset[str], line: int) -> None:
        unknown = sorted(set(told) - names)
        if unknown:
            raise self._fault(line, f"{unknown[0]} is unknown here; there are {', '.join(sorted(names))}")

    def _fault(self, line: int, text: str) -> LocalFault:
        return LocalFault(ErrorCode.CONFIG_INVALID, f"{self._path}, line {line}: {text}")
