"""What a running validator asks of its surroundings: a disk, a clock, checks of range proofs, connections, and the other validators.

The process hands in the real ones (`process.py`); whoever wants to decide about time, losses and crashes hands in others. Every decision about time is made by
the event loop's clock; `Clock` only stamps what people read.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from mesh_core.errors import WireErrorCode
from mesh_core.protocol.effects import Record, VerifyProof, VerifySignatures
from mesh_core.protocol.vote_journal import JournalContents
from mesh_core.types.messages import Evidence, Message, Pong, SyncRequest, SyncResponse

Verdict = Callable[[VerifyProof, bool, float], None]
"""Called in the event loop with the job, whether the proof holds, and the seconds that its batch took."""

SignatureVerdict = Callable[[VerifySignatures, Sequence[bool], float], None]
"""Called in the event loop with the job, for each of its certificates whether all its signatures hold, and the seconds that it took."""


class Clock(Protocol):
    """Stamps for lines, events and measurements. No decision depends on it."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of a clock that all processes of the machine share and that only goes forward."""
        ...

    def time_ms(self) -> int:
        """Milliseconds since 1970."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of the machine's monotonic clock."""
        return time.monotonic_ns()

    def time_ms(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class CommitTimes(Protocol):
    """What a store tells of its commits."""

    @property
    def last_seconds(self) -> float:
        """How long the last commit took, the fsync included."""
        ...


class Store(Protocol):
    """The durable state of one validator. `storage.validator_store.ValidatorStore` is the real one."""

    @property
    def journal(self) -> JournalContents:
        """The vote journal as it was found at the start."""
        ...

    @property
    def statistics(self) -> CommitTimes:
        """Times of the commits so far."""
        ...

    def get(self, key: str) -> bytes | None:
        """The value of one key, queued batches included."""
        ...

    def records(self, prefix: str = "") -> Iterator[Record]:
        """Every durable record whose key starts with `prefix`, in the order of the keys."""
        ...

    def persist(self, records: Sequence[Record], journal: Sequence[bytes] = ()) -> asyncio.Future[None]:
        """Queue one batch and the journal entries that belong to it; the future resolves when all of it is durable."""
        ...

    def compact_journal(self, entries: Sequence[bytes]) -> None:
        """Make the journal hold these entries and no others, durably, or leave it as it was. Blocking: for the start, while nothing is queued."""
        ...

    async def close(self) -> None:
        """Make everything queued durable and close the files."""
        ...


class Output(Protocol):
    """Takes JSON lines."""

    def write(self, event: Any) -> None:
        """Queue one event (a dataclass with an `EVENT` name). Returns at once."""
        ...


class ProofChecker(Protocol):
    """Checks range proofs while the event loop goes on."""

    @property
    def waiting_count(self) -> int:
        """Proofs that have no verdict so far."""
        ...

    def submit(self, job: VerifyProof, verdict: Verdict) -> None:
        """Check one proof; `verdict` is called later, once, from the event loop."""
        ...

    def close(self) -> None:
        """Stop; what has no verdict by now gets none."""
        ...


class SignatureChecker(Protocol):
    """Checks signatures of certificates while the event loop goes on."""

    def submit(self, job: VerifySignatures, verdict: SignatureVerdict) -> None:
        """Check the signatures of some certificates; `verdict` is called later, once, from the event loop."""
        ...

    def close(self) -> None:
        """Stop; what has no verdict by now gets none."""
        ...


class Session(Protocol):
    """A connection whose peer has proven its identity. `network.server.Session` is the real one."""

    @property
    def source(self) -> str:
        """The address by which limits are counted: whoever opens ten connections has ten sessions and one source."""
        ...

    @property
    def queued_bytes(self) -> int:
        """Bytes sent that the peer has not acknowledged."""
        ...

    def send(self, message: Message) -> None:
        """Queue an answer or an event. Without effect on a connection that has ended."""
        ...

    def close(self, code: WireErrorCode, text: str) -> None:
        """Tell the peer why, and close."""
        ...


class PeerListener(Protocol):
    """What is told of the ways to the other validators. All calls come from the event loop."""

    def on_up(self, peer: int) -> None:
        """The validator with this index is reached."""

    def on_down(self, peer: int, detail: str) -> None:
        """It is not reached any more, or the first attempt to reach it has failed."""

    def on_pong(self, peer: int, pong: Pong) -> None:
        """It told how far it is."""


class PeerNetwork(Protocol):
    """The ways to the other validators, by their index in the committee. `validator.peers.Peers` is the real one."""

    @property
    def indices(self) -> tuple[int, ...]:
        """Every validator that is configured as a peer, in ascending order."""
        ...

    def start(self, listener: PeerListener) -> None:
        """Begin to connect to all of them, and tell `listener`."""
        ...

    def up(self) -> tuple[int, ...]:
        """Those that are reached now, in ascending order."""
        ...

    def round_trip_ms(self, peer: int) -> float | None:
        """The last measured round trip to a validator that is reached."""
        ...

    async def request(self, peer: int, message: SyncRequest, timeout_s: float) -> SyncResponse:
        """Ask for certificates. PeerFault when there is no answer in time, or no way."""
        ...

    def broadcast(self, message: Evidence) -> None:
        """Tell every validator that is reached now. Nobody answers."""
        ...

    def close(self) -> None:
        """Close all ways at once."""
        ...


class PeerPort(Protocol):
    """What the runner needs of the other validators to perform effects. `syncing.PeerSync` is the real one."""

    def broadcast(self, message: Evidence) -> None:
        """Tell every validator that is reached now."""
        ...

    def ask(self, peer: int, message: SyncRequest) -> None:
        """Ask one validator; its answer, or its silence, goes to whoever the question came from."""
        ...

    def on_signatures_checked(self, job: VerifySignatures, valid: Sequence[bool]) -> None:
        """The verdict on certificates of a peer."""
        ...
