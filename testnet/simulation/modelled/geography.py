"""Ways between nodes that stand in a profile's cities: delay, jitter and bandwidth, and loss as QUIC makes it felt, as time.

A message is as many packets as it is long, and arrives with the last of them. A packet that is lost is sent again after a probe timeout (RFC 9002, 6.2.1),
which doubles each time. Congestion control is not modelled.
"""

import random  # noqa: TID251 - seeded: which packets a line loses is no secret, and shall be the same in each run
from collections import defaultdict
from dataclasses import replace

from typing_extensions import override

from testnet.conditions import Conditions
from testnet.lines import WALLETS, Line
from testnet.profiles import Profile
from testnet.simulation.entropy import Stream
from testnet.simulation.modelled.costs import PACKET_BYTES
from testnet.simulation.modelled.queueing import Queue
from testnet.simulation.paths import Path, PathQuality, Paths
from testnet.simulation.ways import validator_name

MAX_ACK_DELAY_S = 0.025
"""RFC 9000, 18.2: its default."""
VARIATIONS = 4
GRANULARITY_S = 0.001
SENT_MOST = 16
"""A packet arrives when it is sent for this time, at the latest: a line that loses everything would hang the model."""


class ModelledPath(Path):
    """One direction between two nodes. `narrow` are the queues at its ends that it shares with others."""

    def __init__(self, conditions: Conditions, round_trip_s: float, draw: Stream, narrow: tuple[tuple[Queue, float], ...]) -> None:
        super().__init__(PathQuality(conditions.delay_ms / 1000, (conditions.delay_ms + conditions.jitter_ms) / 1000), draw)
        self._conditions = conditions
        self._probe_s = round_trip_s + max(VARIATIONS * conditions.jitter_ms / 1000, GRANULARITY_S) + MAX_ACK_DELAY_S
        self._chance = random.Random(draw.whole(0, 2**64 - 1))  # noqa: S311
        self._narrow = narrow
        self._own = Queue()
        self._last = 0.0

    @override
    def arrival(self, now: float, size_bytes: int) -> float:
        """With the last of its packets, and not before what was sent earlier: a stream keeps its order."""
        packets = [PACKET_BYTES] * (size_bytes // PACKET_BYTES) + [size_bytes % PACKET_BYTES]
        self._last = max(self._last, *(self._packet(now, size) for size in packets))
        return self._last

    def _packet(self, now: float, size_bytes: int) -> float:
        probe_s = self._probe_s
        for _ in range(SENT_MOST):
            left_at = self._leave(now, size_bytes)
            fate = self._conditions.fate(size_bytes, self._chance)
            if fate is not None:
                return left_at + fate.travel_s + fate.held_back_s
            now, probe_s = now + probe_s, 2 * probe_s
        return now

    def _leave(self, now: float, size_bytes: int) -> float:
        """When it has got through what is narrow: one after the other, since each forwards whole packets."""
        at = self._own.take(self._conditions.sending_s(size_bytes), now)
        for queue, bytes_per_s in self._narrow:
            at = queue.take(size_bytes / bytes_per_s, at)
        return at


class Geography(Paths):
    """All ways of a network of so many validators in a profile's cities. A wallet's own bandwidth is shared by all its lines, in each direction."""

    def __init__(self, draw: Stream, profile: Profile, validators_count: int) -> None:
        super().__init__(draw, PathQuality(0.0, 0.0))
        self._profile = profile
        self._ends = {validator_name(index): index for index in range(validators_count)}
        self._shared: defaultdict[tuple[str, str], Queue] = defaultdict(Queue)

    @override
    def _make(self, sender: str, receiver: str) -> Path:
        one, other = self._end(sender), self._end(receiver)
        line = Line(min(one, other), max(one, other))
        kbit_s = self._profile.wallet_line.bandwidth_kbit_s
        ends = [(name, way) for name, way in ((sender, "up"), (receiver, "down")) if kbit_s and self._end(name) == WALLETS]
        narrow = tuple((self._shared[end], kbit_s * 1000 / 8) for end in ends)
        round_trip_s = self._profile.round_trip_ms(one, other) / 1000
        conditions = replace(self._profile.conditions(line), bandwidth_kbit_s=self._profile.line.bandwidth_kbit_s)
        return ModelledPath(conditions, round_trip_s, self._draw.fork(f"{sender}>{receiver}"), narrow)

    def _end(self, name: str) -> int:
        return self._ends.get(name, WALLETS)
