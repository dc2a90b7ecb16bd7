"""One validator as a card, or as one line where there is no room for cards."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.events import Click
from typing_extensions import override

from mesh_app.format import amount, counted, duration, milliseconds, sparkline
from mesh_app.messages import Ordered
from mesh_app.orders.validators import KillValidator, RestartValidator, StartValidator, StopValidator
from mesh_app.spans import Line, Span, plain, validator_name, validator_tone
from mesh_app.state import AWAITED, FLAG_SYNCING, State, ValidatorView
from mesh_app.widgets.bindings import bindings_of
from mesh_app.widgets.line_view import LineView, clipped, cut, fitted, padded
from mesh_app.widgets.pane_state import empty, faded, is_stale, last_word, loading

SPARK_SECONDS: Final = 30
RATE_SECONDS: Final = 5
"""The rate in words is an average: over one second it would only flicker."""


class ValidatorCard(LineView, can_focus=True):
    """State, process, votes, log and digest of one validator; keys act on the process."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("validator")]
    BINDING_GROUP_TITLE = "Validator"

    def __init__(self, index: int) -> None:
        super().__init__(id=f"validator-{index}", classes="validator-card")
        self.index = index
        self.border_title = validator_name(index)

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if self.index >= len(state.validators):
            return ()
        validator = state.validators[self.index]
        glyph, word, _ = validator.condition
        self.border_title = f"{'▸ ' if self.has_focus else ''}{validator.name} {glyph} {word}"
        for name in ("up", "wait", "down", "proof", "dim"):
            self.set_class(validator.condition[2] == name, f"-{name}")
        if height <= 2:
            return [card_line(state, validator, width, focused=self.has_focus)]
        return [cut(line, width) for line in card_lines(state, validator, width)[:height]]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        digest = self._state.validators[self.index].state_digest if self._state is not None and self.index < len(self._state.validators) else ""
        return (f"state digest of {validator_name(self.index)}", digest) if digest else None

    def action_kill(self) -> None:
        """SIGKILL."""
        self.post_message(Ordered(KillValidator(self.index)))

    def action_restart(self) -> None:
        """Stop and start."""
        self.post_message(Ordered(RestartValidator(self.index)))

    def action_start(self) -> None:
        """Start."""
        self.post_message(Ordered(StartValidator(self.index)))

    def action_stop(self) -> None:
        """Ask it to stop."""
        self.post_message(Ordered(StopValidator(self.index)))

    def action_next_card(self) -> None:
        """The next validator's card."""
        self._focus_card(1)

    def action_previous_card(self) -> None:
        """The previous validator's card."""
        self._focus_card(-1)

    def on_focus(self) -> None:
        """The mark of the card in focus."""
        self.reshow()

    def on_blur(self) -> None:
        """The mark goes elsewhere."""
        self.reshow()

    def on_click(self, event: Click) -> None:
        """A click chooses the validator."""
        self.focus()

    def _focus_card(self, step: int) -> None:
        cards = [*self.screen.query(ValidatorCard)]
        cards[(cards.index(self) + step) % len(cards)].focus()


def card_lines(state: State, validator: ValidatorView, width: int) -> list[Line]:
    """The card's inside: process, votes, log, digest, disk, back-end; and the last error where there is one."""
    votes = amount(validator.votes_cast)
    lately = validator.votes_per_second(state.now_ns, RATE_SECONDS)
    per_second = f"{sum(lately) / RATE_SECONDS:.1f}/s"
    seconds = max(0, min(SPARK_SECONDS, width - len("votes  ") - len(votes) - len(per_second) - 2))
    rate = sparkline(validator.votes_per_second(state.now_ns, seconds))
    commit = milliseconds(validator.last_commit_ms) if validator.last_commit_ms is not None else "–"
    if not validator.state_digest and validator.state == "starting":
        return [_process_line(state, validator), *loading("first word awaited", validator.since_ns, state.now_ns)]
    if validator.state == AWAITED:
        return [*loading("no answer yet", validator.since_ns, state.now_ns)]
    if not validator.state_digest and not validator.last_error and validator.state == "stopped":
        return [*empty("Not started yet.", "s", "starts it")]
    lines: list[Line] = [
        (Span("votes  ", "label"), Span(f"{votes} "), Span(f"{per_second} ", "dim"), Span(rate, validator_tone(validator.index))),
        (Span("log    ", "label"), Span(amount(validator.log_length)), *_lag(state, validator)),
        (Span("digest ", "label"), *_digest(state, validator)),
        (Span("commit ", "label"), Span(commit)),
    ]
    if _is_old(validator, state.now_ns):
        lines = [faded(line) for line in lines]
    return [_process_line(state, validator), *lines, _last_line(state, validator, width)]


