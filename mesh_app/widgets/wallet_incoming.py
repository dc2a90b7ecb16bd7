"""Outputs made for a wallet in this run: what may be claimed, what was, and what cannot be opened."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import BindingType
from typing_extensions import override

from mesh_app.format import amount, short
from mesh_app.messages import CertificateWanted
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import Output, State, WalletView
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import padded, right_aligned, wrapped
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.wallet_list import shown

OutputKey = tuple[str, int]
OUTPUT_WORDS: Final[dict[str, tuple[str, Tone]]] = {
    "claimable": ("◐ claimable", "wait"),
    "claimed": ("✔ claimed", "up"),
    "unopenable": ("✖ unopenable", "down"),
}


class IncomingList(RowList[OutputKey]):
    """Outputs of the wallet called `wallet_name`, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("wallet_lines")]
    BORDER_TITLE = "Incoming"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.wallet_name: str | None = None

    @property
    def wallet(self) -> WalletView | None:
        """The wallet whose outputs are shown."""
        return self._state.wallets.get(self.wallet_name) if self._state is not None and self.wallet_name is not None else None

    @override
    def row_keys(self, state: State) -> Sequence[OutputKey]:
        wallet = self.wallet
        waiting = sum(1 for output in wallet.outputs.values() if output.status == "claimable") if wallet is not None else 0
        self.border_title = f"Incoming of this run{f' · {amount(waiting)} to claim' if waiting else ''}"
        return [*reversed(wallet.outputs)] if wallet is not None else ()

    @override
    def row_line(self, state: State, key: OutputKey, width: int) -> Line:
        wallet = self.wallet
        return incoming_line(state, wallet.outputs[key], hides_amounts=state.wallet_desk.hides_amounts) if wallet is not None and key in wallet.outputs else ()

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        wallet = self.wallet
        if wallet is not None and wallet.is_view_only:
            return wrapped("Nothing came in yet. A view-only wallet sees what comes and claims nothing.", width, tone="dim")
        return wrapped("Nothing came in yet. What comes is claimed by itself.", width, tone="dim")

    def action_open_certificate(self) -> None:
        """The certificate that brought it, in the ledger."""
        if self.cursor is not None:
            self.post_message(CertificateWanted(self.cursor[0]))

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return ("certificate id", self.cursor[0]) if self.cursor is not None else None


def incoming_line(state: State, output: Output, *, hides_amounts: bool) -> Line:
    """How it stands, how much, from whom, the words that came along; of one that cannot be opened the reason."""
    word, tone = OUTPUT_WORDS.get(output.status, (output.status[:12], "dim"))
    value = shown(output.amount, hides_amounts=hides_amounts) if output.amount is not None else "?"
    sender = state.owner_name(output.sender) or short(output.sender)
    if output.status == "unopenable":
        return (
            Span(padded(word, 13), tone),
            Span(right_aligned(value, 12), "amount"),
            Span(f"  from {sender}"),
            Span(f"  {output.text}: burnt by its sender", "down"),
        )
    words = Span(f"  “{output.text}”" if output.text else "", "text")
    return (Span(padded(word, 13), tone), Span(right_aligned(value, 12), "amount"), Span(f"  from {sender}"), words)
