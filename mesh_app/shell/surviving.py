"""What becomes of a bug: it is logged with its traceback, told in one line, and everything else goes on."""

import asyncio
import logging
from typing import Any

from rich.traceback import Traceback
from textual._context import active_message_pump
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import WorkerFailed
from typing_extensions import override

from mesh_app.mishaps import Mishaps, words_of
from mesh_app.ports import Workbench
from mesh_app.setup import Setup
from mesh_app.shell.telling import Telling

logger = logging.getLogger(__name__)


class Surviving(Telling):
    """An application that a bug does not end."""

    def __init__(self, workbench: Workbench, setup: Setup) -> None:
        super().__init__(workbench, setup)
        self.mishaps = Mishaps(setup.about.log)
        self.last_words = ""
        """Why the workstation could not go on, where it could not; for the terminal that it leaves behind."""
        self.was_up = False
        """Whether there was a screen to tell anything on."""

    @override
    def _handle_exception(self, error: Exception) -> None:
        """Textual ends an application at the first exception, with pages of traceback. Here it is logged, told in one line, and everything else goes on.

        Where it cannot go on (no screen yet, a screen whose loop has ended, far too many), the application ends in good order with that line.
        """
        if isinstance(error, WorkerFailed) and isinstance(error.error, NoMatches):
            # Textual's palette still looks for its list when it was closed at once: nothing is missing that anybody sees.
            logger.info("a worker outlived its screen: %s", error)
            return
        if self.was_up and not self.is_running:
            logger.info("on the way out: %s", words_of(error))
            return
        line = self.mishaps.take(error)
        if not self.is_running or not self._screen_stacks.get(self._current_mode) or self.mishaps.too_many:
            self._give_up(error)
            return
        if line:
            self.tell_error(line)
        pump = active_message_pump.get(None)
        if isinstance(pump, Screen):
            asyncio.get_running_loop().call_soon(self._look_after, pump, error)

    def look_after_task(self, task: asyncio.Task[Any]) -> None:
        """For tasks that run behind the screen: a bug in one is told as any other. To be called when it has ended."""
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._handle_exception(error)

    def _look_after(self, screen: Screen[Any], error: Exception) -> None:
        """A screen that takes no messages any more would hold the keyboard for ever."""
        if not screen.is_running and screen in self.screen_stack:
            self._give_up(error)

    @override
    def panic(self, *renderables: Any) -> None:
        """Textual's own threads end here, with a traceback to print: it goes into the log."""
        stacks = [stack for renderable in renderables if isinstance(renderable, Traceback) for stack in renderable.trace.stacks]
        text = ", ".join(f"{stack.exc_type}: {stack.exc_value}" for stack in stacks) or " ".join(map(str, renderables))
        logger.error("a thread ended: %s", text)
        self._give_up(RuntimeError(text))

    def _give_up(self, error: Exception) -> None:
        self.last_words = self.last_words or words_of(error)
        self._return_code = 1
        self._close_messages_no_wait()

    @override
    async def run_action(self, action: Any, default_namespace: Any = None, namespaces: Any = None) -> bool:
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:  # noqa: BLE001 - a key that meets a bug does nothing, and says so
            self._handle_exception(error)
            return True
