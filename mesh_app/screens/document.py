"""What a file proves: the verdict, each check with what was found and how long it took, and what the document says."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from typing_extensions import override

from mesh_app.format import groups, milliseconds
from mesh_app.screens.live_modal import LiveModal
from mesh_app.spans import Line, Span
from mesh_app.state import CheckLine, DocumentView, State
from mesh_app.widgets.line_view import wrapped
from mesh_app.widgets.row_list import RowList

TITLE_WIDTH = 24


class DocumentLines(RowList[int]):
    """The lines of a document's verification; they scroll."""

    BORDER_TITLE = "Verified"
    _drawn = (0, 0)
    _drawn_lines: Sequence[Line] = ()

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        return range(len(self._document_lines(state, max(20, self.size.width - 2))))

    @override
    def row_line(self, state: State, key: int, width: int) -> Line:
        lines = self._document_lines(state, width)
        return lines[key] if key < len(lines) else ()

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return wrapped("No document was verified yet.", width, tone="dim")

    def _document_lines(self, state: State, width: int) -> Sequence[Line]:
        document = state.wallet_desk.document
        if document is None:
            return []
        self.border_title = document.file
        self.border_subtitle = "y copies · esc back"
        if self._drawn != (document.number, width):
            self._drawn, self._drawn_lines = (document.number, width), document_lines(document, width)
        return self._drawn_lines

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here: the file's name and the verdict."""
        document = self._state.wallet_desk.document if self._state is not None else None
        if document is None:
            return None
        fields = "\n".join(f"{label}: {text}" for label, text in document.fields)
        return "verdict", f"{document.file}\n{'valid' if document.is_valid else 'proves nothing'} {document.kind}\n{fields}"


class DocumentDialog(LiveModal):
    """The last document that was verified."""

    BINDINGS: ClassVar[list[BindingType]] = [*LiveModal.COPYING, Binding("enter,q", "leave", "Back", show=False)]
    AUTO_FOCUS = "#document"

    @override
    def compose(self) -> ComposeResult:
        with Vertical(classes="pane-dialog"):
            yield DocumentLines(id="document")


def document_lines(document: DocumentView, width: int) -> list[Line]:
    """Verdict, checks, what it says, what it does not say."""
    verdict: Line = (
        (Span("✔ valid ", "up"), Span(document.kind, "strong"))
        if document.is_valid
        else (Span("✖ proves nothing", "down"), *((Span(f": {document.kind}"),) if document.kind else ()))
    )
    lines: list[Line] = [verdict, ()]
    for check in document.checks:
        lines += _check_lines(check, width)
    if document.fields:
        lines.append(())
    for label, text in document.fields:
        if label == "valid":
            continue  # the first line says it
        first, *rest = wrapped(_breakable(text, max(10, width - TITLE_WIDTH)), max(10, width - TITLE_WIDTH))
        lines.append((Span(label[: TITLE_WIDTH - 1].ljust(TITLE_WIDTH), "label"), *first))
        lines += [(Span(" " * TITLE_WIDTH), *line) for line in rest]
    if document.remark:
        lines += [(), *wrapped(document.remark, width, tone="dim")]
    return lines


def _breakable(text: str, width: int) -> str:
    """Words that are longer than a line, such as addresses, in pieces: a cut one could not be compared."""
    return " ".join(piece for word in text.split(" ") for piece in (groups(word, width) or ("",)))


def _check_lines(check: CheckLine, width: int) -> list[Line]:
    glyph = {True: Span("✔ ", "up"), False: Span("✖ ", "down"), None: Span("– ", "dim")}[check.holds]
    time = f"  {milliseconds(check.ms)}" if check.ms else ""
    first, *rest = wrapped(f"{check.found}{time}", max(10, width - TITLE_WIDTH), tone="text" if check.holds else "down" if check.holds is False else "dim")
    return [(glyph, Span(check.title[: TITLE_WIDTH - 3].ljust(TITLE_WIDTH - 2), "strong"), *first), *((Span(" " * TITLE_WIDTH), *line) for line in rest)]
