"""One attack: what went to whom, what each validator answered as it came, what came of it, and what the protocol promises."""

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from mesh_app.format import duration, milliseconds, short, size
from mesh_app.proof_words import run_json
from mesh_app.spans import Line, Span, Tone, plain, validator_name, validator_tone
from mesh_app.state import State
from mesh_app.state.laboratory import AnswerView, AttackRun, AttackView, SendingView
from mesh_app.widgets.attack_list import attack_key
from mesh_app.widgets.line_view import cut, line_width, padded, right_aligned, wrapped
from mesh_app.widgets.quorum import quorum_boxes
from mesh_app.widgets.scrolled_lines import ScrolledLines

WIDE_CELL: Final = 11
CELL: Final = 7
NARROW_CELL: Final = 4
WIDE_FROM: Final = 60
NARROW_BELOW: Final = 42
LEAST_ITEM_WIDTH: Final = 14
WHO_WIDTH: Final = 12
WHAT_WIDTH: Final = 13
REPORT_WIDTH: Final = 100
DOCUMENT: Final = "docs/protocol.md"
NO_LABORATORY: Final = (
    "Attacks are made on the network that this program runs itself, out of accounts and by processes of its own: never on one that somebody else runs. "
    "mesh-app in the network's home has them."
)

_WORDS: Final[dict[str, tuple[str, str, str, Tone]]] = {
    "vote": ("✓", "vote", "vote", "up"),
    "applied": ("✓", "applied", "done", "up"),
    "already_applied": ("=", "already", "same", "dim"),
    "invalid": ("✗", "invalid", "bad", "wait"),
    "pending": ("◌", "pending", "wait", "wait"),
    "conflict": ("✗", "conflict", "bad", "down"),
    "silent": ("–", "silent", "none", "wait"),
    "nonsense": ("?", "nonsense", "??", "down"),
}
"""Glyph, word, short word and tone of an answer."""


class AttackPane(ScrolledLines):
    """The attack with `attack_id`: its last run, or what it would be."""

    BORDER_TITLE = "Attack"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.attack_id = ""
        self.has_promise = True
        """Whether the promise stands here; not where it has a pane of its own."""

    def look_at(self, attack_id: str) -> None:
        """Show another attack, from its beginning."""
        if attack_id != self.attack_id:
            self.attack_id = attack_id
            self.to_top()
            self.reshow()
            self.refresh()

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here: the report, as it stands."""
        if self._state is None or self.attack_id not in self._state.laboratory.attacks:
            return None
        return f"report of {self.attack_id}", "\n".join(plain(line) for line in self.all_lines(self._state, REPORT_WIDTH)) + "\n"

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here: the last run of the attack."""
        run = self._state.laboratory.run_of(self.attack_id) if self._state is not None else None
        return (f"attack {run.attack}", run_json(run)) if run is not None else None

    @override
    def all_lines(self, state: State, width: int) -> Sequence[Line]:
        attack = state.laboratory.attacks.get(self.attack_id)
        if attack is None:
            return wrapped(NO_LABORATORY if not state.laboratory.attacks else "What validators answer to an attack is shown here.", width, tone="dim")
        self.border_title = attack.name
        run = state.laboratory.run_of(attack.id)
        lines = [*wrapped(attack.line[:1].upper() + attack.line[1:] + ".", width, tone="dim"), *_status_lines(state, attack, run, width)]
        if run is None or not run.sendings:
            lines += _plan_lines(attack, width)
        if run is not None:
            lines += [*_sent_lines(state, run, width), *_answer_lines(run, width), *_vote_lines(state, run), *_evidence_lines(state, run)]
            lines += _effect_lines(run, width)
        if self.has_promise:
            lines += [*_title(f"The protocol promises: {attack.kind}"), *promise_lines(attack, width)]
        if run is not None:
            lines += [*_legend(run, width), *_step_lines(run)]
        return [cut(line, width) for line in lines]


class PromisePane(ScrolledLines):
    """What the protocol promises about the attack with `attack_id`: where there is room for it beside everything else."""

    BORDER_TITLE = "The protocol promises"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.attack_id = ""

    @override
    def all_lines(self, state: State, width: int) -> Sequence[Line]:
        attack = state.laboratory.attacks.get(self.attack_id)
        if attack is None:
            return ()
        self.border_title = f"The protocol promises: {attack.kind}"
        return promise_lines(attack, width)


def _title(text: str) -> list[Line]:
    return [(), (Span(text, "strong"),)]


# --- How it stands ---------------------------------------------------------------------------------------------------------------------------------


