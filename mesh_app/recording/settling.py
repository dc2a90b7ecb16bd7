"""When a screen has nothing left to do, found by looking at what waits in it and not at the processor or the clock.

`Pilot.pause` takes a process that uses little of a processor for one that is done; on a busy machine it is one that was not let. A picture is then taken of
a half-made screen, and two recordings of the same events differ. Beside `screen.py` the only file that knows how Textual keeps such things (private, so the
version is pinned and a test holds it).
"""

import asyncio
from typing import Any, Final

from textual.app import App
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen

STILL_ROUNDS: Final = 3
"""In a round each widget works off what it had. What one asks of another shows in the next round."""
MOST_ROUNDS: Final = 500
"""A screen that moves by itself never settles: its picture is taken as it is then."""
_PAUSE_S: Final = 0.001


async def settle(app: App[Any], pilot: Pilot[Any]) -> None:
    """Until every message, callback, layout, repaint and worker of the application is done."""
    still = 0
    for _ in range(MOST_ROUNDS):
        await pilot._wait_for_screen()  # noqa: SLF001 - see above
        app.screen._on_timer_update()  # noqa: SLF001 - layout and repaint, without waiting for their timer
        still = still + 1 if _is_still(app) else 0
        if still == STILL_ROUNDS:
            return
        await asyncio.sleep(0 if still else _PAUSE_S)


def _is_still(app: App[Any]) -> bool:
    screens = app.screen_stack
    pumps: list[MessagePump] = [app, *(pump for screen in screens for pump in screen.walk_children(with_self=True))]
    return not any(map(_has_waiting, pumps)) and not _is_unpainted(screens[-1]) and all(worker.is_finished for worker in app.workers)


def _has_waiting(pump: MessagePump) -> bool:
    return bool(pump.message_queue_size or pump._pending_message or pump._next_callbacks)  # noqa: SLF001


def _is_unpainted(screen: Screen[Any]) -> bool:
    return bool(screen._layout_required or screen._scroll_required or screen._repaint_required or screen._dirty_widgets or screen._callbacks)  # noqa: SLF001
