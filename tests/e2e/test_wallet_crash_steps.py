"""`mesh-wallet send` killed (SIGKILL) at each of its steps: the same command, or `history`, completes the payment; never twice, never stuck."""

import signal
from collections.abc import Iterator

import pytest

from mesh_core.wallet.cli.stopping import STEPS, STOP_VARIABLE
from tests.e2e.wallet_command import Answer, Shell, Testnet, running_testnet

AMOUNT = 3
SIGNED_FROM = STEPS.index("stored")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testnet]:
    with running_testnet(tmp_path_factory.mktemp("crash") / "home") as running:
        shell = Shell(running.home)
        for name in ("alice", "bob"):
            shell.do("keygen", name, "--no-passphrase", "--show-phrase", "--no-confirm")
        shell.do("--wallet", "alice", "faucet", "--amount", "10000")
        yield running


def made(shell: Shell, memo: str) -> list[Answer]:
    """Alice's payments with this text, from her history."""
    return [one for one in shell.payments("--wallet", "alice") if one["memo"] == memo]


def kill(shell: Shell, step: str, *words: str) -> None:
    killed = shell.run("--wallet", "alice", *words, **{STOP_VARIABLE: step})
    assert killed.returncode == -signal.SIGKILL, (step, killed.stdout, killed.stderr)


@pytest.mark.parametrize("step", STEPS)
def test_same_command_again_completes_it_once(network: Testnet, step: str) -> None:
    shell = Shell(network.home)
    memo = f"{step} and again"
    words = ("send", "--to", "bob", "--amount", str(AMOUNT), "--memo", memo)
    kill(shell, step, *words)
    again = shell.ask("--wallet", "alice", *words)
    assert again["finished_interrupted"] is (STEPS.index(step) >= SIGNED_FROM)
    assert [one["cert_id"] for one in made(shell, memo)] == [again["cert_id"]]


@pytest.mark.parametrize("step", STEPS)
def test_history_completes_what_was_signed(network: Testnet, step: str) -> None:
    """What was not signed was not paid, and can be paid; what was signed is final after any command. Paid again on purpose, it is paid again."""
    shell = Shell(network.home)
    memo = f"{step} and history"
    words = ("send", "--to", "bob", "--amount", str(AMOUNT), "--memo", memo)
    kill(shell, step, *words)
    found = made(shell, memo)
    assert len(found) == (STEPS.index(step) >= SIGNED_FROM)
    assert {one["status"] for one in found} <= {"settled", "done"}
    paid = shell.ask("--wallet", "alice", *words)
    assert paid["finished_interrupted"] is False
    assert paid["cert_id"] not in [one["cert_id"] for one in found]


def test_claim_that_was_killed_is_completed_by_any_command(network: Testnet) -> None:
    shell = Shell(network.home)
    shell.do("--wallet", "bob", "receive")
    shell.do("--wallet", "bob", "send", "--to", "alice", "--amount", "1")
    before = shell.ask("--wallet", "alice", "balance")["spendable"]["amount"]
    kill(shell, "stored", "receive")
    after = shell.ask("--wallet", "alice", "balance")
    assert (after["spendable"]["amount"], after["incoming"]["amount"]) == (before + 1, 0)


def test_books_after_all_of_it(network: Testnet) -> None:
    """Every unit that Alice has paid has arrived once, nothing is on its way, and nobody can prove that she signed twice."""
    shell = Shell(network.home)
    sent = [one for one in shell.payments("--wallet", "alice") if one["direction"] == "sent"]
    shell.do("--wallet", "bob", "receive")
    received = shell.payments("--wallet", "bob")
    assert sorted(one["cert_id"] for one in sent) == sorted(one["cert_id"] for one in received if one["direction"] == "received")
    assert len(sent) == len({one["cert_id"] for one in sent}) == 2 * len(STEPS) + len(STEPS) - SIGNED_FROM
    balance = shell.ask("--wallet", "alice", "balance")
    assert balance["spendable"]["amount"] == 10_001 - sum(one["amount"] + one["fee"] for one in sent)
    assert (balance["in_flight"]["amount"], balance["state"]) == (0, "open")
    network.check_ledger()
