"""The event stream, and faults that a person must be told of."""

from dataclasses import dataclass
from typing import Final

from mesh_app.spans import Tone

MAX_ENTRIES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that could not be done, in words for the person who made it. `wallet` is None where it was about none."""

    text: str
    wallet: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the event stream. `number` counts all lines of the run; `payment` is the key of the payment that it belongs to."""

    number: int
    t_ns: int
    source: str
    source_tone: Tone
    kind: str
    text: str
    tone: Tone
    payment: int | None
