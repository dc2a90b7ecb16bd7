"""A node's lasting way to one validator, as `network.link.ValidatorLink` behaves: connects anew when it breaks, and sends open requests again."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from mesh_core.errors import ErrorCode, PeerFault
from mesh_core.types.basic import PublicKey
from mesh_core.types.messages import (
    AccountStateMessage,
    CertAck,
    Event,
    Evidence,
    Message,
    Ping,
    Pong,
    QueryAccount,
    Role,
    SettlementCertificate,
    Subscribe,
    SyncRequest,
    SyncResponse,
    VoteReject,
    VoteRequest,
    VoteResponse,
)
from mesh_core.wallet.ports import Question, Reply
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.machine import Machine
from testnet.simulation.network import Connection, Network, Way

PING_INTERVAL_S: Final = 1.0
BACKOFF_LEAST_S: Final = 0.05
BACKOFF_MOST_S: Final = 2.0

_ANSWERS: Final = {
    VoteRequest: (VoteResponse, VoteReject),
    SettlementCertificate: (CertAck,),
    QueryAccount: (AccountStateMessage,),
    SyncRequest: (SyncResponse,),
}


@dataclass(slots=True, eq=False)
class _Call:
    message: Question
    answer: "asyncio.Future[Reply]"


class Link:
    """Made and used within one life. `on_up`, `on_down`, `on_pong` and `on_message` are called in it."""

    def __init__(
        self,
        network: Network,
        life: Life,
        server: str,
        role: Role,
        identity: PublicKey,
        draw: Stream,
        machine: Machine,
        *,
        on_up: Callable[["Link"], None] | None = None,
        on_down: Callable[[str], None] | None = None,
        on_pong: Callable[[Pong], None] | None = None,
        on_message: Callable[[Event | Evidence], None] | None = None,
    ) -> None:
        self._network = network
        self._life = life
        self.server = server
        self._role = role
        self._identity = identity
        self._draw = draw
        self._machine = machine
        self._on_up = on_up
        self._on_down = on_down
        self._on_pong = on_pong
        self._on_message = on_message
        self._connection: Connection | None = None
        self._calls: dict[int, _Call] = {}
        self._last_request = 0
        self._is_closed = False
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether there is a connection, as far as this end knows."""
        return self._connection is not None

    def start(self) -> None:
        """Begin to connect, and go on for ever."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep_connected())

    def close(self) -> None:
        """Close, and fail what is open."""
        self._is_closed = True
        if self._keeper is not None:
            self._keeper.cancel()
        if self._connection is not None:
            self._network.close(self._connection)
            self._connection = None
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(PeerFault(ErrorCode.PEER_UNREACHABLE, "closed", peer=self.server))

    async def request(self, message: Question, timeout_s: float) -> Reply:
        """Ask, on as many connections as it takes. PeerFault (PEER_TIMEOUT, PEER_UNREACHABLE)."""
        if self._is_closed:
            raise PeerFault(ErrorCode.PEER_UNREACHABLE, "closed", peer=self.server)
        self._last_request += 1
        number = self._last_request
        call = _Call(replace(message, request_id=number), asyncio.get_running_loop().create_future())
        self._calls[number] = call
        try:
            async with asyncio.timeout(timeout_s):
                self._dispatch(call)
                return await call.answer
        except TimeoutError:
            raise PeerFault(ErrorCode.PEER_TIMEOUT, f"no answer to {type(message).__name__} within {timeout_s:g} s", peer=self.server) from None
        finally:
            del self._calls[number]

    def send(self, message: Subscribe | Evidence | Ping) -> bool:
        """Send what has no answer. False where there is no connection."""
        if self._connection is None:
            return False
        self._put(self._connection, message)
        return True

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            try:
                connection = await self._network.connect(self._life, self.server, self._role, self._identity, self._received, self._closed)
            except PeerFault as fault:
                failures += 1
                self._tell_down(fault.text, first=failures == 1)
                await asyncio.sleep(min(BACKOFF_MOST_S, BACKOFF_LEAST_S * 2.0**failures) * self._draw.between(0.5, 1.0))
                continue
            failures = 0
            self._broken.clear()
            self._connection = connection
            if self._on_up is not None:
                self._on_up(self)
            for call in tuple(self._calls.values()):
                self._dispatch(call)
            await self._watch()
            self._tell_down("the connection broke", first=True)

    async def _watch(self) -> None:
        """Until the connection breaks; with pings where somebody wants to know the answers."""
        if self._on_pong is None:
            await self._broken.wait()
            return
        nonce = 0
        while not self._broken.is_set():
            nonce += 1
            self.send(Ping(nonce))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._broken.wait(), PING_INTERVAL_S)

    def _tell_down(self, text: str, *, first: bool) -> None:
        if first and self._on_down is not None:
            self._on_down(text)

    def _dispatch(self, call: _Call) -> None:
        if self._connection is not None and not call.answer.done():
            self._put(self._connection, call.message)

    def _put(self, connection: Connection, message: Message) -> None:
        seconds = self._machine.sending(message)
        if seconds > 0.0:
            asyncio.get_running_loop().call_later(seconds, self._network.send, connection, Way.REQUEST, message)
        else:
            self._network.send(connection, Way.REQUEST, message)

    def _received(self, message: Message) -> None:
        seconds = self._machine.receiving(message)
        if seconds > 0.0:
            asyncio.get_running_loop().call_later(seconds, self._take, message)
        else:
            self._take(message)

    def _take(self, message: Message) -> None:
        match message:
            case Pong():
                if self._on_pong is not None:
                    self._on_pong(message)
            case Event() | Evidence():
                if self._on_message is not None:
                    self._on_message(message)
            case VoteResponse() | VoteReject() | CertAck() | AccountStateMessage() | SyncResponse():
                call = self._calls.get(message.request_id)
                if call is None or call.answer.done():
                    return
                if not isinstance(message, _ANSWERS[type(call.message)]):
                    call.answer.set_exception(PeerFault(ErrorCode.PEER_INVALID, f"{type(message).__name__} is no answer", peer=self.server))
                    return
                call.answer.set_result(message)
            case _:
                return

    def _closed(self, reason: str) -> None:
        self._connection = None
        self._broken.set()
