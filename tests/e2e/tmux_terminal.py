"""A real terminal of its own for a program: tmux on a private socket, without anybody's configuration."""

import asyncio
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import REPOSITORY
from tests.unit.network.peers import eventually

WAIT_S = 60.0
POLL_S = 0.05
ESCAPE_S = 0.3
ENDED = "ended with status"
CANONICAL = "terminal is canonical"


class TmuxTerminal:
    """One window. What ended in it is followed by its exit status, and by whether the terminal is as it was."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *arguments: str) -> str:
        """A command of tmux; returns what it prints."""
        command = ["tmux", "-S", str(self._socket), "-f", os.devnull, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

    def text(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-p", "-t", "mesh")

    def press(self, *keys: str) -> None:
        """Keys by tmux's names, as fast as the machine can."""
        for key in keys:
            self.tmux("send-keys", "-t", "mesh", key)

    async def escape(self) -> None:
        """The escape key. With something close behind it, it would be another key to a terminal: however late the program reads it, nothing is."""
        self.press("Escape")
        await asyncio.sleep(ESCAPE_S)
        await eventually(lambda: self._unread_bytes() == 0, within_s=WAIT_S)
        await asyncio.sleep(ESCAPE_S)

    def _unread_bytes(self) -> int:
        """What was typed and the program has not read yet."""
        side = os.open(self.tmux("display-message", "-p", "-t", "mesh", "#{pane_tty}").strip(), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return int.from_bytes(fcntl.ioctl(side, termios.FIONREAD, bytes(4)), sys.byteorder)
        finally:
            os.close(side)

    def type(self, text: str) -> None:
        """Characters, one key press each."""
        for character in text:
            self.tmux("send-keys", "-t", "mesh", "-l", character)

    def send_bytes(self, data: bytes) -> None:
        """Anything, as if a broken keyboard or a paste had sent it."""
        self.tmux("send-keys", "-t", "mesh", "-H", *(f"{value:02x}" for value in data))

    def resize(self, width: int, height: int) -> None:
        """Another size, while the program runs."""
        self.tmux("resize-window", "-t", "mesh", "-x", str(width), "-y", str(height))

    async def until(self, condition: Callable[[str], bool], *, what: str, within_s: float = WAIT_S) -> str:
        """The screen once the condition holds for it; fails with what it shows."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not condition(text := self.text()):
            if asyncio.get_running_loop().time() > deadline:
                pytest.fail(f"not in {within_s} s: {what}; the screen:\n{text}")
            await asyncio.sleep(POLL_S)
        return text

    async def until_shown(self, *words: str, within_s: float = WAIT_S) -> str:
        """The screen once it shows all of these."""
        return await self.until(lambda text: all(word in text for word in words), what=f"{words}", within_s=within_s)


@contextmanager
def terminal(command: Sequence[str], *, size: tuple[int, int]) -> Iterator[TmuxTerminal]:
    """A terminal in which the command runs. Skips where there is no tmux, or no /proc to look at processes."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("no /proc: processes cannot be looked at from outside")
    # A Unix socket's path has a limit of about 100 bytes, which a test's own folder exceeds.
    folder = Path(tempfile.mkdtemp(prefix="mesh-tmux-"))
    found = TmuxTerminal(folder / "s")
    after = f'echo "{ENDED} $?"; stty -a | grep -qw -- "-icanon" || echo "{CANONICAL}"; exec cat'
    try:
        found.tmux(
            *("new-session", "-d", "-s", "mesh", "-x", str(size[0]), "-y", str(size[1]), "-c", str(REPOSITORY)),
            f"{shlex.join(command)}; {after}",
            *(";", "set-option", "-g", "escape-time", "0"),
        )
        yield found
    finally:
        subprocess.run(["tmux", "-S", str(found._socket), "kill-server"], capture_output=True, check=False, timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def processes_of(home: Path) -> dict[int, str]:
    """Python processes whose command line names this home, by pid."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"python" in words[0] and any(os.fsencode(home) in word for word in words):
                found[int(entry.name)] = b" ".join(words).decode(errors="replace")
    return found
