"""Wallets: what their owner sees of them."""

from dataclasses import dataclass, field
from typing import Final

MAX_INCOMING: Final = 1_000


@dataclass(slots=True)
class Output:
    """A claimable output as its recipient sees it; `claim` is the key of the payment that claims it. The text is a stranger's."""

    cert_id: str
    index: int
    sender: str
    amount: int | None
    text: str
    status: str
    t_ns: int
    claim: int | None = None


@dataclass(slots=True)
class WalletView:
    """One wallet: the balance that it opened, and the commitment that everybody else sees of it."""

    name: str
    address: str
    owner: str
    balance: int
    commitment: str
    sequence: int
    incoming: int
    in_flight: int
    state: str
    outputs: dict[tuple[str, int], Output] = field(default_factory=dict)
