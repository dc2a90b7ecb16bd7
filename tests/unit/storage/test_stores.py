"""The validator's folder and the home of wallets."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from nacl.pwhash import argon2id

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, SealingCost
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.storage import wallet_store
from mesh_core.storage.database import Database
from mesh_core.storage.key_file import Sealing
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.storage.wallet_store import WalletStore, find_wallet_address, list_wallets

SEED = bytes(range(32))


def fail(fault: LocalFault) -> None:
    raise fault


# Validator


async def test_validator_records_come_back_after_reopening(tmp_path: Path) -> None:
    store = ValidatorStore.open(tmp_path / "data", fail)
    assert store.path == tmp_path / "data" / "validator.db"
    assert list(store.records()) == []
    await store.persist([("v:2", b"vote"), ("a:1", b"account")])
    last = store.persist([("a:1", b"changed"), ("o:1", b"")])
    assert store.get("a:1") == b"changed"
    await store.close()
    assert last.done()
    assert store.statistics.count == 2

    store = ValidatorStore.open(tmp_path / "data", fail)
    assert list(store.records()) == [("a:1", b"changed"), ("v:2", b"vote")]
    await store.close()


async def test_validator_folder_has_one_owner(tmp_path: Path) -> None:
    store = ValidatorStore.open(tmp_path, fail)
    with pytest.raises(LocalFault) as caught:
        ValidatorStore.open(tmp_path, fail)
    assert caught.value.code == ErrorCode.STORE_LOCKED
    await store.close()


async def test_wallet_file_is_not_taken_for_a_validators(tmp_path: Path) -> None:
    await WalletStore.create(tmp_path, "alice", SEED, fail).close()
    (tmp_path / "alice" / "wallet.db").rename(tmp_path / "validator.db")
    with pytest.raises(LocalFault, match="mesh-wallet 1") as caught:
        ValidatorStore.open(tmp_path, fail)
    assert caught.value.code == ErrorCode.STORE_FORMAT


def write_first_programs_database(folder: Path) -> None:
    """A validator's database as the first program left it: no checksums, and never a vote journal."""
    with closing(sqlite3.connect(folder / "validator.db")) as connection:
        connection.execute("CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB)")
        rows = [("meta/format", b"mesh-validator 1"), ("v:2", b"vote")]
        connection.executemany("INSERT INTO kv VALUES (?, ?)", rows)
        connection.commit()


async def test_database_of_the_first_program_gets_a_journal_and_has_lost_nothing(tmp_path: Path) -> None:
    write_first_programs_database(tmp_path)
    for _ in range(2):
        store = ValidatorStore.open(tmp_path, fail)
        assert store.journal == JournalContents(JournalCondition.INTACT)
        assert list(store.records()) == [("v:2", b"vote")]
        await store.close()
    (tmp_path / "votes.journal").unlink()
    store = ValidatorStore.open(tmp_path, fail)
    assert store.journal.condition is JournalCondition.MISSING
    await store.close()


# Wallets


async def test_wallet_keeps_its_seed_and_records(tmp_path: Path) -> None:
    home = tmp_path / "home"
    wallet = WalletStore.create(home, "alice", SEED, fail)
    await wallet.put([("out:1", b"signed"), ("open:1", b"opening")])
    assert wallet.get("out:1") == b"signed"
    await wallet.close()

    wallet = WalletStore.open(home, "alice", fail)
    assert wallet.name == "alice"
    assert wallet.read_seed() == SEED
    assert list(wallet.records()) == [("meta/history", b"complete"), ("open:1", b"opening"), ("out:1", b"signed")]
    assert list(wallet.records("out:")) == [("out:1", b"signed")]
    assert wallet.get("out:2") is None
    await wallet.close()


async def test_wallet_can_be_made_without_opening_it(tmp_path: Path) -> None:
    WalletStore.make(tmp_path, "alice", SEED)
    with pytest.raises(LocalFault) as caught:
        WalletStore.make(tmp_path, "alice", bytes(32))
    assert caught.value.code == ErrorCode.WALLET_EXISTS
    wallet = WalletStore.open(tmp_path, "alice", fail)
    assert wallet.read_seed() == SEED
    await wallet.close()


def test_wallet_without_an_event_loop_writes_too(tmp_path: Path) -> None:
    wallet = WalletStore.create(tmp_path, "alice", SEED, fail)
    before = wallet.statistics.count
    wallet.write([("key", b"1")])
    assert wallet.statistics.count == before + 1
    wallet._database.close()
    wallet = WalletStore.open(tmp_path, "alice", fail)
    assert wallet.get("key") == b"1"
    wallet._database.close()


async def test_several_wallets_share_a_home_and_are_listed(tmp_path: Path) -> None:
    assert list_wallets(tmp_path / "nowhere") == ()
    wallets = [WalletStore.create(tmp_path, name, SEED, fail) for name in ("bob", "alice", "Carol_2-x")]
    (tmp_path / "no-seed").mkdir()
    (tmp_path / "a file").write_text("")
    assert list_wallets(tmp_path) == ("Carol_2-x", "alice", "bob")
    await asyncio.gather(*(wallet.put([("name", wallet.name.encode())]) for wallet in wallets))
    assert [wallet.get("name") for wallet in wallets] == [b"bob", b"alice", b"Carol_2-x"]
    for wallet in wallets:
        await wallet.close()


