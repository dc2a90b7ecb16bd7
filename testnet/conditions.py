"""How a line is, and what that does to each datagram. Pure: chance and time are arguments, so that every condition is tested without a socket or a clock.

A datagram first waits until those before it are sent (bandwidth), then travels (delay and jitter), unless it is lost. One that arrives after another was sent
after it: that happens by `reordering` alone. Jitter makes a datagram late, and what was sent after it waits behind it, as in a queue.
"""

import math
import random  # noqa: TID251 - seeded: which datagrams a line loses is no secret, and shall be the same in each run
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault

MAX_DELAY_MS: Final = 10_000
MAX_JITTER_MS: Final = 1_000
LEAST_BANDWIDTH_KBIT_S: Final = 8
MAX_BANDWIDTH_KBIT_S: Final = 100_000_000
PATH_BYTES: Final = 1472
"""UDP payload of an Ethernet frame. A longer datagram, which only loopback carries whole, is lost as its pieces would be: when one of them is."""
HEADER_BYTES: Final = 28
"""IP and UDP headers of each piece, which take their share of a narrow line."""
MOST_JITTER: Final = 10.0
"""Times the mean: an exponential delay has no end, but a queue has."""
QUEUE_S: Final = 0.25
"""What waits for a narrow line, at most, in seconds of its bandwidth. The datagram that finds more than that in front of it is lost (tail drop)."""
HELD_BACK_LEAST_S: Final = 0.001
HELD_BACK_MOST_S: Final = 0.020
"""A datagram that is overtaken comes so much later than its turn, evenly spread."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a line is. All of it holds for each datagram, in each direction: a round trip is delayed twice. Shares are from 0 to 1."""

    is_cut: bool = False
    delay_ms: float = 0.0
    loss: float = 0.0
    """Share of the datagrams that is lost, those of more than `PATH_BYTES` as often as one of their pieces is."""
    jitter_ms: float = 0.0
    """Mean of what comes on top of the delay: exponentially distributed, so that most come nearly at once and a few late, as behind a queue; never earlier."""
    reordering: float = 0.0
    """Share of the datagrams that is held back by 1 to 20 ms while later ones pass."""
    duplication: float = 0.0
    """Share of the datagrams that arrives twice, the second time at once after the first."""
    bandwidth_kbit_s: float = 0.0
    """Kilobits a second in each direction; 0: as many as come."""

    @property
    def is_good(self) -> bool:
        """Whether the line does nothing to anybody."""
        return self == GOOD

    def form(self) -> dict[str, bool | float]:
        """As processes tell each other, and `read_conditions` reads."""
        return {
            "cut": self.is_cut,
            "delay_ms": self.delay_ms,
            "loss": self.loss,
            "jitter_ms": self.jitter_ms,
            "reordering": self.reordering,
            "duplication": self.duplication,
            "bandwidth_kbit_s": self.bandwidth_kbit_s,
        }

    def fate(self, size_bytes: int, chance: random.Random) -> "Fate | None":
        """What happens to one datagram on its way, apart from what is in front of it; None: it is lost. Draws only what the line has."""
        if self.is_cut or (self.loss > 0 and chance.random() < 1 - (1 - self.loss) ** _pieces(size_bytes)):
            return None
        jitter_ms = min(chance.expovariate(1.0), MOST_JITTER) * self.jitter_ms if self.jitter_ms > 0 else 0.0
        held_back_s = chance.uniform(HELD_BACK_LEAST_S, HELD_BACK_MOST_S) if self.reordering > 0 and chance.random() < self.reordering else 0.0
        copies = 2 if self.duplication > 0 and chance.random() < self.duplication else 1
        return Fate((self.delay_ms + jitter_ms) / 1000, held_back_s, copies)

    def sending_s(self, size_bytes: int) -> float:
        """How long the line is busy with a datagram."""
        if self.bandwidth_kbit_s == 0:
            return 0.0
        return (size_bytes + HEADER_BYTES * _pieces(size_bytes)) * 8 / (self.bandwidth_kbit_s * 1000)


@dataclass(frozen=True, slots=True)
class Fate:
    """Of a datagram that arrives: seconds on the way, seconds that later ones may overtake it, and how often it comes."""

    travel_s: float
    held_back_s: float
    copies: int


