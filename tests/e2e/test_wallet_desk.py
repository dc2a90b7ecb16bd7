"""What the wallets screen orders, with real validators: a wallet is made, filled, pays, proves it, and comes back on another home from its phrase alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.network import load_network, write_network
from testnet.layout import NetworkFolder
from testnet.wallet_service import WalletService
from tests.e2e.local_network import SETTLED_S, Event, LocalNetwork

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalNetwork]:
    network = LocalNetwork(tmp_path_factory.mktemp("desk") / "home", {"alice": 20_000, "bob": 0, "faucet": 10**9})
    async with network.supervisor:
        await network.supervisor.start_all()
        yield network
    assert network.named("equivocation") == []
    assert network.named("safety_alarm") == []


class Told:
    """What a wallets' process said, summed up as a screen does."""

    def __init__(self, local: LocalNetwork, service: WalletService, events: list[Event]) -> None:
        self._local = local
        self.service = service
        self.events = events

    def last(self, name: str, wallet: str) -> Event:
        return next((event for event in reversed(self.events) if event["event"] == name and event.get("wallet") == wallet), {})

    def history(self, wallet: str) -> list[Event]:
        lines = {}
        for event in self.events:
            if event["event"] == "wallet_history" and event["wallet"] == wallet:
                lines.update({(line["cert_id"], line["output"], line["direction"]): line for line in event["entries"]})
        return sorted(lines.values(), key=lambda line: int(line["at_ms"]))

    def balance(self, wallet: str) -> int | None:
        return self.last("wallet", wallet).get("balance")

    async def until(self, condition: Callable[[], bool]) -> None:
        await self._local.until(condition)


@asynccontextmanager
async def wallets_of(local: LocalNetwork, folder: NetworkFolder) -> AsyncIterator[Told]:
    events: list[Event] = []
    service = WalletService(folder, events.append)
    await service.start()
    try:
        yield Told(local, service, events)
    finally:
        await service.stop()


def another_home(local: LocalNetwork, path: Path) -> NetworkFolder:
    """A home on another machine: it knows the validators, and has no wallet."""
    folder = NetworkFolder(path)
    path.mkdir()
    peers = load_network(local.folder.network_file).validators
    validators = [(peer, local.folder.validator(index).tls_certificate) for index, peer in enumerate(peers)]
    write_network(folder.network_file, "test", local.folder.genesis_file, validators)
    return folder


