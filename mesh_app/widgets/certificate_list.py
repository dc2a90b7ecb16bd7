"""Certificates that validators applied in this run, newest first: what is public of each, and who holds it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from typing_extensions import override

from mesh_app.format import milliseconds, short
from mesh_app.messages import CertificateWanted
from mesh_app.spans import Line, Span
from mesh_app.state import CertificateView, State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import fitted, padded, right_aligned
from mesh_app.widgets.quorum import names_line
from mesh_app.widgets.row_list import RowList


class CertificateList(RowList[str]):
    """Certificates by id. The filter's words must all be in a row: a name, the beginning of an id, "claims"."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("network")]
    BORDER_TITLE = "Certificates"

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        keys = [*reversed(state.certificates)]
        words = self.filter_text.lower().split()
        if not words:
            return keys
        found = [key for key in keys if all(word in f"{key} {parties(state, state.certificates[key])}".lower() for word in words)]
        self.filter_told = f"{len(found)} of {len(keys)}"
        return found

    def action_open_certificate(self) -> None:
        """Every byte of the certificate under the cursor, in the ledger."""
        if self.cursor is not None:
            self.post_message(CertificateWanted(self.cursor))

    @override
    def header_lines(self, state: State, width: int) -> Sequence[Line]:
        if not state.certificates:
            return ()
        header: list[Line] = [
            (Span(f"  {padded('id', 11)}{padded('from → to', 16)}", "label"),),
            (Span(padded("seq", 4), "label"),),
            (Span(padded("signed by", 11), "label"),),
            (Span(right_aligned("final", 8), "label"),),
            (Span("held by", "label"),),
        ]
        return [fitted(header, width)]

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        certificate = state.certificates[key]
        payment = state.payments.get(state.payment_by_certificate.get(key, -1))
        formed = payment.certificate if payment is not None else None
        applied, total = len(state.holders_of(certificate)), len(state.validators)
        parts: list[Line] = [
            (Span(padded(short(certificate.cert_id), 11)), Span(padded(parties(state, certificate), 16), "strong")),
            (Span(padded(f"#{certificate.sequence}", 4), "dim"),),
            names_line(certificate.signers, total),
            (Span(right_aligned(milliseconds(formed.payment_ms) if formed is not None else "–", 8)),),
            (Span(f"{applied}/{total} {'✔' if applied == total else '◐'}", "up" if applied == total else "wait"),),
        ]
        return fitted(parts, width)

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return [
            (Span("No certificate yet. Each payment makes one.", "dim"),),
            (Span("Press ", "dim"), Span("p", "amount"), Span(" to make a payment.", "dim")),
        ]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return ("certificate id", self.cursor) if self.cursor is not None else None


def parties(state: State, certificate: CertificateView) -> str:
    """Who pays whom, by name where the wallet is one of this home."""
    sender = state.owner_name(certificate.sender) or short(certificate.sender, 6)
    if certificate.kind == "receive" or not certificate.recipients:
        return f"{sender} claims"
    first = state.owner_name(certificate.recipients[0]) or short(certificate.recipients[0], 6)
    more = f" +{len(certificate.recipients) - 1}" if len(certificate.recipients) > 1 else ""
    return f"{sender} → {first}{more}"
