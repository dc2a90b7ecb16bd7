"""A QR code in half blocks: black on white in every theme, since a camera needs the light margin."""

from collections.abc import Sequence
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from typing_extensions import override

from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, clipped

LIGHT_ON_DARK: Final = Style(color="#ffffff", bgcolor="#000000")
"""The rows draw light modules as blocks."""


class QrPicture(LineView):
    """The address of the wallet called `wallet_name`; where the code does not fit, the size that it needs."""

    DEFAULT_CSS = """
    QrPicture { width: auto; height: auto; }
    """

    def __init__(self, wallet_name: str | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.wallet_name = wallet_name

    @property
    def rows(self) -> tuple[str, ...]:
        """The code as it was told."""
        wallet = self._state.wallets.get(self.wallet_name) if self._state is not None and self.wallet_name is not None else None
        return wallet.qr if wallet is not None else ()

    def fits(self, width: int, height: int) -> bool:
        """Whether the code is known and has room."""
        return bool(self.rows) and len(self.rows) <= height and len(self.rows[0]) <= width

    @override
    def get_content_width(self, container: object, viewport: object) -> int:
        screen = self.app.size
        return len(self.rows[0]) if self.fits(screen.width, screen.height) else min(40, screen.width)

    @override
    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        screen = self.app.size
        return len(self.rows) if self.fits(screen.width, screen.height) else 3

    @override
    def show(self, state: State) -> None:
        before = self.rows
        super().show(state)
        if self.rows != before:
            self.refresh(layout=True)

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if self.fits(width, height):
            return [(Span(row),) for row in self.rows]
        if not self.rows:
            return [(Span("no code yet: the wallet is not open", "dim"),)]
        return [(Span(clipped(f"the code needs {len(self.rows[0])}x{len(self.rows)}", width), "wait"),), (Span(clipped("y copies the address", width), "dim"),)]

    @override
    def render_line(self, y: int) -> Strip:
        if not self.fits(self.size.width, self.size.height) or y >= len(self.rows):
            return super().render_line(y)
        return Strip([Segment(self.rows[y], LIGHT_ON_DARK)]).adjust_cell_length(self.size.width, self.visual_style.rich_style)
