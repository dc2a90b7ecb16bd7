"""A connection to one validator that is kept alive: watched with pings, replaced in parallel when it falls silent, its open requests sent again.

A killed validator gives no sign: QUIC notices after its idle timeout of ten seconds, and a restarted validator silently drops what belongs to connections of
its former life. So the link asks for a sign of life every second, and takes silence, an unanswered request or "nobody listens there" from the operating system
as a reason to open a NEW connection beside the old one. Whichever shows life first is used. All requests are idempotent, so what is open is sent again.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Final, ParamSpec

from mesh_core.errors import ErrorCode, MeshError, PeerFault
from mesh_core.network.client import CONNECT_TIMEOUT_S, HANDSHAKE_TIMEOUT_S, Connection, LocalIdentity, OnMessage, PeerAddress, connect
from mesh_core.network.connection import MAX_PENDING_REQUESTS, Answer, Answered, BulkRequest, Tier1Request
from mesh_core.network.tls import client_configuration
from mesh_core.network.work import WorkBudget
from mesh_core.protocol.handshake import Entropy
from mesh_core.types.basic import Hash32
from mesh_core.types.messages import Pong

logger = logging.getLogger(__name__)

P = ParamSpec("P")

JITTER_BYTES: Final = 4


class LinkState(StrEnum):
    """What can be said about the way to a validator."""

    CONNECTING = "connecting"
    UP = "up"
    SILENT = "silent"
    """There is a connection, but there is doubt whether anybody is at its other end; another one is being opened."""
    DOWN = "down"
    """No connection; the next attempt follows."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """A link at one moment. `rtt_ms` is the round trip of the last ping on the present connection, `last_error` why the last attempt or connection failed."""

    state: LinkState
    rtt_ms: float | None = None
    last_error: str = ""
    connections_made: int = 0


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Times in seconds."""

    ping_interval_s: float = 1.0
    silence_s: float = 2.5
    """Without a sign of life for so long, another connection is opened."""
    patience_s: float = 0.5
    """A request unanswered for so long, with no sign of life since it was sent, is sent again on another connection."""
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S
    backoff_least_s: float = 0.05
    backoff_most_s: float = 2.0
    message_share: float = 0.25
    """What events and evidence of the validator may take of this process's time, on a connection that is open for them."""
    message_burst_s: float = 1.0


@dataclass(slots=True, eq=False)
class _Call:
    """A request until it is answered, on whichever connection."""

    message: Answered
    answer: asyncio.Future[Answer]
    patience: asyncio.TimerHandle | None = None
    sent_on: Connection | None = None
    sent_at: float = field(default=0.0)