def _status_lines(state: State, attack: AttackView, run: AttackRun | None, width: int) -> list[Line]:
    key = attack_key(state, attack.id)
    if run is None:
        if state.validators_up < state.quorum:
            return [(Span("◌ ", "wait"), Span(f"needs {state.quorum} validators that are up, and {state.validators_up} are", "wait"))]
        return [(Span("· ", "dim"), Span(key, "amount"), Span(" or ", "dim"), Span("enter", "amount"), Span(" makes it, out of an account of its own", "dim"))]
    if run.failed:
        return [*wrapped(f"! could not be carried out: {run.failed}", width, tone="wait"), (Span(key, "amount"), Span(" tries again", "dim"))]
    if run.end is None:
        done = f": {run.steps[-1].text}" if run.steps else ""
        return [(Span("◐ running ", "wait"), Span(f"{duration(state.now_ns - run.started_ns)}{done}", "dim"))]
    end = run.end
    took = milliseconds((end.t_ns - run.started_ns) / 1e6)
    if end.as_specified:
        first: Line = (Span("✔ ", "up"), Span(end.outcome, "up"))
        told: Line = (Span(f"  as specified, {took}", "dim"),)
        return [(*first, *told)] if line_width((*first, *told)) <= width else [first, told]
    lines: list[Line] = [(Span("✖ NOT as specified", "down"), Span(f"  {took}", "dim"))]
    for deviation in end.deviations:
        lines += wrapped(f"✖ {deviation}", width, tone="down")
    return lines


# --- What was sent, and the answers ----------------------------------------------------------------------------------------------------------------


def _sent_lines(state: State, run: AttackRun, width: int) -> list[Line]:
    """A row for each thing that was sent, a column for each validator."""
    if not run.sendings:
        return []
    count = len(state.validators)
    cell = WIDE_CELL if width >= WIDE_FROM else CELL if width >= NARROW_BELOW else NARROW_CELL
    item_width = max(LEAST_ITEM_WIDTH, width - count * cell)
    header: Line = (
        Span(padded("Sent", item_width), "strong"),
        *(Span(padded(validator_name(index), cell), validator_tone(index)) for index in range(count)),
    )
    rows: list[Line] = []
    for sending in run.sendings.values():
        cells = tuple(_cell(sending, index, cell) for index in range(count))
        told = sending.item if item_width >= LEAST_ITEM_WIDTH + 6 else sending.item.replace("certificate", "cert")
        told = f"{told}  {sending.what}" if item_width >= 2 * LEAST_ITEM_WIDTH and sending.kind == "transition" else told
        rows.append((Span(f"{_mark(sending)} ", "dim"), Span(f"{padded(told, item_width - 3)} "), *cells))
    return [(), header, *rows]


def _mark(sending: SendingView) -> str:
    """What kind of thing it is: a request for votes, a certificate, evidence."""
    return {"transition": "◇", "certificate": "◆", "evidence": "⚑"}.get(sending.kind, "·")


def _cell(sending: SendingView, validator: int, width: int) -> Span:
    answer = sending.answers.get(validator)
    if validator not in sending.to:
        return Span(padded("·", width), "dim")
    if answer is None:
        return Span(padded("told" if not sending.expected else "◌", width), "dim" if not sending.expected else "wait")
    glyph, word, short_word, tone = _WORDS.get(answer.verdict, ("✗", answer.code or answer.verdict, answer.code or answer.verdict[:4], "wait"))
    told = {WIDE_CELL: f" {word}", CELL: short_word}.get(width, "")
    text = f"{glyph}{told}{' ' if width == WIDE_CELL and answer.proves else ''}{'⚑' if answer.proves else ''}"
    return Span(padded(text if answer.as_expected else f"{text}!", width), tone if answer.as_expected else "down")


def _plan_lines(attack: AttackView, width: int) -> list[Line]:
    """What would be sent, and the answers that the protocol allows."""
    lines = _title("What will be sent, and what must come back")
    item_width = max(len(row.item) for row in attack.plan) + 2 if attack.plan else 0
    phase = 0
    for row in attack.plan:
        number = f"{row.phase} " if row.phase != phase else "  "
        phase = row.phase
        answers = " or ".join(_WORDS[answer][1] if answer in _WORDS else answer for answer in row.answers) or "no answer: it is one way"
        told = f"to {row.to}"
        room = max(8, width - 2 - item_width - len(answers) - 3)
        lines.append((Span(number, "dim"), Span(padded(row.item, item_width)), Span(padded(told, min(room, 38)), "dim"), Span(f" → {answers}", "text")))
    return [*lines, (Span("  ", "dim"), Span("in the end: ", "dim"), Span(attack.outcome, "text"))]


