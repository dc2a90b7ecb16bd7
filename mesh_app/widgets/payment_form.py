"""The form that makes a payment: from, to, amount, memo. Enter pays, or goes to what is still missing."""

from collections.abc import Iterator
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label
from typing_extensions import override

from mesh_app.draft import CheckedDraft, Draft, DraftField, Problem, check_draft, recipient_names
from mesh_app.format import amount
from mesh_app.messages import Ordered
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.choice import Choice
from mesh_app.widgets.line_view import LineView, clipped, cut, wrapped

FIRST_PAYER: Final = "alice"
FIRST_RECIPIENT: Final = "bob"
MAX_TYPED_CHARACTERS: Final = 1_000


class Verdict(LineView):
    """Below the fields: what will happen, or what is wrong; `asked` what was asked for and has not begun, `refusal` why it was not taken."""

    def __init__(self) -> None:
        super().__init__(id="verdict")
        self.draft = Draft("", "", "", "")
        self.asked = ""
        self.refusal = ""

    @override
    def build_lines(self, state: State, width: int, height: int) -> list[Line]:
        if self.refusal:
            return wrapped(f"✖ {self.refusal}", width, tone="down")[:height]
        if self.asked:
            return wrapped(f"◐ {self.asked}", width, tone="wait")[:height]
        return verdict_lines(check_draft(state, self.draft), width)[:height]


class PayButton(LineView, can_focus=True):
    """The last field of the form."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("form"), Binding("space", "submit", "Pay", show=False)]

    def __init__(self) -> None:
        super().__init__(id="pay-button")

    @override
    def build_lines(self, state: State, width: int, height: int) -> list[Line]:
        return [(Span(" " * max(0, (width - 12) // 2)), Span("Pay  ⏎ enter", "strong"))]

    def action_submit(self) -> None:
        """As enter in a field."""
        self.post_message(Choice.Submitted())

    def on_click(self) -> None:
        """As enter in a field."""
        self.action_submit()


class FormInput(Input):
    """A field to type in, whose keys are in the key bar."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("form")]

    def on_key(self, event: Key) -> None:
        """Takes the draft as it stands when enter comes.

        A binding is looked up on a way through several queues, while characters are inserted at once: with 5, enter, 0 typed fast, 50 would be paid.
        """
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self._submit_form()

    @override
    async def action_submit(self) -> None:
        """Enter by way of the key bar."""
        self._submit_form()

    def _submit_form(self) -> None:
        next(node for node in self.ancestors if isinstance(node, PaymentForm)).submit()


