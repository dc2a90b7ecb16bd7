"""From tones to colours, by the theme in use."""

from collections.abc import Mapping
from typing import Final

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from mesh_app.spans import Tone

DIM_SHARE: Final = 0.36
DIM_SHARE_ON_LIGHT: Final = 0.28
"""How far dim text moves from the foreground towards the background: it must be readable on panels and under a faint cursor, too."""
SELECTION_SHARE: Final = 0.22
SELECTION_SHARE_ON_LIGHT: Final = 0.14

_VALIDATOR_COLOURS: Final = {"v0": "#58a6ff", "v1": "#c297ff", "v2": "#ffa657", "v3": "#4fd6c9"}
_VALIDATOR_COLOURS_ON_LIGHT: Final = {"v0": "#0550ae", "v1": "#6639ba", "v2": "#953800", "v3": "#095a53"}

MESH_DARK: Final = Theme(
    name="mesh-dark",
    primary="#4fb3d9",
    secondary="#7d8fa3",
    success="#56d364",
    warning="#e3b341",
    error="#ff7b72",
    accent="#d2a8ff",
    foreground="#d7dee8",
    background="#0c1117",
    surface="#0c1117",
    panel="#161d27",
    dark=True,
    variables={"border": "#4fb3d9", "border-blurred": "#2b3645", "input-selection-background": "#4fb3d9 35%"},
)
MESH_LIGHT: Final = Theme(
    name="mesh-light",
    primary="#075985",
    secondary="#57606a",
    success="#116329",
    warning="#7d4e00",
    error="#b42318",
    accent="#5f35ae",
    foreground="#1f2328",
    background="#f8f9fb",
    surface="#f8f9fb",
    panel="#e6eaf0",
    dark=False,
    variables={"border": "#075985", "border-blurred": "#c3cad3", "input-selection-background": "#075985 25%"},
)
MESH_MONO: Final = Theme(
    name="mesh-mono",
    primary="#ffffff",
    secondary="#b0b0b0",
    success="#ffffff",
    warning="#ffffff",
    error="#ffffff",
    accent="#ffffff",
    foreground="#f0f0f0",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    variables={"border": "#ffffff", "border-blurred": "#606060", "input-selection-background": "#ffffff 35%"},
)
"""No colour at all: states differ by words, glyphs, bold, underline and reverse."""
MESH_THEMES: Final = (MESH_DARK, MESH_LIGHT, MESH_MONO)

_MONO_TONES: Final[Mapping[Tone, Style]] = {
    "text": Style(),
    "strong": Style(bold=True),
    "dim": Style(color="#a0a0a0"),
    "label": Style(color="#a0a0a0"),
    "up": Style(bold=True),
    "wait": Style(underline=True),
    "down": Style(reverse=True, bold=True),
    "proof": Style(reverse=True, bold=True, underline=True),
    "hidden": Style(italic=True),
    "amount": Style(bold=True, underline=True),
    "tab": Style(reverse=True, bold=True),
    "v0": Style(bold=True),
    "v1": Style(bold=True),
    "v2": Style(bold=True),
    "v3": Style(bold=True),
}


def tone_styles(variables: Mapping[str, str], *, dark: bool, mono: bool = False) -> dict[Tone, Style]:
    """A Rich style for every tone, from the theme's variables. A theme of the terminal's own colours (ANSI) keeps them; `mono` needs no colours."""
    if mono:
        return {**_MONO_TONES}
    foreground = _colour(variables, "foreground")
    background = _colour(variables, "background")
    dim = foreground.blend(background, DIM_SHARE if dark else DIM_SHARE_ON_LIGHT)
    validators = _VALIDATOR_COLOURS if dark else _VALIDATOR_COLOURS_ON_LIGHT
    return {
        "text": _style(foreground),
        "strong": _style(foreground, bold=True),
        "dim": _style(dim),
        "label": _style(dim),
        "up": _style(_colour(variables, "success")),
        "wait": _style(_colour(variables, "warning")),
        "down": _style(_colour(variables, "error"), bold=True),
        "proof": _style(_colour(variables, "accent"), bold=True),
        "hidden": _style(_colour(variables, "accent")),
        "amount": _style(_colour(variables, "primary"), bold=True),
        "tab": Style(color=background.rich_color, bgcolor=_colour(variables, "primary").rich_color, bold=True),
        "v0": _style(Color.parse(validators["v0"])),
        "v1": _style(Color.parse(validators["v1"])),
        "v2": _style(Color.parse(validators["v2"])),
        "v3": _style(Color.parse(validators["v3"])),
    }


def selection_style(variables: Mapping[str, str], *, focused: bool) -> Style:
    """The background of the row under the cursor; fainter where the list is not in focus."""
    background = _colour(variables, "background")
    share = SELECTION_SHARE if background.brightness < 0.5 else SELECTION_SHARE_ON_LIGHT
    strength = share if focused else share / 2
    return Style(bgcolor=background.blend(_colour(variables, "primary"), strength).rich_color, bold=True if focused else None)


def _colour(variables: Mapping[str, str], name: str) -> Color:
    return Color.parse(variables[name])


def _style(colour: Color, *, bold: bool = False) -> Style:
    return Style(color=colour.rich_color, bold=True if bold else None)
