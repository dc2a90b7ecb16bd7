"""Actions of the ledger screen."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("ledger", "verify", "V", "Verify", "Make every check of this certificate again", in_palette=True),
    Action("ledger", "compare", "c", "Compare", "The four validators beside each other", in_palette=True),
    Action("ledger", "tab('summary')", "s", "Summary", "What the certificate says", in_bar=False),
    Action("ledger", "tab('votes')", "v", "Votes", "Who voted, and the signatures", in_bar=False),
    Action("ledger", "tab('hex')", "x", "Hex", "Every byte, and the field that it belongs to"),
    Action("ledger", "tab('verify')", "e", "Checks", "The checks, as they went", in_bar=False),
    Action("ledger", "tab('account')", "a", "Account", "The account's chain of certificates", in_bar=False),
    Action("ledger", "tab('outputs')", "u", "Outputs", "What waits to be claimed, and who can", in_bar=False),
    Action("ledger", "next_tab", "right_square_bracket", "Next tab", "Next tab", in_bar=False),
    Action("ledger", "previous_tab", "left_square_bracket", "Previous tab", "Previous tab", in_bar=False),
    Action("ledger", "next_log", "L", "Whose log", "Read the log of the next validator; after the last, of whichever answers", in_bar=False, in_palette=True),
    Action("ledger", "ask_again", "r", "Ask again", "Ask the validators anew", in_bar=False),
    Action("ledger_list", "read", "enter", "Read", "Read the certificate"),
    Action("facts", "follow_fact", "enter", "Go there", "The certificate or account under the cursor"),
    Action("hex", "byte_right", "right,l", "Right", "Next byte", in_bar=False),
    Action("hex", "byte_left", "left,h", "Left", "Byte before", in_bar=False),
    Action("hex", "byte_down", "down,j", "Down", "Row below", in_bar=False),
    Action("hex", "byte_up", "up,k", "Up", "Row above", in_bar=False),
    Action("hex", "next_field", "n,w", "Next field", "Next field"),
    Action("hex", "previous_field", "N,b", "Field before", "Field before"),
    Action("hex", "first_byte", "home,g", "First", "First byte", in_bar=False),
    Action("hex", "last_byte", "end,G", "Last", "Last byte", in_bar=False),
    Action("hex", "page_down", "pagedown,ctrl+d", "Page down", "A page down", in_bar=False),
    Action("hex", "page_up", "pageup,ctrl+u", "Page up", "A page up", in_bar=False),
)
