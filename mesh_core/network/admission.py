"""Who may open a connection: caps and a token bucket per address, decided before any TLS work is done.

A TLS handshake costs this machine about 3 ms, a connection about 72 KiB. Without limits one machine with a loop would occupy a core and fill the memory of
every validator at once. Pure: the clock is an argument.
"""

import ipaddress
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final

IPV6_SITE_BITS: Final = 64
"""An IPv6 site gets a network of this prefix and may use every address in it: it counts as one address."""

REMEMBERED_SOURCES: Final = 4096
"""Token buckets kept; the one unused for longest goes first, and is most likely full again anyway."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How many connections there may be, and how fast new ones may come. A source is an IPv4 address or an IPv6 /64."""

    connections_per_source: int = 64
    connections: int = 1024
    half_open: int = 128
    """Connections whose handshake is not complete."""
    half_open_per_source: int = 32
    """One address alone must not take all of these."""
    rate_per_s: float = 50.0
    """New connections of one source, sustained."""
    burst: int = 128
    """New connections of one source at once."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    updated_at: float


class Admission:
    """Counts connections. `admit` is asked once for each new one; afterwards `completed` is told at most once and `closed` exactly once."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self._limits = limits
        self._open: dict[str, int] = {}
        self._half_open_of: Counter[str] = Counter()
        self._total = 0
        self._half_open = 0
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    @property
    def connections(self) -> int:
        """Connections admitted and not closed."""
        return self._total

    @property
    def half_open(self) -> int:
        """Those of them whose handshake is not complete."""
        return self._half_open

    def admit(self, host: str, *, now: float) -> str | None:
        """None when the connection may come, and it then counts; else the limit that it would exceed."""
        source = source_of(host)
        if self._total >= self._limits.connections:
            return "too many connections"
        if self._half_open >= self._limits.half_open:
            return "too many unfinished handshakes"
        if self._half_open_of[source] >= self._limits.half_open_per_source:
            return "too many unfinished handshakes from this address"
        if self._open.get(source, 0) >= self._limits.connections_per_source:
            return "too many connections from this address"
        if not self._take_token(source, now):
            return "too many new connections from this address"
        self._open[source] = self._open.get(source, 0) + 1
        self._total += 1
        self._half_open += 1
        self._half_open_of[source] += 1
        return None

    def completed(self, host: str) -> None:
        """The handshake of a connection from `host` is complete."""
        self._end_half_open(source_of(host))

    def closed(self, host: str, *, was_complete: bool) -> None:
        """A connection is gone."""
        source = source_of(host)
        self._total -= 1
        if not was_complete:
            self._end_half_open(source)
        left = self._open[source] - 1
        if left:
            self._open[source] = left
        else:
            del self._open[source]

    def _end_half_open(self, source: str) -> None:
        self._half_open -= 1
        self._half_open_of[source] -= 1
        if not self._half_open_of[source]:
            del self._half_open_of[source]

    def _take_token(self, source: str, now: float) -> bool:
        """A bucket holds `burst` tokens and gains `rate_per_s` a second."""
        bucket = self._buckets.pop(source, None)
        if bucket is None:
            bucket = _Bucket(float(self._limits.burst), now)
            if len(self._buckets) >= REMEMBERED_SOURCES:
                self._buckets.popitem(last=False)
        self._buckets[source] = bucket
        gained = (now - bucket.updated_at) * self._limits.rate_per_s
        bucket.tokens = min(float(self._limits.burst), bucket.tokens + gained)
        bucket.updated_at = now
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, also in its IPv6 form, or the /64 of an IPv6 address."""
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> (128 - IPV6_SITE_BITS) << (128 - IPV6_SITE_BITS), IPV6_SITE_BITS)))
    return str(address)
