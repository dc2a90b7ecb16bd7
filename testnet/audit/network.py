"""An audit of a network that runs, from outside: every validator's log is read from its first certificate on, as anybody can who has the network's file.

A network that is used meanwhile is read on until all validators are at rest at one length, for a while at most.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from mesh_core.errors import ErrorCode, PeerFault
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.basic import Hash32
from mesh_core.wallet.network import Network
from testnet.audit.comparing import compare_logs
from testnet.audit.follower import Known, LogError, LogFollower
from testnet.audit.reading import read_on, require_answer, until_seen
from testnet.audit.report import AuditedValidator, AuditReport
from testnet.observer.client import ObserverClient, Sights, ValidatorSight
from testnet.observer.log import ChainDiffersError

REST_S: Final = 15.0
"""How long a network that goes on is followed behind the first reading."""
LOOK_S: Final = 0.1

Tell = Callable[[str, int, int], None]


async def audit_network(network: Network, tell: Tell) -> AuditReport:
    """Audit every validator of a network. LocalFault (NO_QUORUM) where none answers; a single one that does not is a finding."""
    news = asyncio.Event()
    client = ObserverClient(network, lambda _: news.set())
    client.start()
    try:
        await until_seen(client.sights, news)
        require_answer(network.name, client.sights)
        return await audit_sights(network.genesis, client, tell)
    finally:
        await client.close()


async def audit_sights(genesis: Genesis, client: Sights, tell: Tell, *, rest_s: float = REST_S) -> AuditReport:
    """Audit validators that were looked at."""
    started = time.monotonic()
    audit = _Audit(genesis, client, tell)
    await audit.read_all()
    await audit.follow_until_rest(rest_s)
    return audit.report_after(time.monotonic() - started)


class _Audit:
    """The logs as far as they were read."""

    def __init__(self, genesis: Genesis, client: Sights, tell: Tell) -> None:
        self._client = client
        self._tell = tell
        self._known = Known()
        size = genesis.committee.size
        self._followers = [LogFollower(genesis, self._known) for _ in range(size)]
        self._ids: list[list[Hash32]] = [[] for _ in range(size)]
        self._report = AuditReport(genesis, f"{size} validators asked", [AuditedValidator(index) for index in range(size)])
        self._ended: set[int] = set()

    async def read_all(self) -> None:
        """Read each log once, one after the other: certificates that two of them share are checked once, and the second log takes a fraction of the time."""
        for sight in self._client.sights:
            await self._read(sight)

    async def follow_until_rest(self, patience_s: float) -> None:
        """Read on until all that can be read say one length and one digest twice."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and not self._is_at_rest():
            await asyncio.sleep(LOOK_S)
            await self.read_all()

    def report_after(self, seconds: float) -> AuditReport:
        """What was found."""
        report = self._report
        for one, follower, sight in zip(report.validators, self._followers, self._client.sights, strict=True):
            one.length = follower.length
            one.said_length, one.said_digest = sight.log_length, sight.digest
            if one.index in self._ended:
                continue
            one.note_state(follower.ledger)
            if sight.log_length != follower.length:
                one.find("", f"its log goes on: {sight.log_length} certificates by now, {follower.length} read; audit it again when the network is at rest")
            elif sight.digest != one.digest:
                said = "nothing" if sight.digest is None else sight.digest.hex()[:16]
                one.find("", f"says that the digest of its {follower.length} certificates is {said}, and they amount to another", ErrorCode.PEER_INVALID)
        compare_logs(report, self._ids)
        report.certificates_checked = sum(len(log) for log in self._ids)
        report.signatures_checked, report.proofs_checked = self._known.signatures_count, self._known.proofs_count
        report.seconds = seconds
        return report

    def _is_at_rest(self) -> bool:
        left = [index for index in range(len(self._followers)) if index not in self._ended]
        sights = [self._client.sights[index] for index in left]
        lengths = {self._followers[index].length for index in left} | {sight.log_length for sight in sights}
        return len(lengths) <= 1 and len({sight.digest for sight in sights}) <= 1 and all(sight.is_steady for sight in sights)

    async def _read(self, sight: ValidatorSight) -> None:
        """What a validator's log has by now. Whatever is wrong with it is a finding, and the end of its reading."""
        index, one = sight.index, self._report.validators[sight.index]
        if index in self._ended:
            return
        try:
            if not sight.is_up or sight.log_length is None:
                raise PeerFault(ErrorCode.PEER_UNREACHABLE, sight.error or "no answer")
            await self._read_on(sight)
        except LogError as error:
            one.find(f"log entry {error.index:,}", error.text, error.code)
        except ChainDiffersError:
            text = "it does not know the log that it sent: another order, or other certificates"
            one.find(f"log entry {self._followers[index].length:,}", text, ErrorCode.PEER_INVALID)
        except PeerFault as fault:
            one.find(f"log entry {self._followers[index].length:,}" if self._followers[index].length else "", f"cannot be read: {fault.text}", fault.code)
        else:
            return
        self._ended.add(index)

    async def _read_on(self, sight: ValidatorSight) -> None:
        ids = self._ids[sight.index]
        name = f"V{sight.index + 1}"
        await read_on(
            self._client,
            sight.index,
            self._followers[sight.index],
            lambda: sight.log_length or 0,
            lambda checked: ids.append(checked.cert_id),
            lambda done, total: self._tell(name, done, total),
        )
