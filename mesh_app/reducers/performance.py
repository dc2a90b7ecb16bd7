"""Reducers of traffic and measurements (`testnet/traffic`), and of how the screen's own process keeps up."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields, MalformedEventError, StaleEventError
from mesh_app.format import amount, counted, milliseconds
from mesh_app.reducers.note import Note, Notes, Reducer
from mesh_app.reducers.wallets import MAX_NEW_FAULTS
from mesh_app.spans import Tone, validator_name
from mesh_app.state import State
from mesh_app.state.entries import Fault
from mesh_app.state.performance import MAX_RUNS, Figures, Kind, Machine, RunView, ScreenLag

TRAFFIC_PLAN: Final = ("rate", "amount_least", "amount_most", "wallets", "seed")
MEASURE_PLAN: Final = ("payments", "at_once", "wallets", "warm_up", "amount")
RUNNING: Final = "running"
TITLES: Final[dict[Kind, str]] = {"traffic": "traffic", "measure": "measurement"}


def traffic_started(state: State, fields: Fields, t_ns: int) -> Notes:
    """Traffic was taken; its wallets are prepared."""
    run = _start(state, fields, t_ns, "traffic")
    return (_note(run, f"{run.number('rate'):g} payments a second among {run.number('wallets'):g} wallets", "strong"),)


def measure_started(state: State, fields: Fields, t_ns: int) -> Notes:
    """A measurement was taken; its wallets are prepared."""
    run = _start(state, fields, t_ns, "measure")
    return (_note(run, f"{counted(int(run.number('payments')), 'payment')}, {run.number('at_once'):g} at once", "strong"),)


def traffic_progress(state: State, fields: Fields, t_ns: int) -> Notes:
    """How traffic goes."""
    return _progress(state, fields, t_ns, "traffic")


def measure_progress(state: State, fields: Fields, t_ns: int) -> Notes:
    """How a measurement goes."""
    return _progress(state, fields, t_ns, "measure")


def traffic_over(state: State, fields: Fields, t_ns: int) -> Notes:
    """Traffic has ended, with what it came to."""
    return _over(state, fields, t_ns, "traffic")


def measure_over(state: State, fields: Fields, t_ns: int) -> Notes:
    """A measurement has ended, with its figures."""
    return _over(state, fields, t_ns, "measure")


def measure_record(state: State, fields: Fields, t_ns: int) -> Notes:
    """A measurement of an earlier time, read from its file."""
    run = RunView(fields.text("file"), "measure", _plan(fields, "measure"), _machine(fields), t_ns)
    _take_end(run, fields, t_ns)
    if not run.file or any(known.file == run.file for known in state.performance.runs.values()):
        raise StaleEventError
    runs = state.performance.runs
    records = {key: known for key, known in runs.items() if key == known.file}
    state.performance.runs = {**records, run.key: run, **{key: known for key, known in runs.items() if key not in records}}
    _forget_old(state)
    return ()


def measure_exported(state: State, fields: Fields, t_ns: int) -> Notes:
    """A measurement was written into files for whoever wants them."""
    files = (fields.text("json"), fields.text("csv"))
    state.performance.exported = files
    state.performance.exports_count += 1
    return (Note("measurement", "exported", " and ".join(files)),)


def traffic_process(state: State, fields: Fields, t_ns: int) -> Notes:
    """The process that pays is being started, is up, or has ended. A run that it was at has ended with it."""
    word, text = fields.text("state"), fields.text("text", default="")
    state.performance.is_starting = word == "starting"
    running = state.performance.running
    if word == "ended" and running is not None:
        running.reason, running.text, running.t_ns = "failed", text or "the traffic process ended", t_ns
        return (_note(running, f"ended: {running.text}", "down"),)
    return ()


def screen_lag(state: State, fields: Fields, t_ns: int) -> Notes:
    """How late the loop of the screen's process is."""
    state.performance.screen = ScreenLag(fields.ms("p50_ms"), fields.ms("p99_ms"), fields.ms("max_ms"), fields.ms("cpu_percent"))
    return ()


def _start(state: State, fields: Fields, t_ns: int, kind: Kind) -> RunView:
    run = RunView(f"{kind}-{t_ns}", kind, _plan(fields, kind), _machine(fields), t_ns, load_before=fields.ms("load", default=0.0))
    view = state.performance
    view.is_starting = False
    lost = view.running
    if lost is not None:
        # Its process has lost it: there is at most one run at a time.
        lost.reason, lost.text = "failed", "another run took its place"
    view.runs[run.key] = run
    _forget_old(state)
    return run


def _progress(state: State, fields: Fields, t_ns: int, kind: Kind) -> Notes:
    run = _running(state, kind)
    phase, text, in_flight = fields.text("phase"), fields.text("text", default=""), fields.integer("in_flight")
    notes = _take_counts(run, fields, t_ns)
    run.phase, run.text, run.in_flight = phase, text, in_flight
    return notes


