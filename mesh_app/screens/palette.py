"""The command palette, with a field that takes no more than a name: what is pasted into it by mistake would hold up every key for seconds."""

from typing import Final

from textual.command import CommandPalette
from textual.widgets import Input

SEARCH_CHARACTERS_MOST: Final = 100


class BoundedPalette(CommandPalette):
    """Textual's own, whose field has no bound."""

    def on_mount(self) -> None:
        """The field is there by now."""
        self.query_one(Input).max_length = SEARCH_CHARACTERS_MOST
