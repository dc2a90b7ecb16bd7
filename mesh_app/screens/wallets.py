"""The wallets: what each can open, beside what everybody else sees of it."""

from collections.abc import Iterable

from textual import on
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Digits
from typing_extensions import override

from mesh_app.format import amount
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import State
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.wallet_detail import AddressPane, CommitmentPane, HistoryPane, IncomingPane, WalletPane
from mesh_app.widgets.wallet_list import WalletList


class WalletsScreen(MeshScreen):
    """Screen 2."""

    CSS_PATH = "wallets.tcss"
    AUTO_FOCUS = "#wallets"
    NAME = "wallets"

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None

    @override
    def compose_body(self) -> Iterable[Widget]:
        opened = Vertical(Digits("", id="balance"), id="opened")
        opened.border_title = "Opened locally"
        yield WalletList(id="wallets")
        yield Container(
            AddressPane(id="address"),
            Horizontal(opened, CommitmentPane(id="commitment"), id="two-views"),
            Container(IncomingPane(id="incoming"), HistoryPane(id="history"), id="records"),
            id="wallet",
        )

    @override
    def show(self, state: State, mode: str) -> None:
        self._state = state
        self.query_one(WalletList).show(state)
        self._show_wallet()
        super().show(state, mode)

    @on(RowList.CursorMoved, "#wallets")
    def choose_wallet(self) -> None:
        """The panes follow the list."""
        self._show_wallet()
        for pane in self.query(WalletPane):
            pane.reshow()

    def _show_wallet(self) -> None:
        name = self.query_one(WalletList).cursor
        wallet = self._state.wallets.get(name) if self._state is not None and name is not None else None
        for pane in self.query(WalletPane):
            pane.wallet_name = name
        self.query_one("#balance", Digits).update(amount(wallet.balance) if wallet is not None else "")