GOOD: Final = Conditions()
FORM_KEYS: Final = tuple(GOOD.form())


def read_conditions(form: Mapping[str, Any]) -> Conditions:
    """Conditions from what somebody sent or wrote; a key that is left out is good. LocalFault (CONFIG_INVALID) for one that is unknown, or cannot be."""
    for name in form:
        if name not in FORM_KEYS:
            raise _no(f"a line has no {name[:40]!r}; it has {', '.join(FORM_KEYS)}")
    is_cut = form.get("cut", False)
    if not isinstance(is_cut, bool):
        raise _no("a line is cut or not: true or false")
    bandwidth_kbit_s = form.get("bandwidth_kbit_s", 0.0)
    if bandwidth_kbit_s != 0:
        bandwidth_kbit_s = _number(form, "bandwidth_kbit_s", LEAST_BANDWIDTH_KBIT_S, MAX_BANDWIDTH_KBIT_S)
    return Conditions(
        is_cut=is_cut,
        delay_ms=_number(form, "delay_ms", 0, MAX_DELAY_MS),
        loss=_number(form, "loss", 0, 1),
        jitter_ms=_number(form, "jitter_ms", 0, MAX_JITTER_MS),
        reordering=_number(form, "reordering", 0, 1),
        duplication=_number(form, "duplication", 0, 1),
        bandwidth_kbit_s=float(bandwidth_kbit_s),
    )


_WORDS: Final = {
    "delay_ms": "delay is from {least:g} to {most:g} ms",
    "loss": "loss is a share from {least:g} to {most:g}",
    "jitter_ms": "jitter is from {least:g} to {most:g} ms",
    "reordering": "reordering is a share from {least:g} to {most:g}",
    "duplication": "duplication is a share from {least:g} to {most:g}",
    "bandwidth_kbit_s": "bandwidth is 0 for any, or from {least:g} to {most:g} kbit/s",
}


def _number(form: Mapping[str, Any], name: str, least: float, most: float) -> float:
    number = form.get(name, 0.0)
    # A truth value is no number here, although Python thinks so; and nothing is least <= NaN.
    if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
        raise _no(f"a line's {_WORDS[name].format(least=least, most=most)}")
    return float(number)


def _no(text: str) -> LocalFault:
    return LocalFault(ErrorCode.CONFIG_INVALID, text)


class Transmitter:
    """What sends one datagram after the other, and holds a bounded queue. Lines that are one device's only way out share one."""

    def __init__(self) -> None:
        self._free_at = -math.inf

    def sent_at(self, sending_s: float, now: float) -> float | None:
        """When a datagram has left that is given now; None: the queue is full."""
        begins_at = max(now, self._free_at)
        if begins_at - now > QUEUE_S:
            return None
        self._free_at = begins_at + sending_s
        return self._free_at


class Way:
    """One direction of a line: what is in front of the next datagram."""

    def __init__(self, chance: random.Random, transmitter: Transmitter | None = None) -> None:
        """`chance` decides which datagrams are lost, late, overtaken and doubled. `transmitter`: shared with other lines, else one of its own."""
        self._chance = chance
        self._transmitter = Transmitter() if transmitter is None else transmitter
        self._last_due = -math.inf

    def arrivals(self, conditions: Conditions, size_bytes: int, now: float) -> tuple[float, ...]:
        """When a datagram that is sent now arrives: never, once or twice.

        Without reordering never before what was sent earlier, also where the line has become quicker since: nothing overtakes on a wire.
        """
        sending_s = conditions.sending_s(size_bytes)
        sent_at = self._transmitter.sent_at(sending_s, now) if sending_s > 0 else now
        if sent_at is None:
            return ()
        fate = conditions.fate(size_bytes, self._chance)
        if fate is None:
            return ()
        in_turn = max(self._last_due, sent_at + fate.travel_s)
        if fate.held_back_s == 0:
            self._last_due = in_turn
        return (in_turn + fate.held_back_s,) * fate.copies


def _pieces(size_bytes: int) -> int:
    return max(1, -(-size_bytes // PATH_BYTES))
