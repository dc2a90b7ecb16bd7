"""`mesh-wallet` as a process of its own, forked from one that has imported it: what the network's modules cost to import is paid once, not each time.

A command's process has its own arguments, environment, folder and standard streams, ends as any other does, and can be killed; only its `/proc/PID/cmdline` is
not its own, and what it read from the environment before `main` (how Python starts) is the tests'. Whoever looks at these starts a program.
"""

import array
import atexit
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.e2e.processes import REPOSITORY

MODULE = "mesh_core.wallet.cli.main"
IMPORTED = (MODULE, "mesh_core.wallet.cli.parties", "mesh_core.wallet.cli.session")
"""What every command with a wallet imports; its own module each one still imports by itself."""
_ORDER_BYTES = 1024 * 1024
_STREAMS = 3


class ForkedCommands:
    """The process that commands are forked from. It ends with the tests: its socket closes."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.forked_commands", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=REPOSITORY,
                pass_fds=[theirs.fileno()],
            )
        self._orders.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ORDER_BYTES)

    def close(self) -> None:
        """End it."""
        self._orders.close()
        self._process.wait()

    def run(self, words: Sequence[str], environment: Mapping[str, str], cwd: Path, stdin: str, timeout_s: float) -> "subprocess.CompletedProcess[str]":
        """One command, to its end: as `subprocess.run` with captured output. TimeoutExpired, and it is killed."""
        order = json.dumps({"words": list(words), "environment": dict(environment), "cwd": str(cwd)}).encode()
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with mine, tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            with theirs:
                rights = array.array("i", [given.fileno(), out.fileno(), err.fileno(), theirs.fileno()])
                self._orders.sendmsg([order], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            answers = mine.makefile("r")
            with answers:
                pid = int(answers.readline())
                mine.settimeout(timeout_s)
                try:
                    status = int(answers.readline())
                except TimeoutError as error:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(list(words), timeout_s) from error
            printed = [stream.read().decode() for stream in (out, err) if stream.seek(0) == 0]
            return subprocess.CompletedProcess(list(words), status, *printed)


@cache
def forked_commands() -> ForkedCommands:
    """The one process of these tests, which ends with them."""
    commands = ForkedCommands()
    atexit.register(commands.close)
    return commands


def _serve(orders: socket.socket) -> None:
    """Fork a process for each order, until nobody can give one any more. Returns in the process that is a command."""
    waiting: set[int] = set()
    while True:
        data, fds, _, _ = socket.recv_fds(orders, _ORDER_BYTES, _STREAMS + 1)
        if not data:
            for pid in waiting:
                os.waitpid(pid, 0)
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            orders.close()
            _become_command(json.loads(data), fds)
            return
        for fd in fds:
            os.close(fd)
        waiting = {one for one in waiting | {pid} if os.waitpid(one, os.WNOHANG)[0] == 0}


def _become_command(order: dict[str, Any], fds: Sequence[int]) -> None:
    """Fork once more: one process is the command, the other one waits for it and tells how it ended."""
    *streams, reply = fds
    pid = os.fork()
    if pid != 0:
        os.write(reply, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(BrokenPipeError):  # whoever asked has waited long enough, and killed it
            os.write(reply, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.close(reply)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    sys.argv = [MODULE, *order["words"]]
    random.seed()


if __name__ == "__main__":
    import importlib

    main = importlib.import_module(MODULE).main
    for module in IMPORTED:
        importlib.import_module(module)
    with socket.socket(fileno=int(sys.argv[1])) as given_orders:
        _serve(given_orders)
    main()
