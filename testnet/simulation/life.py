"""One life of a simulated process: from its start to its end or its crash.

Whatever runs in a life carries it in its context, tasks and timers included. So a crash needs no hook in the product: from one moment on the loop runs
nothing of that life any more, not even a `finally`.
"""

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

_LIVING: "contextvars.ContextVar[Life | None]" = contextvars.ContextVar("mesh_simulation_life", default=None)

_PRUNE_ABOVE = 256
"""Tasks of a life that are kept before those that have ended are looked for; later, twice as many as were left."""


class Life:
    """A process that runs. `number` counts the lives of one node from 1."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.is_over = False
        self.paused_until: float | None = None
        self.context = contextvars.copy_context()
        self.context.run(_LIVING.set, self)
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._prune_above = _PRUNE_ABOVE

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a coroutine as a task of this life."""
        return asyncio.get_running_loop().create_task(coroutine, context=self.context.copy())

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """Hold on to a task: one that hangs in a life that is over must not be collected, which would run its `finally`."""
        if len(self._tasks) > self._prune_above:
            self._tasks = {kept: None for kept in self._tasks if not kept.done()}
            self._prune_above = max(_PRUNE_ABOVE, 2 * len(self._tasks))
        self._tasks[task] = None

    def unfinished(self) -> list["asyncio.Task[Any]"]:
        """The tasks that have not ended."""
        return [task for task in self._tasks if not task.done()]


def life_of(context: contextvars.Context) -> Life | None:
    """The life that a context belongs to; None for the simulation's own."""
    return context.get(_LIVING, None)
