"""Certificates that validators applied."""

from dataclasses import dataclass, field
from typing import Final

MAX_CERTIFICATES: Final = 1_000


@dataclass(slots=True)
class CertificateView:
    """A certificate that validators applied in this run: what is public of it, and where it stands in each log."""

    cert_id: str
    kind: str
    sender: str
    sequence: int
    recipients: tuple[str, ...]
    signers: tuple[int, ...]
    first_ns: int
    applied_ns: dict[int, int] = field(default_factory=dict)
    """When each validator that said so in this run applied it."""
