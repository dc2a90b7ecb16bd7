"""The ledger as the observer read it from the validators."""

from dataclasses import dataclass


@dataclass(slots=True)
class LedgerView:
    """The ledger as the observer read it from the validators."""
