"""Strangers' text before it is shown."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mesh_core.types.visible_text import visible_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc\rd\x7f", "a\\x0ab\\x09c\\x0dd\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eabc", "\\u202eabc"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ue000", "\\ue000"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("x" + "\u0301" * 50, "x\u0301\u0301"[:1] + "\u0301" * 2),
        ("❤\ufe0f", "❤"),
        ("晚饭 🍜", "晚饭 🍜"),
        ("non\u00a0breaking", "non breaking"),
    ],
)
def test_text_of_strangers_is_made_harmless(text: str, shown: str) -> None:
    assert unicodedata.normalize("NFC", visible_text(text)) == unicodedata.normalize("NFC", shown)


@given(st.text())
@example("\x1b]52;c;aGk=\x07")
def test_harmless_text_has_nothing_that_a_terminal_obeys_and_stays_as_it_is(text: str) -> None:
    shown = visible_text(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert visible_text(shown) == shown
