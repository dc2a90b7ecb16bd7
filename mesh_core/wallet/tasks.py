"""The tasks of one wallet: begun in an order, ended in that order, and never failing in silence."""

import asyncio
import logging
from collections.abc import Coroutine

from mesh_core.errors import LocalFault

logger = logging.getLogger(__name__)


class Tasks:
    """Holds tasks until they end. Not in a set: that would cancel them in the order of their addresses, another one in each run."""

    def __init__(self, name: str) -> None:
        """`name` stands in the log before a task's failure."""
        self._name = name
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._is_closed = False

    def spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        """Begin a task. What it raises is logged: a bug, or a fault that was told already. After `close` nothing begins any more, whoever still calls."""
        if self._is_closed:
            coroutine.close()
            return
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = None
        task.add_done_callback(self._finished)

    def cancel(self) -> None:
        """Cancel all, and return at once."""
        for task in tuple(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """Cancel all, and return when they have ended."""
        self._is_closed = True
        tasks = tuple(self._tasks)
        self.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, LocalFault):
            # The disk, for one: whoever owns it is told by its own way.
            logger.warning("%s: %s", self._name, error)
        elif error is not None:
            logger.error("%s: a task failed", self._name, exc_info=error)
