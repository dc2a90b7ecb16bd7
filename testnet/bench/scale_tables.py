"""The tables of `bench scale`. Pure."""

from collections.abc import Sequence
from typing import Any

from testnet.bench.profile_option import profile_sentence
from testnet.bench.results import Result
from testnet.bench.tables import Table, number

MIB = 1024 * 1024


def tables(result: Result) -> Sequence[Table]:
    """One table for each thing that was made to grow. KeyError and the like for figures of another version."""
    figures, found = result.figures, []
    lines = profile_sentence(result.options)
    if figures["accounts"] is not None:
        found.append(_accounts(figures["accounts"]))
    if figures["log"] is not None:
        found.append(_log(figures["log"]))
    if figures["committee"] is not None:
        title = "Two wallets pay each other through more and more validators, which share the cores of one machine."
        found.append(_payments(figures["committee"], "validators", title, lines))
    if figures["wallets"] is not None:
        title = "More and more wallets pay each other through four validators, each as fast as it can."
        found.append(_payments(figures["wallets"], "wallets", title, lines))
    return found


def _accounts(found: dict[str, Any]) -> Table:
    each = found["memory_of_account_bytes"]
    title = "Accounts, from the genesis document." if each is None else f"Accounts, from the genesis document: **{each:,.0f} bytes of memory each**."
    return Table(
        ("accounts", *TIMES, "RSS, MiB", "started in, s", "genesis document, MB"),
        tuple(
            (f"{row['accounts']:,}", *_times(row), f"{row['rss_bytes'] / MIB:,.0f}", number(row["started_s"]), number(row["genesis_bytes"] / 1e6))
            for row in found["rows"]
        ),
        title,
    )


def _log(found: dict[str, Any]) -> Table:
    title = "Certificates in the log."
    if found["disk_of_certificate_bytes"] is not None:
        title = (
            f"Certificates in the log: {found['disk_of_certificate_bytes']:,.0f} bytes of disk and {found['memory_of_certificate_bytes']:,.0f} of memory each."
        )
    return Table(
        ("certificates", *TIMES, "RSS, MiB", "started in, s", "disk, MB"),
        tuple(
            (f"{row['certificates']:,}", *_times(row), f"{row['rss_bytes'] / MIB:,.0f}", number(row["started_s"]), number(row["disk_bytes"] / 1e6))
            for row in found["rows"]
        ),
        title,
    )


TIMES = ("vote, ms", "growth", "certificate, ms", "growth")


def _times(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(words for name in ("vote", "certificate") for words in (number(row[name]["median_ms"]), f"{row[f'{name}_growth'] * 100:+.0f} %"))


def _payments(rows: Sequence[dict[str, Any]], what: str, title: str, lines: str) -> Table:
    return Table(
        (what, "payments a second", "median, ms", "p99, ms", "certificates a second", "wallets, ms", "a validator, ms", "all right"),
        tuple(
            (
                str(row[what]),
                number(row["payments_per_s"]),
                number(row["median_ms"]),
                number(row["p99_ms"]),
                number(row["certificates_per_s"]),
                number(row["wallets_cpu_ms"]),
                number(row["validator_cpu_ms"]),
                "yes" if row["is_right"] else "NO",
            )
            for row in rows
        ),
        f"{title} Processor time is for a certificate, claims included.{lines}",
    )
