"""Ending the network that another program runs in a home, and waiting until nothing of it runs any more."""

import asyncio
import time

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.lock import OwnerLock, StoreLocked
from testnet.control_client import connected
from testnet.layout import NetworkFolder

LOOK_INTERVAL_S = 0.05
SILENT_DEADLINE_S = 10.0
"""For one that takes no orders: it is just starting or ending, or no socket can be made in its home."""


async def end_network(folder: NetworkFolder, deadline_s: float) -> int | None:
    """Ask for the end and wait for it; returns the process id of the program that ran it, None where nothing ran. LocalFault."""
    try:
        async with connected(folder) as client:
            status = (await client.order("status"))["status"]
            await client.order("down")
    except LocalFault as fault:
        if fault.code is ErrorCode.NO_NETWORK and find_owner(folder) is None:
            return None
        if fault.code is not ErrorCode.NO_NETWORK:
            raise
        await _wait(folder, min(SILENT_DEADLINE_S, deadline_s), f"{folder.home} is in use by {find_owner(folder)}, which takes no orders: send it SIGTERM;")
        return None
    await _wait(folder, deadline_s, f"the network in {folder.home} was asked to end, and process {status['pid']} still runs it;")
    return int(status["pid"])


async def _wait(folder: NetworkFolder, deadline_s: float, otherwise: str) -> None:
    deadline = time.monotonic() + deadline_s
    while find_owner(folder) is not None:
        if time.monotonic() > deadline:
            raise LocalFault(ErrorCode.HOME_IN_USE, f"{otherwise} it was waited for {deadline_s:g} s")
        await asyncio.sleep(LOOK_INTERVAL_S)


def find_owner(folder: NetworkFolder) -> str | None:
    """Who runs the network of a home, for people; None where nobody does. LocalFault (STORE_UNAVAILABLE)."""
    try:
        OwnerLock.acquire(folder.lock).release()
    except StoreLocked as locked:
        return locked.owner
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot use the folder {folder.home}: {error.strerror or error}") from error
    return None