class PaymentForm(Vertical):
    """Four fields, a verdict, a button. It never pays: it asks for a payment."""

    BORDER_TITLE = "Pay"

    def __init__(self) -> None:
        super().__init__(id="payment-form")
        self._state: State | None = None
        self._verdict = Verdict()
        self._suggested: list[str] | None = None
        self._payments_count = 0
        self._has_suggested = False

    @override
    def compose(self) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Label("From", classes="field-label")
            yield Choice(id="from")
        with Horizontal(classes="field"):
            yield Label("To", classes="field-label")
            yield FormInput(id="to", compact=True, placeholder="wallet, contact or address", max_length=MAX_TYPED_CHARACTERS)
        with Horizontal(classes="field"):
            yield Label("Amount", classes="field-label")
            yield FormInput(id="amount", compact=True, placeholder="for example 500", max_length=MAX_TYPED_CHARACTERS)
        with Horizontal(classes="field"):
            yield Label("Memo", classes="field-label")
            yield FormInput(id="memo", compact=True, placeholder="the recipient alone reads it", max_length=MAX_TYPED_CHARACTERS)
        yield self._verdict
        yield PayButton()

    def show(self, state: State) -> None:
        """New wallets can be chosen, new balances are checked against."""
        self._state = state
        payers = [wallet.name for wallet in state.wallets.values() if wallet.can_pay]
        names = recipient_names(state)
        self.query_one(Choice).set_options(payers, preferred=FIRST_PAYER)
        to = self.query_one("#to", Input)
        if not self._has_suggested and (suggested := self._first_recipient(names)):
            # Once, and as soon as there is somebody to pay: the wallets are told of one after the other.
            self._has_suggested = True
            to.value = to.value or suggested
        if not isinstance(to.suggester, SuggestFromList) or self._suggested != names:
            self._suggested = names
            to.suggester = SuggestFromList(names, case_sensitive=False)
        self._verdict.draft = self.draft
        if state.payments_count != self._payments_count:
            self._payments_count = state.payments_count
            self._verdict.asked = ""
        for view in self._views():
            view.show(state)

    @property
    def draft(self) -> Draft:
        """What stands in the fields."""
        return Draft(
            self.query_one(Choice).value, self.query_one("#to", Input).value, self.query_one("#amount", Input).value, self.query_one("#memo", Input).value
        )

    def start(self, payer: str = "", recipient: str = "") -> None:
        """The cursor goes to the first field that a payment still needs; payer and recipient are put in where they are named."""
        self.query_one(Choice).choose_value(payer)
        if recipient:
            self.query_one("#to", Input).value = recipient
        checked = check_draft(self._state, self.draft) if self._state is not None else None
        self._focus_field(checked.field if isinstance(checked, Problem) else DraftField.AMOUNT)

    def refuse(self, text: str) -> None:
        """The payment that was asked for was not taken: nothing changed, and this is why."""
        self._verdict.asked, self._verdict.refusal = "", text
        self._verdict.reshow()

    @on(Input.Changed)
    @on(Choice.Changed)
    def check(self) -> None:
        """Each key is checked at once."""
        if self.draft == self._verdict.draft:
            return
        self._verdict.asked = self._verdict.refusal = ""
        self._verdict.draft = self.draft
        self._verdict.reshow()

    @on(Choice.Submitted)
    def submit(self) -> None:
        """Asks for the payment, or goes to the field that prevents it."""
        if self._state is None:
            return
        checked = check_draft(self._state, self.draft)
        if isinstance(checked, Problem):
            self._focus_field(checked.field)
            return
        self.query_one("#amount", Input).value = ""
        self.query_one("#memo", Input).value = ""
        self._verdict.draft = self.draft
        self._verdict.asked = f"asked: {amount(checked.amount)} to {clipped(checked.recipient, 20)}"
        self._verdict.reshow()
        self.post_message(Ordered(checked.order))

    def _focus_field(self, field: DraftField) -> None:
        ids = {DraftField.WALLET: "from", DraftField.RECIPIENT: "to", DraftField.AMOUNT: "amount", DraftField.MEMO: "memo"}
        # At once, and not when the screen finds time for it: the next key may be on its way.
        self.screen.set_focus(self.query_one(f"#{ids[field]}"))

    def _first_recipient(self, names: list[str]) -> str:
        payer = self.query_one(Choice).value
        return FIRST_RECIPIENT if FIRST_RECIPIENT in names and payer != FIRST_RECIPIENT else next((name for name in names if name != payer), "")

    def _views(self) -> Iterator[LineView]:
        yield self._verdict
        yield self.query_one(PayButton)


def verdict_lines(checked: CheckedDraft | Problem, width: int) -> list[Line]:
    """In words what pressing enter does."""
    if isinstance(checked, Problem):
        mark = "" if checked.is_empty else "✖ "
        return wrapped(f"{mark}{checked.field.value}: {checked.text}", width, tone="dim" if checked.is_empty else "down")
    told: Line = (Span("✔ ", "up"), Span(f"fee {amount(checked.fee)}, {checked.wallet} keeps "), Span(amount(checked.left), "amount"))
    return [cut(told, width), *(wrapped(f"! {checked.warning}", width, tone="wait") if checked.warning else [])]
