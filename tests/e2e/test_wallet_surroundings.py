"""`mesh-wallet` where its surroundings are bad: readers that go away, a faucet that lies, a terminal that is interrupted, a disk that is full or read-only."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mesh_core.network import local_socket
from mesh_core.wallet.cli.stopping import STOP_VARIABLE
from tests.e2e.processes import REPOSITORY
from tests.e2e.test_wallet_story import Terminal
from tests.e2e.wallet_command import PASSPHRASE, Answer, Shell, Testnet, running_testnet, said
from tests.unit.wallet.cli.documented import documented_sentence

QUICK = ("--no-passphrase", "--show-phrase", "--no-confirm")
COMMAND = [sys.executable, "-m", "mesh_core.wallet.cli.main"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testnet]:
    with running_testnet(tmp_path_factory.mktemp("surroundings") / "home") as running:
        shell = Shell(running.home, passphrase=None)
        for name in ("alice", "bob"):
            shell.do("keygen", name, *QUICK)
        shell.do("--wallet", "alice", "faucet", "--amount", "10000")
        yield running


@pytest.fixture
def shell(network: Testnet) -> Shell:
    return Shell(network.home, passphrase=None)


def made(shell: Shell, memo: str) -> list[Answer]:
    """Alice's payments with this text."""
    return [one for one in shell.payments("--wallet", "alice") if one["memo"] == memo]


# --- Who reads

READ_SO_FAR = """
import io, os, sys
from mesh_core.wallet.cli.main import main

class Unread(io.FileIO):
    reading, lines_left = int(sys.argv[1]), int(sys.argv[2])

    def write(self, data):
        if self.lines_left <= 0 and self.reading >= 0:
            os.close(self.reading)
            self.reading = -1
        self.lines_left -= bytes(data).count(b"\\n")
        return super().write(data)

sys.stdout = io.TextIOWrapper(io.BufferedWriter(Unread(1, "w", closefd=False)), encoding="utf-8")
sys.argv[:3] = ["mesh-wallet"]
main()
"""


