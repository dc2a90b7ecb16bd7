"""`mesh-testnet up` and `mesh-wallet`, as a person starts them: processes with homes, environments and what they print."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, SealingCost
from mesh_core.storage.key_file import SEED_NAME, Sealing, read_seed, write_seed
from mesh_core.validator.config import load_config
from mesh_core.validator.status import ask_status
from tests.e2e.forked_commands import forked_commands
from tests.e2e.processes import END_S, REPOSITORY, START_S

Answer = dict[str, Any]
PASSPHRASE = "correct horse battery staple"
COMMAND_S = 60.0


def _starts_as_usual(environment: Mapping[str, str]) -> bool:
    """Whether nothing is asked of Python itself that a process forked from another Python would not do."""
    return _about_python(environment) == _about_python(os.environ | {"PYTHONPATH": str(REPOSITORY)})


def _about_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LC_", "LANG"))}


def said(stderr: str) -> str:
    """What a command wrote to standard error, but for the note of a slow machine: after three seconds each command says what it is waiting for."""
    return "".join(line for line in stderr.splitlines(keepends=True) if not line.startswith("note: waiting for "))


class Shell:
    """Types commands in one home. What they write to standard error comes without their notes that they are still waiting."""

    def __init__(self, home: Path, *, network: Path | None = None, passphrase: str | None = PASSPHRASE, cwd: Path | None = None) -> None:
        self.home = home
        self.network = network
        self.cwd = cwd
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
        self.environment = kept | {"MESH_HOME": str(home), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
        if passphrase is not None:
            self.environment["MESH_PASSPHRASE"] = passphrase

    def run(self, *words: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        """One command, to its end."""
        network = () if self.network is None else ("--network", str(self.network))
        surroundings = self.environment | environment
        cwd = REPOSITORY if self.cwd is None else self.cwd
        if not _starts_as_usual(surroundings):
            done = subprocess.run(
                [sys.executable, "-m", "mesh_core.wallet.cli.main", *network, *words],
                input=stdin,
                capture_output=True,
                text=True,
                timeout=COMMAND_S,
                env=surroundings,
                cwd=cwd,
                check=False,
            )
        else:
            done = forked_commands().run([*network, *words], surroundings, cwd, stdin, COMMAND_S)
        done.stderr = said(done.stderr)
        return done

    def do(self, *words: str, stdin: str = "") -> str:
        """A command that succeeds; what it prints."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def ask(self, *words: str, stdin: str = "") -> Answer:
        """A command that succeeds; its last JSON object."""
        answer: Answer = json.loads(self.do(*words, "--json", stdin=stdin).splitlines()[-1])
        return answer

    def seal_lightly(self, name: str) -> None:
        """Seal a wallet's seed once more, at Argon2id's least cost: its file says at which, so every command still asks for the passphrase and opens it.

        At the cost that `keygen` chooses, each command of a long story would take longer over the passphrase than over its work.
        """
        folder, passphrase = self.home / "wallets" / name, self.environment["MESH_PASSPHRASE"]
        seed = read_seed(folder, lambda _: passphrase)
        (folder / SEED_NAME).unlink()
        write_seed(folder, seed, Sealing(passphrase, SealingCost(1, LEAST_MEMORY_KIB)))

    def payments(self, *words: str) -> list[Answer]:
        """The wallet's history."""
        found: list[Answer] = self.ask(*words, "history")["payments"]
        return found


class Testnet:
    """A running `mesh-testnet up`. `lines` are its JSON lines so far, read by a thread so that it never waits for its reader."""

    __test__ = False

    def __init__(self, home: Path, process: "subprocess.Popen[str]") -> None:
        self.home = home
        self.process = process
        self.lines: list[Answer] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def until(self, condition: Callable[[], bool], within_s: float) -> None:
        """Return when it is so."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, self.lines[-5:]
            time.sleep(0.02)

    def named(self, event: str) -> list[Answer]:
        """All lines of a name."""
        return [line for line in tuple(self.lines) if line["event"] == event]

    def statuses(self) -> list[Answer]:
        """What each validator says of itself."""
        configs = sorted(self.home.glob("v*/validator.toml"))
        return [json.loads(ask_status(load_config(config).data_dir)) for config in configs]

    def check_ledger(self) -> None:
        """All validators come to the same state, in which no unit was made or lost, and nobody has signed twice."""

        def is_in_step() -> bool:
            found = self.statuses()
            return len({(one["log_length"], one["state_digest"]) for one in found}) == 1 and {one["supply_audit"] for one in found} == {True}

        self.until(is_in_step, END_S)
        assert {one["evidence_count"] for one in self.statuses()} == {0}

    def stop(self) -> None:
        """End it in good order."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reading.join(END_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running_testnet(home: Path) -> Iterator[Testnet]:
    """Four validators and a faucet."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "testnet.cli", "up", str(home), "--json"]
    with (home.parent / "up.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=REPOSITORY, bufsize=1)
    network = Testnet(home, process)
    try:
        network.until(lambda: bool(network.named("network_ready")), START_S)
        yield network
    finally:
        network.stop()
