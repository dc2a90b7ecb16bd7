"""A new wallet: its name, an optional passphrase, its phrase to write down, three of the words typed again; only then it is made."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Label, Static
from typing_extensions import override

from mesh_app.draft import wallet_name_problem
from mesh_app.messages import SecretWanted
from mesh_app.orders.wallets import CreateWallet, DraftPhrase, FormOrder
from mesh_app.screens.form_modal import MAX_TYPED_CHARACTERS, FieldProblem, FormField, FormLine, FormModal, Values
from mesh_app.state import State
from mesh_app.widgets.phrase_words import PhraseWords

WORDS_ASKED: Final = 3
SHOWN_SECONDS: Final = 180.0
"""After so long the words are covered: whoever writes them down is looking, whoever has gone away is not."""
OnMade = Callable[[str], None]
NAME: Final = FormField("name", "Name", "for example carol")
PASSPHRASE_FIELDS: Final = (
    FormField("passphrase", "Passphrase", "optional: seals the key file", is_secret=True),
    FormField("again", "Once more", "the same again", is_secret=True),
)


def passphrase_problem(values: Values) -> FieldProblem | None:
    """Both fields hold the same, or nothing."""
    if values["passphrase"] != values["again"]:
        return FieldProblem("again", "the two passphrases are not the same")
    return None


class NewWallet(FormModal):
    """Name and passphrase. The phrase comes next."""

    HEADING = "A new wallet"
    EXPLANATION = "Its name stays on this machine. A passphrase seals its key file: it is asked for at each start, and is never shown again. Next: the phrase."
    ASKED = "making up a recovery phrase"
    HOLDS_SECRET = True

    def __init__(self, state: State, on_made: OnMade) -> None:
        """`on_made` is told the name of the wallet that was made."""
        super().__init__(state)
        self._on_made = on_made

    @override
    def fields(self) -> tuple[FormField, ...]:
        return (NAME, *PASSPHRASE_FIELDS)

    @override
    def problem(self, values: Values) -> FieldProblem | None:
        name = wallet_name_problem(self.state, values["name"].strip())
        return FieldProblem("name", name) if name is not None else passphrase_problem(values)

    @override
    def send(self, values: Values) -> None:
        """No order yet: the phrase first."""
        self.tell(self.ASKED, "wait")
        self.post_message(SecretWanted(DraftPhrase(), lambda phrase: self._show_phrase(values, phrase), lambda text: self.tell(text, "down")))

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        raise NotImplementedError

    def _show_phrase(self, values: Values, phrase: str) -> None:
        if self.is_current:
            self.app.switch_screen(PhraseDialog(self.state, values["name"].strip(), values["passphrase"], phrase, self._on_made))


class PhraseDialog(FormModal):
    """Shows a phrase (secret) once, then asks for three of its words, then has the wallet made.

    The words are covered when the terminal loses the focus, after three minutes, while they are asked for, and with `h`. They are in no event and no file.
    """

    HEADING = "24 words: they are the wallet"
    EXPLANATION = (
        "Whoever has them has its money; without them a lost disk is lost money. Write them on paper, in this order. They are shown now and never again."
    )
    ASKED = "making the wallet"
    HOLDS_SECRET = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", "Go on"),
        Binding("h", "cover", "Cover", show=False),
    ]

    def __init__(self, state: State, name: str, passphrase: str, phrase: str, on_made: OnMade) -> None:
        super().__init__(state)
        self._on_made = on_made
        self._name_of_wallet = name
        self._passphrase = passphrase
        self._phrase = phrase
        self._is_asking = False
        words = phrase.split()
        self.asked_places = _places(words, WORDS_ASKED)

    @override
    def fields(self) -> tuple[FormField, ...]:
        return ()

    @override
    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog form phrase", can_focus=False):
            yield Static(self.HEADING, markup=False, classes="form-heading")
            yield Static(self.EXPLANATION, markup=False, classes="form-text", id="form-text")
            yield PhraseWords(self._phrase.split(), id="phrase-words")
            for place in self.asked_places:
                with Horizontal(classes="form-field asked-word"):
                    yield Label(f"Word {place}", classes="form-label")
                    yield FormLine(id=f"word-{place}", compact=True, max_length=MAX_TYPED_CHARACTERS)
            yield Static("", markup=False, id="form-verdict")
            yield Static("enter: I have written them down · h covers · esc: no wallet", markup=False, id="form-hint")

    @override
    def on_mount(self) -> None:
        self.set_timer(SHOWN_SECONDS, lambda: self._cover_words(is_covered=True))
        self.watch(self.app, "app_focus", self._leave_window, init=False)

    def _leave_window(self, has_focus: bool) -> None:
        """Somebody has gone to another window."""
        if not has_focus:
            self._cover_words(is_covered=True)

    def action_cover(self) -> None:
        """Covers the words, or shows them again."""
        if not self._is_asking:
            self._cover_words(is_covered=not self.query_one(PhraseWords).is_covered)

    def _cover_words(self, *, is_covered: bool) -> None:
        self.query_one(PhraseWords).is_covered = is_covered

    def action_go_on(self) -> None:
        """Enter, where no field has the focus."""
        self.submit()

    @override
    def submit(self) -> None:
        """From the words to the questions; from them to the wallet."""
        if self.is_asked:
            return
        if not self._is_asking:
            self._ask()
            return
        words = self._phrase.split()
        for place in self.asked_places:
            line = self.query_one(f"#word-{place}", Input)
            if line.value.strip().lower() != words[place - 1]:
                self.tell(f"that is not word {place}" if line.value.strip() else "", "down")
                self.set_focus(line)
                return
        self.send({})

    def _ask(self) -> None:
        self._is_asking = True
        self._cover_words(is_covered=True)
        self.add_class("-asking")
        self.query_one("#form-text", Static).update("So that nothing was misread: type these three of the 24 words.")
        self.query_one("#form-hint", Static).update("tab next word · enter makes the wallet · esc: no wallet")
        self.set_focus(self.query_one(f"#word-{self.asked_places[0]}"))

    @override
    def order(self, values: Values, ticket: int) -> FormOrder:
        return CreateWallet(self._name_of_wallet, self._phrase, self._passphrase, ticket=ticket)

    @override
    def done(self, values: Values) -> None:
        self._phrase = self._passphrase = ""
        self._on_made(self._name_of_wallet)
        self.dismiss(None)


def _places(words: list[str], count: int) -> tuple[int, ...]:
    """Places of words, from 1, spread over the phrase and different from phrase to phrase, without a source of randomness: the phrase is one."""
    third = len(words) // count
    return tuple(third * part + 1 + sum(map(ord, words[part])) % third for part in range(count))
