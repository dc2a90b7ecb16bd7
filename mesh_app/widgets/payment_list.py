"""The payments and claims of this run, newest first."""

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from mesh_app.format import amount, milliseconds, short
from mesh_app.spans import Line, Span
from mesh_app.state import Payment, State
from mesh_app.widgets.line_view import cut, line_width, padded, width_of
from mesh_app.widgets.payment_pane import STATE_WORDS
from mesh_app.widgets.quorum import quorum_boxes
from mesh_app.widgets.row_list import RowList

LONG_ROW_WIDTH: Final = 28


class PaymentList(RowList[int]):
    """Payments by key. The newest is in focus until the person chooses another."""

    BORDER_TITLE = "Payments of this run"

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        return [*reversed(state.payments)]

    @override
    def default_cursor(self, keys: Sequence[int]) -> int:
        """The newest payment that is no claim: its claim has a pane of its own."""
        payments = self._state.payments if self._state is not None else {}
        return next((key for key in keys if key in payments and not payments[key].is_claim), keys[0])

    @override
    def row_line(self, state: State, key: int, width: int) -> Line:
        payment = state.payments[key]
        parties, value = _parties(state, payment), amount(payment.amount) if payment.state != "waiting" else ""
        tail = _progress(state, payment, long=width >= LONG_ROW_WIDTH)
        name_width = max(6, width - line_width(tail) - width_of(value) - 2)
        return cut((Span(padded(parties, name_width), "dim" if payment.is_claim else "text"), Span(f" {value} ", "amount"), *tail), width)

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return [(Span("No payment yet.", "dim"),)]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        payment = self._state.payments.get(self.cursor) if self._state is not None and self.cursor is not None else None
        if payment is None or payment.certificate is None:
            return None
        return "certificate id", payment.certificate.cert_id


def _parties(state: State, payment: Payment) -> str:
    if payment.is_claim:
        return f"{payment.wallet} claims"
    if payment.state == "waiting":
        return f"{payment.wallet} pays"
    to = ", ".join(state.owner_name(recipient.owner) or short(recipient.owner, 6) for recipient in payment.recipients)
    return f"{payment.wallet} → {to}"


def _progress(state: State, payment: Payment, *, long: bool) -> Line:
    """Boxes while votes come in, then the time and how many validators applied it. The glyph alone where it is narrow."""
    glyph, word, tone = STATE_WORDS.get(payment.state, ("·", payment.state[:10], "dim"))
    if not long:
        return (Span(glyph, tone),)
    if payment.certificate is not None:
        time = f"{milliseconds(payment.certificate.payment_ms):>8} "
        return (Span(time), Span(glyph, tone), Span(f" {payment.applied_count}/{len(state.validators)}", "dim"))
    if payment.state == "voting":
        return (*quorum_boxes(payment.votes_count, len(state.validators), state.quorum), Span(f" {word}", tone))
    return (Span(f"{glyph} {word}", tone),)
