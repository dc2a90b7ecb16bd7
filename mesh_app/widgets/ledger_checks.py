"""Every check of a certificate as it went: what it proves, what was found, how long it took where it was made."""

import json
from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import short
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import State
from mesh_app.state.ledger import CheckOutcome
from mesh_app.widgets.fact_list import HIGH, Fact, FactList
from mesh_app.widgets.line_view import padded, right_aligned, wrapped
from mesh_app.widgets.pane_state import loading

TITLE_WIDTH = 22
MARKS: dict[bool | None, tuple[str, Tone]] = {True: ("✓", "up"), False: ("✗", "down"), None: ("–", "wait")}


class ChecksPane(FactList):
    """The checks of the certificate that the screen is about."""

    BORDER_TITLE = "Verify"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.asked: dict[str, int] = {}
        """When the checks of a certificate were last ordered."""

    @override
    def facts(self, state: State, width: int) -> Sequence[Fact]:
        verified = state.ledger.verified.get(self.cert_id)
        if verified is None or verified.t_ns < self.asked.get(self.cert_id, 0):
            return ()
        return [_fact(number, check, width) for number, check in enumerate(verified.checks)]

    @override
    def default_cursor(self, keys: Sequence[str]) -> str:
        """What fails is told first."""
        verified = self._state.ledger.verified.get(self.cert_id) if self._state is not None else None
        failed = next((number for number, check in enumerate(verified.checks) if check.ok is False), 0) if verified is not None else 0
        return keys[failed]

    @override
    def header_lines(self, state: State, width: int) -> Sequence[Line]:
        verified = state.ledger.verified.get(self.cert_id)
        if verified is None or not self._facts:
            return ()
        failed = sum(1 for check in verified.checks if check.ok is False)
        lacking = sum(1 for check in verified.checks if check.ok is None)
        made = len(verified.checks) - lacking
        verdict = Span(f"✗ {failed} of {made} checks do not hold", "down") if failed else Span(f"✓ all {made} checks hold", "up")
        rest = f" · {lacking} could not be made" if lacking else ""
        line: Line = (verdict, Span(f"{rest} · {verified.ms:.1f} ms · {verified.backend}", "dim"))
        return [line, ()] if self.size.height >= HIGH else [line]

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        if not self.cert_id:
            return wrapped("Choose a certificate in the list, then V.", width, tone="dim")
        asked = self.asked.get(self.cert_id, 0)
        if asked:
            return loading(f"checking {short(self.cert_id)}", asked, state.now_ns)
        words = "Every check that validators and wallets make can be made again: each signature, the link to the one before, the balance, the range proof."
        return [
            *wrapped(words, width, tone="dim"),
            (),
            (Span("Press ", "dim"), Span("V", "amount"), Span(": makes them, in a process of its own, and times each.", "dim")),
        ]

    @override
    def json_form(self, state: State) -> tuple[str, str] | None:
        verified = state.ledger.verified.get(self.cert_id)
        if verified is None:
            return None
        checks = [{"check": check.name, "title": check.title, "ok": check.ok, "found": check.found, "ms": check.ms} for check in verified.checks]
        form = {"cert_id": verified.cert_id, "ok": verified.ok, "ms": verified.ms, "backend": verified.backend, "checks": checks}
        return "checks", json.dumps(form, indent=2)


def _fact(number: int, check: CheckOutcome, width: int) -> Fact:
    mark, tone = MARKS[check.ok]
    ms = "" if check.ok is None else f"{check.ms:.2f} ms"
    words = check.proves if check.ok else check.found
    line = (
        Span(f"{mark} ", tone),
        Span(right_aligned(ms, 9), "dim"),
        Span(f" {padded(check.title, TITLE_WIDTH)} ", "strong" if check.ok else tone),
        Span(words, "dim" if check.ok else tone),
    )
    state = {True: f"Holds: {check.found}.", False: f"DOES NOT HOLD: {check.found}.", None: f"Not made: {check.found}."}[check.ok]
    would = "It proves that" if check.ok else "It would prove that"
    return Fact(f"{check.name} {number}", line, (check.title, f"{check.title}: {check.found}"), f"{state} {would} {check.proves}.")
