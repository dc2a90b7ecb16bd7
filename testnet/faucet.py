"""The faucet of a local network: whoever may enter the home can have test money, from the wallet `faucet`. The asking end is `mesh_core/wallet/faucet.py`.

A connection carries requests one after another. What is no request is answered with an error and has no other effect.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.network import local_socket
from mesh_core.types.address import format_address, parse_address
from mesh_core.types.json_form import json_line
from testnet.child import Event

logger = logging.getLogger(__name__)

FAUCET_WALLET = "faucet"
FAUCET_TEXT = "from the faucet"
"""The memo of its payments."""
MAX_UNITS = 100_000
"""In one request."""
MAX_CONNECTIONS = 16
"""At once, so that only so many payments wait for each other; whoever comes then is refused."""
REQUEST_LIMIT_BYTES = 4096
IDLE_TIMEOUT_S = 60.0
"""For a request to come, and for its answer to be taken away."""

Pay = Callable[[str, int], Awaitable[str]]
"""Pays an address so many units; returns the certificate's id in hexadecimal digits when that is final. MeshError."""


class Faucet:
    """The listening end. `open`, then `close`."""

    def __init__(self, path: Path, pay: Pay, tell: Callable[[Event], None] | None = None) -> None:
        """`tell` is given a `faucet` event for every request for money, paid or refused."""
        self._path = path
        self._pay = pay
        self._tell = tell
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. The caller owns the home, so a socket that lies there is left over. LocalFault (STORE_UNAVAILABLE)."""
        try:
            bound = local_socket.bind_private(self._path)
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"no faucet: cannot listen at {self._path}: {error.strerror or error}") from error
        self._server = await asyncio.start_unix_server(self._serve, sock=bound, limit=REQUEST_LIMIT_BYTES)

    async def close(self) -> None:
        """Listen no more; end all connections. A payment that was ordered may still be made."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._server is None:
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            await self._answer_all(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            # Cancelled by `close`, and nobody waits for this task but `close`; asyncio would complain of a handler that ends cancelled.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) > MAX_CONNECTIONS:
            await _write(writer, _refusal(LocalFault(ErrorCode.BUSY, f"{MAX_CONNECTIONS} others are asking: try again in a moment")))
            return
        while True:
            try:
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    line = await reader.readline()
            except ValueError:
                await _write(writer, _refusal(LocalFault(ErrorCode.CONFIG_INVALID, f"a request has at most {REQUEST_LIMIT_BYTES} bytes")))
                return
            # A line that its writer did not finish is nobody's wish.
            if not line.endswith(b"\n"):
                return
            await _write(writer, await self._answer(line))

    async def _answer(self, line: bytes) -> Event:
        try:
            address, amount = _read_request(line)
        except LocalFault as fault:
            return _refusal(fault)
        try:
            cert_id = await self._pay(address, amount)
        except MeshError as error:
            answer = _refusal(error)
        except Exception as error:
            # A bug of ours. Whoever asked must not wait for ever, and the others go on.
            logger.exception("the faucet could not pay")
            answer = _refusal(LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__})"))
        else:
            answer = {"ok": True, "cert_id": cert_id, "code": None, "text": ""}
        if self._tell is not None:
            self._tell({"event": "faucet", "t_ns": time.monotonic_ns(), "address": address, "amount": amount, **answer})
        return answer


def _read_request(line: bytes) -> tuple[str, int]:
    """Address in its form with a checksum, and units. LocalFault: nothing is guessed where money moves."""
    try:
        request: Any = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    match request:
        case {"address": str(text), "amount": int(amount)} if len(request) == 2 and not isinstance(amount, bool):
            address = format_address(parse_address(text).address)
        case _:
            raise LocalFault(ErrorCode.CONFIG_INVALID, 'this is no request: expected {"address": "mesh1…", "amount": 10000}')
    if not 1 <= amount <= MAX_UNITS:
        raise LocalFault(ErrorCode.AMOUNT_INVALID, f"a request is for 1 to {MAX_UNITS:,} units")
    return address, amount


def _refusal(error: MeshError) -> Event:
    return {"ok": False, "cert_id": None, "code": f"{error.code:04x}", "text": error.text}


async def _write(writer: asyncio.StreamWriter, answer: Event) -> None:
    writer.write(json_line(answer).encode())
    async with asyncio.timeout(IDLE_TIMEOUT_S):
        await writer.drain()
