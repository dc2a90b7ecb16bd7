"""One validator's log: followed until the person scrolls up, filtered, wrapped or cut, cleared, marked."""

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import ClassVar, Final

from textual.binding import BindingType
from typing_extensions import override

from mesh_app.messages import Ordered
from mesh_app.orders.validators import MarkLog
from mesh_app.spans import Line, Span, plain, validator_name
from mesh_app.state import State
from mesh_app.state.logs import LogLine, ValidatorLog
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import wrapped
from mesh_app.widgets.row_list import MARK_WIDTH, RowList

PIECES: Final = 1_024
"""A wrapped line has fewer pieces: keys of rows are `number * PIECES + piece`."""
LEAST_WIDTH: Final = 10
CACHED_LINES: Final = 1_024
_PARTS: Final = re.compile(r"(\d{4}-\d\d-\d\d )(\d\d:\d\d:\d\d)([,.]\d+) (DEBUG|INFO|WARNING|ERROR|CRITICAL) (?:mesh_core\.)?([\w.]+) (.*)")


@dataclass(slots=True)
class Found:
    """Rows of the lines that have the words, and the numbers of those lines. Grows with the log: a line is looked at once."""

    asked: tuple[int, tuple[str, ...], int]
    """Validator, words, width to wrap at; 0 where lines are cut."""
    first: int
    upto: int
    """The last line that was looked at."""
    keys: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def take(self, log: ValidatorLog, first: int) -> None:
        """New lines come in, those before `first` go."""
        _, words, width = self.asked
        new = list(takewhile(lambda line: line.number > self.upto, reversed(log.lines)))
        for line in reversed(new):
            if all(word in line.text.lower() for word in words):
                self.numbers.append(line.number)
                pieces = len(pieces_of(line, width)) if width else 1
                self.keys += range(line.number * PIECES, line.number * PIECES + pieces)
        self.first, self.upto = first, max(self.upto, log.count)
        del self.keys[: bisect_left(self.keys, first * PIECES)]
        del self.numbers[: bisect_left(self.numbers, first)]


