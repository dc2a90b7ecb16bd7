"""The committee as a whole: quorum, what it tolerates, audit; and how to make the first payment."""

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from mesh_app.format import short
from mesh_app.spans import Line, Span
from mesh_app.state import State
from mesh_app.widgets.line_view import LineView, cut
from mesh_app.widgets.quorum import quorum_boxes, tolerance
from mesh_app.widgets.supply_audit import audit_lines

AUDIT_HEIGHT: Final = 5
"""Rows below which the equation cannot be shown in a way that says anything."""


class NetworkSummary(LineView):
    """Quorum, tolerance, audit."""

    BORDER_TITLE = "Committee"

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if height <= 2:
            hint = (Span("   p", "amount"), Span(" pays", "dim")) if not state.payments else ()
            return [
                cut((Span("quorum ", "label"), *_quorum(state), Span("  "), *tolerance(state.validators_up, state.quorum), *_short_audit(state), *hint), width)
            ]
        lines: list[Line] = [
            (Span("quorum ", "label"), *_quorum(state)),
            tolerance(state.validators_up, state.quorum),
            *_audit(state),
        ]
        if state.alarm:
            lines.insert(0, (Span(f"⚑ {state.alarm}", "proof"),))
        elif not state.payments:
            lines[2:2] = [(Span("▸ press ", "strong"), Span("p", "amount"), Span(" to pay", "strong"))]
        if height > len(lines) + AUDIT_HEIGHT:
            lines += [(), *audit_lines(state, width)]
        return [cut(line, width) for line in lines[:height]]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        network = self._state.network if self._state is not None else None
        return ("network id", network.network_id) if network is not None else None


def _quorum(state: State) -> Line:
    return (*quorum_boxes(state.validators_up, len(state.validators), state.quorum), Span(f" {state.quorum} needed"))


def _short_audit(state: State) -> Line:
    if state.audit is None or state.audit.supply_audit is None:
        return ()
    return (Span("  ✔", "up"), Span(" supply")) if state.audit.supply_audit else (Span("  ✖ supply does NOT add up", "down"),)


def _audit(state: State) -> list[Line]:
    """The group equation over all commitments: no amount is needed to see that nothing was made from nothing."""
    network: Line = (Span("   id ", "label"), Span(short(state.network.network_id, 8) if state.network is not None else "–", "dim"))
    if state.audit is None:
        return [(Span("audit  ", "label"), Span("not yet", "dim"), *network)]
    unknown = "· too large now" if state.audit.is_read else "· ledger not read"
    sums = {True: Span("✔ sums to supply", "up"), False: Span("✖ does NOT add up", "down"), None: Span(unknown, "dim")}[state.audit.supply_audit]
    digests = Span("✔ all equal", "up") if state.audit.digests_equal else Span("≠ differ", "wait")
    return [(Span("audit  ", "label"), sums), (Span("states ", "label"), digests, *network)]
