"""Starts the validators of a local network as processes, watches them, stops and kills them. Nothing is left behind, whatever ends the supervisor."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Child, Event
from testnet.layout import NetworkFolder

Publish = Callable[[Event], None]

VALIDATOR_MODULE = "mesh_core.validator"
STOP_DEADLINE_S = 5.0
START_DEADLINE_S = 20.0


class ValidatorState(StrEnum):
    """What the supervisor knows of a process."""

    STOPPED = "stopped"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    EXITED = "exited"


@dataclass(slots=True)
class _Validator:
    """One validator's process and its history. `decided` is set when a start has succeeded or failed."""

    index: int
    state: ValidatorState = ValidatorState.STOPPED
    child: Child | None = None
    starts_count: int = 0
    exit_status: int | None = None
    detail: str = ""
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


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
        child = self._validators[index].child
        return None if child is None else child.pid

    async def start_all(self) -> None:
        """Start all validators at once and wait until each is up or has failed. LocalFault (VALIDATOR_START) with what the first failing one said."""
        outcomes = await asyncio.gather(*(self.start(validator.index) for validator in self._validators), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def stop_all(self) -> None:
        """Stop all validators at once, the stubborn ones by force."""
        await asyncio.gather(*(self.stop(validator.index) for validator in self._validators))

    async def start(self, index: int) -> None:
        """Start a validator and wait for its ready line. Without effect if it runs. LocalFault (VALIDATOR_START)."""
        validator = self._validators[index]
        async with validator.turn:
            if validator.child is None:
                await self._start(validator)

    async def stop(self, index: int) -> None:
        """Ask a validator to stop (SIGTERM), kill it if it does not within five seconds, and wait for its end."""
        validator = self._validators[index]
        if validator.child is not None:
            self._enter(validator, ValidatorState.STOPPING)
            await validator.child.stop(STOP_DEADLINE_S)

    async def kill(self, index: int) -> None:
        """SIGKILL: the validator has no chance to finish anything. Waits for its end."""
        child = self._validators[index].child
        if child is not None:
            child.signal(signal.SIGKILL)
            await asyncio.wait([child.ended])

    async def restart(self, index: int) -> None:
        """Stop a validator if it runs, and start it. LocalFault (VALIDATOR_START)."""
        await self.stop(index)
        await self.start(index)

    async def _start(self, validator: _Validator) -> None:
        folder = self._folder.validator(validator.index)
        name = f"V{validator.index + 1}"
        validator.detail = ""
        validator.exit_status = None
        validator.starts_count += 1
        validator.decided.clear()
        try:
            arguments = ["--config", str(folder.config), "--supervised"]
            child = await Child.start(VALIDATOR_MODULE, arguments, folder.log, lambda event: self._on_event(validator, event))
        except OSError as error:
            validator.detail = error.strerror or str(error)
            self._enter(validator, ValidatorState.EXITED)
            raise LocalFault(ErrorCode.VALIDATOR_START, f"{name} cannot be started: {validator.detail}") from error
        validator.child = child
        child.ended.add_done_callback(lambda ended: self._on_end(validator, ended.result()))
        self._enter(validator, ValidatorState.STARTING)
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                await validator.decided.wait()
        except TimeoutError:
            validator.detail = f"not ready within {START_DEADLINE_S:g} s"
            await self.kill(validator.index)
        if validator.state is not ValidatorState.UP:
            why = validator.detail or f"it ended with status {validator.exit_status} and gave no reason"
            raise LocalFault(ErrorCode.VALIDATOR_START, f"{name} did not start: {why}; its log: {folder.log}")

    def _on_event(self, validator: _Validator, event: Event) -> None:
        if event["event"] == "fatal":
            validator.detail = str(event.get("text", ""))
        self._publish({**event, "validator": validator.index})
        if event["event"] == "ready":
            self._enter(validator, ValidatorState.UP)
            validator.decided.set()

    def _on_end(self, validator: _Validator, exit_status: int) -> None:
        validator.child = None
        validator.exit_status = exit_status
        self._enter(validator, ValidatorState.STOPPED if exit_status == 0 else ValidatorState.EXITED)
        validator.decided.set()

    def _enter(self, validator: _Validator, state: ValidatorState) -> None:
        validator.state = state
        self._publish(
            {
                "event": "validator_state",
                "t_ns": time.monotonic_ns(),
                "validator": validator.index,
                "state": str(state),
                "pid": self.pid(validator.index),
                "exit": validator.exit_status,
                "restarts": max(0, validator.starts_count - 1),
                "detail": validator.detail,
            }
        )
