"""The workstation in a real terminal, with real validators: started, paid with, resized, tortured and left. Nothing of it may outlive it."""

import asyncio
import os
import random
import signal
import string
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.processes import is_running, until_ended
from tests.e2e.tmux_terminal import CANONICAL, ENDED, TmuxTerminal, processes_of, terminal

GARBAGE_SEED = 20_261_123
GARBAGE_CHUNKS = 150
PATIENCE_S = 90.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@contextmanager
def workstation(home: Path, *arguments: str, size: tuple[int, int] = (200, 60), environment: Mapping[str, str] | None = None) -> Iterator[TmuxTerminal]:
    variables = {"MESH_HOME": str(home), "TERM": "tmux-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8", **(environment or {})}
    # tmux has its own mind about TERM.
    command = ["env", *(f"{name}={value}" for name, value in variables.items()), sys.executable, "-m", "mesh_app", "--home", str(home), *arguments]
    with terminal(command, size=size) as found:
        yield found


def the_application(home: Path) -> int:
    return next(pid for pid, command in processes_of(home).items() if "mesh_app" in command)


async def left(term: TmuxTerminal) -> None:
    """Quits, and sees that the exit was clean and the terminal is as it was."""
    term.press("q")
    await term.until_shown("Quit?")
    term.press("y")
    await term.until_shown(f"{ENDED} 0", CANONICAL)


