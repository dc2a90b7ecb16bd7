"""One payment from the call to the last acknowledgement: lanes, quorum, certificate, steps. As much of it as the pane has room for."""

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from mesh_app.format import amount, milliseconds, short, size
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import Payment, State
from mesh_app.widgets.lane_marks import certificate_mark, lane_marks
from mesh_app.widgets.line_view import LineView, cut, fitted, wrapped
from mesh_app.widgets.payment_steps import split_line, steps_line, waterfall_lines
from mesh_app.widgets.quorum import names_line, quorum_boxes
from mesh_app.widgets.vote_lanes import lane_lines, legend

STATE_WORDS: Final[dict[str, tuple[str, str, Tone]]] = {
    "waiting": ("◌", "waiting", "wait"),
    "building": ("◐", "building", "wait"),
    "signed": ("◐", "signed", "wait"),
    "voting": ("◐", "voting", "wait"),
    "certified": ("✔", "final", "up"),
    "settled": ("✔", "settled", "up"),
    "done": ("✔", "done", "up"),
    "failed": ("✖", "failed", "down"),
}


MAX_CERTIFICATE_LINES: Final = 3


class PaymentPane(LineView, can_focus=True):
    """Shows the payment with key `payment_key`, up to `until_ns` where it is being played again."""

    def __init__(self, *, id: str | None = None, is_claim_pane: bool = False) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.is_claim_pane = is_claim_pane
        self.payment_key: int | None = None
        self.until_ns: int | None = None

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        payment = state.payments.get(self.payment_key) if self.payment_key is not None else None
        if payment is None:
            self.border_title, self.border_subtitle = ("Claim", "") if self.is_claim_pane else ("Votes", "")
            return [cut(line, width) for line in (_no_claim(width) if self.is_claim_pane else _first_steps(state, width))][:height]
        self.border_title = pane_title(state, payment, width)
        self.border_subtitle = "slow motion, 40 times slower" if self.until_ns is not None else _subtitle(payment)
        return payment_lines(state, payment, width, height, until_ns=self.until_ns)

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here: the certificate's id, or the transition's before there is one."""
        payment = self._state.payments.get(self.payment_key) if self._state is not None and self.payment_key is not None else None
        if payment is None:
            return None
        if payment.certificate is not None:
            return "certificate id", payment.certificate.cert_id
        return ("transition id", payment.transition_id) if payment.transition_id else None


def payment_lines(state: State, payment: Payment, width: int, height: int, *, until_ns: int | None = None) -> list[Line]:
    """The payment in `height` lines. What matters most comes first and always fits: lanes, then quorum and certificate, then steps, then details."""
    certificate = certificate_lines(state, payment, width, until_ns=until_ns)
    split = split_line(payment, width) if until_ns is None else ()
    waterfall = waterfall_lines(state, payment, width, until_ns)
    lanes_count = len(state.validators)
    if height <= lanes_count:
        return lane_lines(state, payment, width, until_ns=until_ns)[1 : height + 1]
    if height < 1 + lanes_count + MAX_CERTIFICATE_LINES:
        certificate = [summary_line(state, payment, width, until_ns=until_ns), *certificate[1:]]
    room = height - (1 + lanes_count) - MAX_CERTIFICATE_LINES - 2
    with_waterfall = room >= len(waterfall) - 1
    room -= len(waterfall) - 1 if with_waterfall else 0
    with_details = room >= lanes_count
    room -= lanes_count if with_details else 0
    with_legend = room >= 1
    blanks: list[list[Line]] = [[()] if room - with_legend > position else [] for position in range(3)]
    parts = [
        lane_lines(state, payment, width, until_ns=until_ns, detailed=with_details),
        [*legend(width)] if with_legend else [],
        blanks[0],
        certificate,
        blanks[1],
        waterfall if with_waterfall else [steps_line(state, payment, width, until_ns)],
        blanks[2],
        [cut(split, width)] if split else [],
    ]
    return [line for part in parts for line in part][:height]


def certificate_lines(state: State, payment: Payment, width: int, *, until_ns: int | None = None) -> list[Line]:
    """The quorum filling, then the certificate with signers, id and size, then how many applied it; or why it failed."""
    lines = [cut(_quorum_line(state, payment, until_ns), width)]
    if certificate_mark(payment, until_ns) is not None and payment.certificate is not None:
        lines.append(cut(_certificate_line(state, payment, width), width))
        lines.append(cut(_applied_line(state, payment, until_ns), width))
    if payment.state == "failed":
        lines += wrapped(f"✖ failed: {payment.reason or payment.fault or 'no reason given'}", width, tone="down")
    elif payment.state == "waiting":
        lines = wrapped(f"◌ waits {payment.reason}", width, tone="wait")
    elif payment.fault:
        lines += wrapped(f"! {payment.fault}", width, tone="wait")
    return lines


def summary_line(state: State, payment: Payment, width: int, *, until_ns: int | None = None) -> Line:
    """Quorum, certificate and delivery in one line; why it failed, where it did."""
    if payment.state == "failed":
        return cut((Span(f"✖ failed: {payment.reason or payment.fault}", "down"),), width)
    if payment.state == "waiting":
        return cut((Span(f"◌ waits {payment.reason}", "wait"),), width)
    formed = payment.certificate
    if formed is None or certificate_mark(payment, until_ns) is None:
        return cut(_quorum_line(state, payment, until_ns), width)
    total = len(state.validators)
    applied = _applied(payment, until_ns)
    parts: list[Line] = [
        quorum_boxes(payment.votes_count, total, state.quorum),
        (Span("◆ certificate ", "up"), Span(short(formed.cert_id), "strong")),
        names_line(formed.signers, total),
        (Span(f"applied {len(applied)}/{total}", "up" if len(applied) == total else "wait"),),
        (Span(size(formed.size_bytes), "dim"),),
    ]
    return fitted(parts, width)


def pane_title(state: State, payment: Payment, width: int) -> str:
    """What the payment is, in its border."""
    glyph, word, _ = STATE_WORDS.get(payment.state, ("·", payment.state[:12], "dim"))
    if payment.state == "waiting":
        return f"{'Claim' if payment.is_claim else 'Payment'} {payment.key} · {payment.wallet} · {glyph} {word}"
    if payment.is_claim:
        return f"Claim · {payment.wallet} brings home {amount(payment.amount)} · {glyph} {word}"
    to = ", ".join(state.owner_name(recipient.owner) or short(recipient.owner) for recipient in payment.recipients)
    return f"Payment {payment.key} · {payment.wallet} → {to} · {amount(payment.amount)} · {glyph} {word}"


def _subtitle(payment: Payment) -> str:
    transition = f"transition {short(payment.transition_id)} · " if payment.transition_id else ""
    return f"m slow motion · {transition}sequence {payment.sequence}"


def _quorum_line(state: State, payment: Payment, until_ns: int | None) -> Line:
    votes = sum(1 for index in range(len(state.validators)) if lane_marks(state, payment, index, until_ns).voted is not None)
    boxes = quorum_boxes(votes, len(state.validators), state.quorum)
    if votes >= state.quorum:
        return (Span("quorum ", "label"), *boxes, Span(f" {votes} votes", "up"), Span(f", {state.quorum} needed", "dim"))
    missing = state.quorum - votes
    return (Span("quorum ", "label"), *boxes, Span(f" {votes} of {state.quorum} needed, {missing} missing", "dim"))


def _certificate_line(state: State, payment: Payment, width: int) -> Line:
    formed = payment.certificate
    assert formed is not None
    digits = 64 if width >= 120 else 16 if width >= 76 else 8
    return (
        Span("◆ certificate ", "up"),
        Span(short(formed.cert_id, digits), "strong"),
        Span("  signed by ", "label"),
        *names_line(formed.signers, len(state.validators)),
        Span(f" {size(formed.size_bytes)}", "dim"),
    )


def _applied_line(state: State, payment: Payment, until_ns: int | None) -> Line:
    total = len(state.validators)
    applied = _applied(payment, until_ns)
    waiting = "" if len(applied) >= total else ", the rest catches up from its peers" if len(applied) >= state.quorum else ""
    tone: Tone = "up" if len(applied) == total else "wait"
    return (Span("applied by    ", "label"), *names_line(applied, total), Span(f" {len(applied)}/{total}", tone), Span(waiting, "dim"))


def _applied(payment: Payment, until_ns: int | None) -> tuple[int, ...]:
    acknowledged = ((index, lane.ack_ns) for index, lane in sorted(payment.lanes.items()) if lane.is_applied)
    return tuple(index for index, ack_ns in acknowledged if ack_ns is not None and (until_ns is None or ack_ns <= until_ns))


def _first_steps(state: State, width: int) -> list[Line]:
    """What stands here before the first payment: how to make one, and what will be seen."""
    wallets = [*state.wallets]
    example = f"from {wallets[0]} to {wallets[1]}" if len(wallets) > 1 else "from one wallet to another"
    lines: list[Line] = [
        (),
        (Span("The first payment takes three steps", "strong"),),
        (),
        (Span(" 1 ", "amount"), Span(f"The form is filled in: {example}. "), Span("p", "amount"), Span(" goes there.")),
        (Span(" 2 ", "amount"), Span("Type an amount, for example 500, and press "), Span("enter", "amount"), Span(".")),
        (Span(" 3 ", "amount"), Span("Watch the votes arrive here. Each validator has a lane:")),
        (),
        *_sample_lane(),
        (),
    ]
    lines += wrapped(
        "Three of four votes make a certificate: the payment is final. No validator ever sees the amount, only a commitment to it and a proof.",
        width,
        tone="dim",
    )
    return lines


def _sample_lane() -> list[Line]:
    return [
        (
            Span("    V1 ", "v0"),
            Span("├──", "dim"),
            Span("━━━━━━━━", "v0"),
            Span("▪▪", "v0"),
            Span("──", "dim"),
            Span("●", "up"),
            Span("     ┊", "up"),
            Span("────", "dim"),
            Span("■", "up"),
        ),
        (Span("       way checks  disk  vote  certificate  applied", "dim"),),
    ]


def _no_claim(width: int) -> list[Line]:
    text = "When the recipient's wallet is one of yours, it claims what was paid by itself, and its own votes appear here."
    return [*wrapped(text, width, tone="dim")]


def payment_time(payment: Payment) -> str:
    """How long until it was final, or nothing before."""
    return milliseconds(payment.certificate.payment_ms) if payment.certificate is not None else ""
