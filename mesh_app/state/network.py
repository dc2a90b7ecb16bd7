"""The network that is shown, the wallets' links to its validators, and the audit of its supply."""

from dataclasses import dataclass

from mesh_core.types.committee import Committee


@dataclass(frozen=True, slots=True)
class Network:
    """The network that this workstation runs. Keys and ids as hexadecimal digits."""

    name: str
    network_id: str
    committee: Committee
    supply: int
    fee_base: int
    fee_per_output: int
    home: str
    start_ns: int

    def fee(self, recipients_count: int) -> int:
        """What a SEND to so many recipients costs."""
        return self.fee_base + recipients_count * self.fee_per_output


@dataclass(frozen=True, slots=True)
class Link:
    """The wallets' connection to a validator."""

    is_up: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Audit:
    """Whether commitments of all accounts, outputs and fees add up to the public supply, and whether all validators hold the same state.

    `supply_audit` is None for a ledger that is too large to add up in passing and, where `is_read` is false, for one that nobody has read.
    """

    t_ns: int
    supply_audit: bool | None
    digests_equal: bool
    is_read: bool = True
