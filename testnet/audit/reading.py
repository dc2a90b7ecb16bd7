"""A validator's log read from it, entry by entry, into a follower that checks each: for whoever trusts nobody."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate
from testnet.audit.follower import LogError, LogFollower
from testnet.observer.client import Sights, ValidatorSight
from testnet.observer.log import ChainDiffersError, ask_log, knows_chain

CONNECT_S: Final = 5.0
"""Who has not answered by then is silent."""


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


async def read_on(
    client: Sights,
    index: int,
    follower: LogFollower,
    length: Callable[[], int],
    take: Callable[[CheckedCertificate], None],
    tell: Callable[[int, int], None],
) -> None:
    """Read a log from where the follower is, up to `length()`, which may grow meanwhile. LogError, ChainDiffersError, PeerFault."""
    begun = follower.length
    while follower.length < length():
        tell(follower.length, length())
        items = await ask_log(client, index, follower.length, follower.chain)
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
