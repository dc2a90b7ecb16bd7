"""The payment screen: a form, the payments of this run, and one of them in focus with the lanes of its votes and the recipient's claim below."""

from collections.abc import Iterable
from typing import ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.timer import Timer
from textual.widget import Widget
from typing_extensions import override

from mesh_app.messages import StateWanted
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import Payment, State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.payment_form import PaymentForm
from mesh_app.widgets.payment_inspector import PaymentInspector
from mesh_app.widgets.payment_list import PaymentList
from mesh_app.widgets.payment_pane import PaymentPane
from mesh_app.widgets.row_list import RowList

SLOWER: Final = 40
FRAME_SECONDS: Final = 0.05


class PayScreen(MeshScreen):
    """Screen 3."""

    CSS_PATH = "pay.tcss"
    AUTO_FOCUS = "#payments"
    NAME = "pay"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("pay")]

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None
        self._replay: Timer | None = None
        self._began_ns = 0

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Vertical(PaymentForm(), PaymentList(id="payments"), id="orders")
        yield Vertical(PaymentPane(id="payment"), PaymentPane(id="claim", is_claim_pane=True), id="progress")
        yield PaymentInspector(id="inspector")

    @override
    def show(self, state: State, mode: str) -> None:
        self._state = state
        self.query_one(PaymentList).show(state)
        self._choose_payment()
        if self._replay is not None:
            self._next_frame(state.now_ns)
        self.query_one(PaymentForm).show(state)
        super().show(state, mode)

    @property
    @override
    def is_moving(self) -> bool:
        return self._replay is not None

    def start_payment(self, payer: str = "", recipient: str = "") -> None:
        """The cursor goes into the form; payer and recipient are put in where they are named."""
        self.query_one(PaymentForm).start(payer, recipient)

    def payment_asked(self) -> None:
        """The newest payment is in focus, and the keys of the screen work again."""
        self._end_slow_motion()
        payments = self.query_one(PaymentList)
        payments.is_chosen = False
        payments.focus()

    def refuse(self, text: str) -> None:
        """A payment was not taken."""
        self.query_one(PaymentForm).refuse(text)

    @on(RowList.CursorMoved, "#payments")
    def choose(self) -> None:
        """The panes follow the list."""
        self._end_slow_motion()
        self._choose_payment()
        self._reshow()

    def action_slow_motion(self) -> None:
        """Plays the payment in focus again, from its first request to its last acknowledgement; pressed again, it ends."""
        payment = self._payment()
        if self._replay is not None:
            self._end_slow_motion()
            self._reshow()
        elif payment is None or payment.asked_ns is None:
            self.notify("no payment to play yet", timeout=3, markup=False)
        else:
            self._began_ns = self._state.now_ns if self._state is not None else 0
            self._replay = self.set_interval(FRAME_SECONDS, lambda: self.post_message(StateWanted()))

    def _next_frame(self, now_ns: int) -> None:
        """Where slow motion has come to: by the clock of the events, so that a recording that is played again shows it too."""
        payment = self._payment()
        if payment is None or payment.asked_ns is None:
            return self._end_slow_motion()
        until_ns = payment.asked_ns + (now_ns - self._began_ns) // SLOWER
        if until_ns > self._end_ns(payment):
            return self._end_slow_motion()
        for pane in self.query(PaymentPane):
            pane.until_ns = until_ns
        return None

    def _end_ns(self, payment: Payment) -> int:
        claim = self._state.claim_of(payment) if self._state is not None else None
        return max(payment.last_ns, claim.last_ns if claim is not None else 0)

    def _end_slow_motion(self) -> None:
        if self._replay is not None:
            self._replay.stop()
            self._replay = None
        for pane in self.query(PaymentPane):
            pane.until_ns = None

    def _payment(self) -> Payment | None:
        key = self.query_one("#payment", PaymentPane).payment_key
        return self._state.payments.get(key) if self._state is not None and key is not None else None

    def _choose_payment(self) -> None:
        """A claim in the list shows its payment above, where it is known: the two belong together."""
        if self._state is None:
            return
        chosen = self._state.payments.get(self.query_one(PaymentList).cursor or 0)
        source = self._state.source_of(chosen) if chosen is not None and chosen.is_claim else chosen
        payment = source or chosen
        claim = self._state.claim_of(payment) if payment is not None else None
        if chosen is not None and chosen.is_claim and source is not None:
            claim = chosen
        self.query_one("#payment", PaymentPane).payment_key = payment.key if payment is not None else None
        self.query_one("#claim", PaymentPane).payment_key = claim.key if claim is not None else None
        self.query_one(PaymentInspector).payment_keys = tuple(found.key for found in (payment, claim) if found is not None)

    def _reshow(self) -> None:
        for pane in self.query(PaymentPane):
            pane.reshow()
        self.query_one(PaymentInspector).reshow()