def _is_old(validator: ValidatorView, now_ns: int) -> bool:
    """What it said last need not hold any more: it does not run, or has been silent."""
    return not validator.is_running or is_stale(validator.last_line_ns, now_ns)


def _last_line(state: State, validator: ValidatorView, width: int) -> Line:
    if validator.last_error and not validator.is_up:
        return (Span(validator.last_error, "down"),)
    if is_stale(validator.last_line_ns, state.now_ns):
        return last_word(validator.last_line_ns, state.now_ns)
    if validator.flags & FLAG_SYNCING and validator.catching_up:
        return (Span(validator.catching_up, "wait"),)
    if validator.pid is None and validator.state == "up" and not state.show.is_simulated:
        return (Span("as seen from outside", "dim"),)
    peers: Line = (Span(counted(len(validator.peers_up), "peer"), "dim"),)
    return fitted(
        [peers, (Span(validator.backend, "dim"),), (Span(counted(validator.accounts_count, "account"), "dim"),)], width, separator=(Span(" · ", "dim"),)
    )


def card_line(state: State, validator: ValidatorView, width: int, *, focused: bool) -> Line:
    """The card as one line."""
    glyph, word, tone = validator.condition
    parts: list[Line] = [
        (Span("▸" if focused else " ", "amount"), Span(f"{validator.name} ", validator_tone(validator.index)), Span(padded(f"{glyph} {word}", 11), tone)),
        (Span(padded(plain(_process_line(state, validator)).removeprefix("pid    "), 13)),),
        (Span("votes ", "label"), Span(f"{amount(validator.votes_cast):>4}")),
        (Span("log ", "label"), Span(f"{amount(validator.log_length):>4}"), *(_lag(state, validator) or (Span("   "),))),
        _digest(state, validator),
        (Span(padded(sparkline(validator.votes_per_second(state.now_ns, 8)), 8), validator_tone(validator.index)),),
        (Span("commit ", "label"), Span(milliseconds(validator.last_commit_ms) if validator.last_commit_ms is not None else "–")),
        (Span(validator.backend, "dim"),),
    ]
    if _is_old(validator, state.now_ns):
        old = [(last_word(validator.last_line_ns, state.now_ns))] if is_stale(validator.last_line_ns, state.now_ns) else []
        parts = [*parts[:2], *old, *(faded(part) for part in parts[2:])]
    if validator.last_error and not validator.is_up:
        parts = [parts[0], (Span(clipped(validator.last_error, width - 18), "down"),)]
    return fitted(parts, width)


def _process_line(state: State, validator: ValidatorView) -> Line:
    now_ns = state.now_ns
    if validator.state == "restarting":
        return (Span(validator.detail, "wait"),)
    if validator.state == AWAITED:
        return (Span("no answer yet", "wait"),)
    if validator.state == "unreachable":
        return (Span(validator.detail or "does not answer", "wait"),)
    if not validator.is_running:
        return (Span(f"down for {duration(now_ns - validator.since_ns)}" if validator.since_ns else "not started yet", "dim"),)
    restarts = (Span(f" ↻{validator.restarts}", "wait"),) if validator.restarts else ()
    up_for = (Span(" · ", "dim"), Span(duration(now_ns - validator.ready_ns))) if validator.ready_ns is not None and validator.state == "up" else ()
    nobody = "–" if state.show.is_simulated else "not seen"
    return (Span("pid    ", "label"), Span(str(validator.pid)) if validator.pid is not None else Span(nobody, "dim"), *up_for, *restarts)


def _lag(state: State, validator: ValidatorView) -> Line:
    behind = state.certificates_count - validator.log_length
    return (Span(f" −{behind}", "wait"),) if behind > 0 else ()


def _digest(state: State, validator: ValidatorView) -> Line:
    if not validator.state_digest:
        return (Span("–", "dim"),)
    equal = state.digest_is_equal(validator)
    sign = Span("") if equal is None else Span(" =", "up") if equal else Span(" ≠", "down")
    return (Span(validator.state_digest[:8]), sign)
