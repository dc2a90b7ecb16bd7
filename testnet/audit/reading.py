"""A validator's log read from it, entry by entry, into a follower that checks each: for whoever trusts nobody."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault, PeerFault
from mesh_core.protocol.certificates import CheckedCertificate
from testnet.audit.follower import LogError, LogFollower
from testnet.observer.client import Sights, ValidatorSight
from testnet.observer.log import ChainDiffersError, ask_log, knows_chain

CONNECT_S: Final = 5.0
"""Who has not answered by then is silent."""
PATIENCE_S: Final = 60.0
LEAST_PER_S: Final = 5.0
"""Whoever gives less than this in `PATIENCE_S` of waiting is as good as silent: one certificate in each answer, just in time, would hold a reader for weeks."""


async def until_seen(sights: Sequence[ValidatorSight], news: asyncio.Event) -> None:
    """Until every validator has said how long its log is, or has had its time. `news` is set whenever one has said something."""
    try:
        async with asyncio.timeout(CONNECT_S):
            while not all(sight.is_up and sight.log_length is not None for sight in sights):
                news.clear()
                await news.wait()
    except TimeoutError:
        return


def require_answer(name: str, sights: Sequence[ValidatorSight]) -> None:
    """LocalFault (NO_QUORUM) where none of them answers."""
    if not any(sight.is_up and sight.log_length is not None for sight in sights):
        why = "; ".join(sight.error or f"V{sight.index + 1}: no answer" for sight in sights)
        raise LocalFault(ErrorCode.NO_QUORUM, f"no validator of {name} answers ({why})")


def require_pace(entries: int, waited_s: float) -> None:
    """PeerFault (PEER_TIMEOUT) where somebody has given so few entries in so many seconds of waiting for its answers that nobody should wait on."""
    if waited_s > PATIENCE_S and entries < LEAST_PER_S * waited_s:
        raise PeerFault(ErrorCode.PEER_TIMEOUT, f"it gave {entries:,} certificates in {waited_s:.0f} s, too slow to be read to its end")


async def read_on(
    client: Sights,
    index: int,
    follower: LogFollower,
    length: Callable[[], int],
    take: Callable[[CheckedCertificate], None],
    tell: Callable[[int, int], None],
) -> None:
    """Read a log from where the follower is, up to `length()`, which may grow meanwhile. LogError, ChainDiffersError, PeerFault."""
    begun, waited_s = follower.length, 0.0
    while follower.length < length():
        tell(follower.length, length())
        asked_s = time.monotonic()
        items = await ask_log(client, index, follower.length, follower.chain)
        waited_s += time.monotonic() - asked_s
        require_pace(follower.length + len(items) - begun, waited_s)
        if not items:
            raise LogError(follower.length, ErrorCode.PEER_INVALID, f"it says that its log has {length()} entries, and gives none there")
        for item in items[: length() - follower.length]:
            if item.index != follower.length:
                raise LogError(follower.length, ErrorCode.PEER_INVALID, f"asked for this one, it gives the one with index {item.index}")
            # In a thread: the group library lets go of the interpreter, and the connections stay alive.
            checked, _ = await asyncio.to_thread(follower.take, item.certificate)
            take(checked)
    await asyncio.to_thread(follower.finish)
    # A validator that sent another log than it holds convicts itself here: it does not know the chain hash of what it sent.
    if follower.length > begun and not await knows_chain(client, index, follower.length, follower.chain):
        raise ChainDiffersError
