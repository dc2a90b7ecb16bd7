"""Starts the validators of a local network as processes, watches them, stops and kills them. Nothing is left behind, whatever ends the supervisor.

With `auto_restart`, one that was ready and then ends without having been asked to is started again, each time a little later (`restarts.py`).
Each launch and each end leaves a line in the validator's log (`log_marks.py`).
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Child, Event
from testnet.layout import NetworkFolder
from testnet.log_marks import end_mark, start_mark, write_mark
from testnet.pausing import PauseGuard
from testnet.restarts import SAME_ENDS_MOST, Restarts
from testnet.wiping import wipe

Publish = Callable[[Event], None]
Address = tuple[str, int]

VALIDATOR_MODULE = "mesh_core.validator"
STOP_DEADLINE_S = 5.0
START_DEADLINE_S = 20.0
LIFT_DEADLINE_S = 30.0


class ValidatorState(StrEnum):
    """What the supervisor knows of a process."""

    STOPPED = "stopped"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    EXITED = "exited"
    RESTARTING = "restarting"
    """It ended by itself and will be started again after a pause."""
    PAUSED = "paused"
    """SIGSTOP: it is there and does nothing, as a machine that hangs."""


@dataclass(slots=True)
class _Validator:
    """One validator's process and its history. `decided` is set when a start has succeeded or failed.

    `is_kept` says that nobody has asked for its end: only then, and if it was ready before, it is started again.
    """

    index: int
    module: str | None = None
    """What runs in its place from the next start on."""
    running_module: str | None = None
    """What runs in its place now."""
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
    guard: PauseGuard | None = None
    """Wakes it, while it is paused, if this process ends."""
    asked: str = ""
    """What was asked of the present process, as `end_reason` knows it; empty while nothing was."""
    reason: str = ""
    """Why the last process ended, in words."""
    routes: dict[int, Address] = field(default_factory=dict)
    """Other addresses of its peers."""


class Supervisor:
    """The validators of one network. An async context manager: leaving it stops them all."""

    def __init__(self, folder: NetworkFolder, validators_count: int, publish: Publish, *, auto_restart: bool = False) -> None:
        """`publish` is given every event: the validators' own lines with their index as `validator`, and `validator_state`."""
        self._folder = folder
        self._publish = publish
        self._auto_restart = auto_restart
        self._validators = [_Validator(index) for index in range(validators_count)]
        self._dismissing: set[asyncio.Task[None]] = set()

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
        await asyncio.gather(*self._dismissing)

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
            validator.asked = "stop"
            await self._wake(validator)
        if validator.child is not None:
            self._enter(validator, ValidatorState.STOPPING)
            await validator.child.stop(STOP_DEADLINE_S)
        elif validator.state is ValidatorState.RESTARTING:
            self._enter(validator, ValidatorState.STOPPED)

    async def kill(self, index: int) -> None:
        """SIGKILL: the validator has no chance to finish anything. Waits for its end. It is not started again: that was asked for."""
        validator = self._validators[index]
        await self._stop_keeping(validator)
        validator.asked = "kill"
        await self._kill(validator)
        if validator.state is ValidatorState.RESTARTING:
            self._enter(validator, ValidatorState.STOPPED)

    async def restart(self, index: int) -> None:
        """Stop a validator if it runs, and start it. LocalFault (VALIDATOR_START)."""
        await self.stop(index)
        await self.start(index)

    async def restart_all(self) -> None:
        """Restart one after the other, each when the one before is up: the others make a quorum meanwhile. LocalFault (VALIDATOR_START), the rest untouched."""
        for validator in self._validators:
            await self.restart(validator.index)

    async def pause(self, index: int) -> None:
        """SIGSTOP: the process stays and does nothing. LocalFault (VALIDATOR_STATE) for one that is not up."""
        validator = self._validators[index]
        if validator.child is None or validator.state is not ValidatorState.UP:
            raise self._state_fault(validator, "only one that is up can be paused")
        try:
            guard = validator.guard = await PauseGuard.watch(validator.child.pid)
        except OSError as error:
            raise LocalFault(ErrorCode.VALIDATOR_STATE, f"V{index + 1} cannot be paused: {error.strerror or error}") from error
        if self.states[index] is not ValidatorState.UP or validator.guard is not guard:
            # It has ended, or was asked for something else, while its guard was being started.
            await guard.dismiss()
            raise self._state_fault(validator, "only one that is up can be paused")
        validator.child.signal(signal.SIGSTOP)
        self._enter(validator, ValidatorState.PAUSED)

    async def resume(self, index: int) -> None:
        """SIGCONT: a paused validator goes on. LocalFault (VALIDATOR_STATE) for one that is not paused."""
        validator = self._validators[index]
        if validator.state is not ValidatorState.PAUSED:
            raise self._state_fault(validator, "it is not paused")
        await self._wake(validator)

    async def wipe(self, index: int) -> None:
        """Delete the database and the vote journal of a validator that does not run; its keys stay. At its next start it is in quarantine.

        LocalFault: VALIDATOR_STATE while it runs, STORE_LOCKED, STORE_UNAVAILABLE.
        """
        validator = self._validators[index]
        async with validator.turn:
            if validator.child is not None or validator.state is ValidatorState.RESTARTING:
                raise self._state_fault(validator, "its data can be wiped only while it does not run: stop it first")
            files = await asyncio.to_thread(wipe, self._folder.validator(index).config)
        self._publish({"event": "validator_wiped", "t_ns": time.monotonic_ns(), "validator": index, "files": len(files)})

    async def lift(self, index: int, sentence: str) -> None:
        """Lift a validator's quarantine with its operator's sentence (`mesh_core.validator.lifting`): it is stopped for that, and started again if it ran.

        LocalFault (VALIDATOR_STATE) with the words of the refusal; it then runs again as before.
        """
        was_running = self._validators[index].child is not None
        await self.stop(index)
        try:
            await self._lift(index, sentence)
        finally:
            if was_running:
                await self.start(index)

    async def _lift(self, index: int, sentence: str) -> None:
        arguments = ["--config", str(self._folder.validator(index).config), "--lift-quarantine", "--confirm", sentence]
        command = [sys.executable, "-P", "-m", VALIDATOR_MODULE, *arguments]
        try:
            done = await asyncio.to_thread(
                subprocess.run, command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LIFT_DEADLINE_S, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            # ValueError: a sentence that no argument of a process can be, with a zero in it.
            raise LocalFault(ErrorCode.VALIDATOR_STATE, f"the quarantine of V{index + 1} was not lifted: {error}") from error
        if done.returncode != 0:
            why = done.stderr.strip().rpartition("--lift-quarantine: ")[2].removeprefix("not lifted: ") or f"status {done.returncode}"
            raise LocalFault(ErrorCode.VALIDATOR_STATE, f"the quarantine of V{index + 1} was not lifted: {why}")
        self._publish({"event": "quarantine_lifted", "t_ns": time.monotonic_ns(), "validator": index})

    def route(self, index: int, peer: int, address: Address | None) -> None:
        """A validator reaches one of the others at another address from now on, and after each start; None: where its configuration says."""
        validator = self._validators[index]
        if address is None:
            validator.routes.pop(peer, None)
        else:
            validator.routes[peer] = address
        if validator.child is not None:
            validator.child.send(route_line(peer, address))

    async def _wake(self, validator: _Validator) -> None:
        """SIGCONT to a paused one. A process that is stopped takes no SIGTERM."""
        if validator.state is ValidatorState.PAUSED and validator.child is not None:
            validator.child.signal(signal.SIGCONT)
            self._enter(validator, ValidatorState.UP)
        await self._dismiss_guard(validator)

    @staticmethod
    async def _dismiss_guard(validator: _Validator) -> None:
        guard, validator.guard = validator.guard, None
        if guard is not None:
            await guard.dismiss()

    @staticmethod
    def _state_fault(validator: _Validator, why: str) -> LocalFault:
        return LocalFault(ErrorCode.VALIDATOR_STATE, f"V{validator.index + 1} is {validator.state}: {why}")

    async def _start(self, validator: _Validator) -> None:
        folder = self._folder.validator(validator.index)
        name = f"V{validator.index + 1}"
        validator.detail = ""
        validator.exit_status = None
        validator.ready_at = None
        validator.starts_count += 1
        validator.asked = validator.reason = ""
        validator.running_module = validator.module
        validator.decided.clear()
        try:
            arguments = ["--config", str(folder.config), "--supervised"]
            child = await Child.start(validator.module or VALIDATOR_MODULE, arguments, folder.log, lambda event: self._on_event(validator, event))
        except OSError as error:
            validator.detail = error.strerror or str(error)
            self._enter(validator, ValidatorState.EXITED)
            raise LocalFault(ErrorCode.VALIDATOR_START, f"{name} cannot be started: {validator.detail}") from error
        validator.child = child
        write_mark(folder.log, start_mark(child.pid, validator.module))
        for peer, address in validator.routes.items():
            child.send(route_line(peer, address))
        child.ended.add_done_callback(lambda ended: self._on_end(validator, ended.result()))
        self._enter(validator, ValidatorState.STARTING)
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                await validator.decided.wait()
        except TimeoutError:
            validator.detail = f"not ready within {START_DEADLINE_S:g} s"
            validator.asked = "deadline"
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
        validator.reason = end_reason(exit_status, asked=validator.asked, detail=validator.detail)
        write_mark(self._folder.validator(validator.index).log, end_mark(exit_status, validator.reason))
        if validator.guard is not None:
            dismissing = asyncio.get_running_loop().create_task(self._dismiss_guard(validator), name=f"guard of V{validator.index + 1}")
            self._dismissing.add(dismissing)
            dismissing.add_done_callback(self._dismissing.discard)
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
                "reason": validator.reason,
                "module": validator.running_module,
                "detail": validator.detail if delay_s is None else f"again in {delay_s:g} s",
            }
            | ({} if delay_s is None else {"delay_s": delay_s})
        )


def end_reason(exit_status: int, *, asked: str, detail: str = "") -> str:
    """Why a process ended, in words. `asked` is what was asked of it before: "stop", "kill", "deadline" (it did not become ready), or nothing."""
    if exit_status == 0:
        return "stopped as asked" if asked else "stopped: somebody else sent it SIGTERM"
    if exit_status < 0:
        name = _signal_name(-exit_status)
        if exit_status == -signal.SIGKILL and asked:
            late = detail if asked == "deadline" else f"it did not stop within {STOP_DEADLINE_S:g} s"
            return "killed as asked (SIGKILL)" if asked == "kill" else f"killed (SIGKILL): {late}"
        return f"ended by {name}, which was not sent from here"
    return f"failed with status {exit_status}{f': {detail}' if detail else ''}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def route_line(peer: int, address: Address | None) -> Event:
    """What a validator is told on its standard input (`mesh_core/validator/routes.py`); None: where its configuration says."""
    host, port = (None, None) if address is None else address
    return {"command": "route", "validator": peer, "host": host, "port": port}