def _over(state: State, fields: Fields, t_ns: int, kind: Kind) -> Notes:
    run = _running(state, kind)
    _take_end(run, fields, t_ns)
    tone: Tone = "down" if run.reason == "failed" else "up"
    told = f"{run.reason}{f': {run.text}' if run.text else ''}, {amount(run.done)} of {counted(run.sent, 'payment')} final"
    failed = f", {run.failures_count} failed" if run.failures_count else ""
    skipped = f", {amount(run.skipped)} left out" if run.skipped else ""
    if run.reason == "failed" and len(state.new_faults) < MAX_NEW_FAULTS:
        state.new_faults.append(Fault(f"the {TITLES[kind]} ended: {run.text}", None))
    figures = run.figures
    times = f", p50 {milliseconds(figures.p50_ms)}, p99 {milliseconds(figures.p99_ms)}, {run.throughput or 0:g} a second" if figures is not None else ""
    return (_note(run, f"{told}{failed}{skipped}{times}", tone),)


def _take_end(run: RunView, fields: Fields, t_ns: int) -> None:
    reason, text = fields.text("reason"), fields.text("text", default="")
    throughput, unfinished, load_before = fields.ms("throughput"), fields.integer("unfinished"), fields.ms("load_before", default=0.0)
    date, file = fields.text("date", default=""), fields.text("file", default="")
    if not reason:
        raise MalformedEventError("reason is empty")
    _take_counts(run, fields, t_ns)
    run.reason, run.text, run.throughput, run.unfinished = reason, text, throughput, unfinished
    run.load_before, run.date, run.file, run.in_flight, run.phase = load_before, date, file, 0, "over"


def _take_counts(run: RunView, fields: Fields, t_ns: int) -> Notes:
    """Counts, figures and conditions. A validator that went or came back is worth a line."""
    elapsed_s, sent, done, skipped = fields.ms("elapsed_s"), fields.integer("sent"), fields.integer("done"), fields.integer("skipped")
    failures, per_second, links = fields.counts("failures"), fields.numbers("per_second"), fields.truths("links")
    claims, lag_p99_ms, load, figures = fields.integer("claims"), fields.ms("lag_p99_ms"), fields.ms("load"), _figures(fields)
    before, run.links = run.links, links
    run.t_ns, run.elapsed_s, run.sent, run.done, run.skipped, run.failures = t_ns, elapsed_s, sent, done, skipped, failures
    run.per_second, run.claims, run.lag_p99_ms, run.load, run.figures = per_second, claims, lag_p99_ms, load, figures
    if run.phase != RUNNING:
        return ()
    changed = [(index, up) for index, (was, up) in enumerate(zip(before, links, strict=False)) if was is not up]
    return tuple(
        _note(run, f"{validator_name(index)} {'is reached again' if up else 'is not reached any more; the run goes on'}", "up" if up else "wait")
        for index, up in changed
    )


def _figures(fields: Fields) -> Figures | None:
    if not fields.has("p50_ms"):
        return None
    return Figures(
        counted=fields.integer("counted"),
        min_ms=fields.ms("min_ms"),
        p50_ms=fields.ms("p50_ms"),
        p95_ms=fields.ms("p95_ms"),
        p99_ms=fields.ms("p99_ms"),
        max_ms=fields.ms("max_ms"),
        mean_ms=fields.ms("mean_ms"),
        within_target=fields.integer("within_target"),
        buckets=fields.pairs("buckets"),
        cumulative=fields.pairs("cumulative"),
        parts=fields.durations("parts"),
        acks_p50_ms=fields.optional_ms("acks_p50_ms"),
        acks_p99_ms=fields.optional_ms("acks_p99_ms"),
        target_ms=fields.ms("target_ms"),
    )


def _plan(fields: Fields, kind: Kind) -> dict[str, float | str]:
    plan: dict[str, float | str] = {name: fields.ms(name) for name in (TRAFFIC_PLAN if kind == "traffic" else MEASURE_PLAN)}
    if kind == "traffic":
        plan |= {"duration_s": fields.optional_ms("duration_s") or 0.0, "arrivals": fields.text("arrivals"), "to": fields.text("to", default="")}
    return plan


def _machine(fields: Fields) -> Machine:
    return Machine(
        cpu=fields.text("cpu"),
        cores=fields.integer("cores"),
        python=fields.text("python"),
        version=fields.text("version"),
        backend=fields.text("backend"),
        validators=fields.integer("validators"),
        validators_here=fields.integer("validators_here"),
    )


def _running(state: State, kind: Kind) -> RunView:
    run = state.performance.running
    if run is None or run.kind != kind:
        raise StaleEventError
    return run


def _forget_old(state: State) -> None:
    runs = state.performance.runs
    while len(runs) > MAX_RUNS:
        del runs[next(key for key, run in runs.items() if not run.is_running)]


def _note(run: RunView, text: str, tone: Tone = "text") -> Note:
    return Note(TITLES[run.kind], "run", text, tone=tone)


REDUCERS: Final[Mapping[str, Reducer]] = {
    "traffic_started": traffic_started,
    "traffic_progress": traffic_progress,
    "traffic_over": traffic_over,
    "measure_started": measure_started,
    "measure_progress": measure_progress,
    "measure_over": measure_over,
    "measure_record": measure_record,
    "measure_exported": measure_exported,
    "traffic_process": traffic_process,
    "screen_lag": screen_lag,
}
