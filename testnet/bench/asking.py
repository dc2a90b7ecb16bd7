"""Whoever asks one validator for votes and hands in certificates, one after the other, and takes the time of each."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault, PeerFault
from mesh_core.network.client import Connection, LocalIdentity, connect
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import AckStatus, CertAck, Role, SettlementCertificate, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, Transition
from mesh_core.wallet.network import load_network
from testnet.bench.history import certify
from testnet.bench.running import median_of
from testnet.bench.scene import Scene
from testnet.routed_service import Address
from testnet.traffic.latencies import percentile

ANSWER_S: Final = 60.0


class Asker:
    """One connection to one validator of a scene."""

    def __init__(self, scene: Scene, connection: Connection) -> None:
        self._scene = scene
        self._connection = connection

    async def vote(self, payment: Transition) -> float:
        """Milliseconds from a vote request to the vote. LocalFault (INTERNAL) for any other answer."""
        data = TRANSITION.encode(payment)
        started = time.perf_counter()
        answer = await self._connection.request(VoteRequest(0, (), data), ANSWER_S)
        spent_ms = (time.perf_counter() - started) * 1000
        if not isinstance(answer, VoteResponse):
            raise LocalFault(ErrorCode.INTERNAL, f"a vote was asked for, and the answer was {answer}")
        return spent_ms

    async def settle(self, payment: Transition) -> float:
        """Milliseconds from a certificate to its acknowledgement. LocalFault (INTERNAL) where it is not applied."""
        data = CERTIFICATE.encode(certify(self._scene, payment))
        started = time.perf_counter()
        answer = await self._connection.request(SettlementCertificate(0, data), ANSWER_S)
        spent_ms = (time.perf_counter() - started) * 1000
        if not isinstance(answer, CertAck) or answer.status is not AckStatus.APPLIED:
            raise LocalFault(ErrorCode.INTERNAL, f"a certificate was handed in, and the answer was {answer}")
        return spent_ms


@asynccontextmanager
async def asking(scene: Scene, index: int, relay: Address | None = None) -> AsyncIterator[Asker]:
    """A connection to a validator that runs, through a relay where one is named. LocalFault (NO_QUORUM) where it cannot be had, or breaks."""
    address = load_network(scene.folder.network_file).validators[index]
    if relay is not None:
        address = replace(address, host=relay[0], port=relay[1])
    identity = LocalIdentity(Role.WALLET)
    try:
        connection = await connect(address, identity, scene.genesis.network_id, connect_timeout_s=ANSWER_S, handshake_timeout_s=ANSWER_S)
        try:
            yield Asker(scene, connection)
        finally:
            connection.close()
            await connection.wait_closed()
            await asyncio.sleep(0)
    except PeerFault as fault:
        raise LocalFault(ErrorCode.NO_QUORUM, f"{fault.text}: the validator that is measured answers no more") from fault


@dataclass(slots=True)
class Times:
    """Durations in milliseconds."""

    all_ms: list[float] = field(default_factory=list)

    def add(self, ms: float) -> None:
        """One more."""
        self.all_ms.append(ms)

    def figures(self) -> dict[str, float]:
        """count, median, p90, p99, the longest."""
        return summary(self.all_ms)


def summary(times: Sequence[float]) -> dict[str, float]:
    """count, median, p90, p99 and the longest; zeros of none."""
    ordered = sorted(times)
    if not ordered:
        return dict.fromkeys(("count", "median_ms", "p90_ms", "p99_ms", "max_ms"), 0.0)
    percentiles = {f"p{part}_ms": round(percentile(ordered, part), 3) for part in (90, 99)}
    return {"count": len(ordered), "median_ms": round(median_of(ordered), 3), **percentiles, "max_ms": round(ordered[-1], 3)}
