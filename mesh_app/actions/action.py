"""One action that a key can trigger: what it is called, its keys, and its words."""

from dataclasses import dataclass
from typing import Final, Literal

# fmt: off
Scope = Literal[
    "everywhere", "network", "validator", "wallets", "wallet_lines", "pay", "form", "ledger", "laboratory", "validators", "performance", "load_form",
    "log", "lines", "events", "lists", "filter", "filter_line", "ledger_list", "facts", "hex", "evidence",
]
# fmt: on

SCOPE_TITLES: Final[dict[Scope, str]] = {
    "everywhere": "Everywhere",
    "network": "Network",
    "validator": "Network, on a validator",
    "wallets": "Wallets",
    "wallet_lines": "Wallets, on a payment",
    "pay": "Pay",
    "form": "Pay, in the form",
    "ledger": "Ledger",
    "ledger_list": "Ledger, in the list",
    "facts": "Ledger, on a fact",
    "hex": "Ledger, on a byte",
    "laboratory": "Laboratory",
    "evidence": "Laboratory, on a proof",
    "validators": "Validators",
    "log": "Validators, in the log",
    "lines": "Validators, on a line",
    "performance": "Performance",
    "load_form": "Performance, in a form",
    "events": "Event stream",
    "lists": "Lists",
    "filter": "Filter",
    "filter_line": "Filter, in its line",
}

KEY_NAMES: Final = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "percent_sign": "%",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "space": "space",
    "escape": "esc",
    "pagedown": "page down",
    "pageup": "page up",
    "right": "→",
    "left": "←",
    "up": "↑",
    "down": "↓",
}

_IN_IDS: Final = str.maketrans({"(": "-", ",": "-", ")": None, "'": None, " ": None})


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
        return shown_keys(self.keys)

    @property
    def id(self) -> str:
        """A stable name for the configuration file: `everywhere.pay`, `everywhere.show-ledger`."""
        return f"{self.scope}." + self.name.rpartition(".")[2].translate(_IN_IDS)


def shown_keys(keys: str) -> tuple[str, ...]:
    """Keys, separated by commas and named as Textual names them, as they are printed on a keyboard."""
    return tuple(KEY_NAMES.get(key, key.replace("ctrl+", "^")) for key in keys.split(","))
