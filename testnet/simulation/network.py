"""Connections between simulated nodes, message by message.

Every message is really encoded and decoded. Connections break as those of the product do: a node that dies gives no sign, its peers notice later; a validator
that is spoken to wrongly closes with a reason. What is corrupted on the way does not arrive on its connection (the transport is authenticated): it is offered
by a stranger, who has heard it and changed it, and must be refused.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from mesh_core.errors import DecodeError, ErrorCode, PeerFault, WireErrorCode
from mesh_core.network.connection import BulkRequest, Tier1Request
from mesh_core.types.basic import PublicKey
from mesh_core.types.certificate import Vote
from mesh_core.types.events import EventBody, VoteCast, decode_event_body
from mesh_core.types.messages import MAX_FRAME_BYTES, Event, Message, Ping, Pong, Role, VoteResponse, decode_message, encode_message
from mesh_core.validator.ports import Session
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.paths import Path, Paths
from testnet.simulation.trace import Trace

CONNECT_TIMEOUT_S = 1.0
NOTICE_LEAST_S, NOTICE_MOST_S = 0.05, 3.0
"""How long it takes to notice that the other end is gone."""


class Handler(Protocol):
    """A listening validator, or whatever pretends to be one."""

    def on_open(self, session: Session) -> None:
        """Somebody has connected."""

    def handle(self, session: Session, message: Message) -> None:
        """A request has arrived."""

    def on_close(self, session: Session, reason: str) -> None:
        """The connection is over."""

    def pong(self) -> tuple[int, bytes, int]:
        """Log length, digest and flags."""
        ...


@dataclass(slots=True)
class Listener:
    """A life that accepts connections."""

    life: Life
    handler: Handler

    def is_there(self) -> bool:
        """Whether its life goes on."""
        return not self.life.is_over


class Way(Enum):
    """A direction on a connection."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(slots=True, eq=False)
class Connection:
    """Both ends of one connection. `client_received` and `client_closed` are the client's; the server's end is a `ServerSession`."""

    client: Life
    server: Listener
    client_received: Callable[[Message], None]
    client_closed: Callable[[str], None]
    role: Role
    identity: PublicKey
    is_open: bool = True
    session: "ServerSession" = field(init=False)


