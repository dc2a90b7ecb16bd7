"""An account that two devices have locked, as `mesh-wallet` shows it: two payments signed for one slot, two validators for each, and nothing stored by hand."""

import asyncio
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_core.errors import LocalFault
from mesh_core.protocol.construction import Payment
from mesh_core.storage.wallet_store import WalletStore, find_wallet_address
from mesh_core.types.basic import PublicKey
from mesh_core.types.messages import VoteRequest
from mesh_core.wallet import events
from mesh_core.wallet.client import ValidatorClient
from mesh_core.wallet.emergency import CONFIRMATION
from mesh_core.wallet.network import load_network
from mesh_core.wallet.ports import REQUEST_TIMEOUT_S, KnownNetwork, OnCertificate, OnConnected, Question, Reply, Unwatch
from mesh_core.wallet.wallet import Wallet
from tests.e2e.wallet_command import Answer, Shell, Testnet, running_testnet
from tests.unit.network.peers import eventually
from tests.unit.wallet.cli.documented import documented_sentence

VOTES_S = 60.0
AMOUNTS = (5, 6)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testnet]:
    with running_testnet(tmp_path_factory.mktemp("locked") / "home") as running:
        yield running


class SomeValidators:
    """Lets vote requests out to some validators only, as a network that is cut does. Everything else goes to all."""

    def __init__(self, inner: ValidatorClient, reached: tuple[int, ...]) -> None:
        self._inner = inner
        self._reached = reached

    @property
    def network(self) -> KnownNetwork:
        return self._inner.network

    async def request(self, validator: int, message: Question, timeout_s: float = REQUEST_TIMEOUT_S) -> Reply:
        if isinstance(message, VoteRequest) and validator not in self._reached:
            cut: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            return await cut
        return await self._inner.request(validator, message, timeout_s)

    def is_up(self, validator: int) -> bool:
        return self._inner.is_up(validator)

    def watch(self, owner: PublicKey, on_certificate: OnCertificate, on_connected: OnConnected) -> Unwatch:
        return self._inner.watch(owner, on_certificate, on_connected)


async def pay_in_two_places(homes: tuple[Path, Path], network_file: Path, name: str) -> None:
    """Both devices come into step first, and then sign; each gets the votes of its half of the validators and no others."""
    halves = ((0, 1), (2, 3))
    voted: tuple[set[int], set[int]] = (set(), set())
    opened: list[tuple[Wallet, ValidatorClient]] = []
    for home, half, seen in zip(homes, halves, voted, strict=True):

        def listen(event: events.WalletEvent, seen: set[int] = seen) -> None:
            if isinstance(event, events.VoteReceived):
                seen.add(event.validator)

        client = ValidatorClient(load_network(network_file), lambda event: None)
        store = WalletStore.open(home / "wallets", name, _raise)
        wallet = Wallet(store, SomeValidators(client, half), listen, itertools.count(1).__next__, claim_automatically=False)
        wallet.start()
        client.start()
        opened.append((wallet, client))
    async with asyncio.timeout(VOTES_S):
        for wallet, _ in opened:
            await wallet.wait_up_to_date()
        payee = find_wallet_address(homes[0] / "wallets", "faucet")
        assert payee is not None
        paying = [asyncio.ensure_future(wallet.send([Payment(payee, amount)])) for amount, (wallet, _) in zip(AMOUNTS, opened, strict=True)]
        await eventually(lambda: [sorted(seen) for seen in voted] == [[0, 1], [2, 3]], within_s=VOTES_S)
    for task in paying:
        task.cancel()
    await asyncio.gather(*paying, return_exceptions=True)
    for wallet, client in opened:
        await wallet.close()
        client.close()
    await asyncio.sleep(0.05)


def _raise(fault: LocalFault) -> None:
    raise fault


