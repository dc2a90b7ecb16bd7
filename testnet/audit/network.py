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
from mesh_core.types.messages import PongFlag
from mesh_core.wallet.network import Network
from testnet.audit.comparing import compare_logs
from testnet.audit.follower import Known, LogError, LogFollower
from testnet.audit.reading import read_on, require_answer, until_seen
from testnet.audit.report import SHOWN_DIGITS, AuditedValidator, AuditReport
from testnet.observer.client import ObserverClient, Sights, ValidatorSight
from testnet.observer.log import ChainDiffersError

REST_S: Final = 15.0
"""How long a network that goes on is followed behind the first reading."""
LOOK_S: Final = 0.1
KEPT_ACCOUNTS: Final = 100_000
"""In the genesis. Ledgers of more are not held for all validators at once: each takes half a kilobyte an account."""

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


async def audit_sights(genesis: Genesis, client: Sights, tell: Tell, *, rest_s: float = REST_S, kept_accounts: int = KEPT_ACCOUNTS) -> AuditReport:
    """Audit validators that were looked at. Ledgers of more accounts than `kept_accounts` are held one at a time, and such a network is not read on."""
    started = time.monotonic()
    audit = _Audit(genesis, client, tell, keeps=len(genesis.doc.allocations) <= kept_accounts)
    await audit.read_all()
    await audit.follow_until_rest(rest_s)
    return audit.report_after(time.monotonic() - started)


class _Audit:
    """The logs as far as they were read. Whatever takes as long as a ledger is large is done in a thread: the connections stay alive."""

    def __init__(self, genesis: Genesis, client: Sights, tell: Tell, *, keeps: bool) -> None:
        self._genesis = genesis
        self._client = client
        self._tell = tell
        self._keeps = keeps
        self._known = Known()
        size = genesis.committee.size
        self._followers: dict[int, LogFollower] = {}
        self._ids: list[list[Hash32]] = [[] for _ in range(size)]
        self._report = AuditReport(genesis, f"{size} validators asked", [AuditedValidator(index) for index in range(size)])
        self._ended: set[int] = set()
        """Validators of which nothing more is read: their logs are wrong, or they do not answer."""

    async def read_all(self) -> None:
        """Read each log once, one after the other: certificates that two of them share are checked once, and the second log takes a fraction of the time."""
        for sight in self._client.sights:
            if sight.index not in self._ended:
                await self._read(sight, self._report.validators[sight.index])

    async def follow_until_rest(self, patience_s: float) -> None:
        """Read on until all that can be read have one length and say so twice."""
        deadline = time.monotonic() + patience_s
        while self._keeps and time.monotonic() < deadline and not self._is_at_rest():
            await asyncio.sleep(LOOK_S)
            await self.read_all()

    def report_after(self, seconds: float) -> AuditReport:
        """What was found."""
        report = self._report
        for one, sight in zip(report.validators, self._client.sights, strict=True):
            one.said_length, one.said_digest = sight.log_length, sight.digest
            if one.index in self._ended:
                continue
            if sight.flags & PongFlag.HALTED:
                one.find("", "is halted: it has seen two certificates that conflict, and votes no more")
            if sight.log_length != one.length or not sight.is_steady:
                one.find("", f"its log goes on: {sight.log_length} certificates by now, {one.length} read; audit it again when the network is at rest")
            elif sight.digest != one.digest:
                said = "nothing" if sight.digest is None else sight.digest.hex()[:SHOWN_DIGITS]
                one.find("", f"says that the digest of its {one.length} certificates is {said}, and they amount to another", ErrorCode.PEER_INVALID)
        compare_logs(report, self._ids)
        report.certificates_checked = sum(len(log) for log in self._ids)
        report.signatures_checked, report.proofs_checked = self._known.signatures_count, self._known.proofs_count
        report.seconds = seconds
        return report

    def _is_at_rest(self) -> bool:
        left = [sight for sight in self._client.sights if sight.index not in self._ended]
        lengths = {self._report.validators[sight.index].length for sight in left} | {sight.log_length for sight in left}
        return len(lengths) <= 1 and all(sight.is_steady for sight in left)

    async def _read(self, sight: ValidatorSight, one: AuditedValidator) -> None:
        """What a validator's log has by now. Whatever is wrong with it is a finding, and the end of its reading."""
        follower = self._followers.get(one.index)
        if follower is None:
            follower = await asyncio.to_thread(LogFollower, self._genesis, self._known)
        if self._keeps:
            self._followers[one.index] = follower
        begun, rivals = follower.length, len(follower.rivals)
        try:
            if not sight.is_up or sight.log_length is None:
                raise PeerFault(ErrorCode.PEER_UNREACHABLE, sight.error or "no answer")
            try:
                await self._read_on(sight, follower)
            finally:
                one.note_rivals(follower.rivals[rivals:])
        except (LogError, ChainDiffersError, PeerFault) as error:
            self._ended.add(one.index)
            self._followers.pop(one.index, None)
            one.length, one.digest = follower.length, None
            _tell_end(one, error)
            return
        if one.digest is None or follower.length > begun:
            await asyncio.to_thread(one.note_state, follower.ledger)

    async def _read_on(self, sight: ValidatorSight, follower: LogFollower) -> None:
        ids = self._ids[sight.index]
        await read_on(
            self._client,
            sight.index,
            follower,
            lambda: sight.log_length or 0,
            lambda checked: ids.append(checked.cert_id),
            lambda done, total: self._tell(f"V{sight.index + 1}", done, total),
        )


def _tell_end(one: AuditedValidator, error: LogError | ChainDiffersError | PeerFault) -> None:
    where = f"log entry {one.length:,}"
    match error:
        case LogError():
            one.find(f"log entry {error.index:,}", error.text, error.code)
        case ChainDiffersError():
            one.find(where, "it does not know the log that it sent: another order, or other certificates", ErrorCode.PEER_INVALID)
        case _:
            one.find(where if one.length else "", f"cannot be read: {error.text.removeprefix(f'{one.name}: ')}", error.code)
