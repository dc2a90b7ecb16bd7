"""The wallets of this home, with the balances that they opened."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from typing_extensions import override

from mesh_app.format import amount
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import cut, padded
from mesh_app.widgets.row_list import RowList


class WalletList(RowList[str]):
    """Wallets by name."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("wallets")]
    BORDER_TITLE = "Wallets"

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        return [*state.wallets]

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        wallet = state.wallets[key]
        coming = f" +{amount(wallet.incoming)}" if wallet.incoming else ""
        value = amount(wallet.balance)
        name_width = max(4, width - len(value) - len(coming) - 1)
        return cut((Span(padded(wallet.name, name_width)), Span(f" {value}", "amount"), Span(coming, "wait")), width)

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return [(Span("No wallet yet: ", "dim"), Span("n", "amount"), Span(" creates one.", "dim"))]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        wallet = self._state.wallets.get(self.cursor) if self._state is not None and self.cursor is not None else None
        return (f"address of {wallet.name}", wallet.address) if wallet is not None else None
