"""What one seed is made of. Each seed switches on a random part of the faults, with random rates: all at once would hide one behind the other."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from testnet.simulation.disk import DiskTimes
from testnet.simulation.entropy import Stream
from testnet.simulation.paths import PathQuality

MESSAGE_FAULTS = ("loss", "duplication", "reordering", "corruption")
SCHEDULED_FAULTS = (
    "reset",
    "slow",
    "one-way",
    "partition",
    "validator-crash",
    "validator-pause",
    "wallet-crash",
    "wallet-pause",
    "wallet-restored",
    "clock-jump",
    "sync-error",
    "disk-full",
    "database-restored",
)
"""Faults that happen now and then; the number is the mean time between two of them."""

BYZANTINE_CHANCE = 0.5
"""That some misbehave: one at least, at most as many as the committee bears."""
CLIENTS = ("equivocator", "rule-breaker", "splitter", "forger", "replayer", "poisoner", "double-claimer", "flooder")
"""Clients with an account each that do not keep to the protocol."""
CLIENT_CHANCE = 0.35

LASTING_FAULTS = ("none", "none", "folder-restored", "disk-lost", "journal-lost", "database-lost")
"""What befalls one validator's disk, once. With all but the last it counts among f, or votes no more."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in virtual seconds. `every` gives the mean time between two faults of a kind; a kind that is missing does not happen."""

    wallets_count: int
    payments_count: int
    payment_interval: float
    fault_seconds: float
    heal_seconds: float
    quality: PathQuality
    disk: DiskTimes
    proof_seconds: float
    every: dict[str, float]
    lasting: str
    byzantine_count: int
    clients: tuple[str, ...]

    def as_fields(self) -> dict[str, Any]:
        """For the header of a trace."""
        return asdict(self)


def draw_settings(draw: Stream, faults_tolerated: int, byzantine: int | None = None) -> Settings:
    """The settings of one seed in a committee that bears `faults_tolerated`. `byzantine` validators misbehave, if that is not left to the seed."""
    chosen = math.ceil(max(0.0, 1.0 - draw.unit() / BYZANTINE_CHANCE) * faults_tolerated)
    byzantine_count = chosen if byzantine is None else byzantine
    lasting = draw.choice(LASTING_FAULTS)
    least = draw.choice((0.0003, 0.002, 0.02))
    message = {name: draw.between(0.005, 0.08) if draw.chance(0.4) else 0.0 for name in MESSAGE_FAULTS}
    quality = PathQuality(least, least * draw.between(1.5, 6.0), **message)
    every = {name: draw.between(1.5, 8.0) for name in SCHEDULED_FAULTS if draw.chance(0.4)}
    sync = draw.choice((0.0002, 0.002, 0.008))
    return Settings(
        wallets_count=6,
        payments_count=20,
        payment_interval=draw.between(0.15, 0.6),
        fault_seconds=draw.between(10.0, 20.0),
        heal_seconds=90.0,
        quality=quality,
        disk=DiskTimes(sync, sync * draw.between(1.5, 5.0)),
        proof_seconds=draw.between(0.003, 0.05),
        every=every,
        lasting=lasting if byzantine_count < faults_tolerated else "none",
        byzantine_count=byzantine_count,
        clients=tuple(name for name in CLIENTS if draw.chance(CLIENT_CHANCE) or (name == "equivocator" and byzantine_count > faults_tolerated)),
    )


def calm_settings() -> Settings:
    """No faults at all: where a simulation is itself looked at."""
    return Settings(
        wallets_count=2,
        payments_count=6,
        payment_interval=0.2,
        fault_seconds=2.0,
        heal_seconds=30.0,
        quality=PathQuality(0.001, 0.004),
        disk=DiskTimes(0.002, 0.004),
        proof_seconds=0.005,
        every={},
        lasting="none",
        byzantine_count=0,
        clients=(),
    )