async def test_wallet_files_are_for_their_owner_only(tmp_path: Path) -> None:
    wallet = WalletStore.create(tmp_path / "home", "alice", SEED, fail)
    folder = tmp_path / "home" / "alice"
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]
    assert (folder / "seed").read_bytes() == b"mesh-seed 1\n" + SEED.hex().encode() + b"\n"
    await wallet.close()


async def test_existing_wallet_is_never_created_again(tmp_path: Path) -> None:
    wallet = WalletStore.create(tmp_path, "alice", SEED, fail)
    await wallet.put([("key", b"1")])
    for _ in ("while it is open", "after it was closed"):
        with pytest.raises(LocalFault, match="'alice'") as caught:
            WalletStore.create(tmp_path, "alice", bytes(32), fail)
        assert caught.value.code == ErrorCode.WALLET_EXISTS
        await wallet.close()
    wallet = WalletStore.open(tmp_path, "alice", fail)
    assert wallet.read_seed() == SEED
    assert wallet.get("key") == b"1"
    await wallet.close()


async def test_seed_that_appears_during_creation_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_link = os.link

    def link_too_late(source: str, target: str, *, follow_symlinks: bool = True) -> None:
        Path(target).write_bytes(b"the other one's")
        real_link(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "link", link_too_late)
    with pytest.raises(LocalFault) as caught:
        WalletStore.create(tmp_path, "alice", SEED, fail)
    assert caught.value.code == ErrorCode.WALLET_EXISTS
    assert (tmp_path / "alice" / "seed").read_bytes() == b"the other one's"


