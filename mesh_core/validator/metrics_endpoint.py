"""The HTTP listener of the metrics, in a thread with an event loop of its own: nothing that is sent to it can hold up a vote.

It answers `GET /metrics` and nothing else, asks nobody who he is, and tells nothing secret. Whoever talks slowly, much, or from many connections at once is cut
off: the oldest connection gives way to the newest, so a scrape gets through while somebody holds all places.
"""

import asyncio
import contextlib
import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

PATH: Final = "/metrics"
REQUEST_LIMIT_BYTES: Final = 8192
EXCHANGE_TIMEOUT_S: Final = 5.0
"""For a request to come and for its answer to be taken away."""
MAX_CONNECTIONS: Final = 16
BACKLOG: Final = 256
"""Connections that the system holds until they are accepted. Whoever comes beyond that tries again a second later."""
RENDERED_FOR_S: Final = 0.5
"""Whoever asks within so long gets the same answer: it takes the interpreter about two milliseconds, which the votes need."""
CLOSE_TIMEOUT_S: Final = 2.0
_TEXT: Final = "text/plain; charset=utf-8"


class MetricsEndpoint:
    """`open`, then `close`."""

    def __init__(self, host: str, port: int, render: Callable[[], bytes], content_type: str) -> None:
        """`render` is called in the endpoint's thread. `host` is an IP address; port 0 takes any free one."""
        self._host = host
        self._requested_port = port
        self._render = render
        self._content_type = content_type
        self._is_local = ipaddress.ip_address(host).is_loopback
        self._rendered: tuple[float, bytes] | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        """Connections, the oldest first."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop = asyncio.Event()
        self.port = port
        """The port that is bound."""

    def open(self) -> bool:
        """Listen. False where the address cannot be bound, with the reason in the log: a validator without metrics is still a validator."""
        try:
            listener = self._bind()
        except OSError as error:
            logger.error("NO METRICS: cannot listen on %s port %d: %s", self._host, self._requested_port, error.strerror or error)
            return False
        self.port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(listener, self._loop), name="mesh-metrics", daemon=True)
        self._thread.start()
        logger.info("metrics at http://%s:%d%s", f"[{self._host}]" if ":" in self._host else self._host, self.port, PATH)
        return True

    def close(self) -> None:
        """Listen no more. A thread that hangs, in a disk that does not answer, is left behind: it is a daemon."""
        if self._thread is None or self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(CLOSE_TIMEOUT_S)
        self._thread = None

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            # A validator that starts again would otherwise find the port taken by the connections of the one before.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._requested_port))
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        return listener

    def _run(self, listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve(listener))
        except Exception:
            logger.exception("the metrics have ended")
        finally:
            listener.close()

    async def _serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._answer, sock=listener, limit=REQUEST_LIMIT_BYTES, backlog=BACKLOG)
        await self._stop.wait()
        server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer, the end."""
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= MAX_CONNECTIONS:
            self._open.pop(next(iter(self._open))).transport.abort()
        self._open[task] = writer
        try:
            async with asyncio.timeout(EXCHANGE_TIMEOUT_S):
                status, content_type, body = self._respond(await reader.readuntil(b"\r\n\r\n"))
                head = (
                    f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n"
                )
                writer.write(head.encode("ascii") + body)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # Cancelled by `close` alone, which waits for this task and for nothing that it returns.
            writer.transport.abort()
        except Exception:
            logger.exception("the metrics could not be told")
            writer.transport.abort()
        finally:
            self._open.pop(task, None)

    def _respond(self, request: bytes) -> tuple[str, str, bytes]:
        """Status, content type and body for the head of a request."""
        line, *headers = request.decode("latin-1").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return "400 Bad Request", _TEXT, b"this is no request of HTTP/1\n"
        if self._is_local and not _names_this_machine(headers):
            return "403 Forbidden", _TEXT, b"ask by an IP address or as localhost\n"
        if words[1].partition("?")[0] != PATH:
            return "404 Not Found", _TEXT, f"there is only {PATH}\n".encode()
        if words[0] != "GET":
            return "405 Method Not Allowed", _TEXT, b"only GET\n"
        return "200 OK", self._content_type, self._current()

    def _current(self) -> bytes:
        now = time.monotonic()
        if self._rendered is None or now - self._rendered[0] >= RENDERED_FOR_S:
            self._rendered = now, self._render()
        return self._rendered[1]


def _names_this_machine(headers: list[str]) -> bool:
    """Whether a request was meant for this machine.

    A web page whose name was made to lead to 127.0.0.1 could otherwise read, in the browser of whoever runs a validator, what only this machine should: the
    browser sends the page's name.
    """
    for header in headers:
        name, _, value = header.partition(":")
        if name.strip().lower() == "host":
            host = value.strip()
            host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
            if host.lower() == "localhost":
                return True
            return _is_address(host)
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
