"""Reducers of what an operator does and sees: lines, wiped data, lifted quarantines, orders of other programs, reports and configurations."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields, MalformedEventError
from mesh_app.format import counted
from mesh_app.reducers.network import find_validator
from mesh_app.reducers.note import Note, Notes, Reducer, validator_note
from mesh_app.state import State
from mesh_app.state.operation import WALLETS_END, ConfigView, LineCondition, LineKey, PeerView, ReportView, TimesView, condition_words

WALLETS_NAME: Final = "wallets"
_COUNTS: Final = (
    "votes_cast",
    "votes_refused",
    "evidence_count",
    "journal_entries",
    "accounts_count",
    "outputs_count",
    "connections",
    "half_open_connections",
    "subscriptions",
)
_QUEUES: Final = ("proofs", "outbox", "batches", "parked", "sync_requests")
_TIMES: Final = ("durable", "commits", "journal", "proofs")
_FIGURES: Final = ("last", "median", "p99", "max")


def line_state(state: State, fields: Fields, t_ns: int) -> Notes:
    """A line was cut, slowed or healed."""
    key = _line_key(state, fields.texts("ends"))
    is_relayed, is_cut = fields.truth("relayed"), fields.truth("cut")
    delay_ms, loss = fields.ms("delay_ms"), fields.ms("loss")
    name = fields.text("line")
    if is_relayed:
        # Recordings of earlier versions have none of the others.
        others = {name: fields.ms(name, default=0.0) for name in ("jitter_ms", "reordering", "duplication", "bandwidth_kbit_s")}
        condition = state.operation.lines[key] = LineCondition(is_cut, delay_ms, loss, **others)
    else:
        condition = None
        state.operation.lines.pop(key, None)
    told = f"line {name} is {condition_words(condition)}"
    return (Note("net", "line", told, tone="up" if condition is None else "down" if is_cut else "wait"),)


def profile(state: State, fields: Fields, t_ns: int) -> Notes:
    """Where validators and wallets are taken to be, before the lines that follow from it."""
    return (Note("net", "profile", f"profile {fields.text('name')}: {fields.text('text')}"),)


def line_counts(state: State, fields: Fields, t_ns: int) -> Notes:
    """What relays forwarded and dropped, once a second."""
    found = {}
    for row in fields.objects("lines"):
        dialler, _, listener = row.text("line").partition(">")
        found[_end(state, dialler), _end(state, listener)] = (row.integer("forwarded"), row.integer("dropped"))
    state.operation.counts.update(found)
    return ()


def wiped(state: State, fields: Fields, t_ns: int) -> Notes:
    """A validator's data were deleted."""
    validator = find_validator(state, fields)
    files = fields.integer("files")
    state.operation.reports.pop(validator.index, None)
    validator.log_length, validator.state_digest = 0, ""
    return (validator_note(validator.index, "wiped", f"database and vote journal are deleted ({counted(files, 'file')}); its key stays", tone="down"),)


def lifted(state: State, fields: Fields, t_ns: int) -> Notes:
    """A validator may vote again."""
    validator = find_validator(state, fields)
    return (validator_note(validator.index, "lifted", "its quarantine is lifted: it votes from its next start on", tone="up"),)


def control_order(state: State, fields: Fields, t_ns: int) -> Notes:
    """Another program ordered something."""
    return (Note("mesh", "order", f"mesh-testnet: {fields.text('text')}", tone="strong"),)


def report(state: State, fields: Fields, t_ns: int) -> Notes:
    """What a validator says of itself. Too regular for the event stream."""
    validator = find_validator(state, fields)
    told = fields.one_object("report")
    state.operation.reports[validator.index] = ReportView(
        t_ns=t_ns,
        public_key=told.hexadecimal("public_key"),
        uptime_s=told.ms("uptime_s"),
        quarantine=told.text("quarantine") if told.has("quarantine") else "",
        is_halted=told.truth("halted"),
        is_syncing=told.truth("syncing"),
        supply_audit=told.optional_truth("supply_audit"),
        log_length=told.integer("log_length"),
        state_digest=told.hexadecimal("state_digest"),
        digest_log_length=told.integer("digest_log_length"),
        counts=tuple((name, told.integer(name)) for name in _COUNTS),
        queues=tuple((name, told.one_object("queues").integer(name)) for name in _QUEUES),
        times=tuple((name, _times(told.one_object(name))) for name in _TIMES),
        certificates_per_s=told.ms("certificates_per_s"),
        peers={peer.validator("index"): _peer(peer) for peer in told.objects("peers")},
        cpu_percent=fields.ms("cpu_percent") if fields.has("cpu_percent") else None,
        memory_bytes=fields.integer("memory_bytes") if fields.has("memory_bytes") else None,
    )
    return ()


def config(state: State, fields: Fields, t_ns: int) -> Notes:
    """A configuration as it is on the disk."""
    validator = find_validator(state, fields)
    state.operation.configs[validator.index] = ConfigView(fields.text("path"), fields.texts("lines"))
    return ()


def _times(told: Fields) -> TimesView:
    figures = tuple((name, told.ms(f"{name}_ms")) for name in _FIGURES)
    return TimesView(told.integer("count"), figures)


def _peer(told: Fields) -> PeerView:
    rtt_ms = told.ms("rtt_ms") if told.has("rtt_ms") else None
    return PeerView(told.truth("up"), rtt_ms, told.integer("cursor"), told.integer("log_length"), told.truth("is_excluded"))


def _line_key(state: State, ends: tuple[str, ...]) -> LineKey:
    if len(ends) != 2:
        raise MalformedEventError("ends are not two")
    one, other = (_end(state, end) for end in ends)
    return min(one, other), max(one, other)


def _end(state: State, name: str) -> int:
    if name == WALLETS_NAME:
        return WALLETS_END
    number = name.removeprefix("V")
    if not (number.isascii() and number.isdigit()) or len(number) > 2 or not 1 <= int(number) <= len(state.validators):
        raise MalformedEventError(f"{name[:20]} is no end of a line")
    return int(number) - 1


REDUCERS: Final[Mapping[str, Reducer]] = {
    "line_state": line_state,
    "profile": profile,
    "line_counts": line_counts,
    "validator_wiped": wiped,
    "quarantine_lifted": lifted,
    "control_order": control_order,
    "validator_report": report,
    "validator_config": config,
}
