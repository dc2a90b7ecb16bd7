"""One validator's process in words: what it is, why the last one ended, what went wrong, and the commands that do what the keys do."""

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from mesh_app.format import groups, milliseconds
from mesh_app.orders.order import Order
from mesh_app.orders.validators import (
    KillValidator,
    LiftQuarantine,
    PauseValidator,
    RestartValidator,
    ResumeValidator,
    StartValidator,
    StopValidator,
    WipeValidator,
)
from mesh_app.spans import Line, Span, Tone, plain, validator_name
from mesh_app.state import FLAG_HALTED, FLAG_QUARANTINE, State, ValidatorView
from mesh_app.widgets.line_view import LineView, cut, wrapped
from mesh_app.widgets.validator_list import describe_restarts, process_figures, uptime
from mesh_core.types.confirmation import lifting_sentence

LABEL_WIDTH: Final = 9
KEY_WIDTH: Final = 7
KEY_DIGITS: Final = 16
"""Of a public key, in one piece: longer words cannot be broken."""
_RUNNING: Final[tuple[tuple[str, type[KillValidator] | type[StopValidator] | type[RestartValidator] | type[PauseValidator]], ...]] = (
    ("x", StopValidator),
    ("K", KillValidator),
    ("r", RestartValidator),
    ("space", PauseValidator),
)


class ValidatorFacts(LineView):
    """The validator `index`."""

    index = 0

    @override
    def build_lines(self, state: State, width: int, height: int) -> Sequence[Line]:
        if self.index >= len(state.validators):
            return ()
        validator = state.validators[self.index]
        self.border_title = f"{validator_name(self.index)} · {validator.condition[1]}"
        lines = [*_alarm(state, validator, width), *_facts(state, validator, width)]
        commands = [_command(key, order) for key, order in commands_of(validator)]
        home = f", with MESH_HOME={state.network.home}" if state.network is not None and state.network.home else ""
        heading: list[Line] = [(), *wrapped(f"the same, typed{home}", width, tone="label")]
        if height - len(lines) >= len(heading) + 2:
            lines += [*heading, *commands]
        return [cut(line, width) for line in lines[:height]]

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here."""
        if self._state is None or self.index >= len(self._state.validators):
            return None
        key = self._state.validators[self.index].public_key
        return (f"public key of {validator_name(self.index)}", key) if key else None


def commands_of(validator: ValidatorView) -> list[tuple[str, Order]]:
    """Keys and the orders that they give, as things are."""
    index = validator.index
    if validator.state == "paused":
        return [("space", ResumeValidator(index)), ("x", StopValidator(index)), ("K", KillValidator(index))]
    if validator.is_running:
        lifting = LiftQuarantine(index, lifting_sentence(bytes.fromhex(validator.public_key)))
        return [*([("L", lifting)] if validator.flags & FLAG_QUARANTINE else []), *((key, kind(index)) for key, kind in _RUNNING)]
    return [("s", StartValidator(index)), ("D", WipeValidator(index))]


def _alarm(state: State, validator: ValidatorView, width: int) -> list[Line]:
    """What is wrong, first and in full."""
    if validator.is_running and validator.flags & FLAG_HALTED:
        return wrapped("Halted: it has seen two conflicting certificates and votes no more.", width, tone="proof")
    if validator.flags & FLAG_QUARANTINE:
        report = state.operation.reports.get(validator.index)
        why = f": {report.quarantine}" if report is not None and report.quarantine else ""
        return wrapped(f"In quarantine, it does not vote{why}. When it has caught up, L lifts that.", width, tone="wait")
    if validator.last_error and not validator.is_up:
        return wrapped(validator.last_error, width, tone="down")
    if validator.state == "paused":
        return wrapped("Paused: it is there and does nothing, as a machine that hangs. Space lets it go on.", width, tone="wait")
    return []


def _facts(state: State, validator: ValidatorView, width: int) -> list[Line]:
    rows: list[tuple[str, str, Tone]] = []
    if validator.is_running:
        served = uptime(state, validator)
        rows.append(("process", f"{validator.pid if validator.pid is not None else '–'}{f', up {served}' if served else ''}", "text"))
    else:
        away = uptime(state, validator).removeprefix("−")
        rows.append(("process", f"none{f' for {away}' if away else ''}", "dim"))
    if validator.reason:
        rows.append(("ended", validator.reason, "down" if validator.state == "exited" else "text"))
    module = state.operation.modules.get(validator.index)
    if module and validator.is_running:
        rows.append(("runs", f"{module}, which is no honest validator: the laboratory planted it", "proof"))
    rows.append(("restarts", describe_restarts(validator), "text"))
    if validator.address:
        rows.append(("listens", validator.address, "text"))
    if validator.backend:
        rows.append(("kernel", validator.backend, "text"))
    if validator.last_commit_ms is not None:
        rows.append(("disk", milliseconds(validator.last_commit_ms), "text"))
    cost = ", ".join(plain(figure).strip() for figure in process_figures(state, validator.index))
    if cost:
        rows.append(("costs", cost.replace(" %", " % of a core"), "text"))
    rows.append(("key", " ".join(groups(validator.public_key, KEY_DIGITS)) or "–", "text"))
    lines: list[Line] = []
    for label, text, tone in rows:
        first, *rest = wrapped(text, max(8, width - LABEL_WIDTH), tone=tone)
        lines.append((Span(label.ljust(LABEL_WIDTH), "label"), *first))
        lines += [(Span(" " * LABEL_WIDTH), *line) for line in rest]
    return lines


def _command(key: str, order: Order) -> Line:
    return (Span(key.ljust(KEY_WIDTH), "amount"), Span(order.command_line(), "dim"))
