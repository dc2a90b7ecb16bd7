"""Values as JSON: what processes of this machine tell each other and people, one object a line. Never hashed, never signed.

Bytes become lower-case hex, enumerations their names in lower case, dataclasses objects with their class's `event` name in front where they have one.
"""

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any


def json_form(value: Any) -> Any:
    """`value` in terms of JSON. TypeError for a type that no event holds."""
    match value:
        case None | bool() | str() | float():
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
            name = getattr(type(value), "EVENT", None)
            form = {} if name is None else {"event": name}
            return form | {field.name: json_form(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def json_line(value: Any) -> str:
    """`value` as one line of JSON, newline included."""
    return json.dumps(json_form(value), separators=(",", ":")) + "\n"
