"""A computer with one processor, which whatever the node does waits for in turn: so load shows in every time that follows.

The product checks proofs in threads beside its event loop. Here they share one processor with everything else, which is the smallest machine that it runs on.
"""

import asyncio

from mesh_core.errors import WireErrorCode
from mesh_core.types.events import CertificateApplied, decode_event_body
from mesh_core.types.messages import Event, Message, SettlementCertificate, SyncResponse, VoteRequest, VoteResponse
from mesh_core.types.transition import Kind
from mesh_core.validator.ports import Session
from testnet.simulation.entropy import Stream
from testnet.simulation.modelled.costs import Costs
from testnet.simulation.modelled.queueing import Queue
from testnet.simulation.network import Handler


class BusyMachine:
    """`processor.busy_seconds` is what it has worked so far."""

    def __init__(self, costs: Costs, quorum: int) -> None:
        self.processor = Queue()
        self.costs = costs
        self._quorum = quorum
        self._verified: set[bytes] = set()

    def work(self, milliseconds: float) -> float:
        """Seconds until work that begins when it is its turn is done."""
        now = asyncio.get_running_loop().time()
        return self.processor.take(milliseconds / 1000, now) - now

    # --- As a `Machine`

    def times(self, draw: Stream) -> "BusyMachine":
        """All take their turns at one processor; nothing is drawn."""
        return self

    def sending(self, message: Message) -> float:
        """Frame, seal, send; a vote is signed."""
        return self.work(self.costs.transport_ms(_size(message)) + (self.costs.sign_ms if isinstance(message, VoteResponse) else 0.0))

    def receiving(self, message: Message) -> float:
        """Take in, decode, and verify what is signed."""
        return self.work(self.costs.transport_ms(_size(message)) + self._looking_ms(message))

    def serve(self, handler: Handler) -> "BusyServer":
        """Requests wait for the processor, and so do answers."""
        return BusyServer(self, handler)

    # --- As `Times`

    def prove(self, kind: Kind) -> float:
        """The proof of a SEND."""
        return self.work(self.costs.prove_ms if kind is Kind.SEND else 0.0)

    def check_draft(self, kind: Kind) -> float:
        """The proof is by far the dearest of it."""
        return self.work(self.costs.check_proof_ms if kind is Kind.SEND else 0.0)

    def check_proof(self) -> float:
        """One, as if no other waited: a batch would be cheaper."""
        return self.work(self.costs.check_proof_ms)

    def check_signatures(self, certificates_count: int) -> float:
        """Of certificates that a peer's log has brought, and their application behind it."""
        return self.work(certificates_count * self.costs.certificate_ms(self._quorum))

    def _looking_ms(self, message: Message) -> float:
        match message:
            case VoteRequest(_, certificates, _):
                return self.costs.signature_ms + sum(self._certificate_ms(data) for data in certificates)
            case SettlementCertificate(_, data):
                return self._certificate_ms(data)
            case VoteResponse():
                return self.costs.signature_ms
            case SyncResponse():
                return len(message.items) * self.costs.decode(self._quorum)
            case Event():
                body = decode_event_body(message.kind, message.body)
                return self._certificate_ms(body.cert_id) if isinstance(body, CertificateApplied) else 0.0
            case _:
                return 0.0

    def _certificate_ms(self, data: bytes) -> float:
        """What was verified once is only decoded. `data` is whatever it is known again by."""
        if data in self._verified:
            return self.costs.decode(self._quorum)
        self._verified.add(data)
        return self.costs.certificate_ms(self._quorum)


class BusyServer:
    """Stands before a handler: what arrives is handed on when the processor has come to it."""

    def __init__(self, machine: BusyMachine, handler: Handler) -> None:
        self._machine = machine
        self._handler = handler
        self._sessions: dict[Session, _BusySession] = {}

    def on_open(self, session: Session) -> None:
        """Somebody has connected."""
        busy = self._sessions[session] = _BusySession(self._machine, session)
        self._handler.on_open(busy)

    def handle(self, session: Session, message: Message) -> None:
        """A request has arrived."""
        asyncio.get_running_loop().call_later(self._machine.receiving(message), self._hand_on, session, message)

    def on_close(self, session: Session, reason: str) -> None:
        """The connection is over."""
        self._handler.on_close(self._sessions.pop(session), reason)

    def pong(self) -> tuple[int, bytes, int]:
        """Of the handler."""
        return self._handler.pong()

    def _hand_on(self, session: Session, message: Message) -> None:
        if session in self._sessions:
            self._handler.handle(self._sessions[session], message)


class _BusySession:
    """A session whose answers wait for the processor."""

    def __init__(self, machine: BusyMachine, session: Session) -> None:
        self._machine = machine
        self._session = session

    @property
    def source(self) -> str:
        return self._session.source

    @property
    def queued_bytes(self) -> int:
        return self._session.queued_bytes

    def send(self, message: Message) -> None:
        asyncio.get_running_loop().call_later(self._machine.sending(message), self._session.send, message)

    def close(self, code: WireErrorCode, text: str) -> None:
        self._session.close(code, text)


def _size(message: Message) -> int:
    """About how many bytes a message has: those of what makes one long."""
    match message:
        case VoteRequest(_, certificates, transition):
            return len(transition) + sum(map(len, certificates))
        case SettlementCertificate(_, data):
            return len(data)
        case SyncResponse():
            return sum(len(item.certificate) for item in message.items)
        case Event():
            return len(message.body)
        case _:
            return 0
