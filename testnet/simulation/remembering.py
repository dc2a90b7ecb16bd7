"""Answers of pure functions, remembered: validators, wallets and the oracles ask the same of the same bytes again and again.

Only while a simulation runs. The functions are the product's, and so is every first answer; nothing is left out. A seed that runs again in a fresh interpreter
runs without this (`pool.run_again`), and must leave the same trace.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from mesh_core.crypto import pedersen, signatures
from mesh_core.protocol import certificates, validation
from mesh_core.protocol.genesis import Genesis
from mesh_core.types import events
from testnet.simulation.mutations.replacing import replace_everywhere

ENTRIES_MOST = 100_000


@contextlib.contextmanager
def remembered_answers() -> Iterator[None]:
    """Replace the functions in all modules that are loaded, and put them back. Before any mutation, which then replaces what stands here, for good."""
    replaced: dict[Callable[..., Any], Callable[..., Any]] = {}
    for real in (signatures.verify_signature, pedersen.commit_public, events.decode_event_body):
        replaced[real] = _remembering(real)
    for decode in (certificates.decode_certificate, validation.validate_format):
        replaced[decode] = _remembering_bytes(decode)
    for real, other in replaced.items():
        replace_everywhere(real, other)
    try:
        yield
    finally:
        for real, other in replaced.items():
            replace_everywhere(other, real)


def _remembering_bytes(real: Callable[[bytes, Genesis], Any]) -> Callable[[bytes, Genesis], Any]:
    """Bytes that do not decode are looked at each time: they raise."""
    known: dict[tuple[bytes, bytes], Any] = {}

    def decode(data: bytes, genesis: Genesis) -> Any:
        key = data, genesis.network_id
        decoded = known.get(key)
        if decoded is None:
            decoded = known[key] = real(data, genesis)
        return decoded

    return decode


def _remembering(real: Callable[..., Any]) -> Callable[..., Any]:
    return lru_cache(ENTRIES_MOST)(real)
