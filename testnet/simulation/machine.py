"""What a simulated node runs on: how long its work takes, in virtual time."""

from typing import Protocol

from mesh_core.types.messages import Message
from mesh_core.types.transition import Kind
from testnet.simulation.entropy import Stream
from testnet.simulation.network import Handler

PROOF_LEAST_S = 0.0005
CHECK_LEAST_S = 0.0001


class Times(Protocol):
    """How long what a node hands away takes, from now: for one life, or one worker of it."""

    def prove(self, kind: Kind) -> float:
        """A transition of this kind is proved: a RECEIVE has nothing to prove."""
        ...

    def check_draft(self, kind: Kind) -> float:
        """A wallet checks what it is about to sign."""
        ...

    def check_proof(self) -> float:
        """A validator checks a range proof."""
        ...

    def check_signatures(self, certificates_count: int) -> float:
        """A validator checks the signatures of so many certificates."""
        ...


class Machine(Protocol):
    """One node's computer, over all its lives."""

    def times(self, draw: Stream) -> Times:
        """For whatever takes its times from this stream."""
        ...

    def sending(self, message: Message) -> float:
        """Seconds until a message that is to be sent now leaves."""
        ...

    def receiving(self, message: Message) -> float:
        """Seconds until a message that has arrived is dealt with."""
        ...

    def serve(self, handler: Handler) -> Handler:
        """What stands between the network and a validator."""
        ...


class DrawnTimes:
    """Any time up to a limit: for finding what hangs on order."""

    def __init__(self, draw: Stream, most_seconds: float) -> None:
        self._draw = draw
        self._most_seconds = most_seconds

    def prove(self, kind: Kind) -> float:
        """Drawn, also for nothing."""
        return self._draw.between(PROOF_LEAST_S, self._most_seconds)

    def check_draft(self, kind: Kind) -> float:
        """Drawn."""
        return self._draw.between(CHECK_LEAST_S, self._most_seconds)

    def check_proof(self) -> float:
        """Drawn."""
        return self._draw.between(PROOF_LEAST_S, self._most_seconds)

    def check_signatures(self, certificates_count: int) -> float:
        """Drawn, however many they are."""
        return self._draw.between(CHECK_LEAST_S, self._most_seconds)


class DrawnMachine:
    """What is handed away takes a drawn time, and everything else none."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds

    def times(self, draw: Stream) -> Times:
        """Drawn from this stream."""
        return DrawnTimes(draw, self._most_seconds)

    def sending(self, message: Message) -> float:
        """At once."""
        return 0.0

    def receiving(self, message: Message) -> float:
        """At once."""
        return 0.0

    def serve(self, handler: Handler) -> Handler:
        """Nothing stands in between."""
        return handler
