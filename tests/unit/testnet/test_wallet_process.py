"""What the wallets' process does with the wallets of a home, on real files; no validator runs."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.phrase import phrase_to_seed, seed_to_phrase
from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, SealingCost
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.key_file import KeyKind, Sealing
from mesh_core.storage.wallet_store import WalletStore, find_key_kind, find_wallet_address, list_wallets
from mesh_core.types.address import format_address
from mesh_core.wallet.choosing import current_wallet, use_wallet
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.wallet_service import WalletService
from tests.e2e.processes import START_S
from tests.unit.network.peers import eventually

Event = dict[str, Any]
SEED = bytes(range(32))
PHRASE = seed_to_phrase(SEED)
PASSPHRASE = "a passphrase that nobody else has"


class Home:
    """A home with its wallets' process and everything that it said."""

    def __init__(self, folder: NetworkFolder) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.service = WalletService(folder, self.events.append)

    async def order(self, command: str, **fields: Any) -> Event:
        async with asyncio.timeout(START_S):
            return await self.service.order(command, **fields)

    async def refused(self, command: str, **fields: Any) -> LocalFault:
        with pytest.raises(LocalFault) as refusal:
            await self.order(command, **fields)
        return refusal.value

    def named(self, name: str, wallet: str | None = None) -> list[Event]:
        return [event for event in self.events if event["event"] == name and (wallet is None or event.get("wallet") == wallet)]

    async def hears(self, name: str, wallet: str | None = None, where: Callable[[Event], bool] = lambda _: True) -> Event:
        """The first such event, as soon as it was said."""
        await eventually(lambda: any(where(event) for event in self.named(name, wallet)), within_s=START_S)
        return next(event for event in self.named(name, wallet) if where(event))


@pytest.fixture
def folder(tmp_path: Path) -> NetworkFolder:
    made = NetworkFolder(tmp_path / "home")
    create_network(made, name="test", wallets={"alice": 10_000, "bob": 0})
    return made


@asynccontextmanager
async def home_of(folder: NetworkFolder) -> AsyncIterator[Home]:
    home = Home(folder)
    await home.service.start()
    try:
        yield home
    finally:
        await home.service.stop()


def fail(fault: LocalFault) -> None:
    raise fault


def contains_secret(folder: NetworkFolder, events: list[Event], *secrets: str) -> bool:
    told = json.dumps(events) + (folder.home / "wallets.log").read_text()
    return any(secret in told for secret in secrets)


# --- Making -----------------------------------------------------------------------------------------------------------------------------------------


async def test_new_wallet_has_the_phrase_that_was_shown_and_nobody_else_is_told(folder: NetworkFolder) -> None:
    async with home_of(folder) as home:
        phrase = await home.service.draft_phrase()
        assert list_wallets(folder.wallets) == ("alice", "bob")
        await home.order("create", name="carol", phrase=phrase)
        told = await home.hears("wallet", "carol")
        assert told["address"] == format_address(WalletKeys.from_seed(phrase_to_seed(phrase)).address)
        assert (await home.refused("create", name="dave", phrase=phrase)).code is ErrorCode.PHRASE_INVALID
        await home.hears("wallet_details", "carol")
        assert not contains_secret(folder, home.events, phrase, phrase.split()[3] + " " + phrase.split()[4])


async def test_phrase_of_another_wallet_is_no_new_wallets(folder: NetworkFolder) -> None:
    """A wallet that is made new asks nobody what its seed has signed."""
    async with home_of(folder) as home:
        refusal = await home.refused("create", name="carol", phrase=PHRASE)
        assert refusal.code is ErrorCode.PHRASE_INVALID
        assert "imported" in refusal.text
    assert list_wallets(folder.wallets) == ("alice", "bob")


async def test_passphrase_seals_the_key_file_and_stands_nowhere_else(folder: NetworkFolder) -> None:
    async with home_of(folder) as home:
        phrase = await home.service.draft_phrase()
        await home.order("create", name="vault", phrase=phrase, passphrase=PASSPHRASE)
        assert (await home.hears("wallet_details", "vault"))["key"] == "sealed"
        assert find_key_kind(folder.wallets, "vault") is KeyKind.SEALED
        assert not contains_secret(folder, home.events, PASSPHRASE, phrase)
    files = [path for path in folder.home.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        assert PASSPHRASE.encode() not in path.read_bytes(), path
        assert phrase.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        (" ".join(PHRASE.split()[:23]), "has 24 words, this one 23"),
        (PHRASE.replace(PHRASE.split()[4], "zzzz", 1), "word 5 is not in the list"),
        (" ".join([*PHRASE.split()[:22], PHRASE.split()[23], PHRASE.split()[22]]), "checksum"),
        ("", "this one 0"),
        ("\x1b[2J" * 24, "this one 1"),
    ],
    ids=["a word too few", "an unknown word", "two words exchanged", "nothing", "an escape sequence"],
)
async def test_wrong_phrase_is_refused_with_what_is_wrong_and_makes_nothing(folder: NetworkFolder, phrase: str, reason: str) -> None:
    async with home_of(folder) as home:
        refusal = await home.refused("import", name="carol", phrase=phrase, passphrase="")
        assert refusal.code is ErrorCode.PHRASE_INVALID
        assert reason in refusal.text
        assert PHRASE.split()[0] not in refusal.text
    assert not (folder.wallets / "carol").exists()


