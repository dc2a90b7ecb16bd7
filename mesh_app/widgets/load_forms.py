"""The two forms of the performance screen: what traffic there shall be, and what shall be measured. They start nothing: they ask."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.widgets import Input, Label
from typing_extensions import override

from mesh_app.load_draft import EACH_OTHER, Wrong, bound_words, draft_measurement, draft_traffic
from mesh_app.messages import Ordered
from mesh_app.orders.performance import StartMeasurement, StartTraffic
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.choice import Choice
from mesh_app.widgets.line_view import LineView, wrapped

MAX_TYPED_CHARACTERS: Final = 12
TYPED: Final = frozenset("0123456789.-")
ARRIVALS: Final = ("poisson", "steady")


class NumberInput(Input):
    """Takes digits, a dot, a dash. Letters go on to the screen, whose keys therefore work here as well."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("load_form")]

    class Submitted(Message):
        """Enter was pressed."""

    @override
    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character in TYPED if character is not None else False

    @override
    async def _on_key(self, event: Key) -> None:
        if event.key == "enter":
            # At once, as in the payment form: what was typed before counts, what is typed after does not.
            event.stop()
            event.prevent_default()
            self.post_message(Choice.Submitted())
        elif not event.is_printable or event.character in TYPED:
            await super()._on_key(event)
        else:
            event.prevent_default()

    @override
    async def action_submit(self) -> None:
        """Enter by way of the key bar."""
        self.post_message(Choice.Submitted())


class LoadChoice(Choice, inherit_bindings=False):
    """One of a few values; enter starts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,down,j", "choose(1)", "Next", show=False),
        Binding("left,h,up,k", "choose(-1)", "Previous", show=False),
        *bindings_of("load_form"),
    ]


class LoadVerdict(LineView):
    """Below the fields: what the order can come to, or what is wrong with it."""

    def __init__(self) -> None:
        super().__init__(classes="verdict")
        self.drafted: StartTraffic | StartMeasurement | Wrong = StartTraffic()

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if isinstance(self.drafted, Wrong):
            return wrapped(f"✖ {self.drafted.field}: {self.drafted.text}", width, tone="down")[:height]
        latest = next((run.figures.acks_p50_ms or run.figures.p50_ms for run in state.performance.newest_first() if run.figures is not None), None)
        return wrapped(bound_words(self.drafted, latest), width, tone="dim")[:height]


class LoadForm(Vertical):
    """Fields and a verdict. Subclasses say which, and make an order of them."""

    FIELDS: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    """(id, label, first value) of the numbers."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._verdict = LoadVerdict()
        self._state: State | None = None

    @override
    def compose(self) -> ComposeResult:
        for field, label, value in self.FIELDS:
            with Horizontal(classes="field"):
                yield Label(label, classes="field-label")
                yield NumberInput(value, id=field, compact=True, max_length=MAX_TYPED_CHARACTERS)
        yield from self.compose_choices()
        yield self._verdict

    def compose_choices(self) -> ComposeResult:
        """Fields with a few values."""
        yield from ()

    def draft(self) -> StartTraffic | StartMeasurement | Wrong:
        """The order that stands in the fields."""
        raise NotImplementedError

    def show(self, state: State) -> None:
        """New wallets can be paid; what was measured says what can be expected."""
        self._state = state
        self._check()

    def submit(self) -> None:
        """Asks for what the form describes, or goes to the field that prevents it."""
        drafted = self.draft()
        if isinstance(drafted, Wrong):
            self.screen.set_focus(self.query_one(f"#{drafted.field}"))
            self._check()
        else:
            self.post_message(Ordered(drafted))

    @on(Input.Changed)
    @on(Choice.Changed)
    def _check(self) -> None:
        self._verdict.drafted = self.draft()
        if self._state is not None:
            self._verdict.show(self._state)

    @on(Choice.Submitted)
    def _submitted(self) -> None:
        self.submit()

    def values(self) -> dict[str, str]:
        """What stands in the fields."""
        return {field: self.query_one(f"#{field}", Input).value for field, _, _ in self.FIELDS}


class TrafficForm(LoadForm):
    """Rate, amounts, wallets, how long, how they come, and who is paid."""

    BORDER_TITLE = "Traffic"
    FIELDS = (("rate", "A second", "20"), ("amounts", "Amounts", "1-100"), ("wallets", "Wallets", "8"), ("seconds", "Seconds", ""))

    @override
    def compose_choices(self) -> ComposeResult:
        for field, label in (("arrivals", "Arrivals"), ("to", "Paid to")):
            with Horizontal(classes="field"):
                yield Label(label, classes="field-label")
                yield LoadChoice(id=field)

    def on_mount(self) -> None:
        """The few values there are."""
        self.query_one("#seconds", Input).placeholder = "until stopped"
        self.query_one("#arrivals", Choice).set_options(ARRIVALS)
        self.query_one("#to", Choice).set_options((EACH_OTHER,))

    @override
    def show(self, state: State) -> None:
        self.query_one("#to", Choice).set_options((EACH_OTHER, *state.wallets))
        super().show(state)

    @override
    def draft(self) -> StartTraffic | Wrong:
        chosen = {field: self.query_one(f"#{field}", Choice).value for field in ("arrivals", "to")}
        addresses = {name: wallet.address for name, wallet in self._state.wallets.items()} if self._state is not None else {}
        return draft_traffic(self.values() | {"arrivals": chosen["arrivals"] or ARRIVALS[0], "to": chosen["to"] or EACH_OTHER}, addresses)


class MeasureForm(LoadForm):
    """How many, how many at once, among how many wallets, warm-up, amount."""

    BORDER_TITLE = "Measurement"
    FIELDS = (("payments", "Payments", "100"), ("at-once", "At once", "1"), ("between", "Wallets", "2"), ("warm-up", "Warm-up", "5"), ("amount", "Amount", "1"))

    @override
    def draft(self) -> StartMeasurement | Wrong:
        return draft_measurement(self.values())


def no_form_lines(mode: str, width: int) -> list[Line]:
    """What stands where nothing can be measured."""
    return [(Span(f"{mode}: ", "wait"), Span("these events are not of this moment, so nothing can be measured here."[: max(0, width - len(mode) - 2)], "dim"))]
