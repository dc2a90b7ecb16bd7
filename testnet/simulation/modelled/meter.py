"""What is counted while payments go on: bytes and messages by what they are for, and the times that wallets tell."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from mesh_core.types.messages import Event, Evidence, Message, Ping, Pong, Subscribe, SyncRequest, SyncResponse
from mesh_core.wallet.events import CertificateMade, PaymentStarted, PaymentState
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.network import Sent
from testnet.simulation.world import World

REQUESTS, EVENTS, LOGS, PINGS = "requests", "events", "logs", "pings"
"""Wallets' requests with their answers; announcements to wallets; what validators read of each other's logs; their pings."""
KINDS: Final = (REQUESTS, EVENTS, LOGS, PINGS)
FRAME_HEADER_BYTES: Final = 5
"""Length and type."""


@dataclass(slots=True)
class PaymentTimes:
    """One SEND, in virtual seconds: when it was ordered, when its certificate was durable, when q validators had applied it."""

    ordered: float
    certified: float | None = None
    settled: float | None = None


class Meter(Checker):
    """Counts from `start` on. `payments` are by the number that wallets give them."""

    name = "meter"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.bytes: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.payments: dict[int, PaymentTimes] = {}
        self._is_counting = False
        world.line_watchers.append(self._on_line)

    def start(self) -> None:
        """What comes from now on counts."""
        self._is_counting = True

    def is_done(self, payments_count: int) -> bool:
        """Whether so many payments are settled."""
        return sum(times.settled is not None for times in self.payments.values()) >= payments_count

    @override
    def on_sent(self, sent: Sent) -> None:
        if self._is_counting:
            kind = _kind(sent.message)
            self.bytes[kind] += FRAME_HEADER_BYTES + len(sent.data)
            self.messages[kind] += 1

    def _on_line(self, name: str, line: Any) -> None:
        match line:
            case PaymentStarted(kind="send"):
                self.payments[line.payment] = PaymentTimes(line.t_ns / 1e9)
            case CertificateMade() if line.payment in self.payments:
                self.payments[line.payment].certified = line.t_ns / 1e9
            case PaymentState(state="settled") if line.payment in self.payments:
                self.payments[line.payment].settled = line.t_ns / 1e9
            case _:
                pass


def _kind(message: Message) -> str:
    match message:
        case Ping() | Pong():
            return PINGS
        case Event() | Subscribe():
            return EVENTS
        case SyncRequest() | SyncResponse() | Evidence():
            return LOGS
        case _:
            return REQUESTS
