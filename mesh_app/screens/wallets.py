"""The wallets: what each can open, beside what everybody else sees of it."""

from collections.abc import Iterable

from textual import on
from textual.containers import Container, Horizontal
from textual.widget import Widget
from typing_extensions import override

from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import State
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.wallet_detail import AddressPane, BalancePane, CommitmentPane, HistoryPane, IncomingPane, WalletPane
from mesh_app.widgets.wallet_list import WalletList


class WalletsScreen(MeshScreen):
    """Screen 2."""

    CSS_PATH = "wallets.tcss"
    AUTO_FOCUS = "#wallets"
    NAME = "wallets"

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield WalletList(id="wallets")
        yield Container(
            AddressPane(id="address"),
            Horizontal(BalancePane(id="opened"), CommitmentPane(id="commitment"), id="two-views"),
            Container(IncomingPane(id="incoming"), HistoryPane(id="history"), id="records"),
            id="wallet",
        )

    @override
    def show(self, state: State, mode: str) -> None:
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
        for pane in self.query(WalletPane):
            pane.wallet_name = name
