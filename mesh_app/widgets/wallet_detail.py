"""One wallet: the balance that it alone opens beside the 32 bytes that everybody sees, the parts of both, and its address."""

from collections.abc import Sequence
from typing import Final

from textual.renderables.digits import DIGITS, DIGITS3X3, DIGITS3X3_BOLD
from typing_extensions import override

from mesh_app.format import amount, groups, short
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import Part, State, WalletView
from mesh_app.widgets.line_view import LineView, cut, fitted, padded, right_aligned, wrapped
from mesh_app.widgets.qr_picture import QrPicture
from mesh_app.widgets.wallet_list import hints, shown

NOTHING: Final = "00" * 32
"""The commitment of no amount at all."""
LARGE_DIGITS: Final = 8
"""Of the commitment, shown as large as the balance."""
LABEL_WIDTH: Final = 11
OPENED_HERE: Final = ("units, opened here alone", "opened here alone", "opened here")
"""Of these the first that fits below the balance."""


class WalletPane(LineView):
    """A pane about the wallet called `wallet_name`."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.wallet_name: str | None = None

    @property
    def wallet(self) -> WalletView | None:
        """The wallet that the pane is about."""
        return self._state.wallets.get(self.wallet_name) if self._state is not None and self.wallet_name is not None else None

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        wallet = self.wallet
        lines = self.wallet_lines(state, wallet, width, height) if wallet is not None else self.no_wallet_lines(state, width)
        return [cut(line, width) for line in lines][:height]

    def wallet_lines(self, state: State, wallet: WalletView, width: int, height: int) -> Sequence[Line]:
        """The pane's lines."""
        raise NotImplementedError

    def no_wallet_lines(self, state: State, width: int) -> Sequence[Line]:
        """What stands there where no wallet is in focus."""
        return ()


class BalancePane(WalletPane, can_focus=True):
    """The balance, which this wallet alone can open: in large digits where they fit."""

    BORDER_TITLE = "You see"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int, height: int) -> Sequence[Line]:
        glyph, word, _ = wallet.condition
        self.border_title = f"{wallet.name} · you see"
        self.border_subtitle = f"{glyph} {word}"
        if not wallet.is_open:
            return closed_lines(wallet, width)
        # What the commitment beside it opens to: what leaves is in it until the payment is final.
        hides = state.wallet_desk.hides_amounts
        value = shown(wallet.balance + wallet.in_flight, hides_amounts=hides)
        rows = large_digits(value)
        is_small = hides or len(rows[0]) > width
        figures: list[Line] = [(), (Span(value, "amount"),), ()] if is_small else [(Span(row, "amount"),) for row in rows]
        return [*figures, *_below(wallet, width, hides_amounts=hides)]

    @override
    def no_wallet_lines(self, state: State, width: int) -> Sequence[Line]:
        self.border_title, self.border_subtitle = "You see", ""
        if not state.wallets:
            return hints(width, "No wallet yet.", ("n", "creates one"))
        return hints(width, "A new wallet is empty, and costs nothing.", ("n", "creates one"), ("i", "imports one"))

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return (f"balance of {self.wallet.name}", str(self.wallet.balance)) if self.wallet is not None and self.wallet.is_open else None


