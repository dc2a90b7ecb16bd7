"""The `[keys]` table: whether the keys that a person chose can be pressed, and lead to one action each.

A key that has two actions where both are in force does one of them by chance; an action without a key cannot be reached. So such a table is refused.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

from mesh_app.actions import ACTIONS, Action, Scope
from mesh_app.actions.action import KEY_NAMES

EVERYWHERE: Final[Scope] = "everywhere"
PARTS: Final[frozenset[Scope]] = frozenset({"lists", "filter", "filter_line", "events"})
"""Parts that many screens have."""
SCREEN_OF: Final[Mapping[Scope, Scope]] = {
    "validator": "network",
    "wallet_lines": "wallets",
    "form": "pay",
    "ledger_list": "ledger",
    "facts": "ledger",
    "hex": "ledger",
    "evidence": "laboratory",
    "log": "validators",
    "lines": "validators",
    "load_form": "performance",
}
"""Parts that one screen has."""
TYPED_INTO: Final[frozenset[Scope]] = frozenset({"form", "load_form", "filter_line"})
"""Where characters are text."""
NAMED_KEYS: Final = frozenset(
    "escape enter tab space backspace delete insert home end pageup pagedown up down left right question_mark slash backslash comma full_stop minus plus "
    "equals_sign semicolon colon apostrophe quotation_mark exclamation_mark at number_sign dollar_sign percent_sign circumflex_accent ampersand asterisk "
    "left_parenthesis right_parenthesis left_square_bracket right_square_bracket left_curly_bracket right_curly_bracket less_than_sign greater_than_sign "
    "underscore vertical_line tilde grave_accent".split()
    + [f"f{number}" for number in range(1, 25)]
)
_SHORTER: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_MODIFIERS: Final = re.compile(r"^(?:(?:ctrl|shift|alt)\+)+")
MAX_KEYS: Final = 6


def normalised(keys: str) -> str:
    """Keys as Textual names them: `?` is `question_mark`."""
    return ",".join(_normalised(key.strip()) for key in keys.split(","))


def keys_problem(keys: str, scope: Scope) -> str:
    """Why these keys are none for an action of that scope, in words; empty where they are good."""
    given = keys.split(",")
    if len(given) > MAX_KEYS:
        return f"more than {MAX_KEYS} keys"
    for key in given:
        if not key.strip():
            return "an empty key; several keys are separated by commas"
        if not _is_key(_normalised(key.strip())):
            return f"{key.strip()[:30]!r} is no key; for example: k, K, ctrl+k, f5, escape, question_mark"
        if scope in TYPED_INTO and len(_normalised(key.strip())) == 1:
            return f"{key.strip()} is text in a field; for example: f5, ctrl+k, enter"
    if len({_normalised(key.strip()) for key in given}) < len(given):
        return "the same key twice"
    return ""


def find_clash(chosen: Mapping[str, str]) -> tuple[str, str] | None:
    """The first action in `chosen` whose key does something else where it works, and what is wrong; None where all is well."""
    keys = {action.id: frozenset((chosen.get(action.id) or action.keys).split(",")) for action in ACTIONS}
    for first, second in _in_force_together():
        shared = (keys[first.id] & keys[second.id]) - (set(first.keys.split(",")) & set(second.keys.split(",")))
        if not shared or not {first.id, second.id} & chosen.keys():
            continue
        new, other = (first, second) if first.id in chosen else (second, first)
        return new.id, f"{_shown(min(shared))} is taken by {other.id} ({other.text})"
    return None


def _in_force_together() -> Iterator[tuple[Action, Action]]:
    for first, second in combinations(ACTIONS, 2):
        if are_in_force_together(first.scope, second.scope):
            yield first, second


def are_in_force_together(first: Scope, second: Scope) -> bool:
    """Whether one key press can meet actions of both scopes: only two different screens never share a place."""
    return EVERYWHERE in {first, second} or bool(PARTS & {first, second}) or SCREEN_OF.get(first, first) == SCREEN_OF.get(second, second)


def _normalised(key: str) -> str:
    """As Textual does it: a sign by its Unicode name, but for a few that have shorter ones."""
    modifiers = match.group(0) if (match := _MODIFIERS.match(key)) else ""
    bare = key[len(modifiers) :]
    is_sign = len(bare) == 1 and not bare.isalnum()
    name = unicodedata.name(bare, bare).lower().replace("-", "_").replace(" ", "_") if is_sign else bare
    return modifiers + _SHORTER.get(name, name)


def _is_key(key: str) -> bool:
    bare = _MODIFIERS.sub("", key)
    return bare in NAMED_KEYS or (len(bare) == 1 and bare.isascii() and bare.isalnum())


def _shown(key: str) -> str:
    return KEY_NAMES.get(key, key)
