"""Beside the lanes on wide screens: what is public of the payment in focus, what only its parties know, and all its events."""

from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import amount, groups, moment, short
from mesh_app.spans import Line, Span
from mesh_app.state import Payment, State
from mesh_app.widgets.line_view import LineView, cut, padded, wrapped


class PaymentInspector(LineView):
    """The payments with `payment_keys`: a payment and its claim."""

    BORDER_TITLE = "Inspector"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.payment_keys: tuple[int, ...] = ()

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        payments = [state.payments[key] for key in self.payment_keys if key in state.payments]
        if not payments:
            return wrapped("What is public of a payment, and what only its parties know, is shown here.", width, tone="dim")
        lines = [*_public(state, payments[0], width), (), *_private(payments[0], width), (), (Span("Events", "strong"),)]
        own = [entry for entry in state.entries if entry.payment in self.payment_keys]
        room = max(0, height - len(lines))
        for entry in own[-room:] if room else []:
            source = Span(padded(entry.source, 6), entry.source_tone)
            lines.append((Span(f"{moment(state.since_start(entry.t_ns))} ", "dim"), source, Span(entry.text, entry.tone)))
        return [cut(line, width) for line in lines[:height]]


def _public(state: State, payment: Payment, width: int) -> list[Line]:
    formed = payment.certificate
    lines: list[Line] = [(Span("Public, for everybody", "strong"),)]
    wallet = state.wallets.get(payment.wallet)
    lines.append((Span("sender    ", "label"), Span(short(wallet.owner if wallet is not None else "–", 24))))
    lines += [(Span("recipient ", "label"), Span(short(recipient.owner, 24))) for recipient in payment.recipients]
    lines += [
        (Span("sequence  ", "label"), Span(str(payment.sequence))),
        (Span("fee       ", "label"), Span(amount(payment.fee))),
    ]
    lines += _hash_lines("transition", payment.transition_id, width)
    lines += _hash_lines("certificate", formed.cert_id if formed is not None else "", width)
    return lines


def _private(payment: Payment, width: int) -> list[Line]:
    lines: list[Line] = [(Span("Known to the parties alone", "strong"),), (Span("amount    ", "label"), Span(amount(payment.amount), "amount"))]
    for recipient in payment.recipients:
        if recipient.text:
            lines.append((Span("memo      ", "label"), Span(f"“{recipient.text}”")))
    return lines


def _hash_lines(name: str, digits: str, width: int) -> list[Line]:
    if not digits:
        return [(Span(f"{name:<12}", "label"), Span("–", "dim"))]
    per_line = max(1, (width - 12 + 1) // 9)
    pieces = groups(digits)
    rows = [" ".join(pieces[i : i + per_line]) for i in range(0, len(pieces), per_line)]
    return [(Span(f"{name if i == 0 else '':<12}", "label"), Span(row, "dim")) for i, row in enumerate(rows)]
