"""A ledger into a file: one validator's log, checked from the genesis on while it is read, from a network that runs or from a folder."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from mesh_core.errors import DecodeError, ErrorCode, LocalFault, PeerFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.records import GLOBALS, GLOBALS_KEY, LOG_ENTRY, certificate_key, log_key
from mesh_core.storage.stopped import StoppedDatabase, open_stopped_validator
from mesh_core.wallet.network import Network
from testnet.audit.follower import Known, LogError, LogFollower
from testnet.audit.reading import read_on, require_answer, until_seen
from testnet.ledger_file import LedgerWriter, Tell
from testnet.observer.client import ObserverClient, Sights, ValidatorSight
from testnet.observer.log import ChainDiffersError


class LogUnfit(LocalFault):
    """A log that cannot be exported, since nobody could import it. Another validator's may be good."""


async def export_network(network: Network, validator: int | None, path: Path, tell: Tell) -> tuple[int, LogFollower, int]:
    """The log of a validator, or the longest good one, as it is now: whose it was, the state that it leads to, and the file's size. LocalFault."""
    news = asyncio.Event()
    client = ObserverClient(network, lambda _: news.set())
    client.start()
    try:
        wanted = client.sights if validator is None else [client.sights[validator]]
        await until_seen(wanted, news)
        require_answer(network.name, wanted)
        return await export_log(network.genesis, client, wanted, path, tell)
    finally:
        await client.close()


async def export_log(genesis: Genesis, client: Sights, sights: Sequence[ValidatorSight], path: Path, tell: Tell) -> tuple[int, LogFollower, int]:
    """`export_network` of the longest log of these validators that is good, some of which answer. LocalFault where none is."""
    answering = sorted((sight for sight in sights if sight.is_up), key=lambda sight: (-(sight.log_length or 0), sight.index))
    refusals: list[LocalFault] = []
    for source in answering:
        try:
            follower, size = await _export_one(genesis, client, source, path, tell)
        except LogUnfit as fault:
            # Any faulty validator may say that its log is the longest, and nobody could export anything as long as it says so.
            refusals.append(fault)
        else:
            return source.index, follower, size
    raise LocalFault(refusals[0].code, "; ".join(fault.text for fault in refusals))


async def _export_one(genesis: Genesis, client: Sights, source: ValidatorSight, path: Path, tell: Tell) -> tuple[LogFollower, int]:
    """One validator's log. LogUnfit, LocalFault."""
    length = source.log_length or 0
    follower = LogFollower(genesis, Known())
    with LedgerWriter(path, genesis) as writer:
        try:
            await read_on(client, source.index, follower, lambda: length, lambda checked: writer.add(checked.cert_id, checked.data), tell)
        except (LogError, PeerFault, ChainDiffersError) as error:
            raise _unfit(f"V{source.index + 1}", follower.length, error) from error
        return follower, writer.finish()


def export_folder(genesis: Genesis, name: str, data_dir: Path, path: Path, tell: Tell) -> tuple[LogFollower, int]:
    """The log of a validator that does not run, from its data folder, which is left as it is. LocalFault."""
    follower = LogFollower(genesis, Known())
    with open_stopped_validator(data_dir) as database, LedgerWriter(path, genesis) as writer:
        try:
            _copy(database, follower, writer.add, tell)
        except (LogError, DecodeError) as error:
            raise _unfit(name, follower.length, error) from error
        return follower, writer.finish()


def _copy(database: StoppedDatabase, follower: LogFollower, add: Callable[..., None], tell: Tell) -> None:
    written = database.get(GLOBALS_KEY)
    length = 0 if written is None else GLOBALS.decode(written).log_length
    for index in range(length):
        tell(index, length)
        entry = database.get(log_key(index))
        data = None if entry is None else database.get(certificate_key(LOG_ENTRY.decode(entry).cert_id))
        if data is None:
            raise LogError(index, ErrorCode.STORE_CORRUPT, "is missing, and the log is longer")
        checked, _ = follower.take(data)
        add(checked.cert_id, data)
    follower.finish()


def _unfit(name: str, length: int, error: Exception) -> "LogUnfit":
    """A log that cannot be exported, since nobody could import it."""
    if isinstance(error, LogError):
        return LogUnfit(error.code, f"the log of {name}, entry {error.index:,}: {error.text}; take another validator's")
    if isinstance(error, ChainDiffersError):
        return LogUnfit(ErrorCode.PEER_INVALID, f"{name} does not know the log that it sent; take another validator's")
    if isinstance(error, PeerFault):
        return LogUnfit(error.code, f"the log of {name} cannot be read behind entry {length:,}: {error.text}")
    return LogUnfit(ErrorCode.STORE_CORRUPT, f"the log of {name}, entry {length:,}: {error}")