def unread(lines: int, *words: str, shell: Shell) -> "subprocess.Popen[str]":
    """A command whose reader goes away after so many lines: it has both ends of its pipe, so that no other process has to be quick enough."""
    reading, writing = os.pipe()
    try:
        return subprocess.Popen(
            [sys.executable, "-c", READ_SO_FAR, str(reading), str(lines), *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            env=shell.environment,
            cwd=REPOSITORY,
            pass_fds=[reading],
        )
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("lines", [0, 1, 4])
def test_reader_who_goes_away_stops_no_payment(shell: Shell, lines: int) -> None:
    memo = f"{lines} lines read"
    words = ("--wallet", "alice", "send", "--to", "bob", "--amount", "3", "--memo", memo, "--json")
    paying = unread(lines, *words, shell=shell)
    assert paying.stderr is not None
    words_left = paying.stderr.read()
    assert (paying.wait(60), said(words_left)) == (1, "")
    paying.stderr.close()
    again = shell.ask(*words[:-1])
    assert again["finished_interrupted"] is True
    assert [one["cert_id"] for one in made(shell, memo)] == [again["cert_id"]]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full, as Linux has it")
def test_full_disk_behind_the_output_stops_no_payment(shell: Shell) -> None:
    words = ("--wallet", "alice", "send", "--to", "bob", "--amount", "3", "--memo", "full", "--json")
    with Path("/dev/full").open("wb") as full:
        paid = subprocess.run(
            [*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=shell.environment, cwd=REPOSITORY, timeout=60, check=False
        )
    words_left = said(paid.stderr)
    assert (paid.returncode, "cannot be written (No space left on device)" in words_left, len(words_left.splitlines())) == (1, True, 1)
    assert shell.ask(*words[:-1])["finished_interrupted"] is True
    assert len(made(shell, "full")) == 1


def test_reader_who_goes_away_stops_no_claim(shell: Shell) -> None:
    before = shell.ask("--wallet", "bob", "balance")["spendable"]["amount"]
    shell.do("--wallet", "bob", "receive")
    waiting = shell.ask("--wallet", "bob", "balance")["spendable"]["amount"]
    words = ("--wallet", "bob", "faucet", "--amount", "9", "--json")
    asking = unread(0, *words, shell=shell)
    asking.communicate(timeout=60)
    assert asking.returncode == 1
    assert before <= waiting == shell.ask("--wallet", "bob", "balance")["spendable"]["amount"] - 9


def test_watch_that_nobody_reads_ends(shell: Shell) -> None:
    words = ["--wallet", "bob", "watch", "--json"]
    watching = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=shell.environment, cwd=REPOSITORY)
    assert watching.stdout is not None
    assert watching.stderr is not None
    assert json.loads(watching.stdout.readline())["event"] == "watching"
    watching.stdout.close()
    shell.do("--wallet", "alice", "send", "--to", "bob", "--amount", "1", "--memo", "is anybody there")
    assert (watching.wait(60), said(watching.stderr.read())) == (1, "")
    watching.stderr.close()


@pytest.mark.parametrize("between", [("balance",), ("receive",), ("doctor",), ("send", "--to", "faucet", "--amount", "1")])
def test_what_shows_no_payments_is_no_report_of_one(shell: Shell, between: tuple[str, ...]) -> None:
    """A script that looks at the balance before it tries again must not pay twice. (A payment to somebody else shows itself, and is another one's report.)"""
    memo = f"killed before {between[0]}"
    words = ("--wallet", "alice", "send", "--to", "bob", "--amount", "3", "--memo", memo)
    assert shell.run(*words, **{STOP_VARIABLE: "stored"}).returncode == -signal.SIGKILL
    shell.run("--wallet", "alice", *between)
    again = shell.ask(*words)
    assert len(made(shell, memo)) == (2 if between[0] == "send" else 1)
    assert again["finished_interrupted"] is (between[0] != "send")


# --- An old copy of a disk


@pytest.mark.parametrize("is_certified", [True, False])
def test_old_copy_of_the_disk_signs_no_slot_twice(network: Testnet, shell: Shell, tmp_path: Path, is_certified: bool) -> None:
    """The copy knows nothing of the payment that was made, or begun at one validator, since: that one is found and completed before another is signed."""
    name = f"copied-{is_certified}".lower()
    shell.do("keygen", name, *QUICK)
    shell.do("--wallet", name, "faucet", "--amount", "100")
    folder = network.home / "wallets" / name
    shutil.copytree(folder, tmp_path / "copy")
    first = ("--wallet", name, "send", "--to", "bob", "--amount", "5", "--memo", "first")
    if is_certified:
        shell.do(*first)
    else:
        assert shell.run(*first, **{STOP_VARIABLE: "first-request"}).returncode == -signal.SIGKILL
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    second = shell.ask("--wallet", name, "send", "--to", "bob", "--amount", "7", "--memo", "second")
    assert (second["finished_interrupted"], second["balance"]) == (False, 100 - 6 - 8)
    assert [(one["amount"], one["memo"]) for one in shell.payments("--wallet", name) if one["direction"] == "sent"] == [(5, "first"), (7, "second")]
    network.check_ledger()


def test_view_key_with_a_wrong_digit_shows_no_false_balance(network: Testnet, shell: Shell, tmp_path: Path) -> None:
    shell.do("--wallet", "alice", "export-view-key", "-o", str(tmp_path / "key"))
    text = (tmp_path / "key").read_text()
    (tmp_path / "wrong").write_text(f"{text[:-31]}{'0' if text[-31] != '0' else '1'}{text[-30:]}")
    auditor = Shell(tmp_path / "auditor", network=network.home / "network.toml", passphrase=None)
    auditor.do("import-view-key", "auditor", str(tmp_path / "wrong"))
    shown = auditor.run("balance", "--json")
    balance = json.loads(shown.stdout.splitlines()[0])
    assert (shown.returncode, balance["state"], balance["is_current"]) == (4, "unreadable", False)
    assert "moved by somebody without this wallet's view key" in documented_sentence(shown.stderr, "1308", 4)
    advised = auditor.run("doctor", "--json")
    advice = json.loads(advised.stdout)["advice"]
    assert (advised.returncode, any("a view key may be damaged" in one for one in advice)) == (4, True)


# --- A faucet that lies


@contextmanager
def hostile_faucet(folder: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    listening = local_socket.bind_private(folder / "faucet.sock")
    listening.setblocking(True)
    listening.settimeout(30.0)
    listening.listen(1)

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(30.0)
            connection.recv(4096)
            answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(30.0)
        listening.close()


@pytest.fixture
def elsewhere(network: Testnet, tmp_path: Path) -> Shell:
    """Another home, on the same validators, in which whoever likes can listen."""
    for name in ("network.toml", "genesis.bin", "v1", "v2", "v3", "v4"):
        (tmp_path / name).symlink_to(network.home / name)
    return Shell(tmp_path, passphrase=None)


def test_faucet_that_pays_less_than_it_says_is_found_out(shell: Shell, elsewhere: Shell) -> None:
    address = elsewhere.ask("keygen", "victim", *QUICK)["address"]
    paid = shell.ask("--wallet", "alice", "send", "--to", address, "--amount", "1", "--memo", "generous")["cert_id"]
    with hostile_faucet(elsewhere.home, lambda connection: connection.sendall(json.dumps({"ok": True, "cert_id": paid}).encode() + b"\n")):
        told = elsewhere.ask("faucet", "--amount", "10000")
    assert (told["amount"], told["balance"], told["claimed"]) == (1, 1, True)


@pytest.mark.parametrize("option", [(), ("--no-claim",)])
def test_faucet_that_has_not_paid_is_not_believed(elsewhere: Shell, option: tuple[str, ...]) -> None:
    elsewhere.do("keygen", "victim", *QUICK)
    with hostile_faucet(elsewhere.home, lambda connection: connection.sendall(json.dumps({"ok": True, "cert_id": "ab" * 32}).encode() + b"\n")):
        refused = elsewhere.run("faucet", "--amount", "10000", "--timeout", "10", *option)
    assert refused.returncode == 3, refused.stdout
    assert "the faucet says that it has paid" in documented_sentence(refused.stderr.splitlines()[-1], "130a", 3)


# --- A terminal


def test_interruption_at_a_question_ends_it_at_once(network: Testnet, shell: Shell) -> None:
    Shell(network.home, passphrase=PASSPHRASE).do("keygen", "sealed", "--show-phrase", "--no-confirm")
    for command in (("balance",), ("send", "--to", "bob", "--amount", "1"), ("show-address",), ("watch",), ("export-view-key", "-o", "nothing")):
        if command[0] == "show-address":
            (network.home / "wallets" / "sealed" / "address").rename(network.home / "wallets" / "sealed" / "aside")
        terminal = Terminal(shell, "--wallet", "sealed", *command)
        terminal.until("Passphrase of 'sealed'")
        status, printed = terminal.interrupt()
        assert status == (0 if command[0] == "watch" else 1), printed
        assert "Traceback" not in printed
        if command[0] == "show-address":
            (network.home / "wallets" / "sealed" / "aside").rename(network.home / "wallets" / "sealed" / "address")
    assert json.loads(shell.run("--wallet", "sealed", "balance", "--json").stdout)["error"]["code"] == "1313"


@pytest.mark.parametrize(("step", "ends"), [("New passphrase", 1), ("The same again", 1), ("Press Enter", 1), (r"Word \d+: ", 1)])
def test_interrupted_keygen_makes_no_wallet_and_leaves_the_words_screen(tmp_path: Path, step: str, ends: int) -> None:
    shell = Shell(tmp_path, passphrase=None)
    terminal = Terminal(shell, "keygen", "alice")
    for question, answer in (("New passphrase", "x y"), ("The same again", "x y"), ("Press Enter", "")):
        if question == step:
            break
        terminal.answer(question, answer)
    terminal.until(step, since_last=True)
    status, printed = terminal.interrupt()
    assert (status, "Aborted!" in printed) == (ends, True)
    assert printed.count("\x1b[?1049h") == printed.count("\x1b[?1049l")
    assert json.loads(shell.do("list", "--json"))["wallets"] == []


def test_phrase_that_nobody_would_see_is_not_made(tmp_path: Path) -> None:
    terminal = Terminal(Shell(tmp_path, passphrase=None), "keygen", "alice", "--no-passphrase", "--no-confirm", "--json")
    status, printed = terminal.end()
    assert (status, "the phrase would never be shown: give --show-phrase" in printed) == (2, True)
    assert not (tmp_path / "wallets" / "alice" / "seed").exists()


def test_words_that_are_typed_to_confirm_stay_on_the_screen_of_the_phrase(tmp_path: Path) -> None:
    terminal = Terminal(Shell(tmp_path, passphrase=None), "keygen", "alice", "--no-passphrase")
    screen = terminal.until("Press Enter")
    words = re.findall(r"(?:^|\s)\d+ ([a-z]+)", screen.split("nobody else looks.")[1])
    terminal.type("\r")
    for _ in range(3):
        number = int(re.findall(r"Word (\d+): $", terminal.until(r"Word \d+: $", since_last=True))[-1])
        terminal.type(words[number - 1] + "\r")
    status, printed = terminal.end()
    left = re.sub(r"\x1b\[\?1049h.*?\x1b\[\?1049l", "", printed, flags=re.DOTALL)
    assert (status, "Word" in printed, "Word" in left) == (0, True, False)


def test_phrase_is_not_echoed_where_errors_go_to_a_file(tmp_path: Path) -> None:
    """Standard input is a terminal, standard error is none: the words are asked for without echo all the same."""
    shell = Shell(tmp_path, passphrase=None)
    script = f'exec "{sys.executable}" -m mesh_core.wallet.cli.main restore alice --no-passphrase --offline 2> "{tmp_path / "errors"}"'
    terminal = Terminal(shell, program=["/bin/sh", "-c", script])
    terminal.until("Recovery phrase")
    terminal.type("abandon ability\r")
    status, printed = terminal.end()
    assert (status, "abandon" in printed) == (1, False)
    assert "a recovery phrase has 24 words, this one 2 [130e]" in (tmp_path / "errors").read_text()


# --- A disk


def limit_files() -> None:
    """In the child: no file may grow, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize("words", [("keygen", "carol", *QUICK), ("contacts", "add", "carol", "ADDRESS"), ("use", "alice"), ("--wallet", "alice", "balance")])
def test_full_disk_is_said_in_words_and_nothing_is_half_done(network: Testnet, shell: Shell, words: tuple[str, ...]) -> None:
    address = shell.ask("--wallet", "bob", "show-address")["address"]
    command = [*COMMAND, *(address if word == "ADDRESS" else word for word in words)]
    before = shell.ask("--wallet", "alice", "balance", "--offline")
    with Path(os.devnull).open("wb") as nothing:
        refused = subprocess.run(
            command, stdout=nothing, stderr=subprocess.PIPE, text=True, env=shell.environment, cwd=REPOSITORY, timeout=60, check=False, preexec_fn=limit_files
        )
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False), refused.stderr
    assert re.search(r"\[(1002|1202|1203|1205)\]$", refused.stderr.strip()), refused.stderr
    assert "carol" not in [one["wallet"] for one in json.loads(shell.do("list", "--json"))["wallets"]]
    assert json.loads(shell.do("contacts", "list", "--json"))["contacts"] == []
    assert shell.ask("--wallet", "alice", "balance", "--offline") == before
