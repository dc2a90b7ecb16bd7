"""The base of all live panes: lines of spans, of which only those that changed are painted again.

Textual's DataTable and Static paint everything on each update; with four panes and ten updates a second that is a whole core. Here a pane builds its visible
lines from the state, compares them with those on the screen, and repaints the difference.

What it shows can be selected with the mouse and copied. A pane whose `build_lines` raises says so in itself, and the others live on.
"""

import re
from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget
from typing_extensions import override

from mesh_app.spans import Line, Span, Tone
from mesh_app.state import State
from mesh_app.widgets.tones import MESH_MONO, tone_styles
from mesh_app.widgets.unbroken import Unbroken
from mesh_core.types.visible_text import visible_text

ELLIPSIS: Final = "…"
VIRTUAL: Final = "\u02e2"
"""In the place of the space between a number and its unit."""
_DURATION: Final = re.compile(r"(?<=[0-9]) (?=m?s\b)")
GAP: Final[Line] = (Span("  "),)


class _TitleOnce:
    """A border's title that may be set again and again. Textual paints a whole pane anew at each setting, also where the title is what it was.

    It is text and never markup: what a validator, a file's name or a journal says could otherwise break a pane, or be a link that does something.
    """

    def __set_name__(self, owner: type[Widget], name: str) -> None:
        self._textual = Widget.__dict__[name]
        self._told = f"_told_{name}"

    def __set__(self, pane: Widget, title: str | None) -> None:
        told = pane.__dict__
        if self._told not in told or told[self._told] != title:
            told[self._told] = title
            self._textual.__set__(pane, None if title is None else Content(visible_text(title)))

    def __get__(self, pane: Widget, owner: type[Widget] | None = None) -> str | None:
        title: str | None = self._textual.__get__(pane, owner)
        return title


