"""Whether there is a terminal on which a screen can be drawn, told in one line before anything is started; and the signals of its job control."""

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Callable
from typing import Final, TextIO

WITHOUT_SCREEN: Final = "mesh-app --demo first-payment --headless"
_PLAIN_TERMINALS: Final = frozenset({"dumb", "unknown"})


def terminal_problem() -> str:
    """Why no screen can be drawn, and what to do; empty where one can be."""
    streams = (("standard input", sys.stdin), ("standard output", sys.stdout), ("standard error", sys.stderr))
    redirected = [name for name, stream in streams if not _is_terminal(stream)]
    if redirected:
        return f"the workstation needs a terminal, and {' and '.join(redirected)} {'is' if len(redirected) == 1 else 'are'} none; without one: {WITHOUT_SCREEN}"
    if os.environ.get("TERM", "") in _PLAIN_TERMINALS:
        return f"this terminal (TERM={os.environ['TERM']}) can draw no screen; without one: {WITHOUT_SCREEN}"
    encoding = (getattr(sys.stderr, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    if encoding != "utf8":
        return f"the terminal's encoding is {encoding}, and the screen is drawn in UTF-8: set LC_ALL=C.UTF-8, or PYTHONUTF8=1"
    return ""


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def hold_terminal(*, stay: Callable[[], None], redraw: Callable[[], None]) -> None:
    """SIGTSTP calls `stay` and stops nobody; after SIGCONT the terminal is as it was and `redraw` is called. Called once the screen is up.

    Textual's own handlers stop this process alone, so that a shell that waits for a parent of it keeps a terminal without echo; and they enter the screen a
    second time after a SIGCONT that followed no SIGTSTP, which forgets the terminal's true settings.
    """
    loop = asyncio.get_running_loop()
    descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
    held = termios.tcgetattr(descriptor)

    def take_up_again() -> None:
        termios.tcsetattr(descriptor, termios.TCSANOW, held)
        redraw()

    loop.add_signal_handler(signal.SIGTSTP, stay)
    loop.add_signal_handler(signal.SIGCONT, take_up_again)


def give_back_terminal() -> None:
    """Ends `hold_terminal`; nothing where it was never called."""
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(signal.SIGTSTP)
    loop.remove_signal_handler(signal.SIGCONT)
