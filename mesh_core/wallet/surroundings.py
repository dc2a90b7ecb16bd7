"""What a wallet takes from the machine that it runs on: randomness, processor time for proofs, clocks. A simulator gives its own.

Clocks only stamp what is shown to people. Whatever a wallet does later, it does by the time of its event loop.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from mesh_core.protocol.construction import Draft, Entropy, prove_draft
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.validation import LedgerView, validate_draft
from mesh_core.types.transition import Transition


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`prove(draft)` gives the range proof's bytes (none for a RECEIVE); `check(unsigned, genesis, ledger)` runs every rule but 2 and 4: Rejected.

    `entropy(n)` gives n secret random bytes. `now_ms` is the calendar's time for histories, `now_ns` a clock that never goes back for measured durations.
    """

    entropy: Entropy
    prove: Callable[[Draft], Awaitable[bytes]]
    check: Callable[[Transition, Genesis, LedgerView], Awaitable[None]]
    now_ms: Callable[[], int]
    now_ns: Callable[[], int]


async def _prove(draft: Draft) -> bytes:
    """In a thread: the group library lets go of the interpreter while it computes, and the event loop goes on."""
    return await asyncio.to_thread(prove_draft, draft, os.urandom)


async def _check(transition: Transition, genesis: Genesis, ledger: LedgerView) -> None:
    await asyncio.to_thread(validate_draft, transition, genesis, ledger)


REAL: Final = Surroundings(os.urandom, _prove, _check, lambda: time.time_ns() // 1_000_000, time.monotonic_ns)
"""The machine itself."""
