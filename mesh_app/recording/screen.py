"""What the screen shows, taken from Textual. The only file that knows how Textual keeps it (private, so the version is pinned and a test compares)."""

from typing import Any, Final

from rich.color import Color
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from textual.app import App

from mesh_app.recording.frame import Frame, Pen, Rgb, Row, Run

_PLAIN: Final = Pen()


def take_frame(app: App[Any]) -> Frame:
    """The screen as it is now, with what lies behind an open dialog. The application must have settled (`Pilot.pause`)."""
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens, simplify=True)  # noqa: SLF001 - see above
    width = app.size.width
    rows = tuple(_row([segment for strip in strips for segment in strip], width) for strips in update.strips)  # type: ignore[union-attr]
    return Frame(width, rows[: app.size.height])


def _row(segments: list[Any], width: int) -> Row:
    runs: list[Run] = []
    for text, style, control in segments:
        if control or not text:
            continue
        pen = _pen(style)
        # Half of a surrogate pair, which JSON can hold, is no character that a file could.
        whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
        if runs and runs[-1].pen == pen:
            runs[-1] = Run(runs[-1].text + whole, pen)
        else:
            runs.append(Run(whole, pen))
    return tuple(runs)


def _pen(style: Style | None) -> Pen:
    if style is None:
        return _PLAIN
    foreground, background = _rgb(style.color, is_foreground=True), _rgb(style.bgcolor, is_foreground=False)
    if style.reverse:
        foreground, background = background, foreground
    if style.dim and foreground is not None:
        behind = background or (0, 0, 0)
        foreground = (foreground[0] + behind[0]) // 2, (foreground[1] + behind[1]) // 2, (foreground[2] + behind[2]) // 2
    return Pen(foreground, background, bool(style.bold), bool(style.italic), bool(style.underline), bool(style.strike))


def _rgb(colour: Color | None, *, is_foreground: bool) -> Rgb | None:
    if colour is None or colour.is_default:
        return None
    triplet = colour.get_truecolor(DIMMED_MONOKAI, foreground=is_foreground)
    return triplet.red, triplet.green, triplet.blue