class ValidatorLink:
    """Keeps a connection to one validator. `start`, then `request` from any number of tasks; `close` returns at once.

    `on_status` is told every change of state and every measured round trip; `on_connected` every new connection before anything else uses it (subscriptions go
    there); `on_pong` every PONG; `on_message` events and evidence. LocalFault CONFIG_INVALID when the peer's pinned certificate is none.
    """

    def __init__(
        self,
        peer: PeerAddress,
        local: LocalIdentity,
        network_id: Hash32,
        *,
        on_status: Callable[[LinkStatus], None] | None = None,
        on_connected: Callable[[Connection], None] | None = None,
        on_pong: Callable[[Pong], None] | None = None,
        on_message: OnMessage | None = None,
        settings: LinkSettings | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        client_configuration(peer.tls_certificate_der)
        self.peer = peer
        self._local = local
        self._network_id = network_id
        self._on_status = on_status
        self._on_connected = on_connected
        self._on_pong = on_pong
        self._on_message = on_message
        self._settings = LinkSettings() if settings is None else settings
        self._entropy = entropy
        # One for all connections of the link: a validator that is cut off for a flood begins the next one without another burst.
        self._work = None if on_message is None else WorkBudget(share=self._settings.message_share, burst_s=self._settings.message_burst_s)
        self._status = LinkStatus(LinkState.DOWN)
        self._connection: Connection | None = None
        self._doubted: Connection | None = None
        self._failures = 0
        """Attempts since there was a connection that lasted."""
        self._adopted_at = 0.0
        self._calls: set[_Call] = set()
        self._slots = asyncio.Semaphore(MAX_PENDING_REQUESTS)
        self._wanted = asyncio.Event()
        self._hurry = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Task[None]] = set()

    # --- For the user

    @property
    def status(self) -> LinkStatus:
        """The present state."""
        return self._status

    def start(self) -> None:
        """Begin to connect."""
        assert self._keeper is None, "started twice"
        self._wanted.set()
        self._keeper = asyncio.get_running_loop().create_task(self._keep_connected(), name=f"link to {self.peer.display_name}")

    async def request(self, message: Answered, timeout_s: float) -> Answer:
        """Send a request, on as many connections as it takes, and return its answer.

        PeerFault PEER_TIMEOUT when there is none in time, PEER_UNREACHABLE when the link is closed meanwhile. The request may have been handled all the same.
        """
        self._check_not_closed()
        call = _Call(message, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(timeout_s), self._slots:
                self._check_not_closed()
                self._calls.add(call)
                self._dispatch(call)
                return await call.answer
        except TimeoutError:
            self._doubt_unless_heard(call)
            text = f"no answer to {type(message).__name__} within {timeout_s:g} s"
            if self._status.last_error and self._status.state is not LinkState.UP:
                text += f" ({self._status.state}: {self._status.last_error})"
            raise PeerFault(ErrorCode.PEER_TIMEOUT, text, peer=self.peer.display_name) from None
        finally:
            self._calls.discard(call)
            if call.patience is not None:
                call.patience.cancel()

    def send(self, message: Tier1Request | BulkRequest) -> bool:
        """Send what has no answer (EVIDENCE, SUBSCRIBE), once, on the present connection. False when there is none."""
        if self._connection is None:
            return False
        try:
            self._connection.send(message)
        except PeerFault:
            return False
        return True

    def redirect(self, host: str, port: int) -> None:
        """From now on dial this address for the same validator. The present connection ends; open requests go on on the next one.

        The pinned certificate and the identity stay, so a wrong address can keep the validator away, and nobody can pass for it.
        """
        if (host, port) == (self.peer.host, self.peer.port):
            return
        self.peer = replace(self.peer, host=host, port=port)
        self._failures = 0
        self._hurry.set()
        if self._connection is not None:
            self._connection.close("the address has changed")

    def close(self) -> None:
        """Close the connection and fail open requests. Returns at once, without waiting for the network."""
        if self._status.state is LinkState.CLOSED:
            return
        self._set_state(LinkState.CLOSED)
        connection, self._connection = self._connection, None
        if self._keeper is not None:
            self._keeper.cancel()
        for watcher in self._watchers:
            watcher.cancel()
        if connection is not None:
            connection.close()
        for call in self._calls:
            if not call.answer.done():
                call.answer.set_exception(self._closed_fault())

    async def wait_closed(self) -> None:
        """After `close`: return when every task of the link has ended and its sockets are being closed."""
        tasks = [*self._watchers] if self._keeper is None else [self._keeper, *self._watchers]
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    # --- Connecting

    async def _keep_connected(self) -> None:
        while True:
            await self._wanted.wait()
            await self._wait_for_turn()
            if not self._wanted.is_set():
                continue  # the old connection has shown life
            self._failures += 1
            if self._connection is None:
                self._set_state(LinkState.CONNECTING)
            dialled = self.peer
            try:
                connection = await self._connect()
            except MeshError as fault:
                self._attempt_failed(fault.text)
            except Exception:
                logger.exception("%s: internal error while connecting", self.peer.display_name)
                self._attempt_failed("internal error")
            else:
                if dialled is self.peer:
                    self._adopt(connection)
                else:
                    connection.close("the address has changed")

    async def _connect(self) -> Connection:
        return await connect(
            self.peer,
            self._local,
            self._network_id,
            on_message=self._on_message,
            on_end=self._connection_ended,
            on_doubt=self._connection_refused,
            work=self._work,
            entropy=self._entropy,
            connect_timeout_s=self._settings.connect_timeout_s,
            handshake_timeout_s=self._settings.handshake_timeout_s,
        )

    async def _wait_for_turn(self) -> None:
        """Back off after failures, doubling, jittered so that the clients of a restarted validator do not come all at once. A new request shortens the wait."""
        if self._failures == 0:
            return
        least = self._settings.backoff_least_s
        delay = min(self._settings.backoff_most_s, least * 2.0 ** min(self._failures - 1, 32))
        delay *= 0.5 + int.from_bytes(self._entropy(JITTER_BYTES), "big") / 2 ** (8 * JITTER_BYTES + 1)
        self._hurry.clear()
        await asyncio.sleep(min(delay, least))
        try:
            async with asyncio.timeout(max(0.0, delay - least)):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def _adopt(self, connection: Connection) -> None:
        """Use a new connection, and send everything that is open on it."""
        if connection.fault is not None:
            self._attempt_failed(connection.fault.text)
            return
        old, self._connection = self._connection, connection
        self._adopted_at = asyncio.get_running_loop().time()
        self._wanted.clear()
        self._doubted = None
        if old is not None:
            old.close("replaced by a new connection")
        self._status = LinkStatus(LinkState.UP, None, self._status.last_error, self._status.connections_made + 1)
        self._tell(self._on_connected, connection)
        for call in list(self._calls):
            self._dispatch(call)
        watcher = asyncio.get_running_loop().create_task(self._watch(connection), name=f"watch {self.peer.display_name}")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        self._tell(self._on_status, self._status)

    def _attempt_failed(self, text: str) -> None:
        """Nobody could be reached anew. An old connection without a sign of life is then dead as well."""
        connection = self._connection
        if connection is not None and (connection is self._doubted or self._is_silent(connection)):
            connection.abort(f"silent, and no new connection: {text}")
        elif connection is None:
            self._set_state(LinkState.DOWN, error=text)

    # --- Watching

    async def _watch(self, connection: Connection) -> None:
        """Ping in the given rhythm, and doubt the connection when nothing has been heard for too long."""
        loop = asyncio.get_running_loop()
        ping_at = loop.time()
        while not connection.is_closing:
            now = loop.time()
            if now >= ping_at:
                connection.ping().add_done_callback(partial(self._ponged, connection, now))
                ping_at = now + self._settings.ping_interval_s
            silent_at = connection.last_heard + self._settings.silence_s
            if now >= silent_at:
                self._doubt(connection, f"no sign of life for {self._settings.silence_s:g} s")
                silent_at = ping_at
            await asyncio.sleep(min(ping_at, silent_at) - now)

    def _ponged(self, connection: Connection, sent_at: float, answer: asyncio.Future[Pong]) -> None:
        if answer.cancelled() or answer.exception() is not None or connection is not self._connection:
            return
        now = asyncio.get_running_loop().time()
        rtt_ms = (now - sent_at) * 1000
        if now - self._adopted_at >= self._settings.ping_interval_s:
            # Not at the first PONG: a validator that answers it and hangs up would be dialled a hundred times a second.
            self._failures = 0
        self._doubted = None
        self._wanted.clear()
        self._status = LinkStatus(LinkState.UP, rtt_ms, self._status.last_error, self._status.connections_made)
        self._tell(self._on_status, self._status)
        self._tell(self._on_pong, answer.result())

    def _is_silent(self, connection: Connection) -> bool:
        return asyncio.get_running_loop().time() - connection.last_heard >= self._settings.silence_s

    def _doubt(self, connection: Connection, text: str) -> None:
        """Open another connection beside this one."""
        if connection is self._connection and not self._wanted.is_set():
            self._wanted.set()
            self._set_state(LinkState.SILENT, error=text)

    def _connection_refused(self, connection: Connection) -> None:
        if connection is self._connection:
            self._doubted = connection
            self._doubt(connection, "nobody listens at the port")

    def _connection_ended(self, connection: Connection) -> None:
        if connection is self._connection:
            self._connection = None
            self._wanted.set()
            self._set_state(LinkState.DOWN, error=connection.fault.text if connection.fault is not None else "")

    # --- Requests

    def _dispatch(self, call: _Call) -> None:
        """Send a request on the present connection, or leave it for the next one."""
        connection = self._connection
        if connection is None:
            self._hurry.set()
            return
        if call.answer.done():
            return
        loop = asyncio.get_running_loop()
        try:
            answer = connection.submit(call.message)
        except PeerFault as fault:
            self._doubt(connection, fault.text)
            return
        call.sent_on = connection
        call.sent_at = loop.time()
        if call.patience is not None:
            call.patience.cancel()
        call.patience = loop.call_later(self._settings.patience_s, self._doubt_unless_heard, call)
        answer.add_done_callback(partial(self._answered, call))

    @staticmethod
    def _answered(call: _Call, answer: asyncio.Future[Answer]) -> None:
        """The answer, or the end of the connection; in the latter case the request waits for the next connection."""
        if answer.cancelled() or answer.exception() is not None or call.answer.done():
            return
        call.answer.set_result(answer.result())

    def _doubt_unless_heard(self, call: _Call) -> None:
        """A validator that has sent something since is alive and merely slow, for instance because it verifies a proof."""
        connection = call.sent_on
        if connection is not None and connection.last_heard < call.sent_at:
            self._doubt(connection, f"no sign of life since {type(call.message).__name__} was sent")

    # --- Telling

    def _set_state(self, state: LinkState, *, error: str | None = None) -> None:
        rtt_ms = self._status.rtt_ms if state is LinkState.SILENT else None
        self._status = LinkStatus(state, rtt_ms, self._status.last_error if error is None else error, self._status.connections_made)
        logger.log(
            logging.DEBUG if state is LinkState.CONNECTING else logging.INFO,
            "link to %s: %s%s",
            self.peer.display_name,
            state,
            f" ({error})" if error else "",
            extra={"peer": self.peer.display_name, "state": str(state)},
        )
        self._tell(self._on_status, self._status)

    def _tell(self, callback: Callable[P, None] | None, *args: P.args, **kwargs: P.kwargs) -> None:
        if callback is None:
            return
        try:
            callback(*args, **kwargs)
        except Exception:
            # The listener's bug must not stop the link from reconnecting.
            logger.exception("%s: a listener failed", self.peer.display_name)

    def _check_not_closed(self) -> None:
        if self._status.state is LinkState.CLOSED:
            raise self._closed_fault()

    def _closed_fault(self) -> PeerFault:
        return PeerFault(ErrorCode.PEER_UNREACHABLE, "the link is closed", peer=self.peer.display_name)
