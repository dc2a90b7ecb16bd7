"""The eight steps of a payment with their own times: build, prove, check, sign, store, vote, certify, apply. Proof time stands apart from network time."""

from dataclasses import dataclass
from typing import Final

from mesh_app.format import milliseconds
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import Payment, State
from mesh_app.widgets.lane_marks import certificate_mark, quorum_mark
from mesh_app.widgets.line_view import cut, line_width, right_aligned

LOCAL_STEPS: Final = (("waited", "wait"), ("built", "build"), ("proved", "prove"), ("checked", "check"), ("signed", "sign"), ("stored", "store"))
SHOWN_WAIT_MS: Final = 5.0
"""A turn that came at once is no step worth a line."""
EXPLANATIONS: Final = {
    "wait": "for this wallet's turn",
    "build": "commitments, blinding factors, memo",
    "prove": "range proof: no amount is negative",
    "check": "the wallet tries its own draft by the rules",
    "sign": "the owner's signature",
    "store": "signed bytes on disk, before any leaves",
    "vote": "validators check, store, sign",
    "certify": "a quorum of votes, on disk: final",
    "apply": "validators change their ledgers",
}


@dataclass(frozen=True, slots=True)
class StepView:
    """One step: when it began after the call, how long it took; `ms` is None while it has not ended."""

    name: str
    begin_ms: float
    ms: float | None
    is_running: bool = False


def pipeline(state: State, payment: Payment, until_ns: int | None = None) -> list[StepView]:
    """The steps in order. A claim has no proof to make, so it has no such step."""

    def happened(t_ns: int | None) -> bool:
        return t_ns is not None and (until_ns is None or t_ns <= until_ns)

    views: list[StepView] = []
    end_ms = 0.0
    for word, name in LOCAL_STEPS:
        step = payment.steps.get(word)
        if (name == "wait" and (step is None or step.ms < SHOWN_WAIT_MS)) or (name == "prove" and payment.is_claim):
            continue
        if step is not None and happened(step.t_ns):
            end_ms = max(0.0, (step.t_ns - payment.started_ns) / 1e6)
            views.append(StepView(name, max(0.0, end_ms - step.ms), step.ms))
        else:
            views.append(StepView(name, end_ms, None))
    views += _network_steps(state, payment, until_ns)
    return _with_running(views, payment)


def _network_steps(state: State, payment: Payment, until_ns: int | None) -> list[StepView]:
    asked_ms = (payment.asked_ns - payment.started_ns) / 1e6 if payment.asked_ns is not None else 0.0
    certified = certificate_mark(payment, until_ns)
    formed = payment.certificate
    votes_ms = quorum_mark(payment, state.quorum, until_ns)
    if certified is None or formed is None:
        return [StepView("vote", asked_ms, votes_ms), StepView("certify", asked_ms + (votes_ms or 0.0), None), StepView("apply", asked_ms, None)]
    votes_ms = certified if votes_ms is None else min(votes_ms, certified)
    acks = [lane.ack_ns for lane in payment.lanes.values() if lane.is_applied and lane.ack_ns is not None and (until_ns is None or lane.ack_ns <= until_ns)]
    all_applied = len(acks) >= len(state.validators)
    applied_ms = max(0, max(acks) - formed.t_ns) / 1e6 if acks else None
    return [
        StepView("vote", asked_ms, votes_ms),
        StepView("certify", asked_ms + votes_ms, certified - votes_ms),
        StepView("apply", asked_ms + certified, applied_ms if all_applied or len(acks) >= state.quorum else None),
    ]


def _with_running(views: list[StepView], payment: Payment) -> list[StepView]:
    """The first step that has not ended is the one that runs, unless the payment failed."""
    position = next((i for i, view in enumerate(views) if view.ms is None), None)
    if position is None or payment.state == "failed":
        return views
    running = views[position]
    return [*views[:position], StepView(running.name, running.begin_ms, None, is_running=True), *views[position + 1 :]]


