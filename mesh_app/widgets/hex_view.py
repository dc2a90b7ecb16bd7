"""Every byte of a certificate, coloured by what it belongs to; the field under the cursor is named, with its value and its meaning."""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip
from typing_extensions import override

from mesh_app.field_meanings import meaning_of, tone_of
from mesh_app.format import counted
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.state.ledger import ByteField, CertificateDetail
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import LineView, cut, wrapped
from mesh_app.widgets.tones import MESH_MONO, selection_style

OFFSET_WIDTH: Final = 6
CELLS_PER_BYTE: Final = 3
BYTES_PER_ROW: Final = (32, 24, 16, 8)
TOLD_HEIGHT: Final = 7
LEAST_ROWS: Final = 5
PRINTABLE: Final = range(0x20, 0x7F)


class HexView(LineView, can_focus=True):
    """Rows of bytes with a cursor on one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("hex")]
    BORDER_TITLE = "Hex"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.cert_id = ""
        self.cursor = 0
        self._shown = ""
        self._top = 0
        self._per_row = 16
        self._rows_count = 1

    @property
    def detail(self) -> CertificateDetail | None:
        """The certificate whose bytes are shown."""
        return self._state.ledger.details.get(self.cert_id) if self._state is not None else None

    @property
    def field(self) -> ByteField | None:
        """The field under the cursor."""
        detail = self.detail
        return None if detail is None else detail.fields[detail.field_at(self.cursor)]

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        detail = self.detail
        if self._shown != self.cert_id:
            self._shown, self.cursor, self._top = self.cert_id, 0, 0
        if detail is None:
            self.border_title, self.border_subtitle = "Hex", ""
            return wrapped("Every byte of a certificate, and the field that it belongs to. Choose one in the list.", width, tone="dim")
        self._per_row = next((count for count in BYTES_PER_ROW if OFFSET_WIDTH + count * CELLS_PER_BYTE <= width), BYTES_PER_ROW[-1])
        told_height = TOLD_HEIGHT if height >= TOLD_HEIGHT + LEAST_ROWS else max(1, min(3, height - LEAST_ROWS))
        self._rows_count = max(1, height - told_height)
        row = self.cursor // self._per_row
        last_top = max(0, (len(detail.data) - 1) // self._per_row + 1 - self._rows_count)
        self._top = max(row - self._rows_count + 1, min(self._top, row, last_top), 0)
        self.border_title = f"Hex · {counted(len(detail.data), 'byte')}"
        self.border_subtitle = f"byte {self.cursor} is {detail.data[self.cursor]:02x} · field {detail.field_at(self.cursor) + 1} of {len(detail.fields)}"
        shown = range(self._top, min(self._top + self._rows_count, (len(detail.data) - 1) // self._per_row + 1))
        lines = [self._row(detail, number, width) for number in shown]
        lines += [()] * (self._rows_count - len(lines))
        return [*lines, *self._told(detail, width, told_height)]

    def _row(self, detail: CertificateDetail, number: int, width: int) -> Line:
        start = number * self._per_row
        end = min(start + self._per_row, len(detail.data))
        spans: list[Span] = [Span(f"{start:04x}  ", "label")]
        at = start
        while at < end:
            field = detail.fields[detail.field_at(at)]
            stop = min(field.end, end)
            spans.append(Span("".join(f"{byte:02x} " for byte in detail.data[at:stop]), tone_of(field, detail.voters)))
            at = stop
        text_room = width - OFFSET_WIDTH - self._per_row * CELLS_PER_BYTE
        if text_room > self._per_row:
            missing = (self._per_row - (end - start)) * CELLS_PER_BYTE
            text = "".join(chr(byte) if byte in PRINTABLE else "·" for byte in detail.data[start:end])
            spans.append(Span(" " * (missing + 1) + text, "dim"))
        return tuple(spans)

    def _told(self, detail: CertificateDetail, width: int, height: int) -> list[Line]:
        field = detail.fields[detail.field_at(self.cursor)]
        place = f"bytes {field.offset} to {field.end - 1}" if field.size > 1 else f"byte {field.offset}"
        name: Line = (Span(field.path, "strong"), Span(f"  {place}{f', {field.size} bytes' if field.size > 1 else ''}", "dim"))
        if height <= 1:
            return [cut(name, width)]
        lines: list[Line] = [(Span("─" * width, "dim"),), cut(name, width)]
        value = wrapped_digits(field.words, width)
        lines += [(Span(line, tone_of(field, detail.voters)),) for line in value[: max(1, height - 4)]]
        lines += wrapped(meaning_of(field), width, tone="dim")
        return lines[:height] + [()] * (height - len(lines))

    @override
    def render_line(self, y: int) -> Strip:
        """The bytes of the field under the cursor are marked, and the byte itself more."""
        strip = super().render_line(y)
        detail = self.detail
        row = self._top + y
        if detail is None or y >= self._rows_count or row * self._per_row >= len(detail.data):
            return strip
        field = detail.fields[detail.field_at(self.cursor)]
        start = row * self._per_row
        first, last = max(field.offset, start), min(field.end, start + self._per_row) - 1
        is_mono = self.app.theme == MESH_MONO.name
        if first <= last:
            style = Style(reverse=True) if is_mono else selection_style(self.app.theme_variables, focused=self.has_focus)
            strip = _restyled(strip, self._cell_of(first), self._cell_of(last) + 2, style, self.size.width)
        if start <= self.cursor < start + self._per_row:
            cell = self._cell_of(self.cursor)
            byte = Style(reverse=False, bold=True, underline=True) if is_mono else Style(reverse=True, bold=True)
            strip = _restyled(strip, cell, cell + 2, byte, self.size.width)
        return strip

    def _cell_of(self, offset: int) -> int:
        return OFFSET_WIDTH + offset % self._per_row * CELLS_PER_BYTE

    # --- Moving

    def action_byte_right(self) -> None:
        """Next byte."""
        self.put_cursor(self.cursor + 1)

    def action_byte_left(self) -> None:
        """Byte before."""
        self.put_cursor(self.cursor - 1)

    def action_byte_down(self) -> None:
        """Row below."""
        self.put_cursor(self.cursor + self._per_row)

    def action_byte_up(self) -> None:
        """Row above."""
        self.put_cursor(self.cursor - self._per_row)

    @override
    def action_page_down(self) -> None:
        """A page down."""
        self.put_cursor(self.cursor + self._per_row * max(1, self._rows_count - 1))

    @override
    def action_page_up(self) -> None:
        """A page up."""
        self.put_cursor(self.cursor - self._per_row * max(1, self._rows_count - 1))

    def action_first_byte(self) -> None:
        """First byte."""
        self.put_cursor(0)

    def action_last_byte(self) -> None:
        """Last byte."""
        detail = self.detail
        self.put_cursor(len(detail.data) - 1 if detail is not None else 0)

    def action_next_field(self) -> None:
        """The first byte of the next field."""
        detail = self.detail
        if detail is not None:
            number = detail.field_at(self.cursor)
            self.put_cursor(detail.fields[min(number + 1, len(detail.fields) - 1)].offset)

    def action_previous_field(self) -> None:
        """The first byte of this field; from there that of the one before."""
        detail = self.detail
        if detail is not None:
            number = detail.field_at(self.cursor)
            begins_here = detail.fields[number].offset == self.cursor
            self.put_cursor(detail.fields[max(0, number - 1 if begins_here else number)].offset)

    def put_cursor(self, offset: int) -> None:
        """Put the cursor on a byte; outside it stays at the end that it came to."""
        detail = self.detail
        if detail is None:
            return
        self.cursor = max(0, min(offset, len(detail.data) - 1))
        self.reshow()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """The byte that the mouse points at."""
        content = event.get_content_offset(self)
        if content is None or content.y >= self._rows_count or self.text_selection is not None:
            return
        column = (content.x - OFFSET_WIDTH) // CELLS_PER_BYTE
        if content.x >= OFFSET_WIDTH and column < self._per_row:
            self.put_cursor((self._top + content.y) * self._per_row + column)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor by rows."""
        event.stop()
        self.action_byte_down()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor by rows."""
        event.stop()
        self.action_byte_up()

    def on_focus(self) -> None:
        """The field is stronger where the keys act on it."""
        self.refresh()

    def on_blur(self) -> None:
        """And fainter elsewhere."""
        self.refresh()

    def copy_text(self) -> tuple[str, str] | None:
        """The bytes of the field under the cursor."""
        detail, field = self.detail, self.field
        return (field.path, detail.data[field.offset : field.end].hex()) if detail is not None and field is not None else None

    def copy_json(self) -> tuple[str, str] | None:
        """All bytes of the certificate, as `mesh-wallet verify` reads them."""
        detail = self.detail
        return ("certificate bytes", f'"{detail.data.hex()}"') if detail is not None else None


def wrapped_digits(text: str, width: int) -> list[str]:
    """A long value broken wherever the line ends."""
    return [text[start : start + max(1, width)] for start in range(0, len(text), max(1, width))] or [""]


def _restyled(strip: Strip, begin: int, end: int, style: Style, width: int) -> Strip:
    """Part of a line in another style."""
    inside = strip.crop(begin, end)
    marked = Strip([type(segment)(segment.text, (segment.style or Style()) + style, segment.control) for segment in inside])
    return Strip.join([strip.crop(0, begin), marked, strip.crop(end, width)])
