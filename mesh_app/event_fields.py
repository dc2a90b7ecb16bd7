"""Reading an event's fields without trusting them: another process wrote them, and it may be broken, of another version, or killed in the middle of a line.

Every reader raises MalformedEventError and changes nothing, so that a reducer that reads all its fields first leaves the state as it was.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from mesh_core.types.basic import MAX_U64
from mesh_core.types.committee import MAX_VALIDATORS

MAX_TEXT_CHARACTERS: Final = 2_000
"""Longer texts are cut: no field of an honest event comes near it."""
MAX_ITEMS: Final = 1_000

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")


class MalformedEventError(Exception):
    """An event whose field is missing or of the wrong kind. The text names the field."""


class StaleEventError(Exception):
    """An event about something that was forgotten for its age. Nothing is wrong with it."""


class Fields:
    """The fields of one event."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._event.get(name) is not None

    def integer(self, name: str, *, default: int | None = None, most: int = MAX_U64) -> int:
        """A whole number from 0 to `most`. `default` stands for an absent field, never for a wrong one."""
        value = self._value(name, default)
        if type(value) is not int or not 0 <= value <= most:
            raise MalformedEventError(f"{name} is not a number from 0 to {most}")
        return value

    def optional_integer(self, name: str) -> int | None:
        """A whole number of either sign (an exit status), or None where it is null or absent."""
        value = self._event.get(name)
        if value is None:
            return None
        if type(value) is not int or abs(value) > MAX_U64:
            raise MalformedEventError(f"{name} is not a number")
        return value

    def ms(self, name: str, *, default: float | None = None) -> float:
        """A duration in milliseconds: finite and not negative."""
        value = self._value(name, default)
        if type(value) not in {int, float} or not math.isfinite(value) or value < 0:
            raise MalformedEventError(f"{name} is not a duration")
        return float(value)

    def optional_ms(self, name: str) -> float | None:
        """A duration, or None where it was not measured."""
        return self.ms(name) if self.has(name) else None

    def text(self, name: str, *, default: str | None = None) -> str:
        """A text, cut to a length that can be shown."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise MalformedEventError(f"{name} is not a text")
        return value[:MAX_TEXT_CHARACTERS]

    def hexadecimal(self, name: str, *, default: str | None = None) -> str:
        """Bytes as lower-case hexadecimal digits."""
        value = self.text(name, default=default)
        if not _HEX.fullmatch(value):
            raise MalformedEventError(f"{name} is not hexadecimal")
        return value

    def optional_hexadecimal(self, name: str) -> str | None:
        """Bytes as digits, or None where the field is null or absent."""
        return self.hexadecimal(name) if self.has(name) else None

    def validator(self, name: str = "validator") -> int:
        """The index of a validator."""
        return self.integer(name, most=MAX_VALIDATORS - 1)

    def truth(self, name: str, *, default: bool | None = None) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise MalformedEventError(f"{name} is not true or false")
        return value

    def optional_truth(self, name: str) -> bool | None:
        """True, false, or None where nobody knows."""
        return self.truth(name) if self.has(name) else None

    def integers(self, name: str) -> tuple[int, ...]:
        """Indices of validators."""
        return tuple(Fields({name: item}).validator(name) for item in self._items(name))

    def hexadecimals(self, name: str) -> tuple[str, ...]:
        """Several hashes or keys."""
        return tuple(Fields({name: item}).hexadecimal(name) for item in self._items(name))

    def truths(self, name: str) -> tuple[bool, ...]:
        """Several times true or false."""
        return tuple(Fields({name: item}).truth(name) for item in self._items(name))

    def numbers(self, name: str) -> tuple[int, ...]:
        """Several whole numbers from 0 on."""
        return tuple(Fields({name: item}).integer(name) for item in self._items(name))

    def pairs(self, name: str) -> tuple[tuple[int, int], ...]:
        """Several pairs of whole numbers from 0 on."""
        return tuple((fields.integer("first"), fields.integer("second")) for fields in self._pairs(name))

    def counts(self, name: str) -> tuple[tuple[str, int], ...]:
        """Several (word, count)."""
        return tuple((fields.text("first"), fields.integer("second")) for fields in self._pairs(name))

    def durations(self, name: str) -> tuple[tuple[str, float], ...]:
        """Several (word, milliseconds)."""
        return tuple((fields.text("first"), fields.ms("second")) for fields in self._pairs(name))

    def recipients(self, name: str) -> tuple[tuple[str, int, str], ...]:
        """(owner's key, amount, text) of each output."""
        found = []
        for item in self._items(name):
            if not isinstance(item, list | tuple) or len(item) != 3:
                raise MalformedEventError(f"{name} holds something that is no recipient")
            fields = Fields(dict(zip(("owner", "amount", "text"), item, strict=True)))
            found.append((fields.hexadecimal("owner"), fields.integer("amount"), fields.text("text")))
        return tuple(found)

    def _pairs(self, name: str) -> "list[Fields]":
        found = []
        for item in self._items(name):
            if not isinstance(item, list | tuple) or len(item) != 2:
                raise MalformedEventError(f"{name} holds something that is no pair")
            found.append(Fields({"first": item[0], "second": item[1]}))
        return found

    def objects(self, name: str) -> tuple["Fields", ...]:
        """Several objects, each to be read in the same way."""
        items = self._items(name)
        if not all(isinstance(item, Mapping) for item in items):
            raise MalformedEventError(f"{name} holds something that is no object")
        return tuple(Fields(item) for item in items)

    def texts(self, name: str) -> tuple[str, ...]:
        """Several texts."""
        return tuple(Fields({name: item}).text(name) for item in self._items(name))

    def rows(self, name: str, width: int) -> tuple[tuple[str, ...], ...]:
        """Several rows of `width` texts."""
        found = tuple(Fields({name: item}).texts(name) for item in self._items(name))
        if any(len(row) != width for row in found):
            raise MalformedEventError(f"{name} holds a row that has not {width} texts")
        return found

    def one_object(self, name: str) -> "Fields":
        """One object."""
        value = self._value(name, None)
        if not isinstance(value, Mapping):
            raise MalformedEventError(f"{name} is not an object")
        return Fields(value)

    def long_hexadecimal(self, name: str, *, most_bytes: int) -> str:
        """Bytes as digits that are more than a text may have."""
        value = self._value(name, None)
        if not isinstance(value, str) or len(value) > 2 * most_bytes or not _HEX.fullmatch(value):
            raise MalformedEventError(f"{name} is not hexadecimal")
        return value

    def byte_fields(self, name: str) -> tuple[tuple[str, int, int, str], ...]:
        """(path, offset, size, value in words) of each field of an encoding."""
        found = []
        for item in self._items(name):
            if not isinstance(item, list | tuple) or len(item) != 4:
                raise MalformedEventError(f"{name} holds something that is no field")
            fields = Fields(dict(zip(("path", "offset", "size", "words"), item, strict=True)))
            found.append((fields.text("path"), fields.integer("offset"), fields.integer("size"), fields.text("words")))
        return tuple(found)

    def _items(self, name: str) -> list[Any]:
        value = self._value(name, None)
        if not isinstance(value, list | tuple) or len(value) > MAX_ITEMS:
            raise MalformedEventError(f"{name} is not a list")
        return list(value)

    def _value(self, name: str, default: object) -> Any:
        value = self._event.get(name, default)
        if value is None:
            raise MalformedEventError(f"{name} is missing")
        return value