def steps_line(state: State, payment: Payment, width: int, until_ns: int | None = None) -> Line:
    """All steps in one line, as fully as its width allows: with marks and times, with rounded times, with marks alone."""
    views = pipeline(state, payment, until_ns)
    forms = (
        _joined([_step_spans(view, with_time=True) for view in views], " → "),
        _joined([_short_step(view) for view in views], " "),
        _joined([_step_spans(view, with_time=False) for view in views], " "),
    )
    return next((form for form in forms if line_width(form) <= width), cut(forms[-1], width))


def waterfall_lines(state: State, payment: Payment, width: int, until_ns: int | None = None) -> list[Line]:
    """One line a step: name, time, and a bar at its place between the call and the last acknowledgement."""
    views = pipeline(state, payment, until_ns)
    whole = pipeline(state, payment)
    total_ms = max([1.0, *(view.begin_ms + (view.ms or 0.0) for view in whole)])
    explain = width >= 92
    bar_width = max(8, width - 24 - (42 if explain else 0))
    lines: list[Line] = []
    for view in views:
        glyph, tone = _glyph(view)
        bar = _bar(view, total_ms, bar_width)
        words: Line = (Span(f"  {EXPLANATIONS[view.name]}", "dim"),) if explain else ()
        time = right_aligned(milliseconds(view.ms) if view.ms is not None else "", 9)
        lines.append(
            cut((Span(f"{glyph} ", tone), Span(f"{view.name:<8}", "text" if view.ms is not None else "dim"), Span(time), Span("  "), *bar, *words), width)
        )
    return lines


def split_line(payment: Payment, width: int) -> Line:
    """Where the time went, in honest terms: the proof apart from the network."""
    formed = payment.certificate
    if formed is None or payment.asked_ns is None:
        return ()
    wallet_ms = max(0, payment.asked_ns - payment.started_ns) / 1e6
    proof = payment.steps.get("proved")
    network_ms = max(0.0, formed.payment_ms - wallet_ms)
    head: Line = (Span("final after ", "label"), Span(milliseconds(formed.payment_ms), "strong"), Span(" = wallet ", "label"), Span(milliseconds(wallet_ms)))
    proof_words: Line = (Span(" (proof ", "label"), Span(milliseconds(proof.ms)), Span(")", "label")) if proof is not None and not payment.is_claim else ()
    lines = [(*head, *proof_words, Span(f" + {others} ", "label"), Span(milliseconds(network_ms))) for others in ("network and validators", "network")]
    return next((line for line in lines if line_width(line) <= width), lines[-1])


def _joined(parts: list[Line], separator: str) -> Line:
    return tuple(span for i, part in enumerate(parts) for span in ((*((Span(separator, "dim"),) if i else ()), *part)))


def _step_spans(view: StepView, *, with_time: bool) -> Line:
    glyph, tone = _glyph(view)
    time = f" {milliseconds(view.ms).removesuffix(' ms')}" if with_time and view.ms is not None else ""
    return (Span(glyph, tone), Span(f" {view.name}", "text" if view.ms is not None or view.is_running else "dim"), Span(time, "dim"))


def _short_step(view: StepView) -> Line:
    if view.ms is None:
        glyph, tone = _glyph(view)
        return (Span(f"{view.name} ", tone), Span(glyph, tone))
    return (Span(f"{view.name} ", "dim"), Span(f"{view.ms:.0f}" if view.ms >= 9.95 else f"{view.ms:.1f}"))


def _glyph(view: StepView) -> tuple[str, Tone]:
    if view.ms is not None:
        return "✔", "up"
    return ("◐", "wait") if view.is_running else ("○", "dim")


def _bar(view: StepView, total_ms: float, width: int) -> Line:
    if view.ms is None:
        return (Span(" " * width),)
    first = min(width - 1, round(view.begin_ms / total_ms * width))
    last = max(first + 1, min(width, round((view.begin_ms + view.ms) / total_ms * width)))
    tone: Tone = "hidden" if view.name == "prove" else "amount" if view.name in {"vote", "certify", "apply"} else "text"
    return (Span(" " * first), Span("━" * (last - first) if last - first > 1 else "╸", tone), Span(" " * (width - last)))
