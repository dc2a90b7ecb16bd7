"""The wallet's story, typed: two wallets, a payment, a receipt that needs no network, and a lost disk. Also the walk-through of docs/wallet.md."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e.processes import REPOSITORY
from tests.e2e.wallet_command import PASSPHRASE, Answer, Shell, Testnet, running_testnet
from tests.unit.wallet.cli.documented import documented_sentence

NO_SOCKETS = """
import socket

class NoSocket(socket.socket):
    def __init__(self, *arguments, **attributes):
        raise SystemExit("a socket was asked for")

socket.socket = NoSocket
"""
PATIENCE_S = 60.0
ANOTHER_S = 1.0
WALK_THROUGH = REPOSITORY / "docs" / "wallet.md"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Testnet]:
    with running_testnet(tmp_path / "network") as running:
        yield running


def told(payments: list[Answer]) -> list[tuple[object, ...]]:
    """What of a history does not depend on the machine's clock and on how far deliveries are."""
    return [tuple(payment[name] for name in ("direction", "amount", "fee", "counterparty", "cert_id", "memo")) for payment in payments]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_story(network: Testnet, tmp_path: Path) -> None:
    network_file = network.home / "network.toml"
    alice, bob = (Shell(tmp_path / name, network=network_file, cwd=tmp_path) for name in ("alice", "bob"))
    made = alice.ask("keygen", "alice", "--show-phrase", "--no-confirm")
    address = bob.ask("keygen", "bob", "--show-phrase", "--no-confirm")["address"]
    alice.seal_lightly("alice")
    bob.seal_lightly("bob")

    claimed = alice.ask("faucet", "--amount", "10000")
    assert (claimed["balance"], claimed["claimed"]) == (10_000, True)
    alice.do("contacts", "add", "Bob", address)
    paid = alice.ask("send", "--to", "bob", "--amount", "500", "--memo", "rent for May")
    assert (paid["amount"], paid["fee"], paid["balance"], paid["finished_interrupted"]) == (500, 1, 9_499, False)
    received = bob.ask("receive")
    assert (received["claimed"], received["balance"]) == (500, 500)
    assert bob.ask("receive")["claimed"] == 0

    assert alice.ask("balance")["spendable"]["amount"] == 9_499
    assert bob.ask("balance")["spendable"]["amount"] == 500
    before = alice.payments()
    assert [(one["direction"], one["amount"], one["memo"], one["name"]) for one in before] == [
        ("received", 10_000, "from the faucet", None),
        ("sent", 500, "rent for May", "Bob"),
    ]
    assert [(one["direction"], one["amount"], one["cert_id"], one["status"]) for one in bob.payments()] == [("received", 500, paid["cert_id"], "claimed")]
    rows = list(csv.DictReader(io.StringIO(alice.do("history", "--csv"))))
    assert [(row["amount"], row["certificate"], row["name"]) for row in rows] == [(str(one["amount"]), one["cert_id"], one["name"] or "") for one in before]

    shown = bob.ask("show", paid["cert_id"])
    assert shown["range_proof"].startswith("holds")
    assert len([one for one in shown["signatures"] if one["valid"]]) == 4
    assert [(one["part"], one["amount"], one["memo"]) for one in shown["own"]] == [("own output 0", 500, "rent for May")]

    check_receipt(network, alice, paid["cert_id"], address, tmp_path)

    check_refusals(alice, bob, claimed["cert_id"], tmp_path)

    shutil.rmtree(alice.home)
    fresh = Shell(alice.home, network=network_file, passphrase="another passphrase", cwd=tmp_path)
    restored = fresh.ask("restore", "alice", stdin=made["phrase"])
    assert (restored["spendable"], restored["address"], restored["payments"]) == (9_499, made["address"], 2)
    assert told(fresh.payments()) == told(before)
    assert fresh.ask("send", "--to", address, "--amount", "99")["balance"] == 9_399
    network.check_ledger()


