"""`mesh-wallet` with a network: watching, a wallet in use, a stuck account and its emergency, a network that has gone, a view key."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Draft, Payment
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.validation import LedgerView, compute_proof_size
from mesh_core.storage.wallet_store import WalletStore, find_wallet_address
from mesh_core.types.transition import Transition
from mesh_core.wallet.client import ValidatorClient
from mesh_core.wallet.emergency import CONFIRMATION
from mesh_core.wallet.network import load_network
from mesh_core.wallet.surroundings import REAL
from mesh_core.wallet.wallet import Wallet
from tests.e2e.processes import REPOSITORY
from tests.e2e.wallet_command import Shell, Testnet, running_testnet, said
from tests.unit.wallet.cli.documented import documented_sentence

QUICK = ("--no-passphrase", "--show-phrase", "--no-confirm")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testnet]:
    with running_testnet(tmp_path_factory.mktemp("commands") / "home") as running:
        yield running


@pytest.fixture
def shell(network: Testnet) -> Shell:
    return Shell(network.home, passphrase=None)


def new_wallet(shell: Shell, name: str, amount: int = 0) -> None:
    shell.do("keygen", name, *QUICK)
    if amount:
        shell.do("--wallet", name, "faucet", "--amount", str(amount))


def test_watching_shows_and_claims_what_comes_and_keeps_others_out(shell: Shell) -> None:
    new_wallet(shell, "w-payer", 1_000)
    new_wallet(shell, "w-payee")
    command = [sys.executable, "-m", "mesh_core.wallet.cli.main", "--wallet", "w-payee", "watch", "--count", "2", "--json"]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=shell.environment, cwd=REPOSITORY)
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["event"] == "watching"
    refused = shell.run("--wallet", "w-payee", "balance")
    assert "(mesh_core.wallet.cli.main" in documented_sentence(refused.stderr, "1201", 1)
    for amount, memo in ((5, "one"), (7, "\x1b[2Jtwo")):
        shell.do("--wallet", "w-payer", "send", "--to", "w-payee", "--amount", str(amount), "--memo", memo)
    out, err = watching.communicate(timeout=60)
    assert (watching.returncode, said(err)) == (0, "")
    came = [json.loads(line) for line in out.splitlines()]
    assert [(one["amount"], one["memo"], one["from_name"]) for one in came if one["event"] == "incoming"] == [
        (5, "one", "w-payer"),
        (7, "\x1b[2Jtwo", "w-payer"),
    ]
    assert shell.ask("--wallet", "w-payee", "receive")["balance"] == 12
    endless = [word for word in command if word not in ("--count", "2")]
    ended = subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=shell.environment, cwd=REPOSITORY)
    assert ended.stdout is not None
    assert json.loads(ended.stdout.readline())["event"] == "watching"
    ended.send_signal(signal.SIGINT)
    _, words = ended.communicate(timeout=60)
    assert (ended.returncode, "the next command goes on with it" in words) == (0, True)
    assert "\x1b" not in shell.do("--wallet", "w-payee", "history")


def test_payment_that_is_not_claimed_automatically_can_be_claimed_alone(shell: Shell) -> None:
    new_wallet(shell, "c-payer", 1_000)
    new_wallet(shell, "c-payee")
    first, second = (shell.ask("--wallet", "c-payer", "send", "--to", "c-payee", "--amount", amount)["cert_id"] for amount in ("5", "7"))
    incoming = shell.ask("--wallet", "c-payee", "balance")["incoming"]
    assert (incoming["amount"], incoming["commitment"] != "00" * 32) == (12, True)
    assert shell.ask("--wallet", "c-payee", "receive", "--cert", second)["claimed"] == 7
    assert shell.ask("--wallet", "c-payee", "receive", "--cert", second)["claimed"] == 0
    assert [(one["cert_id"], one["status"]) for one in shell.payments("--wallet", "c-payee")] == [(first, "claimable"), (second, "claimed")]


def test_payment_that_the_doctor_is_the_first_to_see_is_none_from_the_future(shell: Shell) -> None:
    new_wallet(shell, "d-payer", 1_000)
    new_wallet(shell, "d-payee")
    shell.do("--wallet", "d-payer", "send", "--to", "d-payee", "--amount", "5")
    advised = shell.run("--wallet", "d-payee", "doctor", "--json")
    found = json.loads(advised.stdout)
    assert (advised.returncode, found["ok"], found["wallet"]["incoming"]) == (0, True, 5), found["advice"]


def test_view_key_shows_what_its_owner_sees(shell: Shell, tmp_path: Path) -> None:
    new_wallet(shell, "v-owner", 1_000)
    shell.do("--wallet", "v-owner", "send", "--to", "faucet", "--amount", "5", "--memo", "back")
    shell.do("--wallet", "v-owner", "export-view-key", "-o", str(tmp_path / "key"))
    elsewhere = Shell(tmp_path / "auditor", network=shell.home / "network.toml")
    elsewhere.do("import-view-key", "auditor", str(tmp_path / "key"))
    names = ("direction", "amount", "memo", "cert_id", "fee", "counterparty")
    assert [[one[name] for name in names] for one in elsewhere.payments()] == [[one[name] for name in names] for one in shell.payments("--wallet", "v-owner")]
    seen, owned = elsewhere.ask("balance"), shell.ask("--wallet", "v-owner", "balance")
    assert (seen["spendable"], seen["state"]) == (owned["spendable"], "view_only")
    documented_sentence(elsewhere.run("send", "--to", "auditor", "--amount", "1").stderr, "1312", 1)


async def _prove_falsely(draft: Draft) -> bytes:
    return bytes(compute_proof_size(draft.core))


async def _check_nothing(transition: Transition, genesis: Genesis, ledger: LedgerView) -> None:
    """A program with a bug: it signs what breaks a rule."""


async def get_stuck(home: Path, name: str) -> None:
    """Let a faulty program sign a payment that every validator refuses for ever."""

    def fail(fault: LocalFault) -> None:
        raise fault

    client = ValidatorClient(load_network(home / "network.toml"), lambda event: None)
    numbers = itertools.count()
    store = WalletStore.open(home / "wallets", name, fail)
    wallet = Wallet(store, client, lambda event: None, lambda: next(numbers), surroundings=replace(REAL, prove=_prove_falsely, check=_check_nothing))
    wallet.start()
    client.start()
    address = find_wallet_address(home / "wallets", "faucet")
    assert address is not None
    with pytest.raises(LocalFault) as caught:
        async with asyncio.timeout(60):
            await wallet.send([Payment(address, 5)])
    assert caught.value.code is ErrorCode.ACCOUNT_STUCK
    await wallet.close()
    client.close()
    await asyncio.sleep(0.05)


@pytest.mark.timeout(300)
def test_stuck_account_is_said_to_be_stuck_and_freed_by_the_typed_sentence_alone(shell: Shell, network: Testnet) -> None:
    new_wallet(shell, "stuck", 1_000)
    asyncio.run(get_stuck(network.home, "stuck"))
    words = ("--wallet", "stuck")
    documented_sentence(shell.run(*words, "send", "--to", "faucet", "--amount", "5").stderr, "1309", 4)
    shown = shell.run(*words, "balance", "--json")
    balance = json.loads(shown.stdout.splitlines()[0])
    assert (shown.returncode, balance["state"], balance["in_flight"]["amount"]) == (4, "stuck", 6)
    advised = shell.run(*words, "doctor", "--json")
    found = json.loads(advised.stdout)
    assert (advised.returncode, found["wallet"]["condition"], len(found["wallet"]["refusals"]) >= 3) == (4, "stuck", True)
    assert any("mesh-wallet emergency frees it" in advice for advice in found["advice"])
    order = (*words, "emergency", "--to", "faucet", "--amount", "7")
    assert shell.run(*order).returncode == 2
    assert "1311" in shell.run(*order, "--confirm", "yes").stderr
    freed = shell.run(*order, "--confirm", CONFIRMATION, "--json")
    assert freed.returncode == 0, freed.stderr
    assert shell.ask(*words, "balance")["spendable"]["amount"] == 1_000 - 8
    assert [(one["amount"], one["status"] in ("settled", "done")) for one in shell.payments(*words) if one["direction"] == "sent"] == [(7, True)]
    documented_sentence(shell.run(*words, "emergency", "--confirm", CONFIRMATION).stderr, "1310", 1)


def test_payment_without_a_quorum_goes_on_by_itself(tmp_path: Path) -> None:
    """Two of four validators are frozen: the patience ends, nothing is lost, and the same command finishes the payment once they are back."""
    with running_testnet(tmp_path / "home") as network:
        shell = Shell(network.home, passphrase=None)
        new_wallet(shell, "alice", 1_000)
        pids = [int(validator["pid"]) for validator in network.named("network_ready")[0]["validators"][:2]]
        order = ("send", "--to", "faucet", "--amount", "5", "--wallet", "alice")
        assert shell.run(*order, MESH_WALLET_STOP_AT="stored").returncode == -signal.SIGKILL
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            waiting = shell.run(*order, "--timeout", "3")
            assert waiting.returncode == 3, waiting.stderr
            sentence = documented_sentence(waiting.stderr.splitlines()[-1], "130a", 3)
            assert "what an earlier command has signed is kept" in sentence or "sends the same bytes once more" in sentence
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        done = shell.ask(*order)
        assert done["finished_interrupted"] is True
        assert len([one for one in shell.payments("--wallet", "alice") if one["direction"] == "sent"]) == 1
