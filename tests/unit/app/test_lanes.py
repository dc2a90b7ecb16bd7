"""The lanes and the steps of a payment, as lines: what is drawn where, and that every line keeps its width."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_app.model import State, apply
from mesh_app.spans import plain
from mesh_app.state import Payment
from mesh_app.widgets.lane_marks import axis_scale, certificate_mark, lane_marks, quorum_mark, round_up
from mesh_app.widgets.line_view import line_width
from mesh_app.widgets.payment_pane import payment_lines
from mesh_app.widgets.payment_steps import pipeline, split_line, steps_line
from mesh_app.widgets.vote_lanes import lane_lines
from mesh_core.types.json_form import json_form
from tests.tui.fake_workbench import MS, VOTE_MS
from tests.unit.app.test_model import booted, drain, only_payment


def settled() -> tuple[State, Payment]:
    bench, state = booted()
    bench.play(bench.settled_payment("alice", "bob", 500, "lunch"))
    drain(bench, state)
    return state, only_payment(state)


def test_marks_are_the_events_own_times() -> None:
    state, payment = settled()
    for index, vote_ms in enumerate(VOTE_MS):
        marks = lane_marks(state, payment, index)
        assert marks.voted == pytest.approx(vote_ms, abs=0.01)
        assert marks.arrived is not None
        assert marks.checked is not None
        assert marks.stored is not None
        assert 0 < marks.arrived < marks.checked < marks.stored < vote_ms
    assert quorum_mark(payment, 3) == pytest.approx(sorted(VOTE_MS)[2], abs=0.01)
    assert certificate_mark(payment) == pytest.approx(sorted(VOTE_MS)[2] + 4.1, abs=0.01)


def test_until_cuts_off_what_happened_later() -> None:
    state, payment = settled()
    assert payment.asked_ns is not None
    until = payment.asked_ns + 35 * MS
    assert [lane_marks(state, payment, index, until).voted is not None for index in range(4)] == [True, False, False, False]
    assert certificate_mark(payment, until) is None
    assert quorum_mark(payment, 3, until) is None


@pytest.mark.parametrize(("ms", "rounded"), [(3, 5), (11, 20), (21, 25), (26, 50), (99, 100), (180, 200), (1001, 2000)])
def test_axis_is_round(ms: float, rounded: float) -> None:
    assert round_up(ms) == rounded


def test_very_late_acknowledgement_does_not_stretch_the_axis() -> None:
    state, payment = settled()
    scale = axis_scale(state, payment)
    assert payment.asked_ns is not None
    payment.lanes[3].ack_ns = payment.asked_ns + 600_000 * MS
    assert axis_scale(state, payment) == scale
    assert "»" in plain(lane_lines(state, payment, 76)[4])


def test_lane_has_vote_certificate_and_acknowledgement_in_their_order() -> None:
    state, payment = settled()
    for line in lane_lines(state, payment, 120)[1:]:
        text = plain(line)
        assert text.index("├") < text.index("━") < text.index("▪") < text.index("●", 6) < text.index("■")


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 200), st.integers(1, 60), st.integers(0, 60))
def test_lines_fit_their_pane_at_every_moment(width: int, height: int, events_count: int) -> None:
    bench, state = booted()
    for _, event in bench.settled_payment("alice", "bob", 500, "晚饭")[: 1 + events_count]:
        apply(state, json_form(event))
    for payment in state.payments.values():
        lines = payment_lines(state, payment, width, height)
        assert len(lines) <= height
        if width >= 40:
            assert all(line_width(line) <= width for line in lines)


def test_pipeline_follows_the_payment() -> None:
    bench, state = booted()
    story, _ = bench.payment("alice", "bob", 500, "", bench.now_ns())
    seen: list[str] = []
    for _, event in story:
        apply(state, json_form(event))
        running = next((view.name for view in pipeline(state, only_payment(state)) if view.is_running), "")
        if running and running not in seen:
            seen.append(running)
    assert seen == ["build", "prove", "check", "sign", "store", "vote", "certify", "apply"]
    views = pipeline(state, only_payment(state))
    assert all(view.ms is not None for view in views)
    assert [view.name for view in views if view.ms is not None and view.ms > 60] == ["prove"]


def test_times_of_proof_and_network_stand_apart_and_add_up() -> None:
    state, payment = settled()
    assert payment.certificate is not None
    text = plain(split_line(payment, 200))
    assert "(proof 66.2 ms)" in text
    views = {view.name: view.ms or 0.0 for view in pipeline(state, payment)}
    assert sum(ms for name, ms in views.items() if name != "apply") == pytest.approx(payment.certificate.payment_ms, abs=1.0)


def test_claim_has_no_step_for_a_proof() -> None:
    state, _ = settled()
    claim = only_payment(state, kind="receive")
    assert "prove" not in {view.name for view in pipeline(state, claim)}
    assert "proof" not in plain(split_line(claim, 200))


@pytest.mark.parametrize("width", [40, 60, 76, 120])
def test_steps_in_one_line_name_every_step(width: int) -> None:
    state, payment = settled()
    line = steps_line(state, payment, width)
    assert line_width(line) <= width
    if width >= 76:
        assert all(name in plain(line) for name in ("build", "prove", "check", "sign", "store", "vote", "certify", "apply"))