async def test_session_from_the_start_to_the_end(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with workstation(home) as term:
        # Sixty keys into the filter of the events, while the network is made and four validators start.
        await term.until_shown("Events")
        typed = (string.ascii_lowercase + string.digits + string.ascii_uppercase)[:60]
        await _reach_the_events(term)
        term.press("/")
        await term.until(lambda text: "Keep" in text.splitlines()[-1], what="the keys of the filter")
        await asyncio.to_thread(term.type, typed)
        await term.until_shown(typed)
        await term.escape()
        await term.until_shown("up 4/4", within_s=PATIENCE_S)
        pids = [*processes_of(home)]
        assert len(pids) >= 6, "the application, four validators, the wallets"

        # A second one in the same home says so in one line.
        with workstation(home) as second:
            told = await second.until_shown(f"{ENDED} 1")
            assert "is in use" in told
            assert "Traceback" not in told

        # A payment, and its claim.
        term.press("p")
        await term.until_shown("amount", "alice", "bob")
        term.type("500")
        await term.until_shown("keeps")
        term.press("Enter")
        await term.until_shown("certs 2", within_s=PATIENCE_S)

        # All sizes, live; one that is too small is no error.
        for width, height in ((60, 18), (40, 10), (80, 24), (200, 60)):
            term.resize(width, height)
            await term.until(partial(_is_drawn, width=width), what=f"drawn at {width}x{height}")

        # Signals of job control stop nobody, and what stopped it from outside leaves no broken terminal.
        application = the_application(home)
        os.kill(application, signal.SIGTSTP)
        await term.until_shown("does not suspend")
        os.kill(application, signal.SIGSTOP)
        os.kill(application, signal.SIGCONT)
        term.press("2")
        await term.until_shown("alice", "bob")

        await left(term)
        await until_ended(*pids)
        assert not processes_of(home)
        assert "a bug" not in (home / "mesh-app.log").read_text()

    # The next run begins where this one ended.
    with workstation(home, size=(120, 40)) as term:
        await term.until_shown("alice", "bob", "2 Wallets")
        await term.until_shown("up 4/4", within_s=PATIENCE_S)
        await _killed(term, home)


async def _reach_the_events(term: TmuxTerminal) -> None:
    """A click into the events: keys of theirs are offered below then."""
    lines = (await term.until_shown("─ Events")).splitlines()
    row = next(y for y, line in enumerate(lines, start=1) if "─ Events" in line)
    column = lines[row - 1].index("─ Events") + 1
    term.send_bytes(f"\x1b[<0;{column + 5};{row + 2}M\x1b[<0;{column + 5};{row + 2}m".encode())
    await term.until(lambda text: "Follow" in text.splitlines()[-1], what="the keys of the events")


def _is_drawn(text: str, width: int) -> bool:
    first = text.splitlines()[0] if text.strip() else ""
    return f"now {width}x" in text if width < 60 else "◆" in first and len(first.rstrip()) <= width and "up 4/4" in first


async def _killed(term: TmuxTerminal, home: Path) -> None:
    """Killed with SIGKILL, which it cannot see coming, and every process of the network ends with it."""
    pids = [*processes_of(home)]
    os.kill(the_application(home), signal.SIGKILL)
    await until_ended(*pids)
    assert not [pid for pid in processes_of(home) if is_running(pid)]
    await term.until_shown(f"{ENDED} 137")


async def test_closed_terminal_leaves_no_process(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with workstation(home) as term:
        await term.until_shown("up 4/4", within_s=PATIENCE_S)
        pids = [*processes_of(home)]
    await until_ended(*pids)


async def test_garbage_from_the_keyboard_never_breaks_it(tmp_path: Path) -> None:
    """Bytes, half escape sequences, mouse reports from nowhere and pastes without an end. `q` and `y` in it may end it, but only well."""
    home = tmp_path / "home"
    source = random.Random(GARBAGE_SEED)
    with workstation(home, size=(120, 40)) as term:
        await term.until_shown("V1", within_s=PATIENCE_S)
        for _ in range(GARBAGE_CHUNKS):
            term.send_bytes(_garbage(source))
            if ENDED in term.text():
                break
        # An unfinished paste swallows what follows it, as the terminal's protocol has it.
        term.send_bytes(b"\x1b[201~")
        await _until_it_answers(term)
        pids = [*processes_of(home)]
        os.kill(the_application(home), signal.SIGTERM)
        shown = await term.until_shown(f"{ENDED} 0", CANONICAL, within_s=PATIENCE_S)
        assert "Traceback" not in shown
        await until_ended(*pids)
        assert "a bug" not in (home / "mesh-app.log").read_text()


def _garbage(source: random.Random) -> bytes:
    match source.randrange(5):
        case 0:
            return source.randbytes(source.randint(1, 40)).replace(b"\x11", b"").replace(b"q", b"")
        case 1:
            return b"\x1b[<%d;%d;%d%c" % (source.randrange(70), source.randrange(300), source.randrange(100), source.choice(b"Mm"))
        case 2:
            return b"\x1b[" + bytes(source.choices(b"0123456789;?<>=ABCDHFPQRS~u", k=source.randint(1, 12)))
        case 3:
            return b"\x1b[200~" + source.randbytes(20).replace(b"\x11", b"") + (b"\x1b[201~" if source.random() < 0.8 else b"")
        case _:
            return bytes(source.choices(b"12345678\t\r\x1b hjklgGnN/?yYozTpsrxKDLVaew+-", k=source.randint(1, 8)))


async def _until_it_answers(term: TmuxTerminal) -> None:
    """Ends as soon as a key has its effect again; escape leads out of whatever is open."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for _ in range(3):
            await term.escape()
        term.press("8")
        try:
            await term.until_shown("What is what", within_s=2.0)
        except pytest.fail.Exception:
            continue
        return
    pytest.fail(f"it does not answer:\n{term.text()}")


# --- What is told before there is a screen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "words"),
    [
        ((), {"TERM": "dumb"}, 2, "this terminal (TERM=dumb) can draw no screen"),
        ((), {"PYTHONIOENCODING": "latin-1"}, 2, "set LC_ALL=C.UTF-8"),
        (("--config", "/nowhere/config.toml"), {}, 2, "there is no configuration /nowhere/config.toml"),
    ],
)
async def test_what_prevents_a_screen_is_told_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], status: int, words: str
) -> None:
    with workstation(tmp_path / "home", *arguments, environment=environment) as term:
        shown = await term.until_shown(f"{ENDED} {status}", CANONICAL)
        assert words in shown
        assert "Traceback" not in shown
        assert not (tmp_path / "home").exists()


async def test_home_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with workstation(tmp_path / "home") as term:
        shown = await term.until_shown(f"{ENDED} 1", CANONICAL)
        assert "cannot use the folder" in shown
        assert "Traceback" not in shown


async def test_broken_configuration_is_told_on_the_screen_and_the_defaults_hold(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[keys]\n"everywhere.pay" = "3"\n')
    with workstation(tmp_path / "home", "--config", str(tmp_path / "config.toml")) as term:
        await term.until_shown("line 2: everywhere.pay: 3 is taken by everywhere.show-pay", "the defaults are in use")
        await term.until_shown("up 4/4", within_s=PATIENCE_S)
        await term.escape()
        term.press("p")
        await term.until_shown("Leave the form")
        await term.escape()
        await left(term)
