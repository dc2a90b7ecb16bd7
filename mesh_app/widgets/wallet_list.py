"""The wallets of this home: state, name, and the balance that each opened. Below them, how one more comes in."""

from collections.abc import Mapping, Sequence
from typing import Final

from textual import events
from textual.message import Message
from typing_extensions import override

from mesh_app.format import amount
from mesh_app.messages import Ordered
from mesh_app.orders.wallets import HideAmounts
from mesh_app.spans import Line, Span
from mesh_app.state import State, WalletView
from mesh_app.widgets.line_view import cut, padded, right_aligned, wrapped
from mesh_app.widgets.row_list import RowList

NEW: Final = "+new"
IMPORT: Final = "+import"
EXTRA_ROWS: Final = {NEW: ("+ new", "n"), IMPORT: ("+ import", "i")}
"""Rows that are no wallets: no wallet's name begins so."""
HIDDEN: Final = "•••••"
WORD_WIDTH: Final = 11
BALANCE_WIDTH: Final = 14
SHORT_NAME: Final = 8
SHORTEST_NAME: Final = 2


class WalletList(RowList[str]):
    """Wallets by name."""

    BORDER_TITLE = "Wallets"
    _wanted = ""

    class ExtraChosen(Message):
        """Enter, or the mouse, on a row that is no wallet."""

        def __init__(self, row: str) -> None:
            super().__init__()
            self.row = row

    @property
    def wallet(self) -> WalletView | None:
        """The wallet in focus."""
        return self._state.wallets.get(self.cursor) if self._state is not None and self.cursor is not None else None

    def put(self, name: str) -> None:
        """Puts the cursor on a wallet, as soon as it is there."""
        self._wanted = name
        self.reshow()
        self.refresh()

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        if self._wanted in state.wallets:
            self.cursor, self.is_chosen, self._wanted = self._wanted, True, ""
        return [*state.wallets, *EXTRA_ROWS]

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        if key in EXTRA_ROWS:
            text, typed = EXTRA_ROWS[key]
            return (Span(f"{text}  ", "dim"), Span(typed, "amount"))
        return cut(wallet_line(state.wallets[key], width, hides_amounts=state.wallet_desk.hides_amounts), width)

    def key_enter(self) -> None:
        """Enter on "+ new" or "+ import"."""
        self._choose_extra()

    @override
    def _put(self, key: str) -> None:
        self._wanted = ""
        super()._put(key)

    @override
    def on_click(self, event: events.Click) -> None:
        """A click on such a row does it at once, behind the list's own handler, which puts the cursor there."""
        content = event.get_content_offset(self)
        index = self._top + content.y if content is not None else -1
        if 0 <= index < len(self._keys) and self._keys[index] in EXTRA_ROWS:
            self.call_later(self._choose_extra)

    def _choose_extra(self) -> None:
        if self.cursor in EXTRA_ROWS and self.has_focus:
            self.post_message(self.ExtraChosen(self.cursor))

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        wallet = self.wallet
        return (f"address of {wallet.name}", wallet.address) if wallet is not None and wallet.address else None

    def keep(self) -> Mapping[str, str | bool]:
        """The wallet in focus, and whether amounts are hidden."""
        kept: dict[str, str | bool] = {"wallet": self.cursor} if self.is_chosen and self.cursor is not None else {}
        if self._state is not None and self._state.wallet_desk.hides_amounts:
            kept["hides_amounts"] = True
        return kept

    def restore(self, kept: Mapping[str, object]) -> None:
        """As `keep` gave it."""
        if kept.get("hides_amounts") is True:
            self.post_message(Ordered(HideAmounts(hides=True)))
        name = kept.get("wallet")
        if isinstance(name, str) and name:
            self.put(name)


def hints(width: int, text: str, *keys: tuple[str, str]) -> list[Line]:
    """What an empty pane will hold, in as many lines as it takes, and the keys that fill it with what they do."""
    return [*wrapped(text, width, tone="dim"), *((Span(key, "amount"), Span(f" {does}", "dim")) for key, does in keys)]


def shown(value: int, *, hides_amounts: bool) -> str:
    """An amount, unless the person hides them."""
    return HIDDEN if hides_amounts else amount(value)


def wallet_line(wallet: WalletView, width: int, *, hides_amounts: bool) -> Line:
    """Glyph, name, word where there is room, balance with what is coming in."""
    glyph, word, tone = wallet.condition
    if not wallet.is_open:
        return (Span(f"{glyph} ", tone), Span(padded(wallet.name, max(4, width - len(word) - 3))), Span(f" {word}", tone))
    value = shown(wallet.balance, hides_amounts=hides_amounts)
    coming = f"+{shown(wallet.incoming, hides_amounts=hides_amounts)} " if wallet.incoming else ""
    least = len(coming) + len(value)
    room = width - 3 - WORD_WIDTH  # for name and figures, with the word between them
    if room - max(BALANCE_WIDTH, least) >= SHORT_NAME:
        middle, balance_width = padded(word, WORD_WIDTH), max(BALANCE_WIDTH, least)
    else:
        # The glyph says "idle" well enough; any other word is worth the rest of a long name, and none is worth a digit.
        middle, balance_width = (padded(word, WORD_WIDTH) if wallet.state != "idle" and room - least >= SHORTEST_NAME else ""), least
    name = padded(wallet.name, max(SHORTEST_NAME, width - 3 - len(middle) - balance_width)) + " "
    figures = (Span(right_aligned(coming, balance_width - len(value)), "wait"), Span(value, "amount"))
    return (Span(f"{glyph} ", tone), Span(name), Span(middle, tone), *figures)
