"""Traffic and measurements in the state: what their process tells, and what becomes of a run whose process is gone."""

from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_app.state.performance import MAX_RUNS
from tests.tui import performance_story as story


def after(*events: dict[str, Any]) -> State:
    state = State()
    for event in events:
        apply(state, event)
    assert state.unreadable_count == 0
    return state


def notes(state: State) -> list[str]:
    return [entry.text for entry in state.entries]


def test_a_run_goes_from_start_to_end() -> None:
    state = after(story.started("traffic", 1), story.progress("traffic", 2, story.times(50), phase="preparing", text="making a wallet"))
    run = state.performance.running
    assert run is not None
    assert (run.phase, run.text, run.done, run.kind) == ("preparing", "making a wallet", 50, "traffic")
    assert state.performance.traffic is run
    apply(state, story.over("traffic", 3, story.times(60), reason="stopped"))
    assert state.performance.running is None
    assert (run.reason, run.throughput, run.is_running) == ("stopped", 18.3, False)
    assert any("stopped, 60 of 62 payments final" in note for note in notes(state))


def test_a_run_that_another_one_follows_without_an_end_is_a_lost_one() -> None:
    """A process that was killed and started again before its end was seen."""
    state = after(story.started("traffic", 1), story.started("measure", 2))
    lost, running = state.performance.runs["traffic-1"], state.performance.running
    assert (lost.reason, lost.text) == ("failed", "another run took its place")
    assert running is not None
    assert running.kind == "measure"


def test_the_figures_are_those_that_were_told() -> None:
    found = story.times()
    state = after(story.started("measure", 1), story.over("measure", 2, found))
    run = next(state.performance.newest_first())
    assert run.figures is not None
    assert run.figures.p50_ms == sorted(found)[49]
    assert run.figures.max_ms == max(found)
    assert dict(run.figures.cumulative)[300] == run.figures.within_target == 100
    assert [name for name, _ in run.figures.parts][:3] == ["wait", "build", "prove"]
    assert run.file


def test_a_validator_that_goes_is_told_once_and_only_while_payments_run() -> None:
    up, down = [True] * 4, [True, True, False, True]
    state = after(
        story.started("traffic", 1),
        story.progress("traffic", 2, [], phase="preparing", links=[False] * 4),
        story.progress("traffic", 3, [], phase="preparing", links=up),
        story.progress("traffic", 4, story.times(), links=up),
        story.progress("traffic", 5, story.times(), links=down),
        story.progress("traffic", 6, story.times(), links=down),
        story.progress("traffic", 7, story.times(), links=up),
    )
    assert [note for note in notes(state) if "reached" in note] == ["V3 is not reached any more; the run goes on", "V3 is reached again"]


def test_a_run_ends_with_its_process() -> None:
    state = after(story.started("traffic", 1), {"event": "traffic_process", "t_ns": 2, "state": "ended", "text": "killed"})
    run = next(state.performance.newest_first())
    assert (run.reason, run.text) == ("failed", "killed")
    assert state.performance.running is None


def test_a_run_that_fails_is_told_wherever_one_looks() -> None:
    state = after(story.started("traffic", 1), story.over("traffic", 2, [], reason="failed", text="no faucet listens"))
    assert [fault.text for fault in state.new_faults] == ["the traffic ended: no faucet listens"]


def test_a_progress_without_its_run_is_stale_and_changes_nothing() -> None:
    state = after(story.progress("traffic", 1, story.times()), story.over("measure", 2, story.times()))
    assert not state.performance.runs


def test_runs_are_bounded_and_records_stand_before_the_runs_of_today() -> None:
    state = after(story.started("traffic", 1), *(story.record(number, story.times()) for number in range(1, MAX_RUNS + 10)))
    assert len(state.performance.runs) == MAX_RUNS
    assert next(state.performance.newest_first()).kind == "traffic"
    assert state.performance.running is not None
    again = story.record(MAX_RUNS + 9, story.times())
    apply(state, again)
    assert len([run for run in state.performance.runs.values() if run.file == again["file"]]) == 1


def test_a_measurement_is_compared_with_the_one_before_of_as_many_at_once() -> None:
    state = after(
        story.record(1, story.times(base=20.0)),
        story.record(2, story.times(base=50.0), at_once=4),
        story.started("measure", 9),
        story.over("measure", 9, story.times()),
    )
    newest = next(state.performance.newest_first())
    before = state.performance.before(newest)
    assert before is not None
    assert before.date == "2026-11-01T04:15:00+00:00"


@pytest.mark.parametrize(
    "broken", [{"buckets": [[1]]}, {"buckets": "x"}, {"parts": [["prove", -1]]}, {"failures": [[1, 2]]}, {"links": [1]}, {"p99_ms": None}, {"per_second": [-1]}]
)
def test_a_broken_event_changes_nothing(broken: dict[str, Any]) -> None:
    state = after(story.started("traffic", 1))
    run = state.performance.running
    assert run is not None
    apply(state, story.progress("traffic", 2, story.times()) | broken)
    assert state.unreadable_count == 1
    assert (run.done, run.figures) == (0, None)
