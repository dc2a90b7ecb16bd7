"""Colours: text can be read on what lies under it, in every theme; and the theme without colours tells states apart without any."""

from itertools import combinations
from typing import get_args

import pytest
from rich.color_triplet import ColorTriplet
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from mesh_app.spans import Tone
from mesh_app.widgets.tones import MESH_MONO, MESH_THEMES, selection_style, tone_styles

READABLE = 4.5
"""WCAG 2.2, contrast of text (AA)."""


def variables(theme: Theme) -> dict[str, str]:
    return theme.to_color_system().generate()


def luminance(colour: ColorTriplet) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue)


def contrast(first: ColorTriplet, second: ColorTriplet) -> float:
    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def triplet(text: str) -> ColorTriplet:
    colour = Color.parse(text)
    return ColorTriplet(colour.r, colour.g, colour.b)


def shown(style: Style, foreground: ColorTriplet, background: ColorTriplet) -> tuple[ColorTriplet, ColorTriplet]:
    above = style.color.triplet if style.color is not None and style.color.triplet is not None else foreground
    below = style.bgcolor.triplet if style.bgcolor is not None and style.bgcolor.triplet is not None else background
    return (below, above) if style.reverse else (above, below)


CASES = [(theme, tone) for theme in MESH_THEMES for tone in get_args(Tone)]


@pytest.mark.parametrize(("theme", "tone"), CASES, ids=lambda value: value if isinstance(value, str) else value.name)
def test_text_can_be_read(theme: Theme, tone: Tone) -> None:
    found = variables(theme)
    style = tone_styles(found, dark=theme.dark, mono=theme is MESH_MONO)[tone]
    selected = selection_style(found, focused=False).bgcolor
    assert selected is not None
    assert selected.triplet is not None
    for background in (triplet(found["background"]), triplet(found["panel"]), selected.triplet):
        above, below = shown(style, triplet(found["foreground"]), background)
        assert contrast(above, below) >= READABLE, f"{tone} on {background.hex}"


@pytest.mark.parametrize("theme", MESH_THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("tone", [tone for tone in get_args(Tone) if tone not in {"dim", "label", "tab"}])
def test_text_can_be_read_under_the_cursor(theme: Theme, tone: Tone) -> None:
    found = variables(theme)
    style = selection_style(found, focused=True) + tone_styles(found, dark=theme.dark, mono=theme is MESH_MONO)[tone]
    above, below = shown(style, triplet(found["foreground"]), triplet(found["background"]))
    assert contrast(above, below) >= READABLE


def test_without_colours_every_state_looks_different() -> None:
    tones = tone_styles(variables(MESH_MONO), dark=True, mono=True)
    states: list[Tone] = ["text", "up", "wait", "down", "proof", "hidden", "amount"]
    looks = {tone: (tones[tone].bold, tones[tone].underline, tones[tone].reverse, tones[tone].italic) for tone in states}
    for first, second in combinations(states, 2):
        assert looks[first] != looks[second], (first, second)
    assert all(style.color is None or style.color.triplet is None or len({*style.color.triplet}) == 1 for style in tones.values())
