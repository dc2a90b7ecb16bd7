"""Strangers' text, made safe to show on a terminal: memos, names, contexts, whatever another machine wrote."""

import unicodedata
from functools import lru_cache
from typing import Final

MAX_COMBINING_MARKS: Final = 2
"""Marks that one character may carry: real scripts need one or two, a pile of them paints over the lines above."""

_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_EMOJI_STYLE_SELECTORS: Final = frozenset("\ufe0e\ufe0f")


@lru_cache(maxsize=8_192)
def visible_text(text: str) -> str:
    """Text of a stranger, safe to draw in one line: what a terminal could obey, hide or reorder is written as an escape of its code.

    A memo may hold anything. Without this, a payer could move the cursor, clear the screen, turn a line around with a direction override,
    or stack marks that paint over the neighbouring lines. Private and unassigned characters have no known width, so they are escaped too.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character in _EMOJI_STYLE_SELECTORS:
            continue
        if category in _UNSAFE_CATEGORIES:
            shown.append(_escape(character))
        elif marks <= MAX_COMBINING_MARKS:
            shown.append(" " if category == "Zs" else character)
    return "".join(shown)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