def check_receipt(network: Testnet, alice: Shell, cert_id: str, payee: str, tmp_path: Path) -> None:
    """Made by Alice, verified by somebody who has the genesis document and cannot open a socket."""
    receipt, elsewhere = tmp_path / "receipt", tmp_path / "elsewhere"
    alice.do("receipt", cert_id[:12], "--context", "invoice 17", "-o", str(receipt))
    elsewhere.mkdir()
    shutil.copy(network.home / "genesis.bin", elsewhere)
    (elsewhere / "sitecustomize.py").write_text(NO_SOCKETS)
    verifier = Shell(elsewhere / "home", passphrase=None, cwd=elsewhere)
    verifier.environment["PYTHONPATH"] = f"{elsewhere}{os.pathsep}{REPOSITORY}"
    checked = ("verify", str(receipt), "--genesis", "genesis.bin", "--amount", "500", "--payee", payee)
    proven = verifier.ask(*checked, "--context", "invoice 17")
    assert (proven["amount"], proven["text"], proven["cert_id"], proven["made_by"]) == (500, "rent for May", cert_id, "sender")
    assert verifier.run(*checked, "--context", "invoice 18").returncode == 5
    damaged = bytearray(receipt.read_bytes())
    damaged[-80] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    assert verifier.run("verify", str(tmp_path / "damaged"), "--genesis", "genesis.bin").returncode == 5


def check_refusals(alice: Shell, bob: Shell, not_bobs: str, tmp_path: Path) -> None:
    """What only a network can refuse, in the documented words; nothing was changed by any of it."""

    def refuse(shell: Shell, *words: str, code: str, status: int = 1) -> None:
        refused = shell.run(*words)
        assert refused.returncode == status, (words, refused.stdout, refused.stderr)
        documented_sentence(refused.stderr, code, status)

    unknown = "ab" * 32
    refuse(alice, "send", "--to", "bob", "--amount", "9499", code="1303")
    refuse(alice, "receive", "--cert", unknown, code="1307")
    refuse(alice, "show", unknown, code="1602", status=5)
    refuse(bob, "receipt", not_bobs, "-o", str(tmp_path / "no-receipt"), code="1601", status=5)
    refuse(alice, "emergency", "--confirm", "I sign two transitions for one slot", code="1310")
    assert not (tmp_path / "no-receipt").exists()
    assert (alice.ask("balance")["spendable"]["amount"], bob.ask("balance")["spendable"]["amount"]) == (9_499, 500)
    assert alice.ask("doctor")["ok"] is True


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_walk_through_of_the_documentation(network: Testnet, tmp_path: Path) -> None:
    """Every line that docs/wallet.md tells a reader to type, in order. Only what a terminal would be asked is given by other means."""
    text = WALK_THROUGH.read_text(encoding="utf-8").split("## A walk-through\n")[1].split("\n## ")[0]
    lines = [line.strip() for line in re.findall(r"^    (mesh-wallet .*|rm .*)$", text, re.MULTILINE)]
    assert len(lines) >= 14
    shell = Shell(network.home, cwd=tmp_path)
    phrases: dict[str, str] = {}
    paid = ""
    for line in lines:
        words = [word.replace("HASH", paid).replace("$MESH_HOME", str(shell.home)) for word in shlex.split(line)]
        if words[0] == "rm":
            assert words[1] == "-r"
            shutil.rmtree(words[2])
            continue
        command = words[1:]
        if command[0] == "keygen":
            phrases[command[1]] = shell.ask(*command, "--show-phrase", "--no-confirm")["phrase"]
            shell.seal_lightly(command[1])
        elif command[0] == "restore":
            shell.do(*command, stdin=phrases[command[1]])
            shell.seal_lightly(command[1])
        else:
            printed = shell.do(*command)
            if command[0] == "send":
                paid = re.findall(r"^certificate +([0-9a-f]{16})", printed, re.MULTILINE)[0]
    assert shell.ask("--wallet", "alice", "balance")["spendable"]["amount"] == 9_499
    assert shell.ask("--wallet", "bob", "balance")["spendable"]["amount"] == 500


