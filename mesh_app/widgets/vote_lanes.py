"""The heart of the payment screen: a lane for each validator on one axis of milliseconds.

    V1 ├──━━━━━━▪──●                ┊ ───■     31.0 ms  ✔ 1st vote · applied +12.1 ms

A thin line is travel, a thick one the validator's checks, squares its disk; ● the vote at the wallet, ┊ the certificate, ■ the acknowledgement.
"""

from collections.abc import Sequence
from typing import Final

from mesh_app.format import milliseconds, ordinal, short
from mesh_app.spans import Line, Span, Tone, validator_name, validator_tone
from mesh_app.state import Lane, Payment, Refusal, State
from mesh_app.widgets.lane_marks import LaneMarks, axis_scale, certificate_mark, elapsed_mark, lane_marks
from mesh_app.widgets.line_view import clipped, cut, cut_exactly, fitted, line_width, right_aligned, width_of

GUTTER_WIDTH: Final = 5
MIN_TRACK_WIDTH: Final = 16
WORDS_WIDTH: Final = 34
LONG_WORDS_WIDTH: Final = 48
AXIS_PARTS: Final = 5

LEGEND: Final[Line] = (
    Span("─ on the way  ", "dim"),
    Span("━ checks  ", "dim"),
    Span("▪ disk  ", "dim"),
    Span("● vote  ", "dim"),
    Span("┊ certificate  ", "dim"),
    Span("■ applied", "dim"),
)

_APPLIED: Final = frozenset({"applied", "already_applied"})


class _Track:
    """The cells of one lane."""

    def __init__(self, width: int, scale_ms: float) -> None:
        self.width = width
        self.scale_ms = scale_ms
        self._cells: list[tuple[str, Tone]] = [(" ", "text")] * width

    def cell(self, ms: float) -> int:
        """The cell of a time; what is later than the axis is in the last one."""
        return max(0, min(self.width - 1, round(ms / self.scale_ms * (self.width - 1))))

    def put(self, ms: float, glyph: str, tone: Tone) -> None:
        """One glyph at a time; `»` where the time lies beyond the axis."""
        self._cells[self.cell(ms)] = ("»" if ms > self.scale_ms * 1.02 else glyph, tone)

    def fill(self, begin_ms: float, end_ms: float, glyph: str, tone: Tone) -> None:
        """A stretch from one time up to another; at least one cell, so that nothing that took time vanishes."""
        first, last = self.cell(begin_ms), self.cell(end_ms)
        for x in range(first, max(last, first + 1)):
            self._cells[x] = (glyph, tone)

    def mark_if_free(self, ms: float, glyph: str, tone: Tone) -> None:
        """A glyph that gives way to what is drawn there."""
        if self._cells[self.cell(ms)][0] in {" ", "╌", "─"}:
            self._cells[self.cell(ms)] = (glyph, tone)

    def spans(self) -> Line:
        """The cells as spans, neighbours of one tone joined."""
        line: list[Span] = []
        for glyph, tone in self._cells:
            if line and line[-1].tone == tone:
                line[-1] = Span(line[-1].text + glyph, tone)
            else:
                line.append(Span(glyph, tone))
        return tuple(line)


def lane_lines(state: State, payment: Payment, width: int, *, until_ns: int | None = None, detailed: bool = False) -> list[Line]:
    """Axis and lanes: 1 + n lines, or 1 + 2n where the validators' own times are shown under each lane."""
    track_width = max(MIN_TRACK_WIDTH, width - GUTTER_WIDTH - (WORDS_WIDTH if width < 90 else LONG_WORDS_WIDTH))
    scale_ms = axis_scale(state, payment)
    lines: list[Line] = [(Span(" " * GUTTER_WIDTH), *_axis(track_width, scale_ms, certificate_mark(payment, until_ns)))]
    for index in range(len(state.validators)):
        marks = lane_marks(state, payment, index, until_ns)
        track = _draw(state, payment, index, marks, track_width, scale_ms, until_ns)
        glyph, _, tone = state.validators[index].condition
        gutter: Line = (Span(f"{validator_name(index):<3}", validator_tone(index)), Span(f"{glyph} ", tone))
        if marks.voted is None and marks.refused is not None:
            # Nothing comes after a refusal on its lane, so the words begin right there: they are what matters.
            track = cut_exactly(track, round(min(1.0, marks.refused / scale_ms) * (track_width - 1)) + 1)
        words_width = max(0, width - GUTTER_WIDTH - line_width(track) - 1)
        words = lane_words(state, payment, index, marks, words_width)
        lines.append((*gutter, *track, Span(" "), *cut(words, words_width)))
        if detailed:
            lines.append(cut((Span(" " * GUTTER_WIDTH), *_inside(state, payment, index, marks, width - GUTTER_WIDTH)), width))
    return lines


