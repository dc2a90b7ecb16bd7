"""Every action that a key can trigger: one registry that feeds key bindings, the key bar, the help screen and the command palette.

An action that is not here has no key. `name` is what Textual calls (`action_<name>` of the widget, screen or application that binds the scope).
"""

from dataclasses import dataclass
from typing import Final, Literal

Scope = Literal["everywhere", "lists", "validator", "wallets", "pay", "form", "events"]

SCOPE_TITLES: Final[dict[Scope, str]] = {
    "everywhere": "Everywhere",
    "pay": "Pay",
    "form": "Pay, in the form",
    "validator": "Network, on a validator",
    "wallets": "Wallets",
    "events": "Event stream",
    "lists": "Lists",
}

KEY_NAMES: Final = {
    "question_mark": "?",
    "escape": "esc",
    "pagedown": "page down",
    "pageup": "page up",
    "right": "→",
    "left": "←",
    "up": "↑",
    "down": "↓",
}


@dataclass(frozen=True, slots=True)
class Action:
    """`keys` as Textual names them, separated by commas. `label` for the key bar, `text` for help and palette. `in_bar`: shown at the bottom.

    `at_once`: done before the next key is handed out, so that what is typed after it goes where it leads, however fast.
    """

    scope: Scope
    name: str
    keys: str
    label: str
    text: str
    in_bar: bool = True
    in_palette: bool = False
    at_once: bool = False

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """Keys as they are printed on a keyboard, the first one first."""
        return tuple(KEY_NAMES.get(key, key.replace("ctrl+", "^")) for key in self.keys.split(","))

    @property
    def id(self) -> str:
        """A stable name for the configuration file: `scope.name`."""
        return f"{self.scope}.{self.name}"


ACTIONS: Final[tuple[Action, ...]] = (
    Action("everywhere", "pay", "p", "Pay", "Make a payment", in_palette=True, at_once=True),
    Action("everywhere", "show('network')", "1", "Network", "Go: Network", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('wallets')", "2", "Wallets", "Go: Wallets", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('pay')", "3", "Pay", "Go: Pay", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('help')", "question_mark,f1,4", "Help", "Go: Help, all keys and what is what", in_palette=True, at_once=True),
    Action("everywhere", "copy", "y", "Copy", "Copy the hash or address in focus", in_palette=True),
    Action("everywhere", "focus_next", "tab", "Next pane", "Next pane or field", in_bar=False),
    Action("everywhere", "focus_previous", "shift+tab", "Previous pane", "Previous pane or field", in_bar=False),
    Action("everywhere", "back", "escape", "Back", "Out of a form or dialog; back", in_bar=False),
    Action("everywhere", "screenshot_file", "ctrl+s", "Screenshot", "Save the screen as a picture (SVG) in the home folder", in_bar=False, in_palette=True),
    Action("everywhere", "command_palette", "ctrl+p", "Commands", "Find a command by its name"),
    Action("everywhere", "leave", "q", "Quit", "Quit; asks while validators run", in_palette=True),
    Action("everywhere", "quit", "ctrl+q", "Quit at once", "Quit without asking", in_bar=False),
    Action("validator", "kill", "K", "Kill -9", "Kill it (SIGKILL), as a crash would"),
    Action("validator", "restart", "r", "Restart", "Restart it"),
    Action("validator", "start", "s", "Start", "Start it"),
    Action("validator", "stop", "x", "Stop", "Ask it to stop"),
    Action("validator", "next_card", "right,l,down,j", "Next", "Next validator", in_bar=False),
    Action("validator", "previous_card", "left,h,up,k", "Previous", "Previous validator", in_bar=False),
    Action("wallets", "app.new_wallet", "n", "New wallet", "Create an empty wallet", in_palette=True),
    Action("pay", "slow_motion", "m", "Slow motion", "Play the payment again, slowly", in_palette=True),
    Action("form", "submit", "enter", "Pay", "Pay, or go to the field that is missing"),
    Action("form", "app.focus_next", "tab", "Next field", "Next field"),
    Action("form", "app.back", "escape", "Leave the form", "Leave the form"),
    Action("events", "follow", "f", "Follow", "Follow the newest line"),
    Action("lists", "cursor_down", "down,j", "Down", "Next row", in_bar=False),
    Action("lists", "cursor_up", "up,k", "Up", "Previous row", in_bar=False),
    Action("lists", "cursor_first", "home,g", "First", "First row", in_bar=False),
    Action("lists", "cursor_last", "end,G", "Last", "Last row", in_bar=False),
    Action("lists", "page_down", "pagedown,ctrl+d", "Page down", "A page down", in_bar=False),
    Action("lists", "page_up", "pageup,ctrl+u", "Page up", "A page up", in_bar=False),
)


def actions_of(*scopes: Scope) -> tuple[Action, ...]:
    """The actions of these scopes, in the order of the registry."""
    return tuple(action for action in ACTIONS if action.scope in scopes)
