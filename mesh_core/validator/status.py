"""State on request: `--status` asks the validator that runs on a data folder, through a Unix socket in that folder.

The socket answers whoever connects with one JSON object and closes. It reads nothing, so nothing that is sent can matter, and it hands out nothing secret; the
mode of the socket and of its folder lets in nobody but the validator's own user all the same.
"""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network import local_socket
from mesh_core.types.json_form import json_line
from mesh_core.validator.config import load_config
from mesh_core.validator.report import StatusReport, report_lines

logger = logging.getLogger(__name__)

SOCKET_NAME = "status.sock"
ANSWER_TIMEOUT_S = 5.0
MAX_ASKING = 8
"""Connections at once; more are closed unanswered."""
ANSWER_LIMIT_BYTES = 1024 * 1024


class StatusSocket:
    """The answering end. `open` never fails for the socket's sake: a validator without one is still a validator."""

    def __init__(self, data_dir: Path, report: Callable[[], StatusReport]) -> None:
        self._data_dir = data_dir
        self._report = report
        self._server: asyncio.Server | None = None
        self._asking_count = 0

    async def open(self) -> None:
        """Listen. The caller owns the data folder, so whatever lies at the socket's place is left over from a process that has ended."""
        try:
            listener = local_socket.bind_private(self._data_dir / SOCKET_NAME)
        except OSError as error:
            logger.warning("no status on request: cannot listen at %s: %s", self._data_dir / SOCKET_NAME, error)
            return
        self._server = await asyncio.start_unix_server(self._answer, sock=listener)

    async def close(self) -> None:
        """Listen no more and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        with contextlib.suppress(OSError):
            (self._data_dir / SOCKET_NAME).unlink()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One object, then the end. Whoever does not take it away in time gets no more of it."""
        if self._asking_count >= MAX_ASKING:
            writer.transport.abort()
            return
        self._asking_count += 1
        try:
            writer.write(json_line(self._report()).encode())
            writer.close()
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            writer.transport.abort()
        except Exception:
            logger.exception("the status could not be told")
            writer.transport.abort()
        finally:
            self._asking_count -= 1


def run_status(config_path: Path, *, as_json: bool) -> int:
    """Ask the running validator and print what it says. Exit status: 0 told, 1 nobody answers, with the reason on standard error."""
    try:
        answer = ask_status(load_config(config_path).data_dir)
        text = answer if as_json else "\n".join(report_lines(json.loads(answer))) + "\n"
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app --validator --status: {fault}\n")
        return 1
    except (ValueError, KeyError, TypeError):
        sys.stderr.write("mesh-app --validator --status: the answer is none that this version understands; --json shows it\n")
        return 1
    sys.stdout.write(text)
    return 0


def ask_status(data_dir: Path) -> str:
    """The report of the validator that runs on a data folder, as JSON. Blocking. LocalFault (STORE_UNAVAILABLE) where nobody answers."""
    path = data_dir / SOCKET_NAME
    data = b""
    try:
        with local_socket.connect(path, ANSWER_TIMEOUT_S) as asking:
            while len(data) <= ANSWER_LIMIT_BYTES and (part := asking.recv(65536)):
                data += part
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"no validator runs on {data_dir}") from error
    except TimeoutError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the validator on {data_dir} does not answer within {ANSWER_TIMEOUT_S:g} s") from error
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"cannot ask at {path}: {error.strerror or error}") from error
    if not data.endswith(b"\n"):
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the validator on {data_dir} ended its answer too early: ask again")
    return data.decode("utf-8", "replace")
