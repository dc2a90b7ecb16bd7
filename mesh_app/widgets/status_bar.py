"""The line at the top of every screen: where one is, and how the network is."""

from collections.abc import Sequence
from typing import Final

from textual.events import Click
from typing_extensions import override

from mesh_app.format import amount, milliseconds
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, line_width

MIN_GAP: Final = 2
ESSENTIAL_FACTS: Final = 2
SCREENS: Final = (
    ("1", "Network", "network"),
    ("2", "Wallets", "wallets"),
    ("3", "Pay", "pay"),
    ("4", "Ledger", "ledger"),
    ("5", "Lab", "laboratory"),
    ("6", "Validators", "validators"),
    ("7", "Speed", "performance"),
    ("8", "Help", "help"),
)


class StatusBar(LineView):
    """Tabs to the left, the network's condition to the right; what does not fit is left out, the least important first."""

    def __init__(self, current: str) -> None:
        super().__init__(id="status-bar")
        self.current = current
        self.mode = ""
        self._tabs: list[tuple[int, int, str]] = []

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        facts = _facts(state, self.mode)
        tabs: Line = ()
        for long_tabs in (True, False):
            tabs = self._tab_line(long=long_tabs)
            fitting = _most_important(facts, width - line_width(tabs) - MIN_GAP, least=ESSENTIAL_FACTS)
            if fitting is not None:
                right = _joined(fitting)
                return [(*tabs, Span(" " * (width - line_width(tabs) - line_width(right))), *right)]
        return [tabs]

    def on_click(self, event: Click) -> None:
        """A click on a tab goes to its screen."""
        for begin, end, screen in self._tabs:
            if begin <= event.x < end:
                self.app.call_next(self.app.run_action, f"show('{screen}')")

    def _tab_line(self, *, long: bool) -> Line:
        spans: list[Span] = [Span(" ◆ ", "amount")]
        self._tabs = []
        x = 3
        for key, title, name in SCREENS:
            here = name == self.current
            text = f"{key} {title}" if long or here else key
            spans += [Span(f" {text} ", "tab" if here else "dim")]
            self._tabs.append((x, x + len(text) + 2, name))
            x += len(text) + 2
        return tuple(spans)


def _facts(state: State, mode: str) -> list[tuple[int, Line]]:
    """(rank, words) from left to right; the lower the rank, the more important."""
    up, total = state.validators_up, len(state.validators)
    tone: Tone = "up" if up == total else "wait" if up >= state.quorum else "down"
    glyph = "●" if up == total else "◐" if up >= state.quorum else "✖"
    has_quorum = up >= state.quorum
    quorum = Span(f"{state.quorum} ok", "text") if has_quorum else Span(f"{state.quorum} missing", "down")
    epoch = state.network.committee.epoch if state.network is not None else 0
    facts: list[tuple[int, Line]] = [
        (6, (Span("NET ", "label"), Span(state.network.name if state.network is not None else "starting"))),
        (1, (Span(f"{glyph} up {up}/{total}", tone),)),
        (4, (Span("quorum ", "label"), quorum)),
        (5, (Span("epoch ", "label"), Span(str(epoch)))),
        (3, (Span("certs ", "label"), Span(amount(state.certificates_count)))),
    ]
    if state.last_payment_ms is not None:
        facts.append((2, (Span("last ", "label"), Span(milliseconds(state.last_payment_ms)))))
    traffic = state.performance.traffic
    if traffic is not None:
        facts.insert(0, (1, (Span("⇄ ", "amount"), Span(f"traffic {traffic.number('rate'):g}/s"))))
    if state.show.is_recording:
        facts.insert(0, (0, (Span("● REC", "down"),)))
    if state.alarm:
        facts.insert(0, (0, (Span("⚑ ALARM", "proof"),)))
    return [*facts, (1, (Span(mode, "strong"), Span(" ")))]


def _most_important(facts: list[tuple[int, Line]], width: int, *, least: int) -> list[Line] | None:
    """All facts but the least important ones that do not fit; None where fewer than `least` would be left."""
    kept = facts
    while line_width(_joined([fact for _, fact in kept])) > width:
        kept = [*kept]
        kept.remove(max(kept, key=lambda fact: fact[0]))
        if len(kept) < least:
            return None
    return [fact for _, fact in kept]


def _joined(facts: list[Line]) -> Line:
    line: Line = ()
    for fact in facts:
        line = (*line, *((Span(" │ ", "dim"),) if line else ()), *fact)
    return line
