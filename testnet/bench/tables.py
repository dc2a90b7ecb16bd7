"""Figures as tables: the same for a terminal and for a document. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesh_core.types.visible_text import visible_text
from testnet.bench.results import Result

_TAG: Final = re.compile(r"<(?=[!/?A-Za-z])")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below headings, every cell a word. `title` stands above it, if there is one."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""


def as_text(tables: Sequence[Table]) -> str:
    """Aligned columns for a terminal: the first one left, the others right."""
    return "\n\n".join(_text(table) for table in tables)


def _text(table: Table) -> str:
    lines = [tuple(visible_text(cell) for cell in line) for line in (table.headings, *table.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.headings))]

    def line_of(cells: tuple[str, ...]) -> str:
        return "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(zip(cells, widths, strict=True))).rstrip()

    heading = [visible_text(table.title)] if table.title else []
    return "\n".join([*heading, *(line_of(line) for line in lines)])


def as_markdown(tables: Sequence[Table]) -> str:
    """The same for a document."""
    return "\n\n".join(_markdown(table) for table in tables)


def _markdown(table: Table) -> str:
    heading = [markdown_text(table.title), ""] if table.title else []
    lines = [table.headings, ("---",) * len(table.headings), *table.rows]
    return "\n".join([*heading, *("| " + " | ".join(markdown_text(cell).replace("|", "\\|") for cell in line) + " |" if any(line) else "" for line in lines)])


def markdown_text(text: str) -> str:
    """Words of a result in one line of a document. No tag begins in them: a comment could pass for a marker of the document's own."""
    return _TAG.sub("&lt;", visible_text(text))


def describe_run(result: Result) -> str:
    """One line: where and when this was measured, and by which command."""
    machine = result.machine
    cores = f"{machine['cores']} core{'' if machine['cores'] == 1 else 's'}"
    parts: list[Any] = [machine["cpu"], cores, f"load {machine['load']:g} at the start", machine["system"], f"Python {machine['python']}", machine["backend"]]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return visible_text(f"{', '.join(map(str, parts))} ({libraries}), {result.date}: `{result.command}`")


def number(value: float) -> str:
    """Three digits that matter, no more: 0.123, 1.23, 12.3, 123, 1,234."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"
