"""Whether there is a terminal on which a screen can be drawn. Told in one line before anything is started, instead of pages of escape codes."""

import os
import sys
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