def test_address_of_a_wallet_that_another_program_just_made_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs make a wallet of one name. The later one has seen none, and then waits for the folder: money must not go to the address of its lost seed."""
    cheap = Sealing("correct horse", SealingCost(argon2id.OPSLIMIT_MIN, LEAST_MEMORY_KIB))
    open_database = wallet_store._open_database

    def open_late(folder: Path, *, deadline_seconds: float) -> Database:
        monkeypatch.setattr(wallet_store, "_open_database", open_database)
        WalletStore.make(tmp_path, "alice", b"\x01" * 32, sealing=cheap)
        return open_database(folder, deadline_seconds=deadline_seconds)

    monkeypatch.setattr(wallet_store, "_open_database", open_late)
    with pytest.raises(LocalFault) as refusal:
        WalletStore.make(tmp_path, "alice", b"\x02" * 32, sealing=cheap)
    assert refusal.value.code is ErrorCode.WALLET_EXISTS
    assert find_wallet_address(tmp_path, "alice") == WalletKeys.from_seed(b"\x01" * 32).address


async def test_interrupted_creation_can_be_repeated(tmp_path: Path) -> None:
    await WalletStore.create(tmp_path, "alice", SEED, fail).close()
    (tmp_path / "alice" / "seed").unlink()
    assert list_wallets(tmp_path) == ()
    wallet = WalletStore.create(tmp_path, "alice", bytes(32), fail)
    assert wallet.read_seed() == bytes(32)
    await wallet.close()


async def test_records_without_their_seed_get_no_new_seed(tmp_path: Path) -> None:
    wallet = WalletStore.create(tmp_path, "alice", SEED, fail)
    await wallet.put([("key", b"1")])
    await wallet.close()
    (tmp_path / "alice" / "seed").unlink()
    for _ in range(2):
        with pytest.raises(LocalFault, match="seed is missing") as caught:
            WalletStore.create(tmp_path, "alice", bytes(32), fail)
        assert caught.value.code == ErrorCode.WALLET_EXISTS
    assert not (tmp_path / "alice" / "seed").exists()


async def test_unknown_wallet_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    await WalletStore.create(tmp_path, "bob", SEED, fail).close()
    with pytest.raises(LocalFault, match="wallets there: bob") as caught:
        WalletStore.open(tmp_path, "alice", fail)
    assert caught.value.code == ErrorCode.WALLET_UNKNOWN
    assert not (tmp_path / "alice").exists()


async def test_seed_without_its_records_gets_new_ones_that_know_of_their_lack(tmp_path: Path) -> None:
    """An empty database has forgotten what the wallet has signed: it must not say that there is nothing to ask for."""
    await WalletStore.create(tmp_path, "alice", SEED, fail).close()
    (tmp_path / "alice" / "wallet.db").unlink()
    wallet = WalletStore.open(tmp_path, "alice", fail)
    assert wallet.read_seed() == SEED
    assert list(wallet.records()) == []
    await wallet.close()


async def test_wallet_of_a_used_seed_knows_that_there_is_something_to_ask_for(tmp_path: Path) -> None:
    WalletStore.restore(tmp_path, "alice", SEED)
    wallet = WalletStore.open(tmp_path, "alice", fail)
    assert (wallet.read_seed(), list(wallet.records())) == (SEED, [])
    await wallet.close()
    with pytest.raises(LocalFault) as caught:
        WalletStore.restore(tmp_path, "alice", bytes(32))
    assert caught.value.code is ErrorCode.WALLET_EXISTS


async def test_interrupted_creation_does_not_hide_the_history_of_a_used_seed(tmp_path: Path) -> None:
    WalletStore.make(tmp_path, "alice", bytes(32))
    (tmp_path / "alice" / "seed").unlink()
    WalletStore.restore(tmp_path, "alice", SEED)
    wallet = WalletStore.open(tmp_path, "alice", fail)
    assert (wallet.read_seed(), list(wallet.records())) == (SEED, [])
    await wallet.close()


@pytest.mark.parametrize("line", [b"mesh-seed 2\n", b"mesh-seed 0\n", b"mesh-sealed-seed 2\n", b"mesh-seed 999999999\n"])
def test_seed_of_an_unknown_format_is_refused_by_name(tmp_path: Path, line: bytes) -> None:
    WalletStore.make(tmp_path, "alice", SEED)
    (tmp_path / "alice" / "seed").write_bytes(line + SEED.hex().encode())
    with pytest.raises(LocalFault) as caught:
        WalletStore.open(tmp_path, "alice", fail)
    assert caught.value.code is ErrorCode.STORE_FORMAT
    assert line.decode().strip() in caught.value.text
    assert "mesh-seed 1" in caught.value.text
    assert SEED.hex() not in caught.value.text


@pytest.mark.parametrize("version", [0, 2, 99])
def test_records_of_an_unknown_version_are_refused_by_name(tmp_path: Path, version: int) -> None:
    WalletStore.make(tmp_path, "alice", SEED)
    with closing(sqlite3.connect(tmp_path / "alice" / "wallet.db")) as connection, connection:
        connection.execute("UPDATE kv SET value = ? WHERE key = 'meta/format'", (f"mesh-wallet {version}".encode(),))
    with pytest.raises(LocalFault, match=f"version {version}") as caught:
        WalletStore.open(tmp_path, "alice", fail)
    assert caught.value.code is ErrorCode.STORE_FORMAT


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../alice", "/alice", "a.b", "a b", "älice", "alice\n", "a\0", "-rf", "a" * 33, "alice ", "\uff11"])
def test_bad_name_is_refused_before_anything_is_touched(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    with pytest.raises(LocalFault) as caught:
        WalletStore.create(home, name, SEED, fail)
    assert caught.value.code == ErrorCode.WALLET_NAME_INVALID
    with pytest.raises(LocalFault) as caught:
        WalletStore.open(home, name, fail)
    assert caught.value.code == ErrorCode.WALLET_NAME_INVALID
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "_", "7", "a" * 32, "Alice-2_b"])
async def test_good_name_is_accepted(tmp_path: Path, name: str) -> None:
    await WalletStore.create(tmp_path, name, SEED, fail).close()
    assert list_wallets(tmp_path) == (name,)


async def test_seed_that_others_can_read_is_refused(tmp_path: Path) -> None:
    await WalletStore.create(tmp_path, "alice", SEED, fail).close()
    (tmp_path / "alice" / "seed").chmod(0o644)
    with pytest.raises(LocalFault, match="chmod 600") as caught:
        WalletStore.open(tmp_path, "alice", fail)
    assert caught.value.code == ErrorCode.KEY_FILE


@pytest.mark.parametrize(
    "content",
    [b"", SEED, SEED.hex().encode()[:-1], SEED.hex().encode() + b"0", SEED.hex().upper().encode(), b" " + SEED.hex().encode(), SEED.hex().encode() + b"\n\n"],
)
async def test_damaged_seed_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    await WalletStore.create(tmp_path, "alice", SEED, fail).close()
    (tmp_path / "alice" / "seed").write_bytes(content)
    with pytest.raises(LocalFault, match="damaged") as caught:
        WalletStore.open(tmp_path, "alice", fail)
    assert caught.value.code == ErrorCode.KEY_FILE
    assert SEED.hex()[8:16] not in str(caught.value)
    (tmp_path / "alice" / "seed").write_bytes(SEED.hex().encode())
    wallet = WalletStore.open(tmp_path, "alice", fail)
    assert wallet.read_seed() == SEED
    await wallet.close()


@pytest.mark.parametrize(("kind", "words"), [("pipe", "is not a regular file"), ("loop", "Too many levels of symbolic links"), ("folder", "is a folder")])
def test_records_that_are_no_file_are_refused_in_words(tmp_path: Path, kind: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    WalletStore.make(tmp_path, "alice", SEED)
    path = tmp_path / "alice" / "wallet.db"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path, 0o600)
    elif kind == "loop":
        path.symlink_to(path.name)
    else:
        path.mkdir()
    with pytest.raises(LocalFault) as refusal:
        WalletStore.open(tmp_path, "alice", fail)
    assert (refusal.value.code, words in refusal.value.text) == (ErrorCode.STORE_UNAVAILABLE, True)
    assert capfd.readouterr() == ("", "")
