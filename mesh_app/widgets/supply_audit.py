"""The live supply audit: one equation between group elements, which every validator checks after each change, and which anyone can check without an amount."""

from collections.abc import Sequence

from mesh_app.format import amount, counted, groups
from mesh_app.spans import Line, Span, validator_name, validator_tone
from mesh_app.state import State, ValidatorView
from mesh_app.widgets.line_view import fitted, wrapped


def audit_lines(state: State, width: int) -> list[Line]:
    """Both sides of the equation as the longest log has them, who holds it, and what it took."""
    told = [validator for validator in state.validators if validator.is_up and validator.held_sum]
    if state.network is None or not told:
        return [(Span("Supply audit ", "strong"), Span(_why_no_sums(state), "dim"))]
    validator = max(told, key=lambda one: one.log_length)
    supply, fees = amount(state.network.supply), amount(validator.fee_pool)
    held = f"Σ {counted(validator.accounts_count, 'balance')} + Σ {counted(validator.outputs_count, 'output')}"
    public = f"({supply} supply − {fees} fees) · V"
    return [
        (Span("Supply audit", "strong"), Span(f" at log {amount(validator.log_length)}", "dim")),
        (Span(" "), Span(held)),
        _point(validator.held_sum, width),
        (Span(" "), Span(public)),
        _point(validator.public_sum, width),
        _verdict(told, width),
        *wrapped("32-byte commitments were added, and no amount was opened: V is the generator that carries values.", width, tone="dim"),
    ]


def _why_no_sums(state: State) -> str:
    """Validators tell their sums to the program that runs them; from outside there is what was read and added up here."""
    if state.audit is not None and not state.audit.is_read:
        return "when screen 4 has read the log"
    return "made here, from the log" if state.audit is not None and state.audit.supply_audit else "when a validator has added up"


def _point(digits: str, width: int) -> Line:
    """As many whole groups of a group element as fit."""
    pieces = groups(digits)
    room = max(1, (width - 4) // 9)
    more = "" if room >= len(pieces) else "…"
    return (Span("  = ", "dim"), Span(" ".join(pieces[:room]) + more, "hidden"))


def _verdict(told: Sequence[ValidatorView], width: int) -> Line:
    names: list[Line] = []
    for validator in told:
        holds = validator.held_sum == validator.public_sum
        names.append(
            (Span(validator_name(validator.index), validator_tone(validator.index)), Span(" ✔" if holds else " ✖ NOT EQUAL", "up" if holds else "down"))
        )
    holds = all(validator.held_sum == validator.public_sum for validator in told)
    word: Line = (Span(" ✔ equal", "up") if holds else Span(" ✖ NOT EQUAL", "down"), Span(" says", "dim"))
    return fitted([word, *names], width, separator=(Span(" "),))