async def test_wallet_is_made_filled_pays_proves_it_and_comes_back_elsewhere_from_its_phrase(local: LocalNetwork, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.bin"
    async with wallets_of(local, local.folder) as here:
        phrase = await here.service.draft_phrase()
        await here.service.order("create", name="carol", phrase=phrase)
        await here.service.order("faucet", wallet="carol", amount=10_000)
        await here.until(lambda: here.balance("carol") == 10_000)
        cert_id = await here.service.pay("carol", "bob", 500, "rent")
        await here.until(lambda: [line["status"] for line in here.history("carol")] == ["claimed", "done"])
        with pytest.raises(LocalFault) as refusal:
            await here.service.order("faucet", wallet="faucet", amount=1)
        assert refusal.value.code is ErrorCode.ADDRESS_INVALID
        came, paid = here.history("carol")
        assert (came["direction"], came["amount"], came["text"], came["fee"]) == ("received", 10_000, "from the faucet", 0)
        assert (paid["direction"], paid["amount"], paid["text"], paid["cert_id"]) == ("sent", 500, "rent", cert_id)
        await here.service.order("receipt", wallet="carol", cert_id=cert_id, output=0, context="flat 7", memo=True, file=str(receipt))
        for wallet in ("alice", "faucet"):
            with pytest.raises(LocalFault) as refusal:
                await here.service.order("receipt", wallet=wallet, cert_id=cert_id, output=0, context="", memo=False, file=str(tmp_path / wallet))
            assert refusal.value.code is ErrorCode.RECEIPT_INVALID
        assert phrase not in json.dumps(here.events)
    async with wallets_of(local, another_home(local, tmp_path / "elsewhere")) as there:
        await there.service.order("import", name="carla", phrase=phrase, passphrase="")
        await there.until(lambda: there.balance("carla") == 9_499)
        await there.until(lambda: there.last("wallet_details", "carla").get("restoring") is False)
        await there.until(lambda: len(there.history("carla")) == 2)
        assert {event["kind"] for event in there.events if event["event"] == "notice"} >= {"restoring", "restored"}
        seen = sorted((line["direction"], line["amount"], line["text"], line["cert_id"]) for line in there.history("carla"))
        assert seen == sorted((line["direction"], line["amount"], line["text"], line["cert_id"]) for line in (came, paid))
        assert (await there.service.order("verify", file=str(receipt)))["valid"] is True
        checked = next(event for event in there.events if event["event"] == "document_checked")
        assert all(check["holds"] for check in checked["checks"])
        fields = dict(checked["fields"])
        assert (fields["amount"], fields["memo"], fields["context"], fields["made by"]) == ("500 units", "rent", "'flat 7'", "the sender")
        changed = bytearray(receipt.read_bytes())
        changed[-70] ^= 1
        forged = tmp_path / "forged.bin"
        forged.write_bytes(changed)
        assert (await there.service.order("verify", file=str(forged)))["valid"] is False


async def test_wallet_and_its_view_only_twin_in_one_home_both_hear_of_every_payment(local: LocalNetwork, tmp_path: Path) -> None:
    """Both watch one account over the same connections: neither may push the other aside, and the one that only sees never claims."""
    async with wallets_of(local, local.folder) as told:
        file = tmp_path / "alice.view"
        await told.until(lambda: told.balance("alice") is not None)
        await told.service.order("export_view", wallet="alice", file=str(file))
        await told.service.order("import_view", name="twin", file=str(file))
        await told.service.pay("faucet", "alice", 70, "for both")
        await told.until(lambda: told.balance("alice") == told.balance("twin") == 20_070)
        await told.until(lambda: [(line["amount"], line["text"], line["status"]) for line in told.history("twin")] == [(70, "for both", "claimed")])
        await told.service.order("rename", wallet="alice", name="anna")
        await told.service.pay("faucet", "anna", 30, "")
        await told.until(lambda: told.balance("anna") == told.balance("twin") == 20_100)
        claims = {event["wallet"] for event in told.events if event["event"] == "payment_started" and event["kind"] == "receive"}
        assert "twin" not in claims
        await told.service.order("rename", wallet="anna", name="alice")


async def test_certificate_in_a_file_is_verified_check_by_check(local: LocalNetwork, tmp_path: Path) -> None:
    async with wallets_of(local, local.folder) as told:
        await told.until(lambda: told.balance("alice") is not None)
        await told.service.pay("faucet", "alice", 5, "")
    async with local.wallets() as home:
        await local.until(lambda: any(True for _ in home.wallet("alice").account.incoming()))
        [*_, (key, _)] = home.wallet("alice").account.incoming()
        data = home.wallet("alice").account.certificate(key.cert_id)
        assert data is not None
    file = tmp_path / "certificate.hex"
    file.write_text(data.hex())
    async with wallets_of(local, local.folder) as told:
        async with asyncio.timeout(SETTLED_S):
            assert (await told.service.order("verify", file=str(file)))["valid"] is True
        checked = next(event for event in told.events if event["event"] == "document_checked")
        titles = [check["title"] for check in checked["checks"]]
        assert checked["kind"] == "certificate"
        assert {"canonical encoding", "owner's signature", "range proof"} <= set(titles)
        assert len([title for title in titles if title.startswith("vote of")]) >= 3
        assert [check["title"] for check in checked["checks"] if check["holds"] is False] == []