class CommitmentPane(WalletPane, can_focus=True):
    """All that a validator knows of the balance: 32 bytes. The first of them as large as the balance beside it."""

    BORDER_TITLE = "Validators see"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int, height: int) -> Sequence[Line]:
        self.border_subtitle = "same account, same moment" if wallet.is_open else ""
        if not wallet.is_open:
            return wrapped("32 bytes, whether it is open here or not.", width, tone="dim")
        pieces = groups(wallet.commitment, 8)
        per_line = max(1, min(4, (width + 1) // 9))
        rows: list[Line] = [(Span(" ".join(pieces[i : i + per_line]), "hidden"),) for i in range(0, len(pieces), per_line)]
        large = large_digits(wallet.commitment[:LARGE_DIGITS], DIGITS3X3)
        if len(rows) + 3 > height or len(large[0]) > width:
            return rows
        told: list[Line] = [(Span("= amount·G + blinding·H", "dim"),)] if len(rows) + 4 <= height else []
        return [*((Span(row, "hidden"),) for row in large), *rows, *told]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return (f"commitment of {self.wallet.name}", self.wallet.commitment) if self.wallet is not None and self.wallet.is_open else None


class PartsPane(WalletPane, can_focus=True):
    """Spendable, incoming, in flight: each amount, and the commitment that stands for it."""

    BORDER_TITLE = "Parts"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int, height: int) -> Sequence[Line]:
        if not wallet.is_open:
            return ()
        return [self._part_line(part, hides_amounts=state.wallet_desk.hides_amounts) for part in wallet.parts]

    @staticmethod
    def _part_line(part: Part, *, hides_amounts: bool) -> Line:
        is_nothing = part.commitment == NOTHING
        tone: Tone = "dim" if not part.amount else "amount" if part.name == "spendable" else "wait"
        return (
            Span(padded(part.name, LABEL_WIDTH), "label"),
            Span(right_aligned(shown(part.amount, hides_amounts=hides_amounts), 14), tone),
            Span("   "),
            Span("nothing: 32 zero bytes" if is_nothing else " ".join(groups(part.commitment)), "dim" if is_nothing else "hidden"),
        )


class AddressPane(WalletPane, can_focus=True):
    """The whole address, facts of the account, and the address as a QR code where it fits."""

    BORDER_TITLE = "Address"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int, height: int) -> Sequence[Line]:
        self.border_title = "Address · give it to whoever pays you"
        self.border_subtitle = "y copies · Q for a camera"
        if not wallet.address:
            return wrapped("Not known before the wallet is unlocked.", width, tone="dim")
        lines: list[Line] = [(Span(part),) for part in groups(wallet.address, max(8, width))]
        facts: list[Line] = [
            (Span("sequence ", "label"), Span(str(wallet.sequence))),
            (Span("key file ", "label"), Span({"plain": "not sealed", "sealed": "sealed", "view-only": "view key"}.get(wallet.key, "…"))),
            (Span("owner key ", "label"), Span(short(wallet.owner, 16), "dim")),
        ]
        return [*lines, fitted(facts, width, separator=(Span("   "),))]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return (f"address of {self.wallet.name}", self.wallet.address) if self.wallet is not None and self.wallet.address else None


class AddressCode(QrPicture):
    """The code below the address; nothing where it does not fit."""

    DEFAULT_CSS = """
    AddressCode { width: 1fr; height: 1fr; }
    """

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        return super().build_lines(state, width, height) if self.fits(width, height) else ()


def closed_lines(wallet: WalletView, width: int) -> Sequence[Line]:
    """Why a wallet is not open, and what to do."""
    if wallet.state == "sealed":
        return hints(width, "Sealed with a passphrase.", ("u", "unlocks it"))
    if wallet.state == "ended":
        return hints(width, "The wallets' process has ended; what was signed goes on at its next start.", ("W", "starts it again"))
    if wallet.state == "in_use":
        return [*wrapped("In use by another program; it opens here as soon as that has ended.", width, tone="wait"), *wrapped(wallet.text, width, tone="dim")]
    return wrapped(wallet.text or "It cannot be opened.", width, tone="down")


def _below(wallet: WalletView, width: int, *, hides_amounts: bool) -> list[Line]:
    """What else there is to know at once."""
    lines: list[Line] = []
    if wallet.is_restoring:
        lines.append((Span(f"restoring: {amount(wallet.transitions)} own transitions, {amount(wallet.payments)} payments so far", "wait"),))
    if wallet.state in {"locked", "stuck"}:
        lines += wrapped(wallet.text, width, tone="down")
        if wallet.state == "stuck":
            lines.append((Span(f"mesh-wallet --wallet {wallet.name} emergency", "strong"),))
    moving: list[Line] = []
    if wallet.incoming:
        moving.append((Span(f"+{shown(wallet.incoming, hides_amounts=hides_amounts)} coming in", "wait"),))
    if wallet.in_flight:
        moving.append((Span(f"−{shown(wallet.in_flight, hides_amounts=hides_amounts)} on its way", "wait"),))
    lines.append(fitted(moving, width) if moving else (Span(next((words for words in OPENED_HERE if len(words) <= width), ""), "dim"),))
    if wallet.unopenable:
        lines.append((Span(f"{amount(wallet.unopenable)} that came cannot be opened", "down"),))
    return lines


def large_digits(text: str, shapes: Sequence[str] = DIGITS3X3_BOLD) -> tuple[str, str, str]:
    """Text in three rows of equal length: digits large, everything else small in the last row. The bold shapes are for figures, the others for hexadecimal."""
    cells = [_large_digit(character, shapes) for character in text.upper()]
    first, second, third = ("".join(cell[row] for cell in cells) for row in range(3))
    return first, second, third


def _large_digit(character: str, shapes: Sequence[str]) -> tuple[str, str, str]:
    position = 3 * DIGITS.find(character)
    if position < 0:
        return " ", " ", character
    top, middle, bottom = (row.ljust(3) for row in shapes[position : position + 3])
    return top, middle, bottom
