"""The tables of `bench hosts`. Pure."""

from collections.abc import Sequence
from typing import Any

from testnet.bench.results import Result
from testnet.bench.tables import Table, number

MARKS = {"certificate": "certificate", "acks": "applied by a quorum"}


def tables(result: Result) -> Sequence[Table]:
    """Times beside their floors, the ways, and the wallet's own steps. KeyError and the like for figures of another version."""
    options, figures = result.options, result.figures
    times = Table(
        ("ms from the call to", "median", "p90", "p99", "longest", "floor", "median above it", f"within {figures['target_ms']:g}"),
        tuple(_row(words, figures[name], figures["payments"]) for name, words in MARKS.items()),
        f"{options['network']}: {figures['payments']} payments between hosts; the floor is the round trip to the validator number {figures['quorum']} in "
        "nearness, measured by PINGs beforehand, and twice that for acknowledgements.",
    )
    rows = zip(options["validators"], figures["round_trips_ms"], figures["votes_ms"], strict=True)
    ways = Table(
        ("validator", "round trip, ms", "from the first request to its vote, ms"),
        tuple((name, _shown(trip, "not reached"), _shown(vote, "none")) for name, trip, vote in rows),
        "Medians. A validator that has the certificate before it has checked the request votes no more: one that is always the last has no vote here.",
    )
    steps = Table(
        ("at the wallet, ms", "median", "p99"), tuple((name, number(found["median"]), number(found["p99"])) for name, found in figures["steps"].items())
    )
    return times, ways, steps


def _row(words: str, found: dict[str, Any], count: int) -> tuple[str, ...]:
    return words, *(number(found[name]) for name in ("median", "p90", "p99", "longest", "floor", "above_floor")), f"{found['within_target']} of {count}"


def _shown(value: float | None, missing: str) -> str:
    return missing if value is None else number(value)
