"""What several runs amount to, as rows of a table: one for each size of the committee and number of silent validators."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from testnet.simulation.modelled.meter import EVENTS, LOGS, REQUESTS
from testnet.simulation.modelled.run import ModelResult


@dataclass(frozen=True, slots=True)
class Row:
    """Times are ms from the order; bytes, messages and processor time are for each payment with its claim."""

    validators: int
    quorum: int
    silent: int
    payments: int
    floor_ms: float
    """Round trip to the validator that is the farthest of the nearest quorum: what no certificate can beat."""
    certified_median_ms: float
    certified_p99_ms: float
    settled_median_ms: float
    settled_p99_ms: float
    bytes: dict[str, int]
    messages: dict[str, int]
    validator_ms: float
    """Processor time of one validator."""
    wallet_ms: float
    """Processor time of payer and payee."""


def rows_of(results: Iterable[ModelResult]) -> list[Row]:
    """Runs that differ by their seed alone make one row."""
    groups: dict[tuple[int, int], list[ModelResult]] = {}
    for result in results:
        groups.setdefault((result.options.validators, result.options.silent_count), []).append(result)
    return [_row(group) for group in groups.values()]


def percentile(times: Sequence[float], share: float) -> float:
    """The smallest of the times that at least this share of them does not exceed."""
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


def _row(group: Sequence[ModelResult]) -> Row:
    options = group[0].options
    committee = options.committee
    certified = [time for one in group for time in one.certified_ms]
    settled = [time for one in group for time in one.settled_ms]
    count = len(certified)
    return Row(
        options.validators,
        committee.quorum_threshold,
        options.silent_count,
        count,
        options.profile.floor_ms(options.validators, committee.quorum_threshold),
        _rounded(percentile(certified, 0.5)),
        _rounded(percentile(certified, 0.99)),
        _rounded(percentile(settled, 0.5)),
        _rounded(percentile(settled, 0.99)),
        _each(group, lambda one: one.bytes, count),
        _each(group, lambda one: one.messages, count),
        _rounded(sum(one.validator_ms for one in group) / count / options.validators),
        _rounded(sum(one.wallet_ms for one in group) / count),
    )


def _each(group: Sequence[ModelResult], of: Callable[[ModelResult], dict[str, int]], count: int) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in group:
        total.update(of(one))
    return {kind: round(total[kind] / count) for kind in (REQUESTS, EVENTS, LOGS)}


def _rounded(time: float) -> float:
    return round(time, 1)


HEADINGS: Final = ("n", "q", "silent", "floor", "certificate", "p99", "q acks", "p99", "requests B", "events B", "logs B", "messages", "V cpu", "wallets cpu")
_WIDTHS: Final = (4, 4, 7, 7, 12, 8, 8, 8, 12, 12, 12, 9, 8, 12)


def heading() -> str:
    """The names of the columns."""
    return _line(HEADINGS)


def line_of(row: Row) -> str:
    """One row. `messages` are all but those between validators."""
    return _line(
        (
            row.validators,
            row.quorum,
            row.silent,
            f"{row.floor_ms:g}",
            row.certified_median_ms,
            row.certified_p99_ms,
            row.settled_median_ms,
            row.settled_p99_ms,
            *(f"{row.bytes[kind]:,}" for kind in (REQUESTS, EVENTS, LOGS)),
            row.messages[REQUESTS] + row.messages[EVENTS],
            row.validator_ms,
            row.wallet_ms,
        )
    )


def _line(cells: Sequence[object]) -> str:
    return " ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
