"""The validators, one row each: state, process, how long, how often, what it costs."""

from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import counted, duration
from mesh_app.spans import Line, Span, validator_tone
from mesh_app.state import State, ValidatorView
from mesh_app.widgets.line_view import fitted, padded, right_aligned
from mesh_app.widgets.row_list import RowList

STALE_AFTER_NS = 6_000_000_000
_MIB = 1024 * 1024


class ValidatorList(RowList[int]):
    """Rows by index. What is done on this screen is done to the validator under the cursor."""

    BORDER_TITLE = "Validators"

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        self.border_title = f"Validators · {state.validators_up} of {len(state.validators)} up"
        return range(len(state.validators))

    @override
    def row_line(self, state: State, key: int, width: int) -> Line:
        validator = state.validators[key]
        glyph, word, tone = validator.condition
        parts: list[Line] = [
            (Span(padded(validator.name, 4), validator_tone(key)), Span(padded(f"{glyph} {word}", 12), tone)),
            (Span(right_aligned("–" if validator.pid is None else str(validator.pid), 7)),),
            (Span(right_aligned(uptime(state, validator), 7), "dim" if not validator.is_running else "text"),),
            (Span(padded(f"↻{validator.restarts}" if validator.restarts else "", 4), "wait"),),
            *process_figures(state, key),
        ]
        return fitted(parts, width, separator=(Span(" "),))

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        if self._state is None or self.cursor is None:
            return None
        validator = self._state.validators[self.cursor]
        return (f"public key of {validator.name}", validator.public_key) if validator.public_key else None


def uptime(state: State, validator: ValidatorView) -> str:
    """How long it has served, or how long it has been away."""
    if validator.is_running and validator.ready_ns is not None:
        return duration(state.now_ns - validator.ready_ns)
    return f"−{duration(state.now_ns - validator.since_ns)}" if validator.since_ns and not validator.is_running else ""


def process_figures(state: State, index: int) -> list[Line]:
    """Share of a core and memory, where somebody has looked lately."""
    report = state.operation.reports.get(index)
    if report is None or not state.validators[index].is_running or state.now_ns - report.t_ns > STALE_AFTER_NS:
        return []
    figures: list[Line] = []
    if report.cpu_percent is not None:
        figures.append((Span(right_aligned(f"{report.cpu_percent:.0f} %", 5)),))
    if report.memory_bytes is not None:
        figures.append((Span(right_aligned(f"{report.memory_bytes / _MIB:.0f} MiB", 7)),))
    return figures


def describe_restarts(validator: ValidatorView) -> str:
    """`none`, `2 restarts`."""
    return counted(validator.restarts, "restart") if validator.restarts else "none"
