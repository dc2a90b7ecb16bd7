"""A pane of facts, one line each, with a cursor: each can be copied, some lead somewhere, and the one under the cursor is told in full at the bottom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from typing_extensions import override

from mesh_app.spans import Line, Span, plain
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import cut_exactly, padded, width_of, wrapped
from mesh_app.widgets.row_list import RowList

LABEL_WIDTH: Final = 12
LEAST_ROWS: Final = 4
TOLD_MOST: Final = 5
HIGH: Final = 22
"""A pane with so many rows has one more to tell."""
CERTIFICATE: Final = "certificate"
ACCOUNT: Final = "account"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line. `key` is its own in the pane; `copied` is what `y` copies (what, text); `told` stands at the bottom where the cursor is on it.

    `leads_to` says what enter opens: ("certificate", id) or ("account", key).
    """

    key: str
    line: Line
    copied: tuple[str, str] | None = None
    told: str = ""
    leads_to: tuple[str, str] | None = None


def fact(label: str, line: Line, *, copied: str = "", told: str = "", leads_to: tuple[str, str] | None = None, key: str = "") -> Fact:
    """A labelled fact, known by its label."""
    return Fact(key or label, (Span(padded(label, LABEL_WIDTH), "label"), *line), (label, copied) if copied else None, told, leads_to)


class FactList(RowList[str]):
    """Subclasses write `facts`. `cert_id` is the certificate that the screen is about."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("facts")]

    class Followed(Message):
        """The person wants to go where a fact leads."""

        def __init__(self, kind: str, name: str) -> None:
            super().__init__()
            self.kind = kind
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.cert_id = ""
        self._facts: dict[str, Fact] = {}
        self._told_height = 0

    def facts(self, state: State, width: int) -> Sequence[Fact]:
        """The lines, top first."""
        raise NotImplementedError

    def json_form(self, state: State) -> tuple[str, str] | None:
        """What `Y` copies: (what, JSON)."""
        return None

    @property
    def fact_under_cursor(self) -> Fact | None:
        """The fact under the cursor."""
        return self._facts.get(self.cursor or "")

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        return [*self._facts]

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        return self._facts[key].line

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        self._facts = {found.key: found for found in self.facts(state, width - 2)}
        # The row under the cursor is found while the rows are built; its words are of the last time until then.
        told = self._told(width, height)
        lines = [*super().build_lines(state, width, height - len(told))]
        told = self._told(width, height)[: len(told)] if told else told
        self._told_height = len(told)
        if not told:
            return lines
        return [*lines, *((),) * (height - len(told) - len(lines)), *told]

    def _told(self, width: int, height: int) -> list[Line]:
        most = min(TOLD_MOST if height >= HIGH else TOLD_MOST - 1, height - LEAST_ROWS)
        if most < 2 or not any(found.told for found in self._facts.values()):
            return []
        shown = self.fact_under_cursor or next(iter(self._facts.values()))
        lines: list[Line] = []
        if shown.copied is not None and shown.copied[1].isalnum() and width_of(plain(shown.line)) > width - 2:
            # What did not fit into its line is here as a whole.
            digits = shown.copied[1]
            lines = [(Span(digits[start : start + width]),) for start in range(0, len(digits), width)]
        lines = [*lines, *(wrapped(shown.told, width, tone="dim") if shown.told else [])][: most - 1]
        return [(Span("─" * width, "dim"),), *lines, *((),) * (most - 1 - len(lines))]

    @override
    def line_style(self, y: int) -> Style:
        return Style() if y >= self.size.height - self._told_height else super().line_style(y)

    @override
    def on_click(self, event: events.Click) -> None:
        """The mouse chooses a fact; a double click follows it."""
        content = event.get_content_offset(self)
        if content is None or content.y >= self.size.height - self._told_height:
            return
        super().on_click(event)
        if event.chain > 1:
            self.action_follow_fact()

    def action_follow_fact(self) -> None:
        """Where the fact leads."""
        found = self.fact_under_cursor
        if found is not None and found.leads_to is not None:
            self.post_message(self.Followed(*found.leads_to))

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        found = self.fact_under_cursor
        return found.copied if found is not None else None

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here."""
        return self.json_form(self._state) if self._state is not None else None


def heading(text: str, width: int) -> Fact:
    """A line between groups of facts."""
    return Fact(f"— {text}", cut_exactly((Span(f"{text} ", "label"), Span("─" * width, "dim")), width))