async def test_phrase_makes_its_wallet_again_which_asks_everything_back(folder: NetworkFolder) -> None:
    async with home_of(folder) as home:
        await home.order("import", name="carol", phrase=PHRASE.upper(), passphrase="")
        assert (await home.hears("wallet", "carol"))["address"] == format_address(WalletKeys.from_seed(SEED).address)
        assert (await home.hears("notice", "carol"))["kind"] == "restoring"
        assert (await home.hears("wallet_details", "carol"))["restoring"] is True
        refusal = await home.refused("import", name="again", phrase=PHRASE, passphrase="")
        assert refusal.code is ErrorCode.WALLET_EXISTS
        assert "'carol'" in refusal.text


# --- Not open ---------------------------------------------------------------------------------------------------------------------------------------


async def test_sealed_wallet_is_shown_opened_with_its_passphrase_and_locked_again(folder: NetworkFolder) -> None:
    WalletStore.make(folder.wallets, "vault", SEED, sealing=Sealing(PASSPHRASE, SealingCost(1, LEAST_MEMORY_KIB)))
    async with home_of(folder) as home:
        shut = await home.hears("wallet_shut", "vault")
        assert (shut["state"], shut["key"]) == ("sealed", "sealed")
        assert shut["address"] == format_address(WalletKeys.from_seed(SEED).address)
        await home.hears("wallet_qr", "vault")
        assert (await home.refused("pay", wallet="vault", to="bob", amount=1, text="")).code is ErrorCode.WALLET_UNKNOWN
        assert (await home.refused("unlock", wallet="vault", passphrase="another")).code is ErrorCode.PASSPHRASE
        assert home.named("wallet", "vault") == []
        await home.order("unlock", wallet="vault", passphrase=PASSPHRASE)
        await home.hears("wallet", "vault")
        await home.order("lock", wallet="vault")
        await eventually(lambda: len(home.named("wallet_shut", "vault")) == 2, within_s=START_S)
        store = WalletStore.open(folder.wallets, "vault", fail, ask_passphrase=lambda _: PASSPHRASE)
        await store.close()
        assert not contains_secret(folder, home.events, PASSPHRASE)


async def test_wallet_that_another_program_uses_is_shown_and_taken_when_it_is_free(folder: NetworkFolder) -> None:
    store = WalletStore.open(folder.wallets, "alice", fail)
    async with home_of(folder) as home:
        shut = await home.hears("wallet_shut", "alice")
        assert shut["state"] == "in_use"
        assert f"process {os.getpid()}" in shut["text"]
        await home.hears("wallet", "bob")
        assert (await home.refused("pay", wallet="alice", to="bob", amount=1, text="")).code is ErrorCode.WALLET_UNKNOWN
        await store.close()
        assert (await home.hears("wallet", "alice"))["balance"] == 10_000
        assert len(home.named("wallet_shut", "alice")) == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder.wallets / "alice" / "seed").chmod(0o644), "has mode 0644"),
        (lambda folder: (folder.wallets / "alice" / "wallet.db").write_bytes(b"SQLite no more" * 500), "wallet.db"),
    ],
    ids=["a readable seed", "a damaged database"],
)
async def test_broken_wallet_is_shown_with_the_reason_and_the_others_work(folder: NetworkFolder, spoil: Callable[[NetworkFolder], Any], reason: str) -> None:
    spoil(folder)
    async with home_of(folder) as home:
        shut = await home.hears("wallet_shut", "alice")
        assert shut["state"] == "broken"
        assert reason in shut["text"]
        await home.hears("fault", "alice")
        await home.hears("wallet", "bob")


# --- Names ------------------------------------------------------------------------------------------------------------------------------------------


async def test_renamed_wallet_keeps_everything_but_its_name(folder: NetworkFolder) -> None:
    use_wallet(folder, "alice")
    async with home_of(folder) as home:
        address = (await home.hears("wallet", "alice"))["address"]
        await home.order("rename", wallet="alice", name="anna")
        renamed = await home.hears("wallet", "anna")
        assert (renamed["address"], renamed["balance"]) == (address, 10_000)
        [told] = home.named("wallet_renamed")
        assert (told["wallet"], told["name"]) == ("alice", "anna")
        assert current_wallet(folder) == "anna"
        assert (await home.refused("rename", wallet="anna", name="bob")).code is ErrorCode.WALLET_EXISTS
        assert (await home.refused("rename", wallet="anna", name="../up")).code is ErrorCode.WALLET_NAME_INVALID
        assert (await home.refused("rename", wallet="nobody", name="x")).code is ErrorCode.WALLET_UNKNOWN
    assert list_wallets(folder.wallets) == ("anna", "bob")
    assert not (folder.wallets / "alice").exists()


