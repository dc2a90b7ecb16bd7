"""One wallet: its address, the balance that it alone can open beside the commitment that everybody sees, what comes in, and what happened in this run."""

from collections.abc import Sequence
from typing import Final

from textual.renderables.digits import DIGITS, DIGITS3X3_BOLD
from typing_extensions import override

from mesh_app.format import amount, groups, milliseconds, moment, short
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import Output, Payment, State, WalletView
from mesh_app.widgets.line_view import LineView, cut, fitted, padded, right_aligned, wrapped
from mesh_app.widgets.payment_pane import STATE_WORDS

OUTPUT_WORDS: Final[dict[str, tuple[str, Tone]]] = {
    "claimable": ("◐ claimable", "wait"),
    "claimed": ("✔ claimed", "up"),
    "unopenable": ("✖ unopenable", "down"),
}
ACCOUNT_TONES: Final[dict[str, Tone]] = {"idle": "dim", "locked": "down", "stuck": "down"}


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
        return [cut(line, width) for line in self.wallet_lines(state, wallet, width)][:height] if wallet is not None else ()

    def wallet_lines(self, state: State, wallet: WalletView, width: int) -> Sequence[Line]:
        """The pane's lines."""
        raise NotImplementedError


class AddressPane(WalletPane, can_focus=True):
    """The whole address, and the account's place in its own history."""

    BORDER_TITLE = "Address"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int) -> Sequence[Line]:
        self.border_title = f"{wallet.name} · address, give it to whoever pays you"
        self.border_subtitle = "y copies"
        lines: list[Line] = [(Span(part),) for part in groups(wallet.address, max(8, width))]
        facts: list[Line] = [
            (Span("sequence ", "label"), Span(str(wallet.sequence))),
            (Span("incoming ", "label"), Span(amount(wallet.incoming), "wait" if wallet.incoming else "text")),
            (Span("in flight ", "label"), Span(amount(wallet.in_flight), "wait" if wallet.in_flight else "text")),
            (Span("state ", "label"), Span(wallet.state, ACCOUNT_TONES.get(wallet.state, "wait"))),
            (Span("owner key ", "label"), Span(short(wallet.owner, 16), "dim")),
        ]
        return [*lines, fitted(facts, width, separator=(Span("   "),))]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return (f"address of {self.wallet.name}", self.wallet.address) if self.wallet is not None else None


class BalancePane(WalletPane, can_focus=True):
    """The balance, which this wallet alone can open: in large digits where they fit."""

    BORDER_TITLE = "Opened locally"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int) -> Sequence[Line]:
        shown = amount(wallet.balance)
        rows = large_digits(shown)
        if len(rows[0]) > width:
            return [(), (Span(shown, "amount"),)]
        return [(Span(row, "amount"),) for row in rows]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return (f"balance of {self.wallet.name}", str(self.wallet.balance)) if self.wallet is not None else None


class CommitmentPane(WalletPane, can_focus=True):
    """All that a validator knows of the balance: 32 bytes."""

    BORDER_TITLE = "All that validators see"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int) -> Sequence[Line]:
        pieces = groups(wallet.commitment, 8)
        per_line = max(1, min(4, (width + 1) // 9))
        rows = [" ".join(pieces[i : i + per_line]) for i in range(0, len(pieces), per_line)]
        return [*((Span(row, "hidden"),) for row in rows), (Span("= value·G + blinding·H", "dim"),)]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        return (f"commitment of {self.wallet.name}", self.wallet.commitment) if self.wallet is not None else None


class HistoryPane(WalletPane):
    """Payments and claims of this run, newest first."""

    BORDER_TITLE = "History of this run"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int) -> Sequence[Line]:
        payments = [payment for payment in reversed(state.payments.values()) if payment.wallet == wallet.name]
        if not payments:
            return [(Span("Nothing yet. ", "dim"), Span("p", "amount"), Span(" pays.", "dim"))]
        return [_history_line(state, payment) for payment in payments]


class IncomingPane(WalletPane):
    """Outputs made for this wallet, newest first, with the words that came along."""

    BORDER_TITLE = "Incoming"

    @override
    def wallet_lines(self, state: State, wallet: WalletView, width: int) -> Sequence[Line]:
        if not wallet.outputs:
            return wrapped("Nothing came in yet. What comes is claimed by itself.", width, tone="dim")
        return [_incoming_line(state, output) for output in reversed(wallet.outputs.values())]


def large_digits(text: str) -> tuple[str, str, str]:
    """Text in three rows of equal length: digits large, everything else small in the last row."""
    cells = [_large_digit(character) for character in text]
    first, second, third = ("".join(cell[row] for cell in cells) for row in range(3))
    return first, second, third


def _large_digit(character: str) -> tuple[str, str, str]:
    position = 3 * DIGITS.find(character)
    if position < 0:
        return " ", " ", character
    top, middle, bottom = (row.ljust(3) for row in DIGITS3X3_BOLD[position : position + 3])
    return top, middle, bottom


def _history_line(state: State, payment: Payment) -> Line:
    glyph, word, tone = STATE_WORDS.get(payment.state, ("·", payment.state[:10], "dim"))
    time = milliseconds(payment.certificate.payment_ms) if payment.certificate is not None else word
    fee = f", fee {amount(payment.fee)}" if payment.fee else ""
    return (
        Span(f"{moment(state.since_start(payment.started_ns))} ", "dim"),
        Span(right_aligned(f"{'+' if payment.is_claim else '−'}{amount(payment.amount)}", 12), "amount" if payment.is_claim else "text"),
        Span(f" {glyph} ", tone),
        Span(_claimed_words(state, payment) if payment.is_claim else _paid_words(state, payment)),
        Span(f"{fee}  {time}", "dim"),
    )


def _paid_words(state: State, payment: Payment) -> str:
    return f"to {', '.join(state.owner_name(recipient.owner) or short(recipient.owner) for recipient in payment.recipients)}"


def _claimed_words(state: State, claim: Payment) -> str:
    """From whom, and the words that came along, of the first output claimed."""
    wallet = state.wallets.get(claim.wallet)
    output = wallet.outputs.get(claim.claims[0]) if wallet is not None and claim.claims else None
    if output is None:
        return "claimed"
    words = f" “{output.text}”" if output.text else ""
    more = f" and {len(claim.claims) - 1} more" if len(claim.claims) > 1 else ""
    return f"from {state.owner_name(output.sender) or short(output.sender)}{words}{more}"


def _incoming_line(state: State, output: Output) -> Line:
    word, tone = OUTPUT_WORDS.get(output.status, (output.status[:12], "dim"))
    value = amount(output.amount) if output.amount is not None else "?"
    sender = state.owner_name(output.sender) or short(output.sender)
    words = Span(f"  “{output.text}”" if output.text else "", "dim" if output.status == "unopenable" else "text")
    return (Span(padded(word, 13), tone), Span(right_aligned(value, 12), "amount"), Span(f"  from {sender}"), words)
