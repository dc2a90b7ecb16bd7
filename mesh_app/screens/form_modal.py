"""Forms in a dialog: fields, what is wrong with them, and what became of the order. `tab` goes on, `enter` orders, `esc` goes back.

The form stays until its order is done: what the wallets refuse stands below the field that it is about, and nothing typed is lost.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Key, Paste
from textual.widgets import Input, Label, Static
from typing_extensions import override

from mesh_app.messages import Ordered
from mesh_app.orders.wallets import FormOrder
from mesh_app.screens.live_modal import LiveModal
from mesh_app.state import State
from mesh_app.widgets.choice import Choice
from mesh_core.types.visible_text import visible_text

MAX_TYPED_CHARACTERS: Final = 1_000
HINT: Final = "tab next field · enter does it · esc back"
_TICKETS: Final = itertools.count(1)

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FormField:
    """A field: one line of text, hidden where it `is_secret`, or one of a few `options`."""

    id: str
    label: str
    placeholder: str = ""
    value: str = ""
    is_secret: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Why the form cannot be ordered yet."""

    field: str
    text: str


class FormLine(Input):
    """A field to type in. Whatever is pasted becomes one line."""

    def on_key(self, event: Key) -> None:
        """Enter takes the form as it stands, and tab leads on, before what is typed after them: a binding would come to it later than a character."""
        ways: dict[str, Callable[[], object]] = {"enter": self._submit_form, "tab": self.screen.focus_next, "shift+tab": self.screen.focus_previous}
        if event.key in ways:
            event.stop()
            event.prevent_default()
            ways[event.key]()

    def _submit_form(self) -> None:
        next(node for node in self.ancestors if isinstance(node, FormModal)).submit()

    @override
    def _on_paste(self, event: Paste) -> None:
        """Textual takes the first line alone: of a phrase in six lines, four words would be left."""
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(" ".join(event.text.split())[:MAX_TYPED_CHARACTERS])


class FormModal(LiveModal):
    """A form. Subclasses give its texts, its fields, what is wrong with them, and the order."""

    HEADING: ClassVar[str] = ""
    EXPLANATION: ClassVar[str] = ""
    ASKED: ClassVar[str] = "asked"
    AUTO_FOCUS = ""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._ticket = 0
        self._judged: Values | None = None

    # --- For subclasses

    def fields(self) -> Sequence[FormField]:
        """The fields, first one first."""
        raise NotImplementedError

    def problem(self, values: Values) -> FieldProblem | None:
        """The first thing that is wrong."""
        raise NotImplementedError

    def order(self, values: Values, ticket: int) -> FormOrder:
        """The order that the fields stand for."""
        raise NotImplementedError

    def explanation(self) -> str:
        """What the form does, in words."""
        return self.EXPLANATION

    def done(self, values: Values) -> None:
        """The order is done."""
        self.dismiss(None)

    def changed(self, values: Values) -> None:
        """Something was typed."""

    # --- The form

    @override
    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog form", can_focus=False):
            yield Static(self.HEADING, markup=False, classes="form-heading")
            yield Static(self.explanation(), markup=False, classes="form-text", id="form-text")
            for field in self.fields():
                with Horizontal(classes="form-field", id=f"row-{field.id}"):
                    yield Label(field.label, classes="form-label")
                    yield _control(field)
            with Vertical(id="form-verdicts"):
                yield Static("", markup=False, id="form-verdict")
                yield Static(HINT, markup=False, id="form-hint")

    @override
    def on_mount(self) -> None:
        for field in self.fields():
            if field.options:
                self.query_one(f"#{field.id}", Choice).set_options(field.options, preferred=field.value)
        self.changed(self.values)
        first = next((field for field in self.fields() if not field.options), None)
        if first is not None:
            self.set_focus(self.query_one(f"#{first.id}"))

    @property
    def values(self) -> Values:
        """What stands in the fields."""
        return {field.id: self._value(field) for field in self.fields()}

    def _value(self, field: FormField) -> str:
        control = self.query_one(f"#{field.id}")
        if isinstance(control, Choice):
            return control.value or field.value
        assert isinstance(control, Input)
        return control.value

    @property
    def is_asked(self) -> bool:
        """Whether the order was given and is neither done nor refused."""
        return self._ticket != 0

    @on(Choice.Submitted)
    def submit(self) -> None:
        """Enter: the order, or the field that prevents it."""
        if self.is_asked:
            return
        values = self._judged = self.values
        found = self.problem(values)
        if found is not None:
            self.tell(found.text, "down")
            self.set_focus(self.query_one(f"#{found.field}"))
            return
        self.send(values)

    def send(self, values: Values) -> None:
        """Gives the order."""
        self._ticket = next(_TICKETS)
        self.tell(self.ASKED, "wait")
        self.post_message(Ordered(self.order(values, self._ticket)))

    @on(Input.Changed)
    @on(Choice.Changed)
    def _check(self) -> None:
        """A new key makes an old error old. Word of a key comes late: what was judged with it is not old."""
        if not self.is_asked and self.is_mounted and self.query("#form-verdict") and self.values != self._judged:
            self.tell("", "dim")
            self.changed(self.values)

    def tell(self, text: str, tone: str) -> None:
        """A line below the fields: what is wrong, or what is being done."""
        marks = {"down": "✖ ", "wait": "◐ ", "up": "✔ "}
        verdict = self.query_one("#form-verdict", Static)
        verdict.update(f"{marks.get(tone, '')}{visible_text(text)}" if text else "")
        verdict.set_classes(f"-{tone}")

    @override
    def show(self, state: State) -> None:
        super().show(state)
        verdict = state.wallet_desk.verdicts.get(self._ticket) if self.is_asked else None
        if verdict is None or verdict.state == "working":
            return
        self._ticket = 0
        if verdict.state == "done":
            self.done(self.values)
        else:
            self.tell(verdict.text, "down")


def _control(field: FormField) -> Input | Choice:
    if field.options:
        return Choice(id=field.id)
    return FormLine(value=field.value, id=field.id, placeholder=field.placeholder, password=field.is_secret, compact=True, max_length=MAX_TYPED_CHARACTERS)