class LogPane(RowList[int]):
    """The log of validator `index`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("log")]
    BORDER_TITLE = "Log"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, classes=classes)
        self.index = 0
        self.wraps = True
        self._cleared: dict[int, int] = {}
        """The number of the last line that is out of sight, by validator."""
        self._found = Found((0, (), 0), 1, 0)

    @property
    def follows(self) -> bool:
        """Whether the newest line is under the cursor, and will be."""
        return not self.is_chosen

    def show_log(self, index: int) -> None:
        """The log of another validator, at its end."""
        if index != self.index:
            self.index = index
            self.is_chosen = False
            self._top = 0
            self.reshow()
            self.refresh()

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        log = state.logs.of(self.index)
        first = max(log.first, self._cleared.get(self.index, 0) + 1)
        words = tuple(self.filter_text.lower().split())
        if not words and not self.wraps:
            return range(first * PIECES, (log.count + 1) * PIECES, PIECES)
        asked = (self.index, words, self._text_width if self.wraps else 0)
        if self._found.asked != asked or first < self._found.first:
            self._found = Found(asked, first, first - 1)
        self._found.take(log, first)
        self.filter_told = f"{len(self._found.numbers)} of {log.count + 1 - first}"
        return self._found.keys

    @property
    def _text_width(self) -> int:
        return max(LEAST_WIDTH, self.size.width - MARK_WIDTH)

    @override
    def default_cursor(self, keys: Sequence[int]) -> int:
        """The newest line; where the person reads, the oldest that is left of what was under the cursor."""
        return keys[0] if self.is_chosen else keys[-1]

    @override
    def row_line(self, state: State, key: int, width: int) -> Line:
        log = state.logs.of(self.index)
        number, piece = divmod(key, PIECES)
        line = log.lines[number - log.first]
        if not self.wraps:
            return log_spans(line)
        pieces = pieces_of(line, max(LEAST_WIDTH, width))
        return pieces[piece] if piece < len(pieces) else ()

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        name = validator_name(self.index)
        log = state.logs.of(self.index)
        if self.filter_text and log.lines:
            return [(Span("No line has these words: esc clears the filter.", "dim"),)]
        if self._cleared.get(self.index):
            return wrapped("Cleared: new lines appear here. c brings the others back.", width, tone="dim")
        return wrapped(f"{name} has written nothing yet: s starts it.", width, tone="dim")

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        lines = super().build_lines(state, width, height)
        following = "following" if self.follows else "paused, f follows"
        self.border_title = f"Log of {validator_name(self.index)} · {following}{'' if self.wraps else ' · cut, w wraps'}"
        return lines

    def copy_text(self) -> tuple[str, str] | None:
        """The line under the cursor, whole."""
        line = self._line_at_cursor()
        return None if line is None else ("line", line.text)

    def copy_json(self) -> tuple[str, str] | None:
        """Every line that is shown, whole."""
        if self._state is None or not self._keys:
            return None
        log = self._state.logs.of(self.index)
        numbers = dict.fromkeys(key // PIECES for key in self._keys)
        texts = [log.lines[number - log.first].text for number in numbers if number >= log.first]
        return f"log of {validator_name(self.index)}", json.dumps(texts, ensure_ascii=False, indent=1)

    def keep(self) -> Mapping[str, bool]:
        """Whether lines are wrapped, for the next run."""
        return {} if self.wraps else {"wraps": False}

    def restore(self, kept: Mapping[str, object]) -> None:
        """As it was."""
        self.wraps = kept.get("wraps") is not False

    def action_follow(self) -> None:
        """Back to the newest line."""
        self.is_chosen = False
        self.reshow()
        self.refresh()

    def action_wrap(self) -> None:
        """Long lines in several rows, or cut."""
        self.wraps = not self.wraps
        if self.cursor is not None:
            self.cursor -= self.cursor % PIECES
        self.reshow()
        self.refresh()

    def action_mark(self) -> None:
        """A line in the log itself."""
        self.post_message(Ordered(MarkLog(self.index)))

    def action_clear(self) -> None:
        """An empty view, or all lines again."""
        log = self._state.logs.of(self.index) if self._state is not None else ValidatorLog()
        if self._cleared.get(self.index) == log.count:
            del self._cleared[self.index]
        else:
            self._cleared[self.index] = log.count
        self.action_follow()

    def _line_at_cursor(self) -> LogLine | None:
        if self._state is None or self.cursor is None:
            return None
        log = self._state.logs.of(self.index)
        number = self.cursor // PIECES
        return log.lines[number - log.first] if log.first <= number <= log.count else None

    @override
    def _put(self, key: int) -> None:
        super()._put(key)
        self.is_chosen = key != self._keys[-1]


@lru_cache(maxsize=CACHED_LINES)
def pieces_of(line: LogLine, width: int) -> tuple[Line, ...]:
    """A line as it is drawn, in rows of at most `width` characters. The same lines are drawn again and again, while others come."""
    spans = log_spans(line)
    return tuple(piece_of(spans, start, end) for start, end in pairwise(line_breaks(plain(spans), width)))


@lru_cache(maxsize=CACHED_LINES)
def log_spans(line: LogLine) -> Line:
    """A line as it is drawn: the day and the program's own prefix say nothing here."""
    found = _PARTS.fullmatch(line.text)
    if found is None:
        return (Span(line.text, line.tone),)
    _, clock, fraction, level, logger, text = found.groups()
    said: Line = () if level == "INFO" else (Span(f"{level} ", line.tone),)
    return (Span(f"{clock}{fraction} ", "dim"), *said, Span(f"{logger.rpartition('.')[2]} ", "label"), Span(text, line.tone))


def line_breaks(text: str, width: int) -> list[int]:
    """Where the pieces of a text begin, and where the last one ends: behind a space where there is one in the second half of a piece."""
    breaks = [0]
    while len(text) - breaks[-1] > width:
        start = breaks[-1]
        space = text.rfind(" ", start + width // 2, start + width)
        breaks.append(start + width if space < 0 else space + 1)
    return [*breaks, max(len(text), breaks[-1])]


def piece_of(line: Line, start: int, end: int) -> Line:
    """The characters of a line from one to another."""
    kept: list[Span] = []
    position = 0
    for span in line:
        text = span.text[max(0, start - position) : max(0, end - position)]
        if text:
            kept.append(Span(text, span.tone))
        position += len(span.text)
    return tuple(kept)
