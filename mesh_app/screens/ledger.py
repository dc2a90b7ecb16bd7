"""The ledger: certificates of all accounts, and what each of their bytes means."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from typing_extensions import override

from mesh_app.actions import actions_of
from mesh_app.messages import Ordered
from mesh_app.orders.ledger import CompareValidators, ListOutputs, ReadAccount, ReadCertificate, ReadPage, VerifyCertificate, WatchLog
from mesh_app.orders.order import Order
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.fact_list import ACCOUNT, CERTIFICATE, FactList
from mesh_app.widgets.hex_view import HexView
from mesh_app.widgets.ledger_account import AccountPane
from mesh_app.widgets.ledger_checks import ChecksPane
from mesh_app.widgets.ledger_compare import ComparePane
from mesh_app.widgets.ledger_outputs import OutputsPane
from mesh_app.widgets.ledger_rows import LedgerList, LedgerRows
from mesh_app.widgets.ledger_summary import SummaryPane, VotesPane
from mesh_app.widgets.line_view import LineView
from mesh_app.widgets.row_list import RowList
from mesh_app.widgets.tab_strip import TabStrip

LIST: Final = "list"
TITLES: Final = {
    "summary": "Summary",
    "votes": "Votes",
    "hex": "Hex",
    "verify": "Verify",
    "account": "Account",
    "outputs": "Outputs",
    "compare": "Compare",
}
TABS: Final = tuple(TITLES)
MAX_ASKED: Final = 1_000
LOOKED_BACK: Final = 50
"""Newest rows among which a certificate of the account in sight is noticed."""
REST_SECONDS: Final = 0.12
"""A certificate that the cursor only passes is not asked for."""


class LedgerScreen(MeshScreen):
    """Screen 4. Where there is no room for list and reader beside each other, `-reading` says which of them is in sight."""

    CSS_PATH = "ledger.tcss"
    AUTO_FOCUS = "#ledger-rows"
    NAME = "ledger"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("ledger")]

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None
        self._tab = self._pane = TABS[0]
        """The tab in sight, and the pane beside the bytes where there is room for both."""
        self._cert_id = ""
        """The certificate that the reader is about: the one under the cursor, or one that was jumped to."""
        self._jumped = ""
        self._trail: list[str] = []
        self._asked: set[tuple[str, object]] = set()
        self._rest: Timer | None = None

    @override
    def compose_body(self) -> Iterable[Widget]:
        rows = LedgerRows(id="ledger-rows")
        keys = {action.name: action.shown_keys[0] for action in actions_of("ledger")}
        tabs = [(name, title, keys.get(f"tab('{name}')", keys.get(name, ""))) for name, title in TITLES.items()]
        yield LedgerList(rows, id="ledger-list")
        panes = (
            SummaryPane(id="summary"),
            VotesPane(id="votes"),
            ChecksPane(id="verify"),
            AccountPane(id="account"),
            OutputsPane(id="outputs"),
            ComparePane(id="compare"),
        )
        for pane in panes:
            pane.display = pane.id == self._tab
        yield Vertical(
            TabStrip([(LIST, "List", "esc"), *tabs], id="ledger-tabs"),
            Horizontal(Container(*panes, id="ledger-panes"), HexView(id="hex"), id="ledger-content"),
            id="reader",
        )

    @override
    def on_resize(self) -> None:
        """Where list and reader stand beside each other, there is no tab for the list."""
        super().on_resize()
        self.call_after_refresh(self._mark_tab)

    @override
    def show(self, state: State, mode: str) -> None:
        self._state = state
        self.query_one(LedgerRows).show(state)
        self._choose()
        self._ask_for_what_is_missing()
        super().show(state, mode)

    @property
    @override
    def is_moving(self) -> bool:
        """While an answer is awaited, how long it has been is told."""
        ledger = self._state.ledger if self._state is not None else None
        return ledger is not None and not ledger.length and not ledger.error and (ledger.source is None or ledger.is_reading)

    @override
    def on_screen_resume(self) -> None:
        """Whoever looks at the ledger wants it read."""
        super().on_screen_resume()
        self._ask_once(WatchLog())

    def open_certificate(self, cert_id: str) -> None:
        """Puts the cursor on a certificate, or shows it beside the list where the list does not hold it."""
        self._jump_to(cert_id, is_from_elsewhere=True)
        self._put_tab("summary")
        self._focus_reader()

    # --- What is chosen

    @on(RowList.CursorMoved, "#ledger-rows")
    def choose_row(self) -> None:
        """The reader follows the list, when the cursor rests."""
        self._jumped = ""
        self._trail.clear()
        if self._rest is not None:
            self._rest.stop()
        self._choose()
        self._rest = self.set_timer(REST_SECONDS, self._ask_for_what_is_missing)

    def _choose(self) -> None:
        if self._state is None:
            return
        self._follow_jump()
        row = self.query_one(LedgerRows).row_under_cursor(self._state)
        cert_id = self._jumped or (row.cert_id if row is not None else "")
        if cert_id == self._cert_id:
            return
        self._cert_id = cert_id
        for pane in self.query(FactList):
            pane.cert_id = cert_id
            pane.is_chosen = False
        self.query_one(HexView).cert_id = cert_id
        if row is not None and not self._jumped:
            self._put_owner(row.sender)
        self._reshow()

    def _follow_jump(self) -> None:
        """The list's cursor goes to the certificate that was jumped to, as soon as its row is there."""
        rows = self.query_one(LedgerRows)
        row = self._state.ledger.row_of(self._jumped) if self._state is not None and self._jumped else None
        if row is not None and not rows.filter_text and rows.cursor != row.index:
            with self.prevent(RowList.CursorMoved):
                rows.put_cursor(row.index)

    def _put_owner(self, owner: str) -> None:
        pane = self.query_one(AccountPane)
        if pane.owner != owner:
            pane.owner, pane.asked_ns = owner, self._now_ns

    def _jump_to(self, cert_id: str, *, is_from_elsewhere: bool = False) -> None:
        if not is_from_elsewhere and self._cert_id and self._cert_id != cert_id:
            self._trail = [*self._trail[-19:], self._cert_id]
        row = self._state.ledger.row_of(cert_id) if self._state is not None else None
        self._jumped = cert_id
        self._choose()
        detail = self._state.ledger.details.get(cert_id) if self._state is not None else None
        if row is not None or detail is not None:
            self._put_owner(row.sender if row is not None else detail.sender if detail is not None else "")
        self._ask_for_what_is_missing()

    @on(FactList.Followed)
    def follow(self, event: FactList.Followed) -> None:
        """A fact leads to a certificate, to an account, or further back in a chain."""
        if event.kind == CERTIFICATE:
            self._jump_to(event.name)
            self._put_tab("summary")
            self._focus_reader()
        elif event.kind == ACCOUNT:
            self._put_owner(event.name)
            self._put_tab("account")
            self._focus_reader()
        elif self._state is not None:
            self._order(ReadAccount(self.query_one(AccountPane).owner, int(event.name)))

    @override
    def step_back(self) -> bool:
        """From a certificate that was jumped to, to the one before; from the reader to the list."""
        if self._trail:
            self._jump_to(self._trail.pop(), is_from_elsewhere=True)
            return True
        rows = self.query_one(LedgerRows)
        if rows.has_focus or self.focused is None:
            return False
        self._leave_reader()
        return True

    def _leave_reader(self) -> None:
        self._jumped = ""
        self._trail.clear()
        self._choose()
        self.remove_class("-reading")
        self.query_one(LedgerRows).focus()
        self._mark_tab()

    # --- Tabs

    def _put_tab(self, name: str) -> None:
        self._tab = name
        self._pane = self._pane if name == "hex" else name
        for pane in self.query_one("#ledger-panes").children:
            pane.display = pane.id == self._pane
        self.set_class(name == "hex", "-tab-hex")
        self._mark_tab()
        self._ask_for_what_is_missing()
        self._reshow()

    def _mark_tab(self) -> None:
        strip = self.query_one(TabStrip)
        strip.has_first = self.has_class("-narrow")
        strip.current = self._tab if self.has_class("-reading") or not self.has_class("-narrow") else LIST
        strip.reshow()
        strip.refresh()

    @on(TabStrip.Chosen)
    def choose_tab(self, event: TabStrip.Chosen) -> None:
        """The mouse chose one."""
        if event.name == LIST:
            self._leave_reader()
        else:
            self.action_tab(event.name)

    @on(LedgerRows.Chosen)
    def read(self) -> None:
        """Into the reader."""
        self._focus_reader()

    def _focus_reader(self) -> None:
        self.add_class("-reading")
        pane = self.query_one("#hex" if self._tab == "hex" else f"#{self._tab}")
        self.set_focus(pane)
        self._mark_tab()

    def action_tab(self, name: str) -> None:
        """A tab of the reader, and the focus into it."""
        if name == "compare":
            self.action_compare()
            return
        self._put_tab(name)
        self._focus_reader()

    def action_next_tab(self) -> None:
        """Next tab."""
        self._move_tab(1)

    def action_previous_tab(self) -> None:
        """Previous tab."""
        self._move_tab(-1)

    def _move_tab(self, by: int) -> None:
        self._put_tab(TABS[(TABS.index(self._tab) + by) % len(TABS)])
        self._focus_reader()

    # --- What is asked for

    def action_verify(self) -> None:
        """Every check again."""
        if not self._cert_id:
            self.notify("choose a certificate first", timeout=3, markup=False)
            return
        pane = self.query_one(ChecksPane)
        pane.asked[self._cert_id], pane.is_chosen = self._now_ns, False
        self._put_tab("verify")
        self._focus_reader()
        self._order(VerifyCertificate(self._cert_id))

    def action_compare(self) -> None:
        """The four beside each other."""
        self.query_one(ComparePane).asked_ns = max(1, self._now_ns)
        self._put_tab("compare")
        self._focus_reader()
        self._order(CompareValidators())

    def action_next_log(self) -> None:
        """The log of the next validator; after the last one, of whichever answers."""
        if self._state is None:
            return
        ledger, count = self._state.ledger, len(self._state.validators)
        following = 0 if not ledger.is_source_chosen or ledger.source is None else ledger.source + 1
        self._order(WatchLog(following if following < count else None))

    def action_ask_again(self) -> None:
        """Everything that was asked for and did not come, anew."""
        self._asked.clear()
        self._ask_once(WatchLog())
        if self._tab == "compare":
            self.action_compare()
        elif self._tab == "account" and self._state is not None:
            self._order(ReadAccount(self.query_one(AccountPane).owner))
        self._ask_for_what_is_missing()

    def _ask_for_what_is_missing(self) -> None:
        state = self._state
        if state is None or not self.is_current:
            return
        if self._cert_id and self._cert_id not in state.ledger.details and state.ledger.source is not None:
            self._ask_once(ReadCertificate(self._cert_id))
        page = self.query_one(LedgerRows).missing_page(state)
        if page is not None and not state.ledger.is_reading:
            self._ask_once(ReadPage(page), state.ledger.generation)
        account = self.query_one(AccountPane)
        is_other = state.ledger.account is None or state.ledger.account.owner != account.owner
        if self._tab == "account" and account.owner and is_other and state.ledger.source is not None:
            self._ask_once(ReadAccount(account.owner), account.asked_ns)
        if self._tab == "account" and not is_other and self._has_moved(state):
            self._ask_once(ReadAccount(account.owner), state.ledger.generation, state.ledger.length)
        if self._tab == "outputs" and state.ledger.source is not None and not state.ledger.is_reading:
            # What is claimable changes with every certificate, and so does who claimed an output of this one.
            self._ask_once(ListOutputs(), state.ledger.generation, state.ledger.length)
            if self._cert_id:
                self._ask_once(ReadCertificate(self._cert_id), state.ledger.generation, state.ledger.length)

    @staticmethod
    def _has_moved(state: State) -> bool:
        """Whether one of the newest rows is a certificate of the account that is shown, and newer than what is shown."""
        ledger = state.ledger
        newest = (ledger.row(index) for index in range(ledger.length - 1, max(-1, ledger.length - 1 - LOOKED_BACK), -1))
        account = ledger.account
        return account is not None and any(row is not None and row.sender == account.owner and row.sequence >= account.sequence for row in newest)

    def _ask_once(self, order: Order, *at: object) -> None:
        """Ask, and not again for the same thing at the same time: what failed says so, and `r` asks anew."""
        asked = (order.describe(), (order, *at))
        if asked not in self._asked:
            if len(self._asked) > MAX_ASKED:
                self._asked.clear()
            self._asked.add(asked)
            self._order(order)

    def _order(self, order: Order) -> None:
        self.post_message(Ordered(order))

    @property
    def _now_ns(self) -> int:
        return self._state.now_ns if self._state is not None else 0

    def _reshow(self) -> None:
        for view in self._views():
            view.reshow()
            view.refresh()

    def _views(self) -> Sequence[LineView]:
        return [*self.query(FactList), self.query_one(HexView)]
