"""A ledger from a file to validators: the whole file is checked first, then each validator is given the certificates, as any peer may give them.

A validator believes none of it: it checks each certificate itself. Whoever was interrupted begins again, and finds by a few small questions how far each
validator's log is this very ledger; what a validator has beyond that costs it a look.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mesh_core.errors import ErrorCode, PeerFault
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import AckStatus, CertAck, SettlementCertificate
from mesh_core.wallet.network import Network
from testnet.audit.follower import LogFollower
from testnet.audit.reading import require_answer, until_seen
from testnet.ledger_file import LedgerReader, Tell, check_ledger
from testnet.observer.client import ObserverClient, Sights
from testnet.observer.log import PAGE, knows_chain

UNDER_WAY: Final = 16
"""Certificates that a validator has not answered. They travel in order on one connection, so that none comes before what it rests on."""
ACK_TIMEOUT_S: Final = 30.0
"""A validator gives each address a share of its time: what waits for its turn is not lost."""


@dataclass(slots=True)
class Delivered:
    """What became of the certificates at one validator. `skipped`: its log began with these; `known`: it had them; `applied`: they are new to it."""

    name: str
    skipped: int = 0
    known: int = 0
    applied: int = 0
    problem: str = ""

    @property
    def count(self) -> int:
        """Certificates that it has."""
        return self.skipped + self.known + self.applied


@dataclass(frozen=True, slots=True)
class CheckedLedger:
    """A file that was checked: the state that it leads to, and its chain hash before certificate 0, PAGE, 2 * PAGE and so on."""

    path: Path
    follower: LogFollower
    checkpoints: tuple[Hash32, ...]


def read_checked(network: Network, path: Path, tell: Tell) -> CheckedLedger:
    """Check a whole file. LocalFault."""
    checkpoints: list[Hash32] = [network.genesis.network_id]

    def note(follower: LogFollower, _: bytes) -> None:
        if follower.length % PAGE == 0:
            checkpoints.append(follower.chain)

    return CheckedLedger(path, check_ledger(path, network.genesis, tell, note), tuple(checkpoints))


async def deliver(network: Network, ledger: CheckedLedger, tell: Tell) -> list[Delivered]:
    """Give every validator what it lacks; returns what became of it at each. LocalFault (NO_QUORUM) where none answers."""
    news = asyncio.Event()
    client = ObserverClient(network, lambda _: news.set())
    client.start()
    try:
        await until_seen(client.sights, news)
        require_answer(network.name, client.sights)
        return await deliver_to_all(client, ledger, tell)
    finally:
        await client.close()


async def deliver_to_all(client: Sights, ledger: CheckedLedger, tell: Tell) -> list[Delivered]:
    """`deliver` to validators that were looked at."""
    outcomes = [Delivered(f"V{sight.index + 1}") for sight in client.sights]
    total = ledger.follower.length * len(outcomes)

    def tell_all() -> None:
        tell(sum(one.count for one in outcomes), total)

    await asyncio.gather(*(_deliver_to(client, index, ledger, one, tell_all) for index, one in enumerate(outcomes)))
    return outcomes


async def _deliver_to(client: Sights, index: int, ledger: CheckedLedger, outcome: Delivered, tell: Callable[[], None]) -> None:
    try:
        outcome.skipped = await _find_common(client, index, ledger.checkpoints) * PAGE
        with LedgerReader(ledger.path, client.network.genesis) as reader:
            await _send(client, index, reader, ledger.follower.length, outcome, tell)
    except PeerFault as fault:
        outcome.problem = f"{fault.text} [{fault.code:04x}]"


async def _find_common(client: Sights, index: int, checkpoints: tuple[Hash32, ...]) -> int:
    """The last of the checkpoints up to which the validator's log is this ledger. PeerFault."""
    low, high = 0, len(checkpoints) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if await knows_chain(client, index, middle * PAGE, checkpoints[middle]):
            low = middle
        else:
            high = middle - 1
    return low


async def _send(client: Sights, index: int, reader: LedgerReader, count: int, outcome: Delivered, tell: Callable[[], None]) -> None:
    """Send the certificates behind those that are skipped, in order, some of them at once. PeerFault."""
    left = _behind(reader, outcome.skipped, count)
    under_way: deque[tuple[int, asyncio.Task[CertAck]]] = deque()
    try:
        while True:
            while len(under_way) < UNDER_WAY and (entry := next(left, None)) is not None:
                under_way.append((entry[0], asyncio.create_task(_ask(client, index, entry[1]))))
            if not under_way:
                return
            number, task = under_way.popleft()
            _count(await task, number, outcome)
            tell()
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


def _behind(reader: LedgerReader, skipped: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each certificate behind the first so many. No more than were checked: the file may have grown since."""
    for number, (_, data) in enumerate(reader.entries()):
        if number >= count:
            return
        if number >= skipped:
            yield number, data


async def _ask(client: Sights, index: int, data: bytes) -> CertAck:
    answer = await client.request(index, SettlementCertificate(0, data), ACK_TIMEOUT_S)
    assert isinstance(answer, CertAck), "the connection matches answers with their questions"
    return answer


def _count(ack: CertAck, number: int, outcome: Delivered) -> None:
    """PeerFault where a validator does not take what has been checked here."""
    match ack.status:
        case AckStatus.APPLIED:
            outcome.applied += 1
        case AckStatus.ALREADY_APPLIED:
            outcome.known += 1
        case _:
            raise PeerFault(
                ErrorCode.PEER_INVALID, f"certificate {number:,} is not applied there ({ack.status.name}), and it was checked here: audit the network"
            )
