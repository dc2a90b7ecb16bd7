"""Starts the validators of a local network as processes, watches them, stops and kills them. Nothing is left behind, whatever ends the supervisor.

With `auto_restart`, one that was ready and then ends without having been asked to is started again, each time a little later (`restarts.py`).
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Child, Event
from testnet.layout import NetworkFolder
from testnet.restarts import SAME_ENDS_MOST, Restarts

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
    RESTARTING = "restarting"
    """It ended by itself and will be started again after a pause."""


@dataclass(slots=True)
class _Validator:
    """One validator's process and its history. `decided` is set when a start has succeeded or failed.

    `is_kept` says that nobody has asked for its end: only then, and if it was ready before, it is started again.
    """

    index: int
    module: str | None = None
    """What runs in its place from the next start on."""
    state: ValidatorState = ValidatorState.STOPPED
    child: Child | None = None
    starts_count: int = 0
    exit_status: int | None = None
    detail: str = ""
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_kept: bool = False
    ready_at: float | None = None
    restarts: Restarts = field(default_factory=Restarts)
    restarting: asyncio.Task[None] | None = None


class Supervisor:
    """The validators of one network. An async context manager: leaving it stops them all."""

    def __init__(self, folder: NetworkFolder, validators_count: int, publish: Publish, *, auto_restart: bool = False) -> None:
        """`publish` is given every event: the validators' own lines with their index as `validator`, and `validator_state`."""
        self._folder = folder
        self._publish = publish
        self._auto_restart = auto_restart
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

    def run_as(self, index: int, module: str | None) -> None:
        """The next starts of a validator run `python -m module` with the same arguments; None: the validator as it is again. What runs now is not touched."""
        self._validators[index].module = module

    def module(self, index: int) -> str | None:
        """The module that the next start of a validator runs; None for the validator as it is."""
        return self._validators[index].module

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
        if validator.child is None:
            await self._stop_keeping(validator)
        async with validator.turn:
            validator.is_kept = self._auto_restart
            if validator.child is None:
                validator.restarts.reset()
                await self._start(validator)

    async def stop(self, index: int) -> None:
        """Ask a validator to stop (SIGTERM), kill it if it does not within five seconds, and wait for its end."""
        validator = self._validators[index]
        await self._stop_keeping(validator)
        if validator.child is not None:
            self._enter(validator, ValidatorState.STOPPING)
            await validator.child.stop(STOP_DEADLINE_S)
        elif validator.state is ValidatorState.RESTARTING:
            self._enter(validator, ValidatorState.STOPPED)

    async def kill(self, index: int) -> None:
        """SIGKILL: the validator has no chance to finish anything. Waits for its end. It is not started again: that was asked for."""
        validator = self._validators[index]
        await self._stop_keeping(validator)
        await self._kill(validator)
        if validator.state is ValidatorState.RESTARTING:
            self._enter(validator, ValidatorState.STOPPED)

    async def restart(self, index: int) -> None:
        """Stop a validator if it runs, and start it. LocalFault (VALIDATOR_START)."""
        await self.stop(index)
        await self.start(index)

    async def _start(self, validator: _Validator) -> None:
        folder = self._folder.validator(validator.index)
        name = f"V{validator.index + 1}"
        validator.detail = ""
        validator.exit_status = None
        validator.ready_at = None
        validator.starts_count += 1
        validator.decided.clear()
        try:
            arguments = ["--config", str(folder.config), "--supervised"]
            child = await Child.start(validator.module or VALIDATOR_MODULE, arguments, folder.log, lambda event: self._on_event(validator, event))
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
            await self._kill(validator)
        if validator.state is not ValidatorState.UP:
            why = validator.detail or f"it ended with status {validator.exit_status} and gave no reason"
            raise LocalFault(ErrorCode.VALIDATOR_START, f"{name} did not start: {why}; its log: {folder.log}")

    def _on_event(self, validator: _Validator, event: Event) -> None:
        if event["event"] == "fatal":
            validator.detail = str(event.get("text", ""))
        self._publish({**event, "validator": validator.index})
        if event["event"] == "ready":
            validator.ready_at = asyncio.get_running_loop().time()
            self._enter(validator, ValidatorState.UP)
            validator.decided.set()

    def _on_end(self, validator: _Validator, exit_status: int) -> None:
        validator.child = None
        validator.exit_status = exit_status
        self._enter(validator, ValidatorState.STOPPED if exit_status == 0 else ValidatorState.EXITED)
        validator.decided.set()
        # A status of 0 is the answer to somebody's SIGTERM.
        if validator.is_kept and validator.ready_at is not None and validator.restarting is None and exit_status != 0:
            validator.restarting = asyncio.get_running_loop().create_task(self._keep_restarting(validator), name=f"restarts of V{validator.index + 1}")

    # --- Restarts

    async def _keep_restarting(self, validator: _Validator) -> None:
        """Start a validator again, until it is ready or there is no point in going on."""
        try:
            while (delay_s := self._next_delay(validator)) is not None:
                self._enter(validator, ValidatorState.RESTARTING, delay_s=delay_s)
                await asyncio.sleep(delay_s)
                async with validator.turn:
                    if validator.child is None:
                        with contextlib.suppress(LocalFault):
                            await self._start(validator)
                if validator.child is not None:
                    return
        finally:
            validator.restarting = None

    def _next_delay(self, validator: _Validator) -> float | None:
        """Seconds until the next attempt; None, which is told, when it will not be made."""
        served_s = 0.0 if validator.ready_at is None else asyncio.get_running_loop().time() - validator.ready_at
        delay_s = validator.restarts.delay_after(validator.exit_status, served_s=served_s)
        if delay_s is None:
            validator.is_kept = False
            why = f": {validator.detail}" if validator.detail else ""
            validator.detail = f"ended {SAME_ENDS_MOST} times in a row with status {validator.exit_status}, not started again{why}"
            self._enter(validator, ValidatorState.EXITED)
        return delay_s

    async def _stop_keeping(self, validator: _Validator) -> None:
        """From now on its end is wanted. A restart that is under way is given up; what it has started by then is stopped by the caller, who comes next."""
        validator.is_kept = False
        restarting = validator.restarting
        if restarting is not None:
            restarting.cancel()
            await asyncio.wait([restarting])

    @staticmethod
    async def _kill(validator: _Validator) -> None:
        if validator.child is not None:
            ended = validator.child.ended
            validator.child.signal(signal.SIGKILL)
            await asyncio.wait([ended])

    def _enter(self, validator: _Validator, state: ValidatorState, *, delay_s: float | None = None) -> None:
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
                "detail": validator.detail if delay_s is None else f"again in {delay_s:g} s",
            }
            | ({} if delay_s is None else {"delay_s": delay_s})
        )
