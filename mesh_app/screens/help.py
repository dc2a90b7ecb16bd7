"""Help: the keys of where one comes from, then every key, from the registry of actions; what is what; and where everything lies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.actions import SCOPE_TITLES, Scope, actions_of
from mesh_app.actions.action import shown_keys
from mesh_app.messages import StateWanted
from mesh_app.screens.help_texts import CONCEPTS, IN_DIALOGS, PICTURES, SCOPE_TEXTS, WITHOUT_SIGHT
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.spans import plain
from mesh_app.state import State
from mesh_app.state.about import About
from mesh_app.widgets.line_view import wrapped

KEY_WIDTH: Final = 12
MIN_WIDTH: Final = 30


class HelpPane(VerticalScroll):
    """Text that is scrolled by the keys of lists, too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
        Binding("ctrl+d,space", "page_down", "Page down", show=False),
        Binding("ctrl+u", "page_up", "Page up", show=False),
    ]
    ALLOW_MAXIMIZE = True


class HelpScreen(MeshScreen):
    """Screen 8."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "#help-keys"
    NAME = "help"

    def __init__(self) -> None:
        super().__init__()
        self._scopes: tuple[Scope, ...] = ()
        self._shown: tuple[tuple[Scope, ...], About, int] | None = None

    @override
    def compose_body(self) -> Iterable[Widget]:
        keys = HelpPane(Static(id="help-keys-text"), id="help-keys")
        keys.border_title = "Keys"
        concepts = HelpPane(Static(id="help-concepts-text"), id="help-concepts")
        concepts.border_title = "What is what"
        yield keys
        yield concepts

    def explain(self, scopes: Iterable[str]) -> None:
        """The scopes in force where the person comes from, the nearest first: their keys stand first."""
        self._scopes = tuple(scope for scope in SCOPE_TITLES if scope in set(scopes) and scope != "everywhere")
        self._scopes = tuple(sorted(self._scopes, key=[*scopes].index))
        if self.is_mounted:
            self.query_one("#help-keys", VerticalScroll).scroll_home(animate=False)

    @override
    def on_resize(self) -> None:
        """Words are broken anew once the panes have their sizes."""
        super().on_resize()
        self.call_after_refresh(self.post_message, StateWanted())

    @override
    def show(self, state: State, mode: str) -> None:
        width = self.query_one("#help-keys", VerticalScroll).scrollable_content_region.width
        if self._shown != (self._scopes, state.about, width):
            self._shown = (self._scopes, state.about, width)
            self.query_one("#help-keys-text", Static).update(_keys(self._scopes, state.about.keys, max(MIN_WIDTH, width)))
            self.query_one("#help-concepts-text", Static).update(_concepts(state.about))
        super().show(state, mode)


def _concepts(about: About) -> Content:
    parts: list[Content] = []
    for name, text in (*CONCEPTS, ("Pictures and files", PICTURES), ("Without a screen", WITHOUT_SIGHT)):
        parts += [_title(name), Content(f"{text}\n\n")]
    if about.locations:
        width = max(len(name) for name, _ in about.locations)
        home = dict(about.locations).get("home", "")
        rows = [(name, path.replace(f"{home}/", "HOME/") if home else path) for name, path in about.locations]
        parts += [_title("Files"), *(Content(f"{name:<{width}}  {path}\n") for name, path in rows), Content("\n")]
    if about.version:
        parts += [_title("Version"), Content(f"mesh-app {about.version}\n")]
    return Content.assemble(*parts)


def _keys(here: Sequence[Scope], chosen: Mapping[str, str], width: int) -> Content:
    parts: list[Content] = []
    if here:
        parts += [Content.styled("Where you were", "bold $accent"), Content("\n\n")]
        parts += [part for scope in here for part in _section(scope, chosen, width)]
        parts += [Content.styled("Everywhere else", "bold $accent"), Content("\n\n")]
    parts += [part for scope in SCOPE_TITLES if scope not in here for part in _section(scope, chosen, width)]
    parts += [_title("In a question"), *(_row(keys, text, width) for keys, text in IN_DIALOGS)]
    return Content.assemble(*parts)


def _section(scope: Scope, chosen: Mapping[str, str], width: int) -> list[Content]:
    actions = actions_of(scope)
    if not actions:
        return []
    about = [Content(f"{text}\n").stylize("$foreground 70%") for text in _texts(SCOPE_TEXTS.get(scope, ""), width) if text]
    rows = [_row(" ".join(shown_keys(chosen.get(action.id, action.keys))), action.text, width) for action in actions]
    return [_title(SCOPE_TITLES[scope]), *about, *rows, Content("\n")]


def _row(keys: str, text: str, width: int) -> Content:
    """The keys, and beside them the words, which stay in their column where they take more than one line."""
    first, *more = _texts(text, width - KEY_WIDTH - 2)
    indent = " " * (KEY_WIDTH + 2)
    return Content.assemble(
        Content.styled(f" {keys:<{KEY_WIDTH}} ", "bold $foreground"), Content(f"{first}\n"), *(Content(f"{indent}{line}\n") for line in more)
    )


def _texts(text: str, width: int) -> list[str]:
    return [plain(line) for line in wrapped(text, width)]


def _title(text: str) -> Content:
    return Content.styled(f"{text}\n", "bold $primary")
