"""Where validators and wallets are, and how long the ways between them are: profiles of networks, as TOML in `testnet/profiles` or in a file of one's own.

text = "four cities of Australia, the wallet in Sydney"
source = "a model, and not measured: …"             # where the figures come from; shown with every result

[validators]
cities = ["Sydney", "Melbourne"]                     # the first validator is in the first; where they are more, they take the cities in turn
same_city_round_trip_ms = 1

[wallet]
city = "Sydney"

[wallet.line]                                        # may be left out: the wallet's own line, on top of those between cities
delay_ms = 75                                        # in each direction, as everything of a line

[line]                                               # may be left out: of every line; the keys of `conditions.py`, but no delay
jitter_ms = 1
loss = 0.001

[round_trips_ms]                                     # every pair once, in whichever order
"Sydney - Melbourne" = 12
"""

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.storage.files import write_atomically
from mesh_core.types.visible_text import visible_text
from testnet.conditions import GOOD, MAX_DELAY_MS, Conditions, read_conditions
from testnet.lines import WALLETS, Line

FOLDER: Final = Path(__file__).with_name("profiles")
MAX_BYTES: Final = 100_000
MAX_LINE_CHARACTERS: Final = 4_096
"""The parser takes the square of a long key's time: one line of the whole file would hold it up for minutes."""
MAX_CITIES: Final = 64
MAX_CITY_CHARACTERS: Final = 40
MAX_TEXT_CHARACTERS: Final = 400
SEPARATOR: Final = " - "

