"""Who reaches whom: a row for everybody who dials, a column for every validator. The line under the cursor can be cut, slowed and healed."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.events import Click
from typing_extensions import override

from mesh_app.format import amount, milliseconds
from mesh_app.messages import Ordered
from mesh_app.orders.validators import WALLETS, CutLine, HealAllLines, HealLine, LoseOnLine, SlowLine, line_end
from mesh_app.spans import Line, Span, Tone, validator_name, validator_tone
from mesh_app.state import State
from mesh_app.state.operation import LineCondition, condition_words
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import LineView, clipped, cut, padded, wrapped

LABEL_WIDTH: Final = 9
CELL_WIDTH: Final = 13
LEAST_CELL_WIDTH: Final = 10
DELAYS_MS: Final = (20.0, 50.0, 100.0, 250.0, 500.0)
LOSSES_PERCENT: Final = (1.0, 5.0, 20.0, 50.0)
PERCENT: Final = 100
HEADER_ROWS: Final = 2
STALE_AFTER_NS: Final = 6_000_000_000


class LinesMatrix(LineView, can_focus=True):
    """`row` dials `column`. Both directions of a line share what is done to it; each end measures for itself."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("lines")]
    BORDER_TITLE = "Links"

    row = 0
    column = 1

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        count = len(state.validators)
        relayed = len(state.operation.lines)
        self.border_title = f"Links · {'all direct' if not relayed else f'{relayed} not direct'}"
        cell_width = max(LEAST_CELL_WIDTH, min(CELL_WIDTH, (width - LABEL_WIDTH) // max(1, count)))
        rows = self._rows(state)
        if self.row not in rows:
            self.row = rows[-1]
        self._step_off_diagonal(1)
        lines: list[Line] = [
            (Span("who dials ↓   whom →", "dim"),),
            (Span(" " * LABEL_WIDTH), *(Span(padded(f" {validator_name(index)}", cell_width), validator_tone(index)) for index in range(count))),
            *(self._row_line(state, row, cell_width) for row in rows),
            (),
            *self._words(state, width),
        ]
        return [cut(line, width) for line in lines[:height]]

    def _rows(self, state: State) -> list[int]:
        return [*range(len(state.validators)), WALLETS]

    def _row_line(self, state: State, row: int, cell_width: int) -> Line:
        label = Span(padded(line_end(row), LABEL_WIDTH), "label" if row == WALLETS else validator_tone(row))
        cells: list[Span] = []
        for column in range(len(state.validators)):
            text, tone = cell(state, row, column)
            is_here = (row, column) == (self.row, self.column)
            mark = "▸" if is_here and self.has_focus else "·" if is_here else " "
            cells += [Span(mark, "amount"), Span(padded(text, cell_width - 1), "strong" if is_here and tone == "text" else tone)]
        return (label, *cells)

    def _words(self, state: State, width: int) -> list[Line]:
        """The line under the cursor in words, and the command for what its keys do."""
        one, other = self.row, self.column
        condition = state.operation.condition(one, other)
        measured = [
            f"{line_end(dialler)} measures {milliseconds(rtt)} to {line_end(listener)}"
            for dialler, listener in ((one, other), (other, one))
            if dialler != WALLETS and listener != WALLETS and (rtt := _round_trip(state, dialler, listener)) is not None
        ]
        dropped = state.operation.dropped(one, other)
        told = f"{line_end(one)}–{line_end(other)} is {condition_words(condition)}"
        told += f"; {amount(dropped)} datagrams dropped" if dropped and condition is not None else ""
        tone: Tone = "text" if condition is None else "down" if condition.is_cut else "wait"
        orders = [HealLine(one, other)] if condition is not None else [CutLine(one, other), SlowLine(one, other, DELAYS_MS[1])]
        lines = wrapped(told, width, tone=tone)
        lines += wrapped(", ".join(measured), width, tone="dim") if measured else []
        lines += [(Span(clipped(order.command_line(), width), "dim"),) for order in orders]
        lines.append(())
        lines += wrapped(
            "A relay in a process of its own stands in a line only while something is done to it. Milliseconds are added each way. "
            "Wallets are those of this program: mesh-wallet dials by itself.",
            width,
            tone="dim",
        )
        return lines

    def copy_text(self) -> tuple[str, str] | None:
        """The command for the line under the cursor."""
        return "command", CutLine(self.row, self.column).command_line()

    def action_move(self, rows: int, columns: int) -> None:
        """Another line."""
        if self._state is None:
            return
        order = self._rows(self._state)
        self.row = order[max(0, min(len(order) - 1, order.index(self.row) + rows))]
        self.column = max(0, min(len(self._state.validators) - 1, self.column + columns))
        if self.row == self.column and rows:
            beyond = order.index(self.row) + rows
            self.row = order[beyond] if 0 <= beyond < len(order) else order[order.index(self.row) - rows]
        self._step_off_diagonal(columns or 1)
        self.reshow()

    def _step_off_diagonal(self, step: int) -> None:
        """Nobody dials itself."""
        count = len(self._state.validators) if self._state is not None else 0
        if self.row == self.column and count > 1:
            beyond = self.column + step
            self.column = beyond if 0 <= beyond < count else self.column - step

    def action_cut(self) -> None:
        """Nothing passes."""
        self.post_message(Ordered(CutLine(self.row, self.column)))

    def action_slower(self) -> None:
        """The next longer delay."""
        condition = self._condition()
        delay_ms = condition.delay_ms if condition is not None and not condition.is_cut else 0.0
        self.post_message(Ordered(SlowLine(self.row, self.column, next((delay for delay in DELAYS_MS if delay > delay_ms), DELAYS_MS[-1]))))

    def action_lose(self) -> None:
        """The next larger share."""
        condition = self._condition()
        percent = condition.loss * PERCENT if condition is not None else 0.0
        self.post_message(Ordered(LoseOnLine(self.row, self.column, next((loss for loss in LOSSES_PERCENT if loss > percent), LOSSES_PERCENT[-1]))))

    def action_heal(self) -> None:
        """Direct again."""
        self.post_message(Ordered(HealLine(self.row, self.column)))

    def action_heal_all(self) -> None:
        """All direct again."""
        self.post_message(Ordered(HealAllLines()))

    def on_focus(self) -> None:
        """The cursor's mark."""
        self.reshow()

    def on_blur(self) -> None:
        """The mark of a cursor elsewhere."""
        self.reshow()

    def on_click(self, event: Click) -> None:
        """The line under the mouse."""
        content = event.get_content_offset(self)
        if content is None or self._state is None:
            return
        count = len(self._state.validators)
        cell_width = max(LEAST_CELL_WIDTH, min(CELL_WIDTH, (self.size.width - LABEL_WIDTH) // max(1, count)))
        row, column = content.y - HEADER_ROWS, (content.x - LABEL_WIDTH) // cell_width
        rows = self._rows(self._state)
        if 0 <= row < len(rows) and 0 <= column < count and content.x >= LABEL_WIDTH and rows[row] != column:
            self.row, self.column = rows[row], column
            self.reshow()

    def _condition(self) -> LineCondition | None:
        return None if self._state is None else self._state.operation.condition(self.row, self.column)


def cell(state: State, dialler: int, listener: int) -> tuple[str, Tone]:
    """How one reaches another: a glyph, and what is done to the line or how long a round trip takes."""
    if dialler == listener:
        return "·", "dim"
    condition = state.operation.condition(dialler, listener)
    if condition is not None and condition.is_cut:
        return "✖ cut", "down"
    if not state.validators[listener].is_running or (dialler != WALLETS and not state.validators[dialler].is_running):
        return "○ down", "dim"
    slow = "" if condition is None else _shortest(condition)
    glyph = "●" if condition is None else "◐"
    tone: Tone = "up" if condition is None else "wait"
    if dialler == WALLETS:
        link = state.links.get(listener)
        return (f"{glyph} up{slow}", tone) if link is not None and link.is_up else ("✖ silent", "down") if link is not None else ("– unknown", "dim")
    report = state.operation.reports.get(dialler)
    if report is None or state.now_ns - report.t_ns > STALE_AFTER_NS:
        return (f"{glyph} up{slow}", tone) if listener in state.validators[dialler].peers_up else ("– unknown", "dim")
    rtt = _round_trip(state, dialler, listener)
    if listener not in report.peers or not report.peers[listener].is_up:
        return "✖ silent", "down"
    return f"{glyph} {'up' if rtt is None else milliseconds(rtt)}{slow}", tone


def _shortest(condition: LineCondition) -> str:
    """What is done to a line, in the room of a cell; all of it stands below."""
    if condition.delay_ms:
        return f" +{condition.delay_ms:g}"
    return f" −{condition.loss * PERCENT:.3g} %" if condition.loss else " ~"


def _round_trip(state: State, dialler: int, listener: int) -> float | None:
    report = state.operation.reports.get(dialler)
    peer = None if report is None else report.peers.get(listener)
    return peer.rtt_ms if peer is not None and peer.is_up else None
