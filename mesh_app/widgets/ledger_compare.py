"""The validators beside each other: length, order, digest, and where one of them stands apart."""

import json
from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from mesh_app.format import amount, counted, duration, groups, milliseconds, short
from mesh_app.ledger_words import parties
from mesh_app.spans import Line, Span, Tone, validator_name, validator_tone
from mesh_app.state import State
from mesh_app.state.ledger import ComparisonView, LedgerRow, Standing
from mesh_app.widgets.fact_list import CERTIFICATE, Fact, FactList, fact, heading
from mesh_app.widgets.line_view import padded, wrapped
from mesh_app.widgets.pane_state import loading

MARKS: Final[dict[str, tuple[str, Tone]]] = {
    "same": ("=", "up"),
    "other_order": ("≈", "up"),
    "behind": ("◐", "wait"),
    "ahead": ("◐", "wait"),
    "different": ("≠", "down"),
    "lie": ("✗", "down"),
    "silent": ("○", "wait"),
}
DIGEST_PIECES: Final = 2


class ComparePane(FactList):
    """The last comparison."""

    BORDER_TITLE = "Compare"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.asked_ns = 0

    @override
    def facts(self, state: State, width: int) -> Sequence[Fact]:
        compared = state.ledger.comparison
        if compared is None or compared.t_ns < self.asked_ns:
            return ()
        facts = [*_head(state, compared)]
        facts.append(heading("the validators", width))
        facts += [_standing_fact(compared, standing) for standing in compared.standings]
        for standing in compared.standings:
            facts += _difference_facts(state, compared, standing, width)
        if state.ledger.lies:
            facts.append(heading("told as lies", width))
            facts += [
                Fact(f"lie {number}", (Span(f"{validator_name(lie.validator)} ", validator_tone(lie.validator)), Span(lie.text, "proof")), None, lie.text)
                for number, lie in enumerate(reversed(state.ledger.lies))
            ]
        return facts

    @override
    def header_lines(self, state: State, width: int) -> Sequence[Line]:
        compared = state.ledger.comparison
        return [_verdict(compared)] if compared is not None and self._facts else ()

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        if self.asked_ns:
            return loading("comparing logs and states", self.asked_ns, state.now_ns)
        words = "The same certificates in another order are the same state; other certificates, or another digest, are not."
        return [*wrapped(words, width, tone="dim"), (Span("Press ", "dim"), Span("c", "amount"), Span(": compares the four validators.", "dim"))]

    @override
    def json_form(self, state: State) -> tuple[str, str] | None:
        compared = state.ledger.comparison
        if compared is None:
            return None
        standings = [
            {
                "validator": validator_name(standing.sight.validator),
                "verdict": standing.verdict,
                "text": standing.text,
                "log_length": standing.sight.log_length,
                "digest": standing.sight.digest,
            }
            for standing in compared.standings
        ]
        form = {"reference": validator_name(compared.reference), "length": compared.length, "digest": compared.digest, "standings": standings}
        return "comparison", json.dumps(form, indent=2)


def _verdict(compared: ComparisonView) -> Line:
    """All of it in one line."""
    lying = [standing for standing in compared.standings if standing.verdict == "lie"]
    apart = [standing for standing in compared.standings if standing.verdict not in {"same", "other_order"}]
    names = ", ".join(validator_name(standing.sight.validator) for standing in lying or apart)
    if lying:
        return (Span(f"✗ what {names} says does not fit its log", "down"),)
    if apart:
        is_different = any(standing.verdict == "different" for standing in apart)
        return (Span(f"{'≠' if is_different else '◐'} {names} {'stands' if len(apart) == 1 else 'stand'} apart", "down" if is_different else "wait"),)
    order = "" if all(standing.verdict == "same" for standing in compared.standings) else ", not all in the same order"
    return (Span(f"✓ all hold the same {amount(compared.length)} certificates and the same state{order}", "up"),)


def _head(state: State, compared: ComparisonView) -> list[Fact]:
    audit: dict[bool | None, tuple[str, Tone]] = {
        True: ("✓ commitments add up to the supply", "up"),
        False: ("✗ COMMITMENTS DO NOT ADD UP TO THE SUPPLY", "down"),
        None: ("not computed: the log is too long to be followed here", "dim"),
    }
    ago = duration(state.now_ns - compared.t_ns)
    digest = (Span(compared.digest, "strong"),) if compared.digest else (Span("not computed: the log is too long", "dim"),)
    return [
        fact(
            "read",
            (Span(f"{validator_name(compared.reference)}'s log, {counted(compared.length, 'certificate')}"), Span(f"  {ago} ago, c compares again", "dim")),
        ),
        fact(
            "digest",
            digest,
            copied=compared.digest,
            told="Computed here from that log, certificate by certificate. A validator's digest must be the same where its log is.",
        ),
        fact(
            "supply",
            (Span(audit[compared.supply_audit][0], audit[compared.supply_audit][1]),),
            told="The sum of all commitments, computed here. No amount was opened for it.",
        ),
    ]


def _standing_fact(compared: ComparisonView, standing: Standing) -> Fact:
    sight = standing.sight
    mark, tone = MARKS[standing.verdict]
    length = "–" if sight.log_length is None else amount(sight.log_length)
    pieces = " ".join(groups(sight.digest)[:DIGEST_PIECES]) + "…" if sight.digest else "–"
    same: Tone = "up" if sight.digest and sight.digest == compared.digest else "text" if not compared.digest else "wait"
    line = (
        Span(padded(validator_name(sight.validator), 4), validator_tone(sight.validator)),
        Span(f"{mark} ", tone),
        Span(padded(length, 8)),
        Span(padded(pieces, 20), same),
        Span(standing.text, tone if standing.verdict not in {"same", "other_order"} else "text"),
    )
    rtt = f" It answers in {milliseconds(sight.rtt_ms)}." if sight.rtt_ms is not None else ""
    told = f"{validator_name(sight.validator)}: {standing.text}. Its digest: {sight.digest or 'not told'}.{rtt}"
    return Fact(f"standing {sight.validator}", line, ("digest", sight.digest) if sight.digest else None, told)


def _difference_facts(state: State, compared: ComparisonView, standing: Standing, width: int) -> list[Fact]:
    difference = standing.difference
    if difference is None:
        return []
    here, there = validator_name(compared.reference), validator_name(standing.sight.validator)
    facts = [heading(f"{here} and {there} part at #{amount(difference.index)}", width)]
    for name, row in ((here, difference.here), (there, difference.there)):
        facts.append(_row_fact(state, f"at {there}/{name}", f"{name} has", row))
    for name, rows, count in ((here, difference.only_here, difference.only_here_count), (there, difference.only_there, difference.only_there_count)):
        if count:
            facts.append(Fact(f"only {there}/{name}", (Span(f"only {name} holds {counted(count, 'certificate')}:", "down"),)))
            facts += [_row_fact(state, f"only {there}/{name}/{row.index}", "", row) for row in rows]
    return facts


def _row_fact(state: State, key: str, label: str, row: LedgerRow | None) -> Fact:
    if row is None:
        return Fact(key, (Span(padded(label, 10), "label"), Span("nothing there", "dim")))
    line = (
        Span(padded(label, 10), "label"),
        Span(f"#{amount(row.index)} {short(row.cert_id)}  "),
        Span(parties(state, row)),
        Span(f"  sequence {row.sequence}", "dim"),
    )
    return Fact(key, line, ("certificate id", row.cert_id), f"{row.cert_id}. Enter shows it.", (CERTIFICATE, row.cert_id))