def lane_words(state: State, payment: Payment, index: int, marks: LaneMarks, width: int) -> Line:
    """What came of it, in words and numbers: the vote, the refusal with its rule, or why there is neither."""
    lane = payment.lanes.get(index)
    long = width >= LONG_WORDS_WIDTH - 1
    if lane is None or marks.asked is None:
        return (Span("not asked yet", "dim"),) if not payment.is_over else (Span("not asked", "dim"),)
    if marks.voted is not None:
        return (*_vote_words(state, lane, long=long), *_ack_words(lane, marks, long=long))
    if marks.refused is not None and lane.refusal is not None:
        return (*_refusal_words(lane.refusal, width), *_ack_words(lane, marks, long=long))
    return (*_waiting_words(state, index, lane, marks), *_ack_words(lane, marks, long=long))


def reason_words(reason: str) -> str:
    """The name of a code as words: `PREV_MISMATCH` is `prev mismatch`."""
    return reason.replace("_", " ").lower()


def _draw(state: State, payment: Payment, index: int, marks: LaneMarks, width: int, scale_ms: float, until_ns: int | None) -> Line:
    """The lane's cells. A late voter still works when the certificate is on its way to it: the work is drawn over the delivery, the votes over all."""
    track = _Track(width, scale_ms)
    answered = marks.voted if marks.voted is not None else marks.refused
    if marks.sent is not None and marks.acknowledged is not None:
        track.fill(min(marks.sent, scale_ms), marks.acknowledged, "─", "dim")
    if marks.asked is not None:
        if answered is None:
            track.fill(marks.asked, min(elapsed_mark(state, payment, until_ns), scale_ms), "╌", "dim")
        _draw_work(track, marks, index, answered)
        track.put(marks.asked, "├", "dim")
    certified = certificate_mark(payment, until_ns)
    if certified is not None:
        track.mark_if_free(certified, "┊", "up")
    if marks.voted is not None:
        track.put(marks.voted, "●", "up")
    elif marks.refused is not None:
        track.put(marks.refused, "✗", "down")
    lane = payment.lanes.get(index)
    if lane is not None and marks.acknowledged is not None:
        track.put(marks.acknowledged, *_ack_glyph(lane))
    return track.spans()


def _draw_work(track: _Track, marks: LaneMarks, index: int, answered: float | None) -> None:
    """The way there, the work inside the validator, the way back. Times of two processes: a stretch never runs backwards."""
    begin = marks.asked or 0.0
    arrived = max(begin, marks.arrived) if marks.arrived is not None else None
    if arrived is None:
        if answered is not None:
            track.fill(begin, answered, "─", "dim")
        return
    track.fill(begin, arrived, "─", "dim")
    if marks.stored is None or marks.checked is None:
        if answered is not None:
            track.fill(arrived, answered, "━", validator_tone(index))
        return
    track.fill(arrived, max(arrived, marks.checked), "━", validator_tone(index))
    track.fill(max(arrived, marks.checked), max(arrived, marks.stored), "▪", validator_tone(index))
    if answered is not None and answered > marks.stored:
        track.fill(marks.stored, answered, "─", "dim")


def _ack_glyph(lane: Lane) -> tuple[str, Tone]:
    if lane.ack_status in _APPLIED:
        return "■", "up"
    return ("□", "wait") if lane.ack_status == "pending" else ("✗", "down")


def _vote_words(state: State, lane: Lane, *, long: bool) -> Line:
    last = lane.rank == state.quorum
    words = Span(f" {ordinal(lane.rank)}{' vote' if long else ''}", "strong" if last else "text")
    return (Span(right_aligned(milliseconds(lane.vote_ms), 8)), Span(" ✔", "up"), words, Span(" ◀ quorum" if last else "         " if long else "", "up"))