def test_keygen_and_restore_at_a_terminal(tmp_path: Path) -> None:
    """The phrase is shown once on a screen of its own, three words are asked for, and the passphrase twice; nothing of it stays on the screen."""
    shell = Shell(tmp_path / "home", passphrase=None)
    terminal = Terminal(shell, "keygen", "alice")
    terminal.answer("New passphrase for 'alice'", PASSPHRASE)
    terminal.answer("The same again", PASSPHRASE)
    screen = terminal.until("Press Enter")
    words = re.findall(r"(?:^|\s)\d+ ([a-z]+)", screen.split("nobody else looks.")[1])
    assert len(words) == 24
    terminal.type("\r")
    for attempt in range(3):
        number = int(re.findall(r"Word (\d+): $", terminal.until(r": $", since_last=True))[-1])
        if attempt == 0:
            terminal.type("wrong\r")
            terminal.until(f"That is not word {number}")
            terminal.until(r": $", since_last=True)
        terminal.type(words[number - 1] + "\r")
    status, printed = terminal.end()
    assert status == 0
    assert PASSPHRASE not in printed
    left = re.sub(r"\x1b\[\?1049h.*?\x1b\[\?1049l", "", printed, flags=re.DOTALL)
    assert not [word for word in words if re.search(rf"\d+ {word}\b", left)]
    assert shell.run("balance", "--offline").returncode == 1, "sealed"
    again = Terminal(Shell(tmp_path / "other", passphrase=None), "restore", "alice", "--offline")
    again.answer("Recovery phrase", " ".join(words))
    again.answer("New passphrase for 'alice'", "x y")
    again.answer("The same again", "x y")
    assert again.end()[0] == 0
    addresses = [json.loads(one.do("list", "--json"))["wallets"][0]["address"] for one in (shell, Shell(tmp_path / "other"))]
    assert addresses[0] == addresses[1]


class Terminal:
    """A command that has a terminal of its own."""

    def __init__(self, shell: Shell, *words: str, program: Sequence[str] = (sys.executable, "-m", "mesh_core.wallet.cli.main")) -> None:
        self._main, side = pty.openpty()
        # A terminal of its own, that Ctrl-C comes from: the session's controlling one.
        take = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-c", take, *program, *words]
        self._process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=shell.environment, cwd=REPOSITORY, start_new_session=True)
        os.close(side)
        self._printed = ""
        self._from = 0

    def until(self, pattern: str, *, since_last: bool = False) -> str:
        """What was printed up to now, once it holds this."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self._printed[self._from :] if since_last else self._printed):
            assert time.monotonic() < deadline, self._printed
            assert self._read(deadline) or re.search(pattern, self._printed), self._printed
        return self._printed

    def type(self, text: str) -> None:
        self._from = len(self._printed)
        os.write(self._main, text.encode())

    def answer(self, prompt: str, text: str) -> None:
        self.until(prompt, since_last=True)
        self.type(text + "\r")

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C until it ends: a Python that was about to wait for a line, and does not yet, notices the first one only with the next."""
        deadline = time.monotonic() + PATIENCE_S
        self.type("\x03")
        while self._process.poll() is None and time.monotonic() < deadline:
            if not self._read(time.monotonic() + ANOTHER_S) and self._process.poll() is None:
                with contextlib.suppress(OSError):  # it has ended meanwhile, and its terminal with it
                    self.type("\x03")
        return self.end()

    def end(self) -> tuple[int, str]:
        """Exit status and everything that was printed."""
        try:
            while self._read(time.monotonic() + PATIENCE_S):
                pass
            return self._process.wait(PATIENCE_S), self._printed
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            os.close(self._main)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._main], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self._main, 65536) if ready else b""
        except OSError:
            data = b""
        self._printed += data.decode()
        return bool(data)
