"""The certificates of a validator's log, the newest first. Only the rows in sight need be there: those that are not kept are asked for."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.message import Message
from typing_extensions import override

from mesh_app.format import amount, duration, short
from mesh_app.ledger_filter import HELP, FilterError, parse
from mesh_app.ledger_words import amount_text, known_names, opened_row, parties
from mesh_app.spans import Line, Span, validator_name
from mesh_app.state import State
from mesh_app.state.ledger import LedgerRow
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.filter_bar import FilteredList
from mesh_app.widgets.line_view import fitted, padded, right_aligned, wrapped
from mesh_app.widgets.pane_state import empty, failed, loading
from mesh_app.widgets.quorum import names_line
from mesh_app.widgets.row_list import RowList

LANGUAGE: Final = "?"
"""Typed into the filter, it shows the language instead of rows."""
PAGE: Final = 200
_NANOSECONDS_PER_SECOND: Final = 1_000_000_000


class LedgerList(FilteredList):
    """The rows under their filter. Its language is looked up for a moment: the next run does not begin with it."""

    @override
    def keep(self) -> Mapping[str, str]:
        return {} if self.rows.filter_text == LANGUAGE else super().keep()


class LedgerRows(RowList[int]):
    """Rows by their index in the log. Without a filter all of them, kept or not; with one those that are kept and match."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("ledger_list")]
    BORDER_TITLE = "Certificates"

    class Chosen(Message):
        """The person wants to read the certificate under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._matching: list[int] = []
        self._matched: tuple[object, ...] = ()
        self._seen = -1
        self._since_ns = 0

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        ledger = state.ledger
        self._entitle(state)
        self.filter_problem = ""
        if self.filter_text in {"", LANGUAGE}:
            self.filter_told = "? shows the language" if not self.filter_text else "the language of the filter"
            return range(ledger.length - 1, -1, -1) if not self.filter_text else ()
        try:
            return self._filtered(state)
        except FilterError as error:
            self.filter_problem = str(error)
            return ()

    def _filtered(self, state: State) -> Sequence[int]:
        """Rows that match, the newest first. Only those that came since the last time are looked at."""
        ledger = state.ledger
        names = known_names(state)
        own = frozenset(wallet.owner for wallet in state.wallets.values())
        made_of = (self.filter_text, ledger.generation, tuple(sorted(names.items())), len(ledger.older))
        if made_of != self._matched:
            self._matched, self._matching, self._seen = made_of, [], -1
            wanted = parse(self.filter_text, names, own)
            self._matching = sorted(index for index, row in ledger.older.items() if index not in ledger.newest and wanted.matches(row))
        else:
            wanted = parse(self.filter_text, names, own)
        fresh = [row for row in ledger.newest.values() if row.index > self._seen] if ledger.length - 1 > self._seen else []
        if fresh:
            self._matching += [row.index for row in fresh if wanted.matches(row)]
            self._seen = fresh[-1].index
        kept = len(ledger.newest) + len(ledger.older)
        unread = f", {amount(ledger.length - kept)} older are not searched" if kept < ledger.length else ""
        self.filter_told = f"{amount(len(self._matching))} of {amount(kept)}{unread}"
        return self._matching[::-1]

    @override
    def header_lines(self, state: State, width: int) -> Sequence[Line]:
        if not state.ledger.length:
            return ()
        parts: list[Line] = [
            (Span(f"  {right_aligned('#', self._index_width(state))}  {padded('id', 9)} {padded('from → to', 16)}", "label"),),
            (Span(right_aligned("amount", 9), "label"),),
            (Span(padded("seq", 5), "label"),),
            (Span(padded("signed by", 12), "label"),),
            (Span(right_aligned("bytes", 5), "label"),),
        ]
        return [*_progress_lines(state, width), fitted(parts, width)]

    @override
    def row_line(self, state: State, key: int, width: int) -> Line:
        row = state.ledger.row(key)
        place = Span(right_aligned(amount(key), self._index_width(state)), "dim")
        if row is None:
            return (place, Span("  … reading", "dim"))
        opened = opened_row(state, row)
        value = (
            Span(right_aligned("hidden", 9), "hidden")
            if opened is None
            else Span(right_aligned(amount_text(state, opened, is_claim=row.kind == "receive"), 9), "amount")
        )
        parts: list[Line] = [
            (place, Span(f"  {padded(short(row.cert_id), 9)} "), Span(padded(parties(state, row), 16), "strong" if opened is not None else "text")),
            (value,),
            (Span(padded(f"#{row.sequence}", 5), "dim"),),
            names_line(row.signers, len(state.validators)),
            (Span(right_aligned(str(row.size_bytes), 5), "dim"),),
        ]
        return fitted(parts, width)

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        ledger = state.ledger
        if self.filter_text == LANGUAGE:
            return [(Span(padded(example, 22), "amount"), Span(found, "dim")) for example, found in HELP]
        if self.filter_problem:
            return wrapped(self.filter_problem, width, tone="down")
        if self.filter_text:
            return wrapped("No certificate matches. esc clears the filter, ? in it shows its language.", width, tone="dim")
        if ledger.error:
            return failed(ledger.error, "r", "tries again")
        if ledger.source is None or ledger.is_reading:
            self._since_ns = self._since_ns or state.now_ns
            silent = [f"{validator_name(sight.validator)} {sight.error}" for sight in ledger.sights if sight.error]
            return [*loading("asking the validators for their logs", self._since_ns, state.now_ns), *wrapped("; ".join(silent), width, tone="wait")]
        return empty("No certificate yet. Each payment makes one.", "p", "makes a payment")

    def missing_page(self, state: State) -> int | None:
        """The first index of a page of rows that are in sight and not there; None where nothing is missing."""
        if self.filter_text or not self._keys:
            return None
        in_sight = self._keys[self._top : self._top + max(1, self.size.height)]
        return next((index // PAGE * PAGE for index in in_sight if state.ledger.row(index) is None and index < state.ledger.length), None)

    def row_under_cursor(self, state: State) -> LedgerRow | None:
        """The row under the cursor, where it is kept."""
        return None if self.cursor is None else state.ledger.row(self.cursor)

    def put_cursor(self, index: int) -> None:
        """Put the cursor on a row, wherever it is."""
        self._put(index)

    def action_read(self) -> None:
        """The certificate under the cursor, in the pane beside."""
        if self.cursor is not None:
            self.post_message(self.Chosen())

    @override
    def on_click(self, event: events.Click) -> None:
        """A double click reads, as enter does."""
        super().on_click(event)
        if event.chain > 1:
            self.action_read()

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        row = self.row_under_cursor(self._state) if self._state is not None else None
        return ("certificate id", row.cert_id) if row is not None else None

    @staticmethod
    def _index_width(state: State) -> int:
        return max(3, len(amount(max(0, state.ledger.length - 1))))

    def _entitle(self, state: State) -> None:
        ledger = state.ledger
        title = "Certificates"
        if ledger.source is not None:
            title = f"Certificates · the log of {validator_name(ledger.source)} · {amount(ledger.length)}"
        self.border_title = title if not ledger.error else f"{title} · ✖ {ledger.error}"


def _progress_lines(state: State, width: int) -> Sequence[Line]:
    """How far the reading of a long log is. It begins with the oldest: a validator is asked for what follows a chain hash, which only the rows before give."""
    ledger = state.ledger
    if not ledger.is_reading or ledger.target - ledger.length <= PAGE:
        return ()
    parts: list[Line] = [(Span("◌ ", "wait"), Span(f"reading {amount(ledger.length)} of {amount(ledger.target)}", "wait"))]
    if ledger.rate >= 1:
        left_ns = int((ledger.target - ledger.length) / ledger.rate * _NANOSECONDS_PER_SECOND)
        parts += [(Span(f"{duration(left_ns)} left", "text"),), (Span(f"{ledger.rate:,.0f}/s", "dim"),)]
    return [fitted([*parts, (Span("the oldest first", "dim"),)], width)]
