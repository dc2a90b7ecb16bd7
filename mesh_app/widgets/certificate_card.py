"""One certificate in short: what is public of it, what only its parties know, and when each validator applied it."""

from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import amount, groups, milliseconds, size
from mesh_app.spans import Line, Span, validator_name, validator_tone
from mesh_app.state import CertificateView, State
from mesh_app.widgets.certificate_list import CertificateList, parties
from mesh_app.widgets.line_view import LineView, cut, wrapped
from mesh_app.widgets.quorum import names_line


class CertificateCard(LineView):
    """The certificate under the list's cursor."""

    BORDER_TITLE = "Certificate"

    def __init__(self, certificates: CertificateList, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._certificates = certificates

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        certificate = state.certificates.get(self._certificates.cursor or "")
        if certificate is None:
            return wrapped("A certificate is a transition with the votes of a quorum. It is final, and anyone can check it.", width, tone="dim")
        lines = [*_public(state, certificate, width), (), *_hidden(state, certificate), (), *_holders(state, certificate)]
        lines.append((Span("enter", "amount"), Span(" reads every byte of it", "dim")))
        return [cut(line, width) for line in lines[:height]]


def _public(state: State, certificate: CertificateView, width: int) -> list[Line]:
    per_line = max(1, (width - 10) // 9)
    pieces = groups(certificate.cert_id)
    rows = [" ".join(pieces[i : i + per_line]) for i in range(0, len(pieces), per_line)]
    return [
        *((Span(f"{'id' if number == 0 else '':<10}", "label"), Span(row)) for number, row in enumerate(rows)),
        (Span("what      ", "label"), Span(parties(state, certificate), "strong"), Span(f"  sequence {certificate.sequence}", "dim")),
        (
            Span("signed by ", "label"),
            *names_line(certificate.signers, len(state.validators)),
            Span(f" {len(certificate.signers)} of {len(state.validators)}", "dim"),
        ),
    ]


def _hidden(state: State, certificate: CertificateView) -> list[Line]:
    payment = state.payments.get(state.payment_by_certificate.get(certificate.cert_id, -1))
    if payment is None:
        return [(Span("amount    ", "label"), Span("hidden", "hidden"), Span(", and no wallet here made it", "dim"))]
    lines: list[Line] = [(Span("amount    ", "label"), Span(amount(payment.amount), "amount"), Span("  known to its parties alone", "dim"))]
    formed = payment.certificate
    if formed is not None:
        lines.append((Span("final     ", "label"), Span(f"after {milliseconds(formed.payment_ms)}"), Span(f", {size(formed.size_bytes)}", "dim")))
    return lines


def _holders(state: State, certificate: CertificateView) -> list[Line]:
    holders = state.holders_of(certificate)
    lines: list[Line] = []
    for validator in state.validators:
        name = Span(f"{validator_name(validator.index)}  ", validator_tone(validator.index))
        applied_ns = certificate.applied_ns.get(validator.index)
        if applied_ns is not None:
            lines.append((name, Span("✔ applied ", "up"), Span(f"+{milliseconds((applied_ns - certificate.first_ns) / 1e6)}", "dim")))
        elif validator.index in holders:
            lines.append((name, Span("✔ has it ", "up"), Span("its digest covers it", "dim")))
        else:
            lines.append((name, Span("◐ not yet", "wait")))
    return lines
