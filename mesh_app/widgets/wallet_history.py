"""What a wallet paid and was paid, newest first: its own records, with amounts and memos that it alone opens."""

import json
from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import BindingType
from typing_extensions import override

from mesh_app.format import local_time, short
from mesh_app.messages import CertificateWanted
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import HistoryLine, State, WalletView
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import fitted, line_width, padded, right_aligned
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.wallet_list import hints, shown

HistoryKey = tuple[str, int, bool]
STATUS_WORDS: Final[dict[str, tuple[str, str, Tone]]] = {
    "signed": ("◐", "on its way", "wait"),
    "certified": ("✔", "final", "up"),
    "settled": ("✔", "settled", "up"),
    "done": ("✔", "done", "up"),
    "locked": ("✖", "locked", "down"),
    "stuck": ("✖", "stuck", "down"),
    "claimable": ("◐", "claimable", "wait"),
    "claimed": ("✔", "claimed", "up"),
    "unopenable": ("✖", "unopenable", "down"),
}
MIDDLE: Final = 60
WIDE: Final = 80
FEE_TOO: Final = 104
MEMO_LEAST: Final = 10


class HistoryList(RowList[HistoryKey]):
    """The payments of the wallet called `wallet_name`. The filter's words must all be in a row: a name, in, out, a memo, the beginning of a hash."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("wallet_lines")]
    BORDER_TITLE = "History"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.wallet_name: str | None = None

    @property
    def wallet(self) -> WalletView | None:
        """The wallet whose payments are shown."""
        return self._state.wallets.get(self.wallet_name) if self._state is not None and self.wallet_name is not None else None

    @property
    def chosen(self) -> HistoryLine | None:
        """The payment under the cursor."""
        wallet = self.wallet
        return wallet.history.get(self.cursor) if wallet is not None and self.cursor is not None else None

    @override
    def row_keys(self, state: State) -> Sequence[HistoryKey]:
        wallet = self.wallet
        if wallet is None:
            return ()
        lines = wallet.newest_first()
        self.border_title = f"History · {len(lines)}{' newest, m older' if wallet.has_older else ''}"
        words = self.filter_text.casefold().split()
        if words:
            found = [line for line in lines if all(word in self._searched(state, line) for word in words)]
            self.filter_told = f"{len(found)} of {len(lines)}"
            lines = found
        return [line.key for line in lines]

    def _searched(self, state: State, line: HistoryLine) -> str:
        direction = "out sent" if line.is_sent else "in received"
        value = "" if line.amount is None or state.wallet_desk.hides_amounts else f"{line.amount} {line.amount:,}"
        return f"{direction} {state.owner_name(line.counterparty) or ''} {line.counterparty} {line.cert_id} {line.status} {value} {line.text}".casefold()

    @override
    def row_line(self, state: State, key: HistoryKey, width: int) -> Line:
        line = self.wallet.history.get(key) if self.wallet is not None else None
        return history_line(state, line, width, hides_amounts=state.wallet_desk.hides_amounts) if line is not None else ()

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        wallet = self.wallet
        self.border_title = "History"
        if self.filter_text:
            return hints(width, "No payment matches the filter.", ("esc", "shows all"))
        if wallet is None or not wallet.is_open:
            return hints(width, "Payments in both directions, once the wallet is open.")
        if wallet.is_restoring:
            return [(Span("◌ ", "wait"), Span("coming back from the validators…", "dim"))]
        if wallet.is_view_only:
            return hints(width, "No payment yet. What the account pays and is paid appears here.")
        return hints(width, "No payment yet.", ("p", "pays") if wallet.balance else ("f", "gets 10,000 test units from the faucet"))

    def action_open_certificate(self) -> None:
        """The payment's certificate, in the ledger."""
        line = self.chosen
        if line is not None and line.status != "signed":
            self.post_message(CertificateWanted(line.cert_id))

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        line = self.chosen
        return ("certificate id", line.cert_id) if line is not None else None

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here."""
        line = self.chosen
        if line is None or self._state is None or self._state.wallet_desk.hides_amounts:
            return None
        form = {
            "time": local_time(line.at_ms, "%Y-%m-%dT%H:%M:%S", in_utc=self._state.show.is_utc),
            "direction": "sent" if line.is_sent else "received",
            "amount": line.amount,
            "fee": line.fee,
            "counterparty": line.counterparty,
            "memo": line.text,
            "cert_id": line.cert_id,
            "output": line.output,
            "status": line.status,
        }
        return "payment", json.dumps(form)


def history_line(state: State, line: HistoryLine, width: int, *, hides_amounts: bool) -> Line:
    """When, how much, with whom, how it stands, its certificate, its words; what does not fit is left out from the right."""
    glyph, word, tone = STATUS_WORDS.get(line.status, ("·", line.status[:10], "dim"))
    value = "?" if line.amount is None else f"{'−' if line.is_sent else '+'}{shown(line.amount, hides_amounts=hides_amounts)}"
    other = f"{'to' if line.is_sent else 'from'} {state.owner_name(line.counterparty) or short(line.counterparty)}"
    memo = f"“{line.text}”" if line.text and line.amount is not None else line.text
    is_wide = width >= WIDE
    parts: list[Line] = [
        (Span(local_time(line.at_ms, "%d %b %H:%M" if is_wide else "%H:%M", in_utc=state.show.is_utc), "dim"),),
        (Span(right_aligned(value, 14 if is_wide else 10), "text" if line.is_sent else "amount"),),
        (Span(padded(other, 18 if is_wide else 14)),),
        (Span(f"{glyph} {padded(word, 10)}" if width >= MIDDLE else glyph, tone),),
        *([(Span(padded(f"fee {line.fee}" if line.fee else "", 6), "dim"),)] if width >= FEE_TOO else []),
        (Span(short(line.cert_id), "dim"),),
    ]
    fixed = fitted(parts, width)
    has_room = memo and line_width(fixed) + MEMO_LEAST <= width
    return (*fixed, Span(f"  {memo}", "text" if line.amount is not None else "down")) if has_room else fixed