@dataclass(slots=True, eq=False)
class ServerSession:
    """The server's end, as `validator.ports.Session`."""

    network: "Network"
    connection: Connection

    @property
    def source(self) -> str:
        """The client's node."""
        return self.connection.client.name

    @property
    def identity(self) -> PublicKey:
        """Key that the client has proven to have."""
        return self.connection.identity

    @property
    def role(self) -> Role:
        """What the client is."""
        return self.connection.role

    @property
    def queued_bytes(self) -> int:
        """Messages are on their way at once."""
        return 0

    def send(self, message: Message) -> None:
        """Answer."""
        self.network.send(self.connection, Way.ANSWER, message)

    def close(self, code: WireErrorCode, text: str) -> None:
        """Tell the client why, and close."""
        self.network.refuse(self.connection, f"{code.name}: {text}")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that leaves a node, as checkers see it. `event` is the body of an EVENT that decodes, `vote` the vote that the message carries."""

    sender: Life
    receiver: Life
    way: Way
    message: Message
    data: bytes
    event: EventBody | None
    vote: Vote | None


def _look_at(sender: Life, receiver: Life, way: Way, message: Message, data: bytes) -> Sent:
    """Read what all oracles want to know, once."""
    event: EventBody | None = None
    if isinstance(message, Event):
        with contextlib.suppress(DecodeError):
            event = decode_event_body(message.kind, message.body)
    vote = message.vote if isinstance(message, VoteResponse) else event.vote if isinstance(event, VoteCast) else None
    return Sent(sender, receiver, way, message, data, event, vote)


class Network:
    """All listeners, connections and paths."""

    def __init__(self, draw: Stream, paths: Paths, trace: Trace) -> None:
        self.paths = paths
        self._draw = draw.fork("network")
        self._trace = trace
        self._listeners: dict[str, Listener] = {}
        self._connections: dict[Connection, None] = {}
        self.on_sent: Callable[[Sent], None] = lambda sent: None
        self.on_corrupted: Callable[[str, bytes, int], None] = lambda receiver, data, type_byte: None
        self.notices_count = 0

    # --- Listening and connecting

    def listen(self, life: Life, handler: Handler) -> None:
        """Accept connections to the life's node from now on."""
        self._listeners[life.name] = Listener(life, handler)

    async def connect(
        self,
        client: Life,
        server: str,
        role: Role,
        identity: PublicKey,
        received: Callable[[Message], None],
        closed: Callable[[str], None],
    ) -> Connection:
        """A new connection, from within the client's life. PeerFault (PEER_UNREACHABLE) after a second where nobody answers."""
        there, back = self.paths.path(client.name, server), self.paths.path(server, client.name)
        seconds = there.delay() + back.delay()
        listener = self._listeners.get(server)
        if there.is_cut or back.is_cut or listener is None or not listener.is_there() or seconds > CONNECT_TIMEOUT_S:
            await asyncio.sleep(CONNECT_TIMEOUT_S)
            raise PeerFault(ErrorCode.PEER_UNREACHABLE, "nobody answers", peer=server)
        await asyncio.sleep(seconds)
        if not listener.is_there() or there.is_cut:
            raise PeerFault(ErrorCode.PEER_UNREACHABLE, "the connection was reset", peer=server)
        connection = Connection(client, listener, received, closed, role, identity)
        connection.session = ServerSession(self, connection)
        self._connections[connection] = None
        self._trace.add(self._now(), "connect", a=client.name, b=server)
        asyncio.get_running_loop().call_soon(listener.handler.on_open, connection.session, context=listener.life.context)
        return connection

    # --- Messages

    def send(self, connection: Connection, way: Way, message: Message) -> None:
        """Put a message on its way. Without effect on a connection that is closed, and for a life that is over."""
        sender, receiver = self._ends(connection, way)
        if not connection.is_open or sender.is_over:
            return
        type_byte, data = encode_message(message)
        assert len(data) < MAX_FRAME_BYTES, f"a {type(message).__name__} of {len(data)} bytes does not fit into a frame"
        self.on_sent(_look_at(sender, receiver, way, message, data))
        path = self.paths.path(sender.name, receiver.name)
        fate = self._fate(path)
        digest = self._trace.digest_of(data)
        self._trace.add(self._now(), "send", a=sender.name, b=receiver.name, m=type(message).__name__, d=digest, f=fate)
        if fate != "good":
            self._count(fate)
        if fate in ("cut", "lost"):
            if fate == "cut":
                self._notice_later(connection, path)
            return
        for _ in range(2 if fate == "twice" else 1):
            self._arrive_later(connection, way, receiver, path, type_byte, data, digest)
        if path.draw.chance(path.quality.corruption):
            self._corrupt(receiver.name, way, type_byte, data, path)

    def _count(self, what: str) -> None:
        self._trace.counts[what] = self._trace.counts.get(what, 0) + 1

    @staticmethod
    def _fate(path: Path) -> str:
        if path.is_cut:
            return "cut"
        if path.draw.chance(path.quality.loss):
            return "lost"
        return "twice" if path.draw.chance(path.quality.duplication) else "good"

    def _arrive_later(self, connection: Connection, way: Way, receiver: Life, path: Path, type_byte: int, data: bytes, digest: str) -> None:
        loop = asyncio.get_running_loop()
        usual = path.quality.reordering
        at = path.arrival(loop.time(), len(data))
        if usual and at > loop.time() + path.quality.delay_most * path.slow_factor:
            self._count("late")
        loop.call_at(at, self._arrive, connection, way, type_byte, data, digest, context=receiver.context)

    def _arrive(self, connection: Connection, way: Way, type_byte: int, data: bytes, digest: str) -> None:
        """In the receiver's life."""
        if not connection.is_open:
            return
        sender, receiver = self._ends(connection, way)
        self._trace.add(self._now(), "arrive", a=sender.name, b=receiver.name, d=digest)
        try:
            message = decode_message(type_byte, data)
        except DecodeError as error:
            self.refuse(connection, f"BAD_FRAME: {error.text}")
            return
        if way is Way.ANSWER:
            connection.client_received(message)
        elif isinstance(message, Ping):
            length, state_digest, flags = connection.server.handler.pong()
            self.send(connection, Way.ANSWER, Pong(message.nonce, length, state_digest, flags))  # type: ignore[arg-type]
        elif isinstance(message, Tier1Request | BulkRequest):
            connection.server.handler.handle(connection.session, message)
        else:
            self.refuse(connection, f"BAD_FRAME: {type(message).__name__} is not a request")

    def _corrupt(self, receiver: str, way: Way, type_byte: int, data: bytes, path: Path) -> None:
        """Somebody has heard the message and offers it with one bit changed."""
        if way is Way.ANSWER:
            return
        bit = path.draw.whole(0, 8 * len(data) - 1)
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        self._trace.add(self._now(), "flip", b=receiver, bit=bit, d=self._trace.digest_of(data))
        self.on_corrupted(receiver, bytes(changed), type_byte)

    def offer(self, client: Life, server: str, type_byte: int, data: bytes) -> None:
        """A stranger connects and offers bytes as a request, at once."""
        listener = self._listeners.get(server)
        if listener is None or not listener.is_there():
            return
        connection = Connection(client, listener, lambda message: None, lambda reason: None, Role.WALLET, PublicKey(bytes(32)))
        connection.session = ServerSession(self, connection)
        self._connections[connection] = None
        loop = asyncio.get_running_loop()
        loop.call_soon(listener.handler.on_open, connection.session, context=listener.life.context)
        loop.call_soon(self._arrive, connection, Way.REQUEST, type_byte, data, self._trace.digest_of(data), context=listener.life.context)
        self._break_later(connection)

    # --- Ends

    def refuse(self, connection: Connection, reason: str) -> None:
        """The server closes: its handler is told at once, the client when the news arrives."""
        self._close(connection, reason)

    def close(self, connection: Connection, reason: str = "closed") -> None:
        """The client closes: the server is told."""
        self._close(connection, reason)

    def reset(self, connection: Connection) -> None:
        """The connection breaks in the middle of whatever it was doing."""
        self._trace.add(self._now(), "reset", a=connection.client.name, b=connection.server.life.name)
        self._close(connection, "reset")

    def _close(self, connection: Connection, reason: str) -> None:
        if not connection.is_open:
            return
        connection.is_open = False
        self._connections.pop(connection, None)
        loop = asyncio.get_running_loop()
        loop.call_soon(connection.server.handler.on_close, connection.session, reason, context=connection.server.life.context)
        loop.call_soon(connection.client_closed, reason, context=connection.client.context)

    def forget(self, life: Life) -> None:
        """A life is over: whoever was connected to it notices some time."""
        if life.name in self._listeners and self._listeners[life.name].life is life:
            del self._listeners[life.name]
        for connection in list(self._connections):
            if life in (connection.client, connection.server.life):
                self._break_later(connection)

    def connections(self) -> list[Connection]:
        """Those that are open, the oldest first."""
        return list(self._connections)

    def _notice_later(self, connection: Connection, path: Path) -> None:
        def notice() -> None:
            if path.is_cut and connection.is_open:
                self._close(connection, "silent")

        self._in_time(notice)

    def _break_later(self, connection: Connection) -> None:
        self._in_time(lambda: self._close(connection, "silent"))

    def _in_time(self, callback: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self.notices_count += 1
        loop.call_later(self._draw.between(NOTICE_LEAST_S, NOTICE_MOST_S), callback, context=contextvars.Context())

    @staticmethod
    def _ends(connection: Connection, way: Way) -> tuple[Life, Life]:
        ends = connection.client, connection.server.life
        return ends if way is Way.REQUEST else (ends[1], ends[0])

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