def check_locked(shell: Shell, sent: tuple[int, ...]) -> Answer:
    """What each command says of it, with so many of the two payments in the history; returns what the doctor found."""
    words = ("--wallet", "twice")
    for command in (("send", "--to", "faucet", "--amount", "1"), ("receive",), ("emergency", "--confirm", CONFIRMATION)):
        refused = shell.run(*words, *command)
        assert "slot 1" in documented_sentence(refused.stderr.splitlines()[-1], "1308", 4)
        assert refused.returncode == 4
    shown = shell.run(*words, "balance", "--json")
    balance = json.loads(shown.stdout.splitlines()[0])
    assert (shown.returncode, balance["state"], len(balance["evidence"])) == (4, "locked", 1)
    told = shell.run(*words, "history", "--json")
    payments = json.loads(told.stdout.splitlines()[0])["payments"]
    assert told.returncode == 4
    assert [(one["direction"], one["status"]) for one in payments] in [[("received", "claimed"), *[("sent", "locked")] * count] for count in sent]
    assert {one["amount"] for one in payments if one["direction"] == "sent"} <= {*AMOUNTS}
    advised = shell.run(*words, "doctor", "--json")
    found: Answer = json.loads(advised.stdout)
    assert (advised.returncode, found["wallet"]["condition"], found["ok"]) == (4, "locked", False), found["advice"]
    assert any("What remains possible" in advice for advice in found["advice"])
    assert "evidence" in shell.run(*words, "doctor").stdout
    return found


@pytest.mark.timeout(300)
def test_account_that_two_devices_locked_is_said_to_be_locked_with_the_evidence(network: Testnet, tmp_path: Path) -> None:
    shell = Shell(network.home, passphrase=None)
    made = shell.ask("keygen", "twice", "--no-passphrase", "--show-phrase", "--no-confirm")
    shell.do("--wallet", "twice", "faucet", "--amount", "1000")
    certificate = shell.payments("--wallet", "twice")[0]["cert_id"]
    second = tmp_path / "second"
    shutil.copytree(network.home / "wallets" / "twice", second / "wallets" / "twice")

    network_file = network.home / "network.toml"
    asyncio.run(pay_in_two_places((network.home, second), network_file, "twice"))

    here = check_locked(shell, sent=(1,))
    elsewhere = Shell(second, network=network_file, passphrase=None)
    elsewhere.do("contacts", "add", "faucet", shell.ask("--wallet", "faucet", "show-address")["address"])
    assert check_locked(elsewhere, sent=(1,))["wallet"]["evidence"] == here["wallet"]["evidence"]

    # Brought back from its phrase, the wallet knows neither payment and signs none: it finds both at the validators. While one of these is silent, the
    # payment with more votes may still be completed: the wallet tries, and has it in its history then.
    fresh = Shell(tmp_path / "fresh", network=network_file, passphrase=None)
    restored = fresh.run("restore", "twice", "--no-passphrase", stdin=made["phrase"])
    assert "slot 1" in documented_sentence(restored.stderr.splitlines()[-1], "1308", 4)
    fresh.do("contacts", "add", "faucet", shell.ask("--wallet", "faucet", "show-address")["address"])
    assert check_locked(fresh, sent=(0, 1))["wallet"]["evidence"] == here["wallet"]["evidence"]

    (evidence,) = here["wallet"]["evidence"]
    proof = elsewhere.ask("verify", "-", stdin=evidence["proof"])
    assert (proof["document"], proof["proof_id"], proof["sequence"]) == ("equivocation_proof", evidence["proof_id"], 1)

    # What remains possible.
    shell.do("--wallet", "twice", "receipt", certificate, "-o", str(tmp_path / "receipt"))
    assert shell.ask("verify", str(tmp_path / "receipt"))["amount"] == 1_000
    assert shell.ask("--wallet", "twice", "show", certificate)["own"][0]["amount"] == 1_000
    shell.do("--wallet", "twice", "export-view-key", "-o", str(tmp_path / "view"))
