"""Logs beside each other: which certificates only some of them hold. Two correct logs may differ in order, and their states are equal all the same."""

from mesh_core.types.basic import Hash32
from testnet.audit.report import SHOWN_DIGITS, AuditReport

NAMED_MOST = 3


def compare_logs(report: AuditReport, ids: list[list[Hash32]]) -> None:
    """Tell of each validator what it lacks that another has, as far as all were read."""
    everything = set().union(*ids)
    for one, log in zip(report.validators, ids, strict=True):
        if one.digest is None:
            continue  # its log ends where it was found to be wrong
        lacking = sorted(everything - set(log))
        if lacking:
            holders = ", ".join(other.name for other, theirs in zip(report.validators, ids, strict=True) if not set(lacking).isdisjoint(theirs))
            named = ", ".join(cert_id.hex()[:SHOWN_DIGITS] for cert_id in lacking[:NAMED_MOST])
            more = f" and {len(lacking) - NAMED_MOST:,} more" if len(lacking) > NAMED_MOST else ""
            one.find(f"log of {len(log):,}", f"lacks certificates of {holders}: {named}{more}")
