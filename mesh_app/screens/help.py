"""Help: what is what in twenty lines, and every key, from the registry of actions."""

from collections.abc import Iterable
from typing import Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from typing_extensions import override

from mesh_app.actions import SCOPE_TITLES, actions_of
from mesh_app.screens.mesh_screen import MeshScreen

CONCEPTS: Final = (
    (
        "Validator",
        "One of four processes on this machine. Each checks every payment by nine rules and signs a vote for it, once per account and sequence number.",
    ),
    ("Quorum", "Three of four votes. One validator may be down, or lie, and payments still settle and stay safe."),
    ("Certificate", "A payment with a quorum of votes. It is final at once: nothing undoes it, and anyone can check it."),
    ("Commitment", "32 bytes that fix an amount without showing it: value·G + blinding·H. Validators add and compare commitments, never amounts."),
    ("Range proof", "Shows that no hidden amount is negative. It takes most of a payment's time; that time is shown apart from the network's."),
    ("Claim", "What was paid waits as an output. The recipient's wallet opens it with its memo and brings it home, by itself, with votes of its own."),
    ("What is public", "Sender, recipient, fee and the time are public. Amounts, balances and memos are not."),
)
KEY_WIDTH: Final = 12


class HelpScreen(MeshScreen):
    """Screen 8."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "#help-keys"
    NAME = "help"

    @override
    def compose_body(self) -> Iterable[Widget]:
        keys = VerticalScroll(Static(_keys(), id="help-keys-text"), id="help-keys")
        keys.border_title = "Keys"
        concepts = VerticalScroll(Static(_concepts(), id="help-concepts-text"), id="help-concepts")
        concepts.border_title = "What is what"
        yield keys
        yield concepts


def _concepts() -> Content:
    parts: list[Content] = []
    for name, text in CONCEPTS:
        parts += [Content.styled(name, "bold $primary"), Content(f"\n{text}\n\n")]
    return Content.assemble(*parts)


def _keys() -> Content:
    parts: list[Content] = []
    for scope, title in SCOPE_TITLES.items():
        if not actions_of(scope):
            continue
        parts.append(Content.styled(f"{title}\n", "bold $primary"))
        parts += [
            Content.assemble(Content.styled(f"  {' '.join(action.shown_keys):<{KEY_WIDTH}}", "$foreground"), Content(f"{action.text}\n"))
            for action in actions_of(scope)
        ]
        parts.append(Content("\n"))
    return Content.assemble(*parts)