def _refusal_words(refusal: Refusal, width: int) -> Line:
    """Code, rule, its name and the reason; the name is left out first."""
    reason = reason_words(refusal.reason)
    forms = (f"{refusal.code} rule {refusal.rule} {refusal.name}: {reason}", f"{refusal.code} rule {refusal.rule}: {reason}")
    return (Span(next((form for form in forms if width_of(form) <= width), forms[-1]), "down"),)


def _ack_words(lane: Lane, marks: LaneMarks, *, long: bool) -> Line:
    if marks.acknowledged is None:
        return ()
    tone: Tone = "dim" if lane.ack_status in _APPLIED else "wait" if lane.ack_status == "pending" else "down"
    if lane.ack_status in _APPLIED and not long:
        return (Span(" ■", "up"), Span(f" +{milliseconds(lane.ack_ms).removesuffix(' ms')}", "dim"))
    return (Span(" · ", "dim"), Span(f"{lane.ack_status.replace('_', ' ')} +{milliseconds(lane.ack_ms)}", tone))


def _waiting_words(state: State, index: int, lane: Lane, marks: LaneMarks) -> Line:
    if marks.silent is not None:
        return (Span(f"… {lane.silence}", "wait"),)
    link = state.links.get(index)
    if link is not None and not link.is_up:
        return (Span("… no connection", "wait"),)
    return (Span("… asked", "dim"),)


def _inside(state: State, payment: Payment, index: int, marks: LaneMarks, width: int) -> Line:
    """The validator's own account of its work, and the beginning of its signature; for a refusal what the wallet does about it."""
    lane = payment.lanes.get(index)
    if lane is not None and marks.refused is not None and lane.refusal is not None and marks.voted is None:
        told: Line = (Span(lane.refusal.text or lane.refusal.reason, "dim"),)
        action: Line = (Span(f"→ wallet: {lane.refusal.action}", "dim"),)
        proof: Line = (Span("⚑ equivocation proof verified", "proof"),)
        return fitted([told, *([proof] if lane.refusal.has_proof else []), *([action] if lane.refusal.action else [])], width) or told
    work = state.works.get(payment.transition_id, {}).get(index)
    if work is None or marks.stored is None:
        return ()
    parts: list[Line] = [
        (Span(f"rules {milliseconds(work.rules_ms)}", "dim"),),
        *([(Span(f"range proof {milliseconds(work.proof_ms)}", "dim"),)] if work.proof_ms else []),
        (Span(f"disk {milliseconds(work.durable_ms)}", "dim"),),
        (Span(f"in all {milliseconds(work.total_ms)}", "dim"),),
        *([(Span(f"signature {short(lane.signature)}", "dim"),)] if lane is not None and marks.voted is not None else []),
    ]
    return fitted(parts, width, separator=(Span(" · ", "dim"),))


def _axis(width: int, scale_ms: float, certified: float | None) -> Line:
    """Labels where there is room for them, and the certificate's mark, which goes before a label."""
    cells = [" "] * width
    mark = round(certified / scale_ms * (width - 1)) if certified is not None and certified <= scale_ms else None
    for part in range(AXIS_PARTS + 1):
        ms = scale_ms * part / AXIS_PARTS
        label = f"{ms:g} ms" if part == 0 else f"{ms:g}"
        x = round(ms / scale_ms * (width - 1))
        start = x if part == 0 else max(0, min(width - len(label), x - len(label) + 1))
        taken = range(max(0, start - 1), start + len(label) + 1)
        if mark not in taken and all(cells[position] == " " for position in taken if position < width):
            cells[start : start + len(label)] = label
    line = "".join(cells)
    if mark is None:
        return (Span(line, "dim"),)
    return (Span(line[:mark], "dim"), Span("◆", "up"), Span(line[mark + 1 :], "dim"))


def legend(width: int) -> Sequence[Line]:
    """What the glyphs mean, where there is room."""
    return (LEGEND,) if sum(width_of(span.text) for span in LEGEND) <= width else ((Span(clipped("─ way ━ checks ▪ disk ● vote ■ applied", width), "dim"),),)
