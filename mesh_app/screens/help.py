"""Help: the keys of where one comes from, then every key, from the registry of actions; what is what; and where everything lies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.actions import SCOPE_TITLES, Action, Scope, actions_of
from mesh_app.actions.action import shown_keys
from mesh_app.screens.help_texts import CONCEPTS, IN_DIALOGS, PICTURES, SCOPE_TEXTS, WITHOUT_SIGHT
from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import State
from mesh_app.state.about import About

KEY_WIDTH: Final = 12


class HelpScreen(MeshScreen):
    """Screen 8."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "#help-keys"
    NAME = "help"

    def __init__(self) -> None:
        super().__init__()
        self._scopes: tuple[Scope, ...] = ()
        self._shown: tuple[tuple[Scope, ...], About] | None = None

    @override
    def compose_body(self) -> Iterable[Widget]:
        keys = VerticalScroll(Static(id="help-keys-text"), id="help-keys")
        keys.border_title = "Keys"
        concepts = VerticalScroll(Static(id="help-concepts-text"), id="help-concepts")
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
    def show(self, state: State, mode: str) -> None:
        if self._shown != (self._scopes, state.about):
            self._shown = (self._scopes, state.about)
            self.query_one("#help-keys-text", Static).update(_keys(self._scopes, state.about.keys))
            self.query_one("#help-concepts-text", Static).update(_concepts(state.about))
        super().show(state, mode)


def _concepts(about: About) -> Content:
    parts: list[Content] = []
    for name, text in (*CONCEPTS, ("Pictures and files", PICTURES), ("Without a screen", WITHOUT_SIGHT)):
        parts += [_title(name), Content(f"{text}\n\n")]
    if about.locations:
        width = max(len(name) for name, _ in about.locations)
        parts += [_title("Files"), *(Content(f"{name:<{width}}  {path}\n") for name, path in about.locations), Content("\n")]
    if about.version:
        parts += [_title("Version"), Content(f"mesh-app {about.version}\n")]
    return Content.assemble(*parts)


def _keys(here: Sequence[Scope], chosen: Mapping[str, str]) -> Content:
    parts: list[Content] = []
    if here:
        parts += [Content.styled("Where you were", "bold $accent"), Content("\n\n")]
        parts += [part for scope in here for part in _section(scope, chosen)]
        parts += [Content.styled("Everywhere else", "bold $accent"), Content("\n\n")]
    parts += [part for scope in SCOPE_TITLES if scope not in here for part in _section(scope, chosen)]
    parts += [_title("In a question"), *(_row(keys, text) for keys, text in IN_DIALOGS)]
    return Content.assemble(*parts)


def _section(scope: Scope, chosen: Mapping[str, str]) -> list[Content]:
    if not actions_of(scope):
        return []
    about = [Content(f"  {SCOPE_TEXTS[scope]}\n").stylize("$foreground 60%")] if scope in SCOPE_TEXTS else []
    return [_title(SCOPE_TITLES[scope]), *about, *(_row(" ".join(_keys_of(action, chosen)), action.text) for action in actions_of(scope)), Content("\n")]


def _keys_of(action: Action, chosen: Mapping[str, str]) -> tuple[str, ...]:
    return shown_keys(chosen.get(action.id, action.keys))


def _row(keys: str, text: str) -> Content:
    return Content.assemble(Content.styled(f"  {keys:<{KEY_WIDTH}} ", "bold $foreground"), Content(f"{text}\n"))


def _title(text: str) -> Content:
    return Content.styled(f"{text}\n", "bold $primary")
