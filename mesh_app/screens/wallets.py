"""The wallets: what each can open, beside what everybody else sees of it."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from typing_extensions import override

from mesh_app.messages import Ordered
from mesh_app.orders.wallets import AskFaucet, Claim, HideAmounts, LockWallet, ShowHistory, StartWallets
from mesh_app.screens.address_code import AddressDialog
from mesh_app.screens.contacts import ContactsDialog
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.screens.new_wallet import NewWallet
from mesh_app.screens.wallet_forms import ImportForm, ReceiptForm, RenameForm, UnlockForm, VerifyForm, ViewKeyForm
from mesh_app.state import State, WalletView
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.filter_bar import FilteredList
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.tab_line import TabLine
from mesh_app.widgets.wallet_detail import AddressCode, AddressPane, BalancePane, CommitmentPane, PartsPane, WalletPane
from mesh_app.widgets.wallet_history import HistoryList
from mesh_app.widgets.wallet_incoming import IncomingList
from mesh_app.widgets.wallet_list import NEW, WalletList

HISTORY: Final = "History"
INCOMING: Final = "Incoming"
ADDRESS: Final = "Address"
TABS: Final = (HISTORY, INCOMING, ADDRESS)
PAGE_ENTRIES: Final = 100
NO_WALLET: Final = "no wallet is in focus"


class WalletsScreen(MeshScreen):
    """Screen 2."""

    CSS_PATH = "wallets.tcss"
    AUTO_FOCUS = "#wallets"
    NAME = "wallets"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("wallets")]

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield WalletList(id="wallets")
        yield Vertical(
            Horizontal(BalancePane(id="opened"), CommitmentPane(id="commitment"), id="two-views"),
            PartsPane(id="parts"),
            TabLine(TABS, id="wallet-tabs"),
            Container(
                FilteredList(HistoryList(id="history"), id="history-place"),
                Vertical(IncomingList(id="incoming"), Vertical(AddressPane(id="address"), AddressCode(id="code"), id="address-place"), id="beside"),
                id="records",
            ),
            id="wallet",
        )

    def on_mount(self) -> None:
        """The first tab."""
        self._choose_tab(HISTORY)

    @override
    def show(self, state: State, mode: str) -> None:
        self._state = state
        self.query_one(WalletList).show(state)
        self._show_wallet()
        super().show(state, mode)

    @property
    def wallet(self) -> WalletView | None:
        """The wallet in focus."""
        return self.query_one(WalletList).wallet

    @property
    def payer(self) -> str:
        """The wallet that a payment from here begins with; empty where that in focus cannot pay."""
        wallet = self.wallet
        return wallet.name if wallet is not None and wallet.can_pay else ""

    def _focus_on(self, name: str) -> None:
        """A wallet that was just made, or has another name, is what its owner wants to see."""
        self.query_one(WalletList).put(name)

    @on(RowList.CursorMoved, "#wallets")
    def choose_wallet(self) -> None:
        """The panes follow the list."""
        self._show_wallet()
        self._reshow()

    @on(WalletList.ExtraChosen)
    def take_one_in(self, chosen: WalletList.ExtraChosen) -> None:
        """One of the rows below the wallets."""
        if chosen.row == NEW:
            self.start_new_wallet()
        else:
            self.action_import_wallet()

    def _show_wallet(self) -> None:
        name = self.query_one(WalletList).cursor
        panes: Sequence[WalletPane | HistoryList | IncomingList] = [*self.query(WalletPane), self.query_one(HistoryList), self.query_one(IncomingList)]
        for pane in panes:
            pane.wallet_name = name
        self.query_one(AddressCode).wallet_name = name

    def _reshow(self) -> None:
        for pane in self.query(WalletPane):
            pane.reshow()
        for view in (self.query_one(WalletList), self.query_one(HistoryList), self.query_one(IncomingList), self.query_one(AddressCode)):
            view.reshow()

    # --- Tabs

    @on(TabLine.Chosen)
    def choose_tab(self, chosen: TabLine.Chosen) -> None:
        """A click on a tab."""
        self._choose_tab(chosen.tab)

    def action_next_tab(self) -> None:
        """The next tab."""
        self._choose_tab(self.query_one(TabLine).step(1))

    def action_previous_tab(self) -> None:
        """The tab before."""
        self._choose_tab(self.query_one(TabLine).step(-1))

    def action_show_address(self) -> None:
        """The address, in focus so that `y` copies it."""
        self._choose_tab(ADDRESS)
        self.query_one(AddressPane).focus()

    def _choose_tab(self, tab: str) -> None:
        self.query_one(TabLine).choose(tab)
        for name in TABS:
            self.set_class(name == tab, f"-tab-{name.lower()}")

    # --- What one can do

    def start_new_wallet(self) -> None:
        """A form, then the phrase."""
        if self._state is not None:
            self.app.push_screen(NewWallet(self._state, self._focus_on))

    def action_import_wallet(self) -> None:
        """A form."""
        if self._state is not None:
            self.app.push_screen(ImportForm(self._state, self._focus_on))

    def action_rename_wallet(self) -> None:
        """A form."""
        wallet = self._wallet_or_say()
        if wallet is not None and self._state is not None:
            self.app.push_screen(RenameForm(self._state, wallet.name, self._focus_on))

    def action_unlock(self) -> None:
        """The passphrase of a sealed wallet."""
        wallet = self._wallet_or_say()
        if wallet is None or self._state is None:
            return
        if wallet.state == "sealed":
            self.app.push_screen(UnlockForm(self._state, wallet.name))
        else:
            self._say(f"{wallet.name} is open" if wallet.is_open else f"{wallet.name} is {wallet.condition[1]}, not sealed")

    def action_lock(self) -> None:
        """Closes it again."""
        wallet = self._open_or_say()
        if wallet is not None and wallet.key == "sealed":
            self.post_message(Ordered(LockWallet(wallet.name)))
        elif wallet is not None:
            self._say(f"{wallet.name} has no passphrase: there is nothing to lock it with")

    def action_ask_faucet(self) -> None:
        """Test money."""
        wallet = self._open_or_say()
        if wallet is None:
            return
        if wallet.is_view_only:
            self._say(f"{wallet.name} is view-only: it sees what comes, and claims nothing")
        else:
            self.post_message(Ordered(AskFaucet(wallet.name)))
            self._say(f"asked the faucet: 10,000 units for {wallet.name}")

    def action_claim(self) -> None:
        """What came in."""
        wallet = self._open_or_say()
        if wallet is not None and wallet.incoming:
            self.post_message(Ordered(Claim(wallet.name)))
        elif wallet is not None:
            self._say("nothing waits to be claimed")

    def action_start_wallets(self) -> None:
        """Their process, after it has ended."""
        if self._state is not None and any(wallet.state == "ended" for wallet in self._state.wallets.values()):
            self.post_message(Ordered(StartWallets()))
        else:
            self._say("the wallets' process runs")

    def action_older(self) -> None:
        """More of the history."""
        wallet = self._open_or_say()
        if wallet is not None and wallet.has_older:
            self.post_message(Ordered(ShowHistory(wallet.name, len(wallet.history) + PAGE_ENTRIES)))
        elif wallet is not None:
            self._say("there is nothing older")

    def action_make_receipt(self) -> None:
        """Of the payment under the cursor of the history."""
        wallet, line = self._open_or_say(), self.query_one(HistoryList).chosen
        if wallet is None or self._state is None:
            return
        if wallet.is_view_only:
            self._say("a receipt is signed, and a view-only wallet signs nothing")
        elif line is None:
            self._say("a receipt is of a payment: there is none in the history yet")
        elif line.status in {"signed", "locked", "stuck"}:
            self._say("this payment is not final: there is nothing to prove yet")
        else:
            self.app.push_screen(ReceiptForm(self._state, wallet.name, line))

    def action_verify_file(self) -> None:
        """A form, then the verdict."""
        if self._state is not None:
            self.app.push_screen(VerifyForm(self._state))

    def action_contacts(self) -> None:
        """The contacts."""
        if self._state is not None:
            self.app.push_screen(ContactsDialog(self._state))

    def action_export_view_key(self) -> None:
        """A form."""
        wallet = self._open_or_say()
        if wallet is not None and self._state is not None:
            self.app.push_screen(ViewKeyForm(self._state, wallet.name))

    def action_hide_amounts(self) -> None:
        """Hides the amounts, or shows them."""
        if self._state is not None:
            self.post_message(Ordered(HideAmounts(hides=not self._state.wallet_desk.hides_amounts)))

    def action_show_code(self) -> None:
        """For a camera."""
        wallet = self._wallet_or_say()
        if wallet is not None and self._state is not None:
            self.app.push_screen(AddressDialog(self._state, wallet.name))

    def _wallet_or_say(self) -> WalletView | None:
        wallet = self.wallet
        if wallet is None:
            self._say(NO_WALLET)
        return wallet

    def _open_or_say(self) -> WalletView | None:
        wallet = self._wallet_or_say()
        if wallet is not None and not wallet.is_open:
            self._say(f"{wallet.name} is not open: {'u unlocks it' if wallet.state == 'sealed' else wallet.condition[1]}")
            return None
        return wallet

    def _say(self, text: str) -> None:
        self.notify(text, timeout=4, markup=False)
