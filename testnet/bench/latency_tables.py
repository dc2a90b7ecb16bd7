"""The tables of `bench latency`. Pure."""

from collections.abc import Sequence
from typing import Any

from testnet.bench.profile_option import line_words
from testnet.bench.results import Result
from testnet.bench.tables import Table, number

MARKS = {"certificate": "certificate", "acks": "applied by a quorum"}


def tables(result: Result) -> Sequence[Table]:
    """Times beside their floors, the split, and the cost. KeyError and the like for figures of another version."""
    options, figures = result.options, result.figures
    title = f"{options['profile']}: {options['text']}; {figures['payments']} payments, {line_words(options)}. Lines: {options['source']}."
    times = Table(
        (
            "ms from the call to",
            "median",
            "p90",
            "p99",
            "longest",
            "floor",
            "median above it",
            f"within {figures['target_ms']:g}",
            "in prove + verify",
        ),
        tuple(_row(words, figures[name], figures["payments"]) for name, words in MARKS.items()),
        title,
    )
    split = Table(
        ("part, ms", "median", "p99"),
        tuple((name, number(found["median"]), number(found["p99"])) for name, found in figures["split"].items()),
        f"{_cost(figures)} Along the vote that completes the quorum ({figures['split_of']} payments; medians of parts need not add up):",
    )
    return times, split


def _cost(figures: dict[str, Any]) -> str:
    passed = figures["datagrams"]
    spent = ", ".join(f"{name} {number(ms)}" for name, ms in figures["cpu_ms"].items() if ms)
    relays = f"Relays forwarded {passed['forwarded']:,} datagrams and lost {passed['lost']:,}." if passed["forwarded"] else "No relay stood in any line."
    proofs = f"Proving alone {number(figures['prove_ms'])} ms, checking one proof {number(figures['verify_ms'])} ms (medians)."
    return f"{proofs} Processor time for a payment, ms: {spent}. {relays}"


def _row(words: str, found: dict[str, Any], count: int) -> tuple[str, ...]:
    times = (number(found[name]) for name in ("median", "p90", "p99", "longest", "floor", "above_floor"))
    in_proofs = "" if found["in_proofs"] is None else f"{found['in_proofs']:g}"
    return words, *times, f"{found['within_target']} of {count}", in_proofs
