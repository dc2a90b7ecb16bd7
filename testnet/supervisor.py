"""Starts the validators of a local network as processes, watches them, stops and kills them. Nothing is left behind, whatever ends the supervisor.

Each validator's standard input is a pipe that the supervisor holds: when the supervisor dies, even by SIGKILL, the pipe ends and the validator stops by itself.
Standard output carries the validator's JSON lines, which are passed on with its index; standard error goes to its log file.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault
from testnet.layout import NetworkFolder

Event = dict[str, Any]
Publish = Callable[[Event], None]

LINE_LIMIT_BYTES = 1024 * 1024
STOP_DEADLINE_S = 5.0
START_DEADLINE_S = 20.0
MAX_FATAL_TEXT = 500


class ValidatorState(StrEnum):
    """What the supervisor knows of a process."""

    STOPPED = "stopped"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    EXITED = "exited"


@dataclass(slots=True)
class _Validator:
    """One validator's process and its history."""

    index: int
    state: ValidatorState = ValidatorState.STOPPED
    process: asyncio.subprocess.Process | None = None
    reader: asyncio.Task[None] | None = None
    starts_count: int = 0
    exit_status: int | None = None
    detail: str = ""
    settled: asyncio.Event | None = None


class Supervisor:
    """The validators of one network. An async context manager: leaving it stops them all."""

    def __init__(self, folder: NetworkFolder, validators_count: int, publish: Publish) -> None:
        """`publish` is given every event: the validators' own lines with their index as `validator`, and `validator_state`."""
        self._folder = folder
        self._publish = publish
        self._validators = [_Validator(index) for index in range(validators_count)]

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_all()

    @property
    def states(self) -> tuple[ValidatorState, ...]:
        """State of each validator."""
        return tuple(validator.state for validator in self._validators)

    def pid(self, index: int) -> int | None:
        """Process id of a running validator."""
        process = self._validators[index].process
        return None if process is None else process.pid

    async def start_all(self) -> None:
        """Start all validators at once and wait until each is up. LocalFault (VALIDATOR_START) with what the first failing one said."""
        await asyncio.gather(*(self.start(validator.index) for validator in self._validators))

    async def stop_all(self) -> None:
        """Stop all validators at once, the stubborn ones by force."""
        await asyncio.gather(*(self.stop(validator.index) for validator in self._validators))

    async def start(self, index: int) -> None:
        """Start a validator and wait for its ready line. Without effect if it runs. LocalFault (VALIDATOR_START)."""
        validator = self._validators[index]
        if validator.process is not None:
            return
        validator.settled = asyncio.Event()
        validator.detail = ""
        validator.exit_status = None
        validator.starts_count += 1
        self._enter(validator, ValidatorState.STARTING)
        validator.process = await self._spawn(index)
        validator.reader = asyncio.get_running_loop().create_task(self._read(validator, validator.process), name=f"V{index + 1} output")
        self._enter(validator, ValidatorState.STARTING)
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                await validator.settled.wait()
        except TimeoutError:
            await self.kill(index)
            raise LocalFault(ErrorCode.VALIDATOR_START, f"V{index + 1} was not ready within {START_DEADLINE_S:g} s; its log: {self._log(index)}") from None
        if validator.state is not ValidatorState.UP:
            raise LocalFault(ErrorCode.VALIDATOR_START, f"V{index + 1} did not start: {validator.detail or 'no reason given'}; its log: {self._log(index)}")

    async def stop(self, index: int) -> None:
        """Ask a validator to stop (SIGTERM), kill it if it does not within five seconds, and wait for its end."""
        validator = self._validators[index]
        if validator.process is None or validator.reader is None:
            return
        self._enter(validator, ValidatorState.STOPPING)
        self._signal(validator, signal.SIGTERM)
        done, _ = await asyncio.wait([validator.reader], timeout=STOP_DEADLINE_S)
        if not done:
            await self.kill(index)

    async def kill(self, index: int) -> None:
        """SIGKILL: the validator has no chance to finish anything. Waits for its end."""
        validator = self._validators[index]
        if validator.process is None or validator.reader is None:
            return
        self._signal(validator, signal.SIGKILL)
        await asyncio.wait([validator.reader])

    async def restart(self, index: int) -> None:
        """Stop a validator if it runs, and start it."""
        await self.stop(index)
        await self.start(index)

    async def _spawn(self, index: int) -> asyncio.subprocess.Process:
        folder = self._folder.validator(index)
        arguments = ["-P", "-m", "mesh_core.validator", "--config", str(folder.config), "--supervised"]
        log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                limit=LINE_LIMIT_BYTES,
            )
        except OSError as error:
            raise LocalFault(ErrorCode.VALIDATOR_START, f"V{index + 1} cannot be started: {error.strerror or error}") from error
        finally:
            os.close(log)

    async def _read(self, validator: _Validator, process: asyncio.subprocess.Process) -> None:
        """Pass on the process's lines until its end; then tell how it ended."""
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                continue  # a line over the limit: the reader has dropped it
            if not line:
                break
            self._on_line(validator, line)
        validator.exit_status = await process.wait()
        validator.process = None
        if process.stdin is not None:
            process.stdin.close()
        self._enter(validator, ValidatorState.STOPPED if validator.exit_status == 0 else ValidatorState.EXITED)
        if validator.settled is not None:
            validator.settled.set()

    def _on_line(self, validator: _Validator, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            event = {"event": "garbage", "t_ns": time.monotonic_ns(), "text": line[:MAX_FATAL_TEXT].decode("utf-8", "replace")}
        if event["event"] == "fatal":
            validator.detail = str(event.get("text"))[:MAX_FATAL_TEXT]
        self._publish({**event, "validator": validator.index})
        if event["event"] == "ready":
            self._enter(validator, ValidatorState.UP)
            if validator.settled is not None:
                validator.settled.set()

    def _enter(self, validator: _Validator, state: ValidatorState) -> None:
        validator.state = state
        self._publish(
            {
                "event": "validator_state",
                "t_ns": time.monotonic_ns(),
                "validator": validator.index,
                "state": str(state),
                "pid": None if validator.process is None else validator.process.pid,
                "exit": validator.exit_status,
                "restarts": max(0, validator.starts_count - 1),
                "detail": validator.detail,
            }
        )

    def _signal(self, validator: _Validator, number: signal.Signals) -> None:
        if validator.process is not None:
            with contextlib.suppress(ProcessLookupError):
                validator.process.send_signal(number)

    def _log(self, index: int) -> str:
        return str(self._folder.validator(index).log)
