"""Socket addresses: their name in logs, and what a path to them may carry."""

import contextlib
import ipaddress
from typing import Any, Final

Address = tuple[Any, ...]
"""A socket address as the operating system gives it; its first two items are host and port."""

MAX_DATAGRAM_BYTES: Final = 1350
"""UDP payload that crosses practically every path of the internet unfragmented (aioquic does no path MTU discovery)."""

MAX_LOOPBACK_DATAGRAM_BYTES: Final = 8192
"""UDP payload on the loopback interface, whose MTU is 16 KiB or more: a vote request with its proof is then one packet instead of two."""


def is_loopback(host: str) -> bool:
    """True for an address, or the one name, that never leaves this machine."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def max_datagram_bytes(host: str) -> int:
    """Largest UDP payload to send to `host`, or from it."""
    return MAX_LOOPBACK_DATAGRAM_BYTES if is_loopback(host) else MAX_DATAGRAM_BYTES


def address_name(address: Address) -> str:
    """`host:port` for logs."""
    host, port = str(address[0]), int(address[1])
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
