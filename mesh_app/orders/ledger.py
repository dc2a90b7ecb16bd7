"""Orders for the observer, which reads the validators' ledgers."""

from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from mesh_app.orders.order import Order
from mesh_app.spans import validator_name

SHOWN_DIGITS: Final = 8


class Look(Order):
    """Something that is only looked at: nothing changes by it, and the event stream is not told."""

    @property
    @override
    def is_told(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class WatchLog(Look):
    """Read a validator's log from its beginning, and follow it; None: that of whichever answers."""

    validator: int | None = None

    @override
    def describe(self) -> str:
        return "read the log" if self.validator is None else f"read the log of {validator_name(self.validator)}"


@dataclass(frozen=True, slots=True)
class ReadPage(Look):
    """Read rows of the log again that are older than what is kept."""

    first: int

    @override
    def describe(self) -> str:
        return f"read the log from #{self.first:,} on"


@dataclass(frozen=True, slots=True)
class ReadCertificate(Look):
    """Read a certificate, every byte of it."""

    cert_id: str

    @override
    def describe(self) -> str:
        return f"read the certificate {self.cert_id[:SHOWN_DIGITS]}…"


@dataclass(frozen=True, slots=True)
class VerifyCertificate(Order):
    """Make every check of a certificate again."""

    cert_id: str

    @override
    def describe(self) -> str:
        return f"verify {self.cert_id[:SHOWN_DIGITS]}… again"

    @override
    def command_line(self) -> str:
        return f"mesh-wallet show {self.cert_id}"


@dataclass(frozen=True, slots=True)
class ReadAccount(Look):
    """Read an account's chain, the part that ends before the sequence `end`, and ask all validators for the account."""

    owner: str
    end: int | None = None

    @override
    def describe(self) -> str:
        return f"read the account {self.owner[:SHOWN_DIGITS]}…"


@dataclass(frozen=True, slots=True)
class ListOutputs(Look):
    """List what waits to be claimed."""

    @override
    def describe(self) -> str:
        return "list what waits to be claimed"


@dataclass(frozen=True, slots=True)
class CompareValidators(Order):
    """Compare the validators' logs and states."""

    @override
    def describe(self) -> str:
        return "compare the validators"
