"""Values as JSON: what processes of this machine tell each other and people, one object a line. Never hashed, never signed.

Bytes become lower-case hex, enumerations their names in lower case, dataclasses objects with their class's `event` name in front where they have one.
"""

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_PLAIN = frozenset((type(None), bool, int, float, str))
"""Types, and none below them, that are their own form."""
_KNOWN: dict[type[Any], tuple[str | None, tuple[str, ...]]] = {}
"""Dataclasses that were seen: there are a few dozen of them."""


def json_form(value: Any) -> Any:
    """`value` in terms of JSON. TypeError for a type that no event holds."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is bytes:
        return value.hex()
    match value:
        case str() | float():
            return value
        case Enum():
            return value.name.lower()
        case int():
            return value
        case bytes():
            return value.hex()
        case tuple() | list():
            return [json_form(item) for item in value]
        case dict():
            return {str(key): json_form(item) for key, item in value.items()}
        case _ if is_dataclass(value):
            name, attributes = _attributes(kind)
            form = {} if name is None else {"event": name}
            for attribute in attributes:
                form[attribute] = json_form(getattr(value, attribute))
            return form
        case _:
            raise TypeError(f"{kind.__name__} has no JSON form")


def _attributes(kind: type[Any]) -> tuple[str | None, tuple[str, ...]]:
    """The event's name of a dataclass, if it has one, and its fields."""
    found = _KNOWN.get(kind)
    if found is None:
        found = _KNOWN[kind] = getattr(kind, "EVENT", None), tuple(field.name for field in fields(kind))
    return found


def json_line(value: Any) -> str:
    """`value` as one line of JSON, newline included."""
    return _ENCODER.encode(json_form(value)) + "\n"
