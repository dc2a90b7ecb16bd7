"""The inside of a process that carries out commands: JSON lines on standard input, events and answers as JSON lines on standard output.

    {"id": 1, "command": "create", "name": "carol"}
    {"event": "answer", "id": 1, "ok": true, "code": null, "text": ""}

Each command runs in a task of its own and is answered once, with what it gave or with the fault's code and text. Standard input is the leash: when it ends,
the process ends, in good order if it can and hard if it cannot.
"""

import asyncio
import gc
import json
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.validator.output import LineWriter, occupy_standard_descriptors

logger = logging.getLogger(__name__)

Command = dict[str, Any]
Perform = Callable[[Command], Awaitable[dict[str, Any]]]
"""Carries out a command; returns what its answer holds besides. MeshError: the answer says so. May be called while others run."""

COMMAND_LIMIT_BYTES = 64 * 1024
STOP_DEADLINE_S = 10.0
"""A process that has not stopped so long after its standard input ended is ended hard. Nothing may be lost by that: what counts is on the disk."""


class CommandProcess:
    """Reads commands until standard input ends, and carries them out."""

    def __init__(self, output: LineWriter, perform: Perform) -> None:
        """`perform` carries out one command. A command may hold a secret: it is neither logged nor told in a fault."""
        self._output = output
        self._perform = perform
        self._commands: set[asyncio.Task[None]] = set()
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Carry out commands until standard input ends; those under way are then given up. LocalFault as soon as `fail` was called."""
        reader = asyncio.StreamReader(limit=COMMAND_LIMIT_BYTES)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb", closefd=False))
        reading = asyncio.get_running_loop().create_task(self._read_commands(reader))
        try:
            await asyncio.wait([reading, self._fault], return_when=asyncio.FIRST_COMPLETED)
            if self._fault.done():
                self._fault.result()
            reading.result()
        finally:
            given_up = [reading, *self._commands]
            for task in given_up:
                task.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)

    def fail(self, fault: LocalFault) -> None:
        """End `run` with this fault: what the process stands on has failed."""
        if not self._fault.done():
            self._fault.set_exception(fault)

    async def _read_commands(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                continue  # longer than any command
            if not line:
                return
            task = asyncio.get_running_loop().create_task(self._carry_out(line))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

    async def _carry_out(self, line: bytes) -> None:
        number: int | None = None
        try:
            command = _read_command(line)
            number = command["id"]
            result = await self._perform(command)
        except MeshError as error:
            self._answer(number, error)
        except Exception as error:
            # A bug of ours. Whoever waits for the answer must not wait for ever; the other commands go on.
            logger.exception("a command failed")
            self._answer(number, LocalFault(ErrorCode.INTERNAL, f"internal error ({type(error).__name__}): see the log of this process"))
        else:
            self._answer(number, None, result)

    def _answer(self, number: int | None, error: MeshError | None, result: dict[str, Any] | None = None) -> None:
        code = None if error is None else f"{error.code:04x}"
        self._output.write({"event": "answer", "id": number, "ok": error is None, "code": code, "text": "" if error is None else error.text, **(result or {})})


def unknown_command() -> LocalFault:
    """The fault for a command that `perform` does not know: nothing is guessed."""
    return LocalFault(ErrorCode.CONFIG_INVALID, "a command that is unknown, or whose fields are not those that it has")


def run_process(work: Callable[[LineWriter], Awaitable[None]], *, new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> int:
    """Run `work` with the output of this process, leashed to its standard input, logging to standard error; returns the exit status.

    Status 1 after a LocalFault, which was told as a `fault` event. `new_loop` makes the event loop, where that is not asyncio's own.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # aioquic tells each packet of a handshake at INFO; the handshake that matters is logged by mesh_core.network.
    logging.getLogger("quic").setLevel(logging.WARNING)
    occupy_standard_descriptors()
    end_with_standard_input(STOP_DEADLINE_S)
    output = LineWriter()

    async def run() -> None:
        await work(output)

    # Modules stay to the end. Left to the collector, each of its full rounds looks through them all, some 20 ms that would be in somebody's measured time.
    gc.freeze()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run())
    except LocalFault as fault:
        output.write({"event": "fault", "t_ns": time.monotonic_ns(), "wallet": None, "payment": None, "code": f"{fault.code:04x}", "text": fault.text})
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        output.close()
    return 0


def end_with_standard_input(deadline_s: float) -> None:
    """From now on, end this process hard if it still runs `deadline_s` after its standard input has ended, whatever it is doing: it has lost its owner."""

    def watch() -> None:
        poll = select.poll()
        # No events: what is reported all the same is that nobody holds the other end any more.
        poll.register(0, 0)
        poll.poll()
        time.sleep(deadline_s)
        os._exit(1)

    threading.Thread(target=watch, name="mesh-stdin", daemon=True).start()


def _read_command(line: bytes) -> Command:
    """The command in a line. LocalFault (CONFIG_INVALID): nothing is guessed where money moves."""
    try:
        command = json.loads(line)
    except (ValueError, RecursionError):
        command = None
    if not isinstance(command, dict) or not isinstance(command.get("id"), int):
        raise LocalFault(ErrorCode.CONFIG_INVALID, "a line that is no command: a JSON object with a number as its id is expected")
    return command
