"""Actions that work on every screen."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("everywhere", "pay", "p", "Pay", "Make a payment", in_palette=True, at_once=True),
    Action("everywhere", "show('network')", "1", "Network", "Go: Network", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('wallets')", "2", "Wallets", "Go: Wallets", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('pay')", "3", "Pay", "Go: Pay", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('ledger')", "4", "Ledger", "Go: Ledger", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('laboratory')", "5", "Laboratory", "Go: Laboratory", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('validators')", "6", "Validators", "Go: Validators", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('performance')", "7", "Performance", "Go: Performance", in_bar=False, in_palette=True, at_once=True),
    Action("everywhere", "show('help')", "question_mark,f1,8", "Help", "Go: Help, all keys and what is what", in_palette=True, at_once=True),
    Action("everywhere", "toggle_traffic", "ctrl+t", "Traffic", "Traffic: start or stop payments in the background", in_bar=False, in_palette=True),
    Action("everywhere", "copy", "y", "Copy", "Copy the hash or address in focus", in_palette=True),
    Action("everywhere", "copy_json", "Y", "Copy as JSON", "Copy what is in focus as JSON", in_bar=False, in_palette=True),
    Action("everywhere", "write_file", "o", "To a file", "Write what is in focus into a file of the home", in_bar=False, in_palette=True),
    Action("everywhere", "zoom", "z", "Zoom", "The pane in focus over the whole screen, and back", in_bar=False, in_palette=True),
    Action("everywhere", "next_theme", "T", "Theme", "Next colours: dark, light, none", in_bar=False, in_palette=True),
    Action("everywhere", "focus_next", "tab", "Next pane", "Next pane or field", in_bar=False, at_once=True),
    Action("everywhere", "focus_previous", "shift+tab", "Previous pane", "Previous pane or field", in_bar=False, at_once=True),
    Action("everywhere", "back", "escape", "Back", "Out of a form or dialog; back", in_bar=False),
    Action("everywhere", "dismiss_errors", "ctrl+e", "Dismiss errors", "Dismiss the errors above the keys, as esc does", in_bar=False, in_palette=True),
    Action("everywhere", "screenshot_file", "ctrl+s", "Screenshot", "Save the screen as a picture (SVG) in the home folder", in_bar=False, in_palette=True),
    Action("everywhere", "record", "ctrl+r", "Record", "Record what is on the screen, or end the recording", in_bar=False, in_palette=True),
    Action("everywhere", "command_palette", "ctrl+p", "Commands", "Find a command by its name"),
    Action("everywhere", "leave", "q", "Quit", "Quit; asks while validators run", in_palette=True),
    Action("everywhere", "stay", "ctrl+z", "Stay", "Says that ctrl+z does not suspend: validators would go on unseen", in_bar=False),
    Action("everywhere", "quit", "ctrl+q", "Quit at once", "Quit without asking", in_bar=False),
)
