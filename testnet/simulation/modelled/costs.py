"""What work costs in the model, in milliseconds of one processor: one table, for every figure that rests on it."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault

PACKET_BYTES: Final = 1200
"""Payload of a QUIC datagram that every path carries (RFC 9000, section 14.1)."""
COST_MOST_MS: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured on the machine of docs/benchmarks.md, but for the last three, which are assumed so that the sums at n = 4 come near what was measured there."""

    prove_ms: float = 6.7
    """A range proof for two commitments, native kernel (docs/benchmarks.md)."""
    check_proof_ms: float = 1.25
    """One, not in a batch (docs/benchmarks.md)."""
    sign_ms: float = 0.015
    signature_ms: float = 0.042
    """One Ed25519 signature is verified; the same function, called alone, 2026-11-23, as the next two."""
    decode_ms: float = 0.016
    """A certificate without its votes."""
    decode_vote_ms: float = 0.001
    apply_ms: float = 0.25
    """A certificate is applied (docs/benchmarks.md, of a catch-up's millisecond)."""
    message_ms: float = 0.4
    """One message is sent, or taken in: frames, TLS, packets, acknowledgements, lines for people. Assumed."""
    packet_ms: float = 0.1
    """Each packet of it beyond the first. Assumed."""
    sync_ms: float = 1.0
    """One fsync; a vote waits for two, a certificate for one. Assumed: 0.36 ms was the median on the machine of the benchmarks."""

    def certificate_ms(self, votes_count: int) -> float:
        """A certificate is decoded, its owner's and its votes' signatures are verified, and it is applied."""
        return self.decode(votes_count) + (1 + votes_count) * self.signature_ms + self.apply_ms

    def decode(self, votes_count: int) -> float:
        """A certificate that is known already is only decoded."""
        return self.decode_ms + votes_count * self.decode_vote_ms

    def transport_ms(self, size_bytes: int) -> float:
        """A message of that size is sent, or taken in."""
        return self.message_ms + max(0, -(-size_bytes // PACKET_BYTES) - 1) * self.packet_ms

    def changed(self, texts: Iterable[str]) -> "Costs":
        """With other figures: `prove=50`, in ms. LocalFault (CONFIG_INVALID)."""
        names = [one.name.removesuffix("_ms") for one in fields(self)]
        changes = {}
        for text in texts:
            name, _, figure = text.partition("=")
            if name not in names:
                raise LocalFault(ErrorCode.CONFIG_INVALID, f"nothing costs {name[:40]!r}: there are {', '.join(names)}")
            try:
                cost = float(figure)
            except ValueError:
                cost = -1.0
            if not 0.0 <= cost <= COST_MOST_MS:
                raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name} costs from 0 to {COST_MOST_MS:g} ms")
            changes[f"{name}_ms"] = cost
        return replace(self, **changes)
