"""All that `mesh-wallet` prints: results on standard output, in words or as one JSON object a line; errors in words on standard error, and as JSON, too."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from mesh_core.errors import MeshError
from mesh_core.types.json_form import json_form
from mesh_core.types.visible_text import visible_text

GAP = "  "


class Output:
    """Prints for people, or with `as_json` for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def tell(self, form: Mapping[str, Any], lines: Iterable[str]) -> None:
        """A result, or a step on the way to it: `form` is the JSON object, `lines` are its words.

        Both may hold strangers' text. In a line, whatever a terminal would obey is made harmless here; in JSON it is escaped anyway.
        """
        if self.as_json:
            click.echo(json.dumps(json_form(dict(form)), separators=(",", ":")))
            return
        for line in lines:
            click.echo(visible_text(line))

    def fail(self, code: str | None, text: str) -> None:
        """With `as_json`, an error as an object on standard output. Its words on standard error are the caller's."""
        if self.as_json:
            click.echo(json.dumps({"error": {"code": code, "text": text}}, separators=(",", ":")))

    def fail_with(self, error: MeshError) -> None:
        """An error that ends the command: words on standard error; with `as_json` an object on standard output, too."""
        click.echo(f"mesh-wallet: {visible_text(str(error))}", err=True)
        self.fail(f"{error.code:04x}", error.text)


def field_lines(fields: Iterable[tuple[str, str]]) -> list[str]:
    """One field a line, their values below each other."""
    rows = list(fields)
    width = max((cell_width(name) for name, _ in rows), default=0)
    return [f"{_padded(name, width)}{GAP}{value}" for name, value in rows]


def table_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table whose columns are as wide as their widest cell; the last one is not padded."""
    shown = [[visible_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(cell_width(row[column]) for row in shown) for column in range(len(header))]
    return [GAP.join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]


def cell_width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_width(text))