def _legend(run: AttackRun, width: int) -> list[Line]:
    """What each thing is. Something that is sent twice is told once."""
    if not run.sendings:
        return []
    lines = _title("Sent in full")
    for sending in {sending.item: sending for sending in run.sendings.values()}.values():
        named = f" {short(sending.id)}" if sending.id else ""
        first, *rest = wrapped(f"{sending.item}{named}, {size(sending.size_bytes)}: {sending.what}", max(10, width - 2), tone="dim")
        lines += [(Span(f"{_mark(sending)} ", "dim"), *first), *((Span("  "), *line) for line in rest)]
    return lines


def _answer_lines(run: AttackRun, width: int) -> list[Line]:
    """Every refusal with its rule, in the validators' own words; those that say the same stand together."""
    groups: dict[tuple[int, str, str], list[AnswerView]] = {}
    for sending in run.sendings.values():
        for answer in sending.answers.values():
            if answer.code or not answer.as_expected:
                groups.setdefault((sending.number, answer.verdict, answer.text), []).append(answer)
    if not groups:
        return []
    lines = _title("Answers")
    for (number, _, text), answers in groups.items():
        who = ", ".join(validator_name(answer.validator) for answer in sorted(answers, key=lambda one: one.validator))
        one = answers[0]
        rule = f"rule {one.rule} {one.name}, {one.code} {one.reason}: " if one.rule is not None else ""
        proof = "; with a proof that holds" if one.proves else ""
        wrong = "" if one.as_expected else " (NOT as specified)"
        tone: Tone = "text" if one.as_expected else "down"
        first, *rest = wrapped(f"{run.sendings[number].item}, {who}: {rule}{text}{proof}{wrong}", max(10, width - 2), tone=tone)
        lines += [(Span("✗ ", "wait" if one.as_expected else "down"), *first), *((Span("  "), *line) for line in rest)]
    return lines


def _vote_lines(state: State, run: AttackRun) -> list[Line]:
    """The quorum of each thing that can be voted for."""
    items = run.votes_items
    if not any(run.voters(item) for item in items):
        return []
    lines = _title("Votes")
    for item in items:
        voters = run.voters(item)
        reached = len(voters) >= state.quorum
        lines.append(
            (
                Span(f"{item}  "),
                *quorum_boxes(len(voters), len(state.validators), state.quorum),
                Span(f" {len(voters)} of {len(state.validators)}, {'a quorum' if reached else f'{state.quorum} needed'}  ", "up" if reached else "dim"),
                *(Span(f"{validator_name(index)} ", validator_tone(index)) for index in voters),
            )
        )
    return lines


def _evidence_lines(state: State, run: AttackRun) -> list[Line]:
    lines: list[Line] = []
    for proof_id in run.proofs:
        proof = state.laboratory.proofs.get(proof_id)
        if proof is None:
            continue
        convicted = f"the owner of {run.account}" if proof.validator is None else validator_name(proof.validator)
        held = f", held by {len(proof.held_by)} of {len(state.validators)}" if proof.held_by else ""
        lines.append((Span("⚑ ", "proof"), Span(f"proof {short(proof_id)} convicts {convicted}{held}", "proof")))
    return [*_title("Evidence"), *lines] if lines else []


# --- What came of it -------------------------------------------------------------------------------------------------------------------------------


def _effect_lines(run: AttackRun, width: int) -> list[Line]:
    """Before and after; what stayed is told once."""
    if run.end is None or not run.end.effects:
        return []
    lines = _title("What it did")
    for effect in run.end.effects:
        mark: Span = Span("✔ ", "up") if effect.good else Span("✖ ", "down")
        told = f"{effect.before} → {effect.after}" if effect.changed else f"{effect.after}, as before"
        tone: Tone = "down" if not effect.good else "strong" if effect.changed else "dim"
        indent = 2 + WHO_WIDTH + WHAT_WIDTH
        first, *rest = wrapped(told, max(12, width - indent), tone=tone)
        lines.append((mark, Span(padded(effect.who, WHO_WIDTH), "text"), Span(padded(effect.what, WHAT_WIDTH), "label"), *first))
        lines += [(Span(" " * indent), *line) for line in rest]
    return lines


def promise_lines(attack: AttackView, width: int) -> list[Line]:
    """The promise and where it stands."""
    sections = ", ".join(f"“{section}”" for section in attack.sections)
    return [*wrapped(attack.promise, width), *wrapped(f"{DOCUMENT}: {sections}", width, tone="dim")]


def _step_lines(run: AttackRun) -> list[Line]:
    if not run.steps:
        return []
    since = ((step, (step.t_ns - run.started_ns) / 1e6) for step in run.steps)
    return [*_title("Steps"), *((Span(f"{right_aligned(milliseconds(ms), 8)}  ", "dim"), Span(step.text, "dim")) for step, ms in since)]
