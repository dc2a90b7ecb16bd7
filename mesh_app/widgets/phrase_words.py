"""The words of a recovery phrase, numbered; covered unless somebody is writing them down."""

from collections.abc import Sequence
from typing import Final

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from typing_extensions import override

COLUMN_WIDTH: Final = 16
COVER: Final = "········"


class PhraseWords(Widget):
    """Shows words (secret) in columns, in reading order. They cannot be selected with the mouse, and no key copies them."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PhraseWords { height: auto; width: 1fr; }
    """
    is_covered: reactive[bool] = reactive(default=False)

    def __init__(self, words: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._words = tuple(words)

    @override
    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        columns = max(1, width // COLUMN_WIDTH)
        return -(-len(self._words) // columns)

    @override
    def render_line(self, y: int) -> Strip:
        columns = max(1, self.size.width // COLUMN_WIDTH)
        style = self.rich_style
        segments = [
            Segment(f"{number:>2} {COVER if self.is_covered else word}".ljust(COLUMN_WIDTH)[:COLUMN_WIDTH], style)
            for number, word in [*enumerate(self._words, 1)][y * columns : (y + 1) * columns]
        ]
        return Strip(segments).adjust_cell_length(self.size.width, style)
