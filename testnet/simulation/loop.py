"""An asyncio event loop in virtual time: nothing ever waits, the clock jumps to the next timer.

Deterministic: callbacks run in the order in which they were registered (asyncio promises that, and the product may rely on it), timers in the order of their
times, and timers of one moment in an order that the seed decides. There are no threads, no sockets and no signals: whoever asks for one fails loudly.
"""

import asyncio
import contextvars
import heapq
from asyncio import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar, TypeVarTuple

from typing_extensions import override

from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life, life_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Runaway(RuntimeError):
    """A simulation that does not end: too many steps, too much virtual time, or nothing left to wait for."""


class _Step(asyncio.Handle):
    """A callback that is due."""

    __slots__ = ("life",)

    def __init__(self, callback: Callable[..., object], arguments: tuple[Any, ...], loop: "SimulatedLoop", context: contextvars.Context) -> None:
        super().__init__(callback, arguments, loop, context)
        self.life = life_of(context)

    def run(self) -> None:
        """Call it; what it raises goes to the loop."""
        self._run()


class _Timer(asyncio.TimerHandle):
    """A callback for later."""

    __slots__ = ("life",)

    def __init__(self, when: float, callback: Callable[..., object], arguments: tuple[Any, ...], loop: "SimulatedLoop", context: contextvars.Context) -> None:
        super().__init__(when, callback, arguments, loop, context)
        self.life = life_of(context)

    def run(self) -> None:
        """Call it; what it raises goes to the loop."""
        self._run()


class SimulatedLoop(asyncio.AbstractEventLoop):
    """`run(coroutine)` runs a simulation to its end. `after_step` is called after every callback, with the life that it belonged to."""

    def __init__(self, ties: Stream, *, most_steps: int, most_seconds: float) -> None:
        self._ties = ties
        self._most_steps = most_steps
        self._most_seconds = most_seconds
        self._now = 0.0
        self._ready: deque[_Step | _Timer] = deque()
        self._timers: list[tuple[float, int, int, _Timer]] = []
        self._timers_count = 0
        self._is_running = False
        self._is_closed = False
        self._is_stopping = False
        self._dropped: list[_Step | _Timer] = []
        self._held: dict[Life, list[_Step | _Timer]] = {}
        self._lives: list[Life] = []
        self.steps_count = 0
        self.failures: list[str] = []
        """What nobody caught: exceptions of callbacks, and of tasks that nobody asks."""
        self.after_step: Callable[[Life | None], None] = lambda life: None

    # --- What asyncio asks of a loop

    @override
    def time(self) -> float:
        return self._now

    @override
    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None) -> asyncio.Handle:
        step = _Step(callback, args, self, contextvars.copy_context() if context is None else context)
        self._ready.append(step)
        return step

    @override
    def call_soon_threadsafe(self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    @override
    def call_later(self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    @override
    def call_at(self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None) -> asyncio.TimerHandle:
        timer = _Timer(max(when, self._now), callback, args, self, contextvars.copy_context() if context is None else context)
        self._timers_count += 1
        heapq.heappush(self._timers, (timer.when(), self._ties.whole(0, 255), self._timers_count, timer))
        return timer

    def _timer_handle_cancelled(self, timer: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its time comes."""

    @override
    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    @override
    def create_task(
        self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> "asyncio.Task[T]":
        chosen = contextvars.copy_context() if context is None else context
        task = asyncio.Task(coro, loop=self, name=name, context=chosen)
        life = life_of(chosen)
        if life is not None:
            life.keep(task)
        return task

    @override
    def get_debug(self) -> bool:
        return False

    @override
    def is_running(self) -> bool:
        return self._is_running

    @override
    def is_closed(self) -> bool:
        return self._is_closed

    @override
    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._is_stopping:
            self.failures.append(f"{context['message']}: {context.get('exception')!r}")

    @override
    def run_in_executor(self, executor: Any, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        raise RuntimeError("a thread was asked for: what runs elsewhere must come from outside")

    # --- Lives

    def enter(self, life: Life) -> None:
        """A life begins."""
        self._lives.append(life)

    def pause(self, life: Life, seconds: float) -> None:
        """Nothing of a life runs for so long; then all of it does, in its order. What a garbage collection, or SIGSTOP, does."""
        life.paused_until = self._now + seconds
        self._held.setdefault(life, [])
        self.call_later(seconds, self._resume, life, context=contextvars.Context())

    def resume(self, life: Life) -> None:
        """What was held back runs now."""
        life.paused_until = None
        self._ready.extend(self._held.pop(life, ()))

    def _resume(self, life: Life) -> None:
        if life.paused_until is not None and self._now >= life.paused_until:
            self.resume(life)

    # --- Running

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end of `main`. Raises what it raises; Runaway when it does not end."""
        _set_running_loop(self)
        self._is_running = True
        try:
            task = self.create_task(main, context=contextvars.Context())
            while not task.done():
                self._run_next()
            return task.result()
        finally:
            self._is_running = False
            _set_running_loop(None)

    def _run_next(self) -> None:
        if not self._ready:
            self._jump()
        step = self._ready.popleft()
        life = step.life
        if step.cancelled():
            return
        if life is not None and life.is_over:
            self._dropped.append(step)
            return
        if life is not None and life.paused_until is not None:
            self._held[life].append(step)
            return
        self.steps_count += 1
        if self.steps_count > self._most_steps:
            raise Runaway(f"{self._most_steps} steps, and no end")
        step.run()
        self.after_step(life)

    def _jump(self) -> None:
        """Go to the moment of the next timer, and make ready all timers of that moment."""
        while self._timers and (self._timers[0][3].cancelled() or self._is_in_vain(self._timers[0][3])):
            self._dropped.append(heapq.heappop(self._timers)[3])
        if not self._timers:
            raise Runaway("everybody waits, and nothing is left to happen")
        self._now = self._timers[0][0]
        if self._now > self._most_seconds:
            raise Runaway(f"{self._most_seconds:g} virtual seconds, and no end")
        while self._timers and self._timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(self._timers)[3])

    @staticmethod
    def _is_in_vain(timer: _Timer) -> bool:
        return timer.life is not None and timer.life.is_over

    @override
    def close(self) -> None:
        """End every task that hangs, without a word: what a cancelled task still does, nobody looks at."""
        if self._is_closed:
            return
        self._is_stopping = True
        self._most_steps = self.steps_count + 100_000
        self.after_step = lambda life: None
        _set_running_loop(self)
        try:
            for life in self._lives:
                life.is_over = False
                life.paused_until = None
                for task in life.unfinished():
                    task.cancel()
            self._timers.clear()
            # A task whose next step was dropped waits for that step, whatever it is told.
            self._ready.extendleft(reversed(self._dropped))
            for held in self._held.values():
                self._ready.extend(held)
            while self._ready:
                self._run_next()
        finally:
            _set_running_loop(None)
        self._is_closed = True


def make_loop(ties: Stream, *, most_steps: int, most_seconds: float) -> SimulatedLoop:
    """A loop at time 0."""
    # Abstract on purpose: sockets, signals, processes. What is missing raises NotImplementedError when it is asked for.
    return SimulatedLoop(ties, most_steps=most_steps, most_seconds=most_seconds)  # type: ignore[abstract]
