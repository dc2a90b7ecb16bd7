"""Certificates from whichever validators have them. None is believed without its signatures, so a validator that lies can only be of no use.

Validators are asked one after the other, the next one as soon as the one before has been of no use or has taken a tenth of a second: whoever is silent
costs that and not a time-out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, read_certificate
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.messages import SyncAccount, SyncCertificates, SyncMode, SyncRequest, SyncResponse
from mesh_core.wallet.asking import QUERY_TIMEOUT_S
from mesh_core.wallet.ports import REQUEST_TIMEOUT_S, KnownNetwork, Question, Reply

RETRY_INTERVAL_S: Final = 0.2
STAGGER_S: Final = 0.1
MAX_SYNC_IDS: Final = 255
SYNC_BYTES: Final = 200_000

T = TypeVar("T")


class Askable(Protocol):
    """The part of `ports.Validators` that reading needs: whoever only reads, watches no account."""

    @property
    def network(self) -> KnownNetwork:
        """The network that they belong to."""
        ...

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        """Ask one validator. PeerFault when no answer comes."""
        ...

    def is_up(self, validator: int) -> bool:
        """Whether a validator is reached now."""
        ...


async def fetch_certificates(client: Askable, validator: int, cert_ids: Sequence[Hash32]) -> list[CheckedCertificate]:
    """Certificates by id from one validator, verified; those that it does not give are missing. PeerFault."""
    found: list[CheckedCertificate] = []
    wanted = list(cert_ids)
    while wanted:
        asked = set(wanted[:MAX_SYNC_IDS])
        page = [checked for checked in await _sync(client, validator, SyncCertificates(tuple(wanted[:MAX_SYNC_IDS]))) if checked.cert_id in asked]
        found += page
        given = {checked.cert_id for checked in page}
        left = [cert_id for cert_id in wanted if cert_id not in given]
        if len(left) == len(wanted):
            break
        wanted = left
    return found


async def fetch_from_any(client: Askable, cert_ids: Sequence[Hash32]) -> dict[Hash32, CheckedCertificate]:
    """Certificates by id, each from the first validator that gives it; those that nobody gives are missing."""
    found: dict[Hash32, CheckedCertificate] = {}

    async def ask(validator: int) -> bool | None:
        wanted = [cert_id for cert_id in cert_ids if cert_id not in found]
        found.update((checked.cert_id, checked) for checked in await fetch_certificates(client, validator, wanted))
        return True if all(cert_id in found for cert_id in cert_ids) else None

    if cert_ids:
        await _first_useful(client, ask)
    return found


async def fetch_chain(client: Askable, owner: PublicKey, first: int, last: int) -> list[CheckedCertificate]:
    """Certificates of an account's slots from `first` on, in order, without a gap and not beyond `last`; as many as one answer holds.

    None where no validator that answers has the first one.
    """

    async def ask(validator: int) -> list[CheckedCertificate] | None:
        page = await _sync(client, validator, SyncAccount(owner, first))
        return _without_gap(page, owner, first)[: last + 1 - first] or None

    return await _first_useful(client, ask) or []


async def find_slot_certificate(client: Askable, owner: PublicKey, sequence: int) -> CheckedCertificate | None:
    """The certificate of one slot, from any validator that has it; None if a quorum has answered and has none. Asks until then."""
    while True:
        answered: list[int] = []

        async def ask(validator: int, answered: list[int] = answered) -> CheckedCertificate | None:
            page = _without_gap(await _sync(client, validator, SyncAccount(owner, sequence)), owner, sequence)
            answered.append(validator)
            return page[0] if page else None

        found = await _first_useful(client, ask)
        if found is not None or len(answered) >= client.network.genesis.committee.quorum_threshold:
            return found
        await asyncio.sleep(RETRY_INTERVAL_S)


async def _first_useful(client: Askable, ask: Callable[[int], Awaitable[T | None]]) -> T | None:
    """The first answer that is not None, from the validators in their order, those first that are reached; None when all were of no use."""
    size = client.network.genesis.committee.size
    waiting = sorted(range(size), key=lambda validator: (not client.is_up(validator), validator))
    ended: asyncio.Queue[asyncio.Task[T | None]] = asyncio.Queue()
    tasks: list[asyncio.Task[T | None]] = []

    async def run(validator: int) -> T | None:
        try:
            return await ask(validator)
        except PeerFault:
            return None

    outstanding = 0
    try:
        while waiting or outstanding:
            if waiting:
                task = asyncio.get_running_loop().create_task(run(waiting.pop(0)))
                task.add_done_callback(ended.put_nowait)
                tasks.append(task)
                outstanding += 1
            try:
                async with asyncio.timeout(STAGGER_S if waiting else None):
                    answer = (await ended.get()).result()
            except TimeoutError:
                continue
            outstanding -= 1
            if answer is not None:
                return answer
        return None
    finally:
        for task in tasks:
            task.cancel()


def _without_gap(page: Sequence[CheckedCertificate], owner: PublicKey, sequence: int) -> list[CheckedCertificate]:
    fitting: list[CheckedCertificate] = []
    for certificate in page:
        if certificate.core.sender != owner or certificate.core.sequence != sequence + len(fitting):
            break
        fitting.append(certificate)
    return fitting


async def _sync(client: Askable, validator: int, mode: SyncMode) -> list[CheckedCertificate]:
    answer = await client.request(validator, SyncRequest(0, mode, MAX_SYNC_IDS, SYNC_BYTES), QUERY_TIMEOUT_S)
    found: list[CheckedCertificate] = []
    if isinstance(answer, SyncResponse):
        for item in answer.items:
            try:
                found.append(read_certificate(item.certificate, client.network.genesis))
            except InvalidCertificate:
                break
    return found
