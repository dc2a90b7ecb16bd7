"""Answers of pure functions, remembered: validators, wallets and the oracles ask the same of the same bytes again and again.

Only in a process that simulates and ends. The functions are the product's, and so is every first answer; nothing is left out. A seed that runs again in a fresh
interpreter runs without this (`pool.run_again`), and must leave the same trace.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mesh_core.crypto import pedersen, signatures
from mesh_core.protocol import certificates, validation
from mesh_core.protocol.genesis import Genesis
from mesh_core.types import events
from testnet.simulation.mutations.replacing import replace_everywhere

ENTRIES_MOST = 100_000


def remember_answers() -> None:
    """Replace the functions in all modules that are loaded, for good. Before any mutation, which then replaces what stands here."""
    for real in (signatures.verify_signature, pedersen.commit_public, events.decode_event_body):
        replace_everywhere(real, _remembering(real))
    for decode in (certificates.decode_certificate, validation.validate_format):
        replace_everywhere(decode, _remembering_bytes(decode))


def _remembering_bytes(real: Callable[[bytes, Genesis], Any]) -> Callable[[bytes, Genesis], Any]:
    """One simulation has one genesis, so bytes say all. Those that do not decode are looked at each time: they raise."""
    known: dict[bytes, Any] = {}

    def decode(data: bytes, genesis: Genesis) -> Any:
        decoded = known.get(data)
        if decoded is None:
            decoded = known[data] = real(data, genesis)
        return decoded

    return decode


def _remembering(real: Callable[..., Any]) -> Callable[..., Any]:
    return lru_cache(ENTRIES_MOST)(real)
