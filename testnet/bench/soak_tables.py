"""The tables of `bench soak`. Pure."""

from collections.abc import Sequence
from typing import Any

from testnet.bench.profile_option import profile_sentence
from testnet.bench.results import Result
from testnet.bench.tables import Table, number
from testnet.bench.trend import FLAT_SHARE, WARM_UP_LEAST_S

WORDS = {"flat": "**the memory of all processes is flat**", "grows": "**the memory of a process grows**", "undecided": "**too short a run to decide**"}
KIB = 1024
MIB = 1024 * KIB


def tables(result: Result) -> Sequence[Table]:
    """Each process's memory and its trend. KeyError and the like for figures of another version."""
    figures = result.figures
    disk = figures["disk_of_certificate_bytes"]
    title = (
        f"{figures['minutes']:g} minutes, {figures['payments']:,} payments at {result.options['rate']:g} a second, {figures['certificates']:,} certificates: "
        f"{WORDS[figures['verdict']]}. A process is flat if the upper end of its slope's 95 % interval is below {FLAT_SHARE * 100:g} % of its "
        f"memory in an hour; the first third, {WARM_UP_LEAST_S / 60:g} minutes at least, is not looked at."
        f"{profile_sentence(result.options)}"
    )
    rows = tuple(_row(name, figures["memory"][name], trend) for name, trend in figures["trends"].items())
    memory = Table(("memory", "RSS at the start, MiB", "at the end", "PSS at the end", "KiB an hour", "95 % interval", "verdict"), rows, title)
    rest = Table(
        ("the rest", ""),
        (
            ("bytes of disk for a certificate, each validator", "" if disk is None else number(disk)),
            ("ms of a payment: median, p99 of the last ones", f"{number(figures['p50_ms'])}, {number(figures['p99_ms'])}"),
            ("left out, failed", f"{figures['skipped']}, {sum(count for _, count in figures['failures'])}"),
            ("digests, supply", "right" if figures["is_right"] else "WRONG"),
        ),
    )
    return [memory, rest]


def _row(name: str, memory: dict[str, int], trend: dict[str, Any] | None) -> tuple[str, ...]:
    ends = tuple(number(memory[key] / MIB) for key in ("first_rss", "last_rss", "last_pss"))
    if trend is None:
        return name, *ends, "", "", "too short"
    interval = f"{trend['low'] / KIB:+,.0f} to {trend['high'] / KIB:+,.0f}"
    return name, *ends, f"{trend['per_hour'] / KIB:+,.0f}", interval, str(trend["verdict"])
