"""What the network between two nodes does to messages: delay, loss, duplication, reordering, partitions."""

from dataclasses import dataclass, field

from testnet.simulation.entropy import Stream


@dataclass(frozen=True, slots=True)
class PathQuality:
    """One direction of one path. Delays in virtual seconds; the others are probabilities for each message."""

    delay_least: float
    delay_most: float
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    corruption: float = 0.0


@dataclass(slots=True)
class Path:
    """One direction between two nodes."""

    quality: PathQuality
    draw: Stream
    is_cut: bool = False
    slow_factor: float = 1.0
    _last_arrival: float = field(default=0.0)

    def delay(self) -> float:
        """How long the next message takes."""
        return self.draw.between(self.quality.delay_least, self.quality.delay_most) * self.slow_factor

    def arrival(self, now: float, size_bytes: int) -> float:
        """When a message that leaves now arrives, whatever its size. In order, unless this one is overtaken."""
        at = now + self.delay()
        if self.draw.chance(self.quality.reordering):
            return at + self.draw.between(0.0, 4.0) * self.quality.delay_most
        self._last_arrival = max(self._last_arrival, at)
        return self._last_arrival


class Paths:
    """All directions between all nodes, made when they are first used."""

    def __init__(self, draw: Stream, usual: PathQuality) -> None:
        self._draw = draw
        self._usual = usual
        self._paths: dict[tuple[str, str], Path] = {}

    def path(self, sender: str, receiver: str) -> Path:
        """The direction from one node to another."""
        key = sender, receiver
        if key not in self._paths:
            self._paths[key] = self._make(sender, receiver)
        return self._paths[key]

    def _make(self, sender: str, receiver: str) -> Path:
        return Path(self._usual, self._draw.fork(f"{sender}>{receiver}"))

    def cut(self, sender: str, receiver: str) -> None:
        """Nothing gets through in this direction."""
        self.path(sender, receiver).is_cut = True

    def mend(self, sender: str, receiver: str) -> None:
        """Messages get through again."""
        self.path(sender, receiver).is_cut = False

    def heal(self, quality: PathQuality) -> None:
        """All paths work, from now on with this quality."""
        self._usual = quality
        for path in self._paths.values():
            path.is_cut = False
            path.slow_factor = 1.0
            path.quality = quality