_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TABLE_LINE: Final = re.compile(r"^\s*\[\s*([A-Za-z0-9_.\-]+)\s*\]")
_KEY_LINE: Final = re.compile(r"""^\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_\-.]+))\s*=""")
_AT_LINE: Final = re.compile(r"^(.*) \(at line (\d+), column \d+\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Profile:
    """A network's geography. Round trips are in ms between cities, both ways together; `line` and `wallet_line` hold in each direction."""

    name: str
    text: str
    source: str
    cities: tuple[str, ...]
    wallet_city: str
    same_city_ms: float
    round_trips_ms: Mapping[frozenset[str], float]
    line: Conditions = GOOD
    wallet_line: Conditions = GOOD
    document: str = field(default="", repr=False, compare=False)
    """The text that it was read from."""

    def city(self, end: int) -> str:
        """Where an end of a line is: the validator with this index, or WALLETS."""
        return self.wallet_city if end == WALLETS else self.cities[end % len(self.cities)]

    def round_trip_ms(self, one: int, other: int) -> float:
        """The shortest that a round trip between two ends can take: without jitter, and as if nothing were lost."""
        cities = frozenset((self.city(one), self.city(other)))
        between = self.same_city_ms if len(cities) == 1 else self.round_trips_ms[cities]
        return between + (2 * self.wallet_line.delay_ms if WALLETS in (one, other) else 0.0)

    def floor_ms(self, validators_count: int, quorum: int) -> float:
        """What no payment can beat, since the wallet needs a quorum's votes: the round trip to the validator that is the quorum's farthest."""
        return sorted(self.round_trip_ms(WALLETS, index) for index in range(validators_count))[quorum - 1]

    def conditions(self, line: Line) -> Conditions:
        """How a line between two validators, or between the wallets and one, is. Half of its round trip in each direction."""
        own = self.wallet_line if line.low == WALLETS else GOOD
        widths = [width for width in (self.line.bandwidth_kbit_s, own.bandwidth_kbit_s) if width]
        return Conditions(
            delay_ms=self.round_trip_ms(line.low, line.high) / 2,
            jitter_ms=self.line.jitter_ms + own.jitter_ms,
            loss=_either(self.line.loss, own.loss),
            reordering=_either(self.line.reordering, own.reordering),
            duplication=_either(self.line.duplication, own.duplication),
            bandwidth_kbit_s=min(widths, default=0.0),
        )

    def lines(self, validators_count: int) -> Iterator[tuple[Line, Conditions]]:
        """Every line of a network of so many validators, and how it is."""
        for low, high in itertools.combinations((WALLETS, *range(validators_count)), 2):
            line = Line(low, high)
            yield line, self.conditions(line)

    def with_loss(self, loss: float) -> "Profile":
        """The same with another share of lost datagrams between the cities."""
        return replace(self, line=replace(self.line, loss=loss))


def known_profiles() -> tuple[str, ...]:
    """The names of those that come with the program."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def is_profile_name(text: str) -> bool:
    """Whether it can only be the name of a profile that comes with the program, and no path."""
    return _NAME.fullmatch(text) is not None


def load_profile(name_or_path: str) -> Profile:
    """A profile by its name, or from a file. LocalFault (CONFIG_INVALID) names the file, the line and the reason."""
    if is_profile_name(name_or_path):
        if name_or_path not in known_profiles():
            raise _no(f"there is no profile {name_or_path[:40]!r}; there are {', '.join(known_profiles())}, and files of one's own (a path, as ./own.toml)")
        path = FOLDER / f"{name_or_path}.toml"
    else:
        path = Path(name_or_path)
    try:
        text = read_plain_file(path, MAX_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise _no(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from error
    return parse_profile(text, path.stem, str(path))


def profile_reference(name_or_path: str) -> str:
    """The same for a process that has another working directory. LocalFault (CONFIG_INVALID) where there is no such profile."""
    load_profile(name_or_path)
    return name_or_path if is_profile_name(name_or_path) else str(Path(name_or_path).resolve())


def keep_profile(file: Path, profile: Profile) -> None:
    """Put a profile into a network's home, for whenever it runs. LocalFault (STORE_UNAVAILABLE)."""
    try:
        write_atomically(file, profile.document.encode(), 0o644)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{file} cannot be written: {error.strerror or error}") from error


def kept_profile(file: Path) -> Profile | None:
    """The profile that was put into a network's home; None where none was. LocalFault (CONFIG_INVALID)."""
    return load_profile(str(file)) if file.exists() else None


def parse_profile(text: str, name: str, where: str) -> Profile:
    """A profile from its text. LocalFault (CONFIG_INVALID) with `where`, the line and the reason."""
    source = _Source(text, where)
    top = source.read()
    top.require_keys(("text", "source", "validators", "wallet"), ("line", "round_trips_ms"))
    validators, wallet = top.table("validators"), top.table("wallet")
    validators.require_keys(("cities", "same_city_round_trip_ms"))
    wallet.require_keys(("city",), ("line",))
    cities = _read_cities(validators)
    wallet_city = wallet.text("city", MAX_CITY_CHARACTERS)
    round_trips = top.table("round_trips_ms") if "round_trips_ms" in top.values else _Table(source, "round_trips_ms", {})
    profile = Profile(
        name=name,
        text=top.text("text", MAX_TEXT_CHARACTERS),
        source=top.text("source", MAX_TEXT_CHARACTERS),
        cities=cities,
        wallet_city=wallet_city,
        same_city_ms=validators.milliseconds("same_city_round_trip_ms"),
        round_trips_ms=_read_round_trips(round_trips, dict.fromkeys((*cities, wallet_city))),
        line=_read_line(top.table("line"), ("cut", "delay_ms")) if "line" in top.values else GOOD,
        wallet_line=_read_line(wallet.table("line"), ("cut",)) if "line" in wallet.values else GOOD,
        document=text,
    )
    _refuse_impossible(profile, top)
    return profile


def _refuse_impossible(profile: Profile, top: "_Table") -> None:
    """What the file says apart is in bounds each, and is added up on a line: it must be in bounds there, too, or the network would find out half way."""
    for line, conditions in profile.lines(len(profile.cities) + 1):
        try:
            read_conditions(conditions.form())
        except LocalFault as fault:
            ends = f"{profile.city(line.low)}{SEPARATOR}{profile.city(line.high)}"
            where = "wallet.line" if line.low == WALLETS else "round_trips_ms"
            raise top.source.fault(where, "", f"the line {ends}, all of it together: {fault.text}") from fault


class _Source:
    """A file's text: knows in which line a key stands, since whoever wrote it has to find it."""

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where
        self._lines: dict[tuple[str, str], int] = {}
        table = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _TABLE_LINE.match(line):
                table = header.group(1)
                self._lines.setdefault((table, ""), number)
            elif key := _KEY_LINE.match(line):
                self._lines.setdefault((table, next(group for group in key.groups() if group is not None)), number)

    def read(self) -> "_Table":
        long = next((number for number, line in enumerate(self._text.split("\n"), start=1) if len(line) > MAX_LINE_CHARACTERS), None)
        if long is not None:
            raise _no(f"{self._where}, line {long}: it has more than {MAX_LINE_CHARACTERS:,} characters")
        try:
            return _Table(self, "", tomllib.loads(self._text))
        except tomllib.TOMLDecodeError as error:
            match = _AT_LINE.match(str(error))
            line = int(match.group(2)) if match else len(self._text.splitlines())
            raise _no(f"{self._where}, line {line}: {(match.group(1) if match else str(error)).lower()}") from error
        except (ValueError, RecursionError) as error:
            # A number of thousands of digits, brackets in brackets in brackets.
            raise _no(f"{self._where}: it holds a number that is too long, or is nested too deeply") from error

    def fault(self, table: str, key: str, reason: str) -> LocalFault:
        line = self._lines.get((table, key)) or self._lines.get((table, "")) or self._lines.get((f"{table}.{key}".lstrip("."), ""))
        return _no(f"{self._where}{f', line {line}' if line else ''}: {reason}")


@dataclass(frozen=True, slots=True)
class _Table:
    source: _Source
    name: str
    values: Mapping[str, Any]

    def fault(self, key: str, reason: str) -> LocalFault:
        return self.source.fault(self.name, key, reason)

    def require_keys(self, needed: tuple[str, ...], possible: tuple[str, ...] = ()) -> None:
        """A misspelt key would otherwise be silently without effect."""
        for key in self.values:
            if key not in (*needed, *possible):
                raise self.fault(key, f"nothing is called {key[:40]!r} here; known are {', '.join((*needed, *possible))}")
        for key in needed:
            if key not in self.values:
                raise self.fault("", f"{key!r} is missing{f' in [{self.name}]' if self.name else ''}")

    def table(self, key: str) -> "_Table":
        values = self.values[key]
        if not isinstance(values, dict):
            raise self.fault(key, f"{key} is a table: [{key}]")
        return _Table(self.source, f"{self.name}.{key}".lstrip("."), values)

    def text(self, key: str, most: int) -> str:
        return self._checked_text(key, self.values[key], most)

    def _checked_text(self, key: str, value: object, most: int) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= most or visible_text(value) != value:
            raise self.fault(key, f"{key} is text of 1 to {most} characters that can be seen")
        return value

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        values = self.values[key]
        if not isinstance(values, list) or not values:
            raise self.fault(key, f"{key} is a list of texts, not an empty one")
        return tuple(self._checked_text(key, value, most) for value in values)

    def milliseconds(self, key: str) -> float:
        value = self.values[key]
        # A truth value is no number here, although Python thinks so; and nothing is 0 <= NaN.
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DELAY_MS:
            raise self.fault(key, f"{key}: a round trip is a number from 0 to {MAX_DELAY_MS} ms")
        return float(value)


def _read_cities(table: _Table) -> tuple[str, ...]:
    cities = table.texts("cities", MAX_CITY_CHARACTERS)
    if len(cities) > MAX_CITIES or any(SEPARATOR in city or city.strip() != city for city in cities):
        raise table.fault("cities", f"at most {MAX_CITIES} cities, whose names have no '{SEPARATOR}' in them and no space around them")
    return cities


def _read_round_trips(table: _Table, cities: Mapping[str, object]) -> dict[frozenset[str], float]:
    found: dict[frozenset[str], float] = {}
    for key in table.values:
        pair = key.split(SEPARATOR)
        if len(pair) != 2 or pair[0] == pair[1] or not all(city in cities for city in pair):
            raise table.fault(key, f'{key[:90]!r} is no pair of cities of this profile, such as "Sydney - Perth"')
        if frozenset(pair) in found:
            raise table.fault(key, f"{key!r}: a round trip is the same from both ends, and this pair stands above")
        found[frozenset(pair)] = table.milliseconds(key)
    for one, other in itertools.combinations(cities, 2):
        if frozenset((one, other)) not in found:
            raise table.fault("", f"the round trip of '{one}{SEPARATOR}{other}' is missing")
    return found


def _read_line(table: _Table, unknown: tuple[str, ...]) -> Conditions:
    for key in table.values:
        if key in unknown:
            raise table.fault(key, f"{key!r} is nothing that a profile says here: delays come from the round trips, and no line of a profile is cut")
        try:
            read_conditions({key: table.values[key]})
        except LocalFault as fault:
            raise table.fault(key, fault.text) from fault
    return read_conditions(table.values)


def _either(one: float, other: float) -> float:
    """The share of those that one of two independent causes hits."""
    return 1 - (1 - one) * (1 - other) if one and other else one or other


def _no(text: str) -> LocalFault:
    return LocalFault(ErrorCode.CONFIG_INVALID, text)