async def test_wallet_that_pays_keeps_its_name_and_its_key(folder: NetworkFolder) -> None:
    async with home_of(folder) as home:
        waiting = asyncio.create_task(home.service.pay("alice", "bob", 1, "no validator runs"))
        await home.hears("payment_queued", "alice")
        assert (await home.refused("rename", wallet="alice", name="anna")).code is ErrorCode.PAYMENT_IN_FLIGHT
        waiting.cancel()
        await home.order("rename", wallet="bob", name="bert")
    assert list_wallets(folder.wallets) == ("alice", "bert")


async def test_sealed_wallet_keeps_its_seal_under_a_new_name(folder: NetworkFolder) -> None:
    WalletStore.make(folder.wallets, "vault", SEED, sealing=Sealing(PASSPHRASE, SealingCost(1, LEAST_MEMORY_KIB)))
    async with home_of(folder) as home:
        await home.order("rename", wallet="vault", name="safe")
        assert (await home.hears("wallet_shut", "safe"))["state"] == "sealed"
    assert find_wallet_address(folder.wallets, "safe") == WalletKeys.from_seed(SEED).address


# --- View keys, contacts, documents -----------------------------------------------------------------------------------------------------------------


async def test_view_key_makes_a_wallet_that_sees_and_signs_nothing(folder: NetworkFolder, tmp_path: Path) -> None:
    file = tmp_path / "alice.view"
    async with home_of(folder) as home:
        await home.order("export_view", wallet="alice", file=str(file))
        assert file.stat().st_mode & 0o777 == 0o600
        assert (await home.refused("export_view", wallet="bob", file=str(file))).code is ErrorCode.KEY_FILE
        await home.order("import_view", name="auditor", file=str(file))
        seen = await home.hears("wallet", "auditor")
        assert (seen["address"], seen["balance"]) == ((await home.hears("wallet", "alice"))["address"], 10_000)
        assert (await home.hears("wallet_details", "auditor"))["key"] == "view-only"
        assert (await home.refused("pay", wallet="auditor", to="bob", amount=1, text="")).code is ErrorCode.VIEW_ONLY
        for wrong in (tmp_path / "nothing", tmp_path, folder.wallets / "bob" / "seed"):
            assert (await home.refused("import_view", name="eve", file=str(wrong))).code in {ErrorCode.CONFIG_INVALID, ErrorCode.KEY_FILE}
        secret = file.read_text().split("\n")[1]
        assert not contains_secret(folder, home.events, secret, secret[64:])


async def test_contacts_are_told_when_they_change(folder: NetworkFolder) -> None:
    async with home_of(folder) as home:
        assert (await home.hears("contacts"))["contacts"] == []
        address = (await home.hears("wallet", "bob"))["address"]
        await home.order("contact_add", name="Zoë", address=address)
        told = await home.hears("contacts", where=lambda event: event["total"] == 1)
        assert told["contacts"][0]["name"] == "Zoë"
        assert told["contacts"][0]["address"] == address
        assert (await home.refused("contact_add", name="zoë", address=address)).code is ErrorCode.CONTACT_EXISTS
        assert (await home.refused("contact_add", name="x", address=address[:-1])).code is ErrorCode.ADDRESS_INVALID
        await home.order("contact_remove", name="ZOË")
        await eventually(lambda: home.named("contacts")[-1]["total"] == 0, within_s=START_S)


async def test_files_that_prove_nothing_are_told_as_that(folder: NetworkFolder, tmp_path: Path) -> None:
    garbage, pipe = tmp_path / "garbage", tmp_path / "pipe"
    garbage.write_bytes(b"\x01" * 300)
    os.mkfifo(pipe)
    async with home_of(folder) as home:
        for path, reason in ((garbage, "no payment receipt"), (pipe, "not a regular file"), (tmp_path / "absent", "cannot be read")):
            assert (await home.order("verify", file=str(path)))["valid"] is False
            told = await home.hears("document_checked", where=lambda event, path=path: event["file"] == str(path))  # type: ignore[misc]
            assert reason in told["text"]
            assert [check["holds"] for check in told["checks"]] == [False]
        for nonsense in ("", "~nobody-at-all/x", "a\0b"):
            assert (await home.refused("verify", file=nonsense)).code is ErrorCode.CONFIG_INVALID


async def test_details_tell_commitments_and_history_of_nothing_is_empty(folder: NetworkFolder) -> None:
    async with home_of(folder) as home:
        details = await home.hears("wallet_details", "alice")
        commitment = (await home.hears("wallet", "alice"))["commitment"]
        parts = [(part["name"], part["amount"], part["commitment"]) for part in details["parts"]]
        assert parts == [("spendable", 10_000, commitment), ("incoming", 0, "00" * 32), ("in flight", 0, "00" * 32)]
        assert details["restoring"] is False
        qr = await home.hears("wallet_qr", "alice")
        assert len({len(row) for row in qr["rows"]}) == 1
        assert set("".join(qr["rows"])) <= set("█▀▄ ")
        assert (await home.refused("history", wallet="nobody", entries=10)).code is ErrorCode.WALLET_UNKNOWN
        await home.order("history", wallet="alice", entries=10)
