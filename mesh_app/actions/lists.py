"""Actions of every list, and of its filter."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("lists", "cursor_down", "down,j", "Down", "Next row", in_bar=False),
    Action("lists", "cursor_up", "up,k", "Up", "Previous row", in_bar=False),
    Action("lists", "cursor_first", "home,g", "First", "First row", in_bar=False),
    Action("lists", "cursor_last", "end,G", "Last", "Last row", in_bar=False),
    Action("lists", "page_down", "pagedown,ctrl+d", "Page down", "A page down", in_bar=False),
    Action("lists", "page_up", "pageup,ctrl+u", "Page up", "A page up", in_bar=False),
    Action("filter", "open_filter", "slash", "Filter", "Filter the list; esc clears, enter keeps"),
    Action("filter", "clear_filter", "escape", "All rows", "Clear the filter", in_bar=False),
    Action("filter_line", "submit", "enter", "Keep", "Keep the filter, back to the list"),
)
