"""Reads the configuration file. It is taken as a whole or not at all: half a configuration is one that nobody wrote."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from mesh_app.actions import ACTIONS
from mesh_app.settings.keys import find_clash, keys_problem, normalised
from mesh_app.settings.settings import LOG_LEVELS, THEMES, LogLevel, Settings, ThemeName
from mesh_core.network.plain_file import read_plain_file

MAX_BYTES: Final = 100_000
_TABLE_LINE: Final = re.compile(r"^\s*\[\s*([A-Za-z0-9_\-]+)\s*\]")
_KEY_LINE: Final = re.compile(r"""^\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_\-.]+))\s*=""")
_AT_LINE: Final = re.compile(r"^(.*) \(at line (\d+), column \d+\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ConfigProblem(Exception):
    """What is wrong with the file, and in which line. 0 where it is the file as a whole."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigRead:
    """What came of reading. With a `problem`, one line that names the file, `settings` are the defaults."""

    settings: Settings
    problem: str = ""


def read_settings(path: Path) -> ConfigRead:
    """The settings of a file. No file means the defaults; a file with anything wrong in it means the defaults, and the reason."""
    try:
        text = read_plain_file(path, MAX_BYTES).decode()
    except FileNotFoundError:
        return ConfigRead(Settings())
    except (OSError, UnicodeDecodeError, ConfigProblem) as error:
        return ConfigRead(Settings(), f"{path}: {_words(error)}; the defaults are in use")
    try:
        return ConfigRead(parse_settings(text))
    except ConfigProblem as problem:
        where = f"{path}, line {problem.line}" if problem.line else str(path)
        return ConfigRead(Settings(), f"{where}: {problem.reason}; the defaults are in use")


def parse_settings(text: str) -> Settings:
    """The settings in a configuration's text. ConfigProblem."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.match(str(error))
        reason = match.group(1) if match else str(error).removesuffix(" (at end of document)")
        raise ConfigProblem(int(match.group(2)) if match else len(text.splitlines()), reason.lower()) from error
    lines = _lines_by_name(text)
    known = {"log_level", "look", "keys"}
    for name in found:
        _require(name in known, lines, ("", name), f"nothing is called {name[:40]!r} here; known are {', '.join(sorted(known))}")
    look = _table(found, "look", lines)
    for name in look:
        _require(name in {"theme", "slow", "mouse", "animations"}, lines, ("look", name), f"nothing is called {name[:40]!r} in [look]")
    theme = _one_of(look, "look", "theme", THEMES, lines)
    level = _one_of(found, "", "log_level", LOG_LEVELS, lines)
    return Settings(
        theme=cast(ThemeName, theme) if theme is not None else None,
        slow=_flag(look, "slow", lines, default=False),
        mouse=_flag(look, "mouse", lines, default=True),
        animations=_flag(look, "animations", lines, default=True),
        log_level=cast(LogLevel, level) if level is not None else Settings().log_level,
        keys=_keys(_table(found, "keys", lines), lines),
    )


_Lines = Mapping[tuple[str, str], int]


def _keys(table: Mapping[str, Any], lines: _Lines) -> dict[str, str]:
    known = {action.id: action.scope for action in ACTIONS}
    chosen: dict[str, str] = {}
    for name, keys in _flattened(table):
        at = ("keys", name)
        _require(name in known, lines, at, f"no action is called {name[:60]!r}; mesh-app --print-config lists them all")
        _require(isinstance(keys, str), lines, at, f'{name} wants its keys as text, such as "k,ctrl+k"')
        problem = keys_problem(keys, known[name])
        _require(not problem, lines, at, f"{name}: {problem}")
        chosen[name] = normalised(keys)
    clash = find_clash(chosen)
    if clash is not None:
        _require(False, lines, ("keys", clash[0]), f"{clash[0]}: {clash[1]}")
    return chosen


def _flattened(table: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """`scope.name = ...` without quotes is a table in a table to TOML."""
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        found += _flattened(value, f"{before}{name}.") if isinstance(value, dict) else [(f"{before}{name}", value)]
    return found


def _table(found: Mapping[str, Any], name: str, lines: _Lines) -> Mapping[str, Any]:
    table = found.get(name, {})
    _require(isinstance(table, dict), lines, ("", name), f"{name} is a table: [{name}]")
    return cast(Mapping[str, Any], table)


def _flag(table: Mapping[str, Any], name: str, lines: _Lines, *, default: bool) -> bool:
    value = table.get(name, default)
    _require(isinstance(value, bool), lines, ("look", name), f"{name} is true or false")
    return bool(value)


def _one_of(table: Mapping[str, Any], where: str, name: str, known: tuple[str, ...], lines: _Lines) -> str | None:
    value = table.get(name)
    _require(value is None or value in known, lines, (where, name), f"{name} is one of {', '.join(known)}")
    return cast(str | None, value)


def _require(holds: bool, lines: _Lines, at: tuple[str, str], reason: str) -> None:
    if not holds:
        raise ConfigProblem(lines.get(at, lines.get(("", at[0]), 0)), reason)


def _lines_by_name(text: str) -> dict[tuple[str, str], int]:
    """(table, name) to line number, for those who must find it. The tables themselves stand under ("", name)."""
    lines: dict[tuple[str, str], int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE_LINE.match(line):
            table = header.group(1)
            lines.setdefault(("", table), number)
        elif key := _KEY_LINE.match(line):
            lines.setdefault((table, next(group for group in key.groups() if group is not None)), number)
    return lines


def _words(error: Exception) -> str:
    match error:
        case ConfigProblem():
            return error.reason
        case OSError():
            return error.strerror or str(error)
        case _:
            return "not UTF-8"