class LineView(Unbroken, Widget):
    """A pane that shows lines of spans made from the state. Subclasses write `build_lines`."""

    border_title = _TitleOnce()
    border_subtitle = _TitleOnce()

    DEFAULT_CSS = """
    LineView { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, classes=classes)
        self._state: State | None = None
        self._lines: Sequence[Line] = ()
        self._tones: dict[Tone, Style] = {}
        self._tones_theme = ""

    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        """The lines to show in `width` cells and `height` rows, top first. Fewer than `height` leave the rest empty."""
        raise NotImplementedError

    def show(self, state: State) -> None:
        """Brings the pane up to date. Cheap where nothing that it shows has changed."""
        self._state = state
        if not self.is_mounted or self.size.width <= 0:
            return
        before, self._lines = self._lines, self._built(state)
        for y in range(min(max(len(before), len(self._lines)), self.size.height)):
            if _line_at(before, y) != _line_at(self._lines, y):
                self.refresh(Region(0, y, self.size.width, 1))

    def reshow(self) -> None:
        """The same state in another form: after a resize, or when the cursor moved."""
        if self._state is not None:
            self.show(self._state)

    def line_style(self, y: int) -> Style:
        """The style under the spans of a row."""
        return Style()

    def _built(self, state: State) -> tuple[Line, ...]:
        try:
            return tuple(self.build_lines(state, self.size.width, self.size.height))
        except Exception as error:  # noqa: BLE001 - a bug in one pane must not take the others, or the network, with it
            self.app._handle_exception(error)  # noqa: SLF001 - the one door for exceptions that Textual has
            words = f"✖ this pane failed: {type(error).__name__}: {error}"
            return (*wrapped(words, self.size.width, tone="down"), *wrapped(f"Details: {state.about.log}", self.size.width, tone="dim"))

    @override
    def render_line(self, y: int) -> Strip:
        base = self.visual_style.rich_style + self.line_style(y)
        tones = self._current_tones()
        segments = [Segment(self._span_text(span), base + tones[span.tone] if span.tone in tones else base) for span in _line_at(self._lines, y)]
        strip = Strip(segments).adjust_cell_length(self.size.width, base)
        return self._with_selection(strip, y).apply_offsets(0, y)

    # --- Selecting text with the mouse

    @override
    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, as it stands on the screen."""
        texts = [self._text_at(y) for y in range(len(self._lines))]
        chosen = [text[slice(*_open_ended(span))] for y, text in enumerate(texts) if (span := selection.get_span(y)) is not None]
        return "\n".join(text.rstrip() for text in chosen), "\n"

    def _text_at(self, y: int) -> str:
        return "".join(self._span_text(span) for span in _line_at(self._lines, y))

    def _span_text(self, span: Span) -> str:
        """Without control characters; of a simulated run every duration is marked, in as many cells, so that none passes for a measured one."""
        text = visible_text(span.text)
        return _DURATION.sub(VIRTUAL, text) if self._state is not None and self._state.show.is_simulated else text

    def _with_selection(self, strip: Strip, y: int) -> Strip:
        selection = self.text_selection
        chosen = selection.get_span(y) if selection is not None else None
        if chosen is None:
            return strip
        first, last = _open_ended(chosen)
        text = self._text_at(y)
        begin, end = cell_len(text[:first]), cell_len(text[:last]) if last is not None else self.size.width
        mark = self.screen.get_component_rich_style("screen--selection")
        style = Style(reverse=True) if self.app.theme == MESH_MONO.name else Style(bgcolor=mark.bgcolor)
        inside = Strip([Segment(part, (old or Style()) + style, control) for part, old, control in strip.crop(begin, end)])
        return Strip.join([strip.crop(0, begin), inside, strip.crop(end, self.size.width)])

    def on_resize(self, event: events.Resize) -> None:
        """The lines depend on the size."""
        self.reshow()
        self.refresh()

    def on_mount(self) -> None:
        """Lines keep tones, not colours, so a new theme needs a repaint only."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    def _current_tones(self) -> dict[Tone, Style]:
        if self._tones_theme != self.app.theme:
            self._tones = tone_styles(self.app.theme_variables, dark=self.app.current_theme.dark, mono=self.app.theme == MESH_MONO.name)
            self._tones_theme = self.app.theme
        return self._tones


def width_of(text: str) -> int:
    """Cells that a text takes when drawn."""
    return cell_len(visible_text(text))


def clipped(text: str, width: int) -> str:
    """`text` in at most `width` cells, with an ellipsis where something is missing."""
    shown = visible_text(text)
    if cell_len(shown) <= width:
        return shown
    return "" if width <= 0 else set_cell_size(shown, width - 1).rstrip() + ELLIPSIS


def padded(text: str, width: int) -> str:
    """`text` in exactly `width` cells, to the left."""
    shown = clipped(text, width)
    return shown + " " * (width - cell_len(shown))


def right_aligned(text: str, width: int) -> str:
    """`text` in exactly `width` cells, to the right."""
    shown = clipped(text, width)
    return " " * (width - cell_len(shown)) + shown


def line_width(line: Line) -> int:
    """Cells that a line takes."""
    return sum(width_of(span.text) for span in line)


def cut(line: Line, width: int) -> Line:
    """A line in at most `width` cells, with an ellipsis where something is missing."""
    if line_width(line) <= width:
        return line
    kept: list[Span] = []
    left = width
    for span in line:
        if width_of(span.text) >= left:
            return (*kept, Span(clipped(visible_text(span.text) + " ", left), span.tone))
        kept.append(span)
        left -= width_of(span.text)
    return tuple(kept)


def cut_exactly(line: Line, width: int) -> Line:
    """The first `width` cells of a line, without an ellipsis."""
    kept: list[Span] = []
    left = width
    for span in line:
        if left <= 0:
            break
        text = visible_text(span.text)
        kept.append(Span(set_cell_size(text, min(left, cell_len(text))), span.tone))
        left -= cell_len(text)
    return tuple(kept)


def wrapped(text: str, width: int, *, tone: Tone = "text") -> list[Line]:
    """Prose broken at spaces. A word that is wider than the pane is cut."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        current = ""
        for word in paragraph.split(" "):
            longer = f"{current} {word}" if current else word
            if width_of(longer) <= width or not current:
                current = longer
            else:
                lines.append(current)
                current = word
        lines.append(current)
    return [(Span(clipped(line, width), tone),) for line in lines]


def fitted(parts: Sequence[Line], width: int, *, separator: Line = GAP) -> Line:
    """As many of the parts as fit in `width`, from the left: the first are the most important."""
    line: Line = ()
    for part in parts:
        longer = (*line, *separator, *part) if line else part
        if line_width(longer) > width:
            break
        line = longer
    return line


def _open_ended(span: tuple[int, int]) -> tuple[int, int | None]:
    """Textual says -1 where a selection goes on to the end of the line."""
    return span[0], None if span[1] == -1 else span[1]


def _line_at(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if 0 <= y < len(lines) else ()
