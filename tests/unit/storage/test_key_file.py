"""A wallet's key on the disk: plain, sealed, or for reading alone."""

import os
from pathlib import Path

import pytest
from nacl.pwhash import argon2id

from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, SealingCost
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.key_file import KeyKind, Sealing, format_view_key, parse_view_key
from mesh_core.storage.wallet_store import WalletStore, find_key_kind, find_wallet_address, list_wallets

SEED = bytes(range(32))
KEYS = WalletKeys.from_seed(SEED)
VIEW = ViewOnlyKeys(KEYS.owner, KEYS.view_key)
CHEAP = SealingCost(argon2id.OPSLIMIT_MIN, LEAST_MEMORY_KIB)
SEALING = Sealing("correct horse", CHEAP)


def fail(fault: LocalFault) -> None:
    pytest.fail(f"the store failed: {fault}")


def refuse(code: ErrorCode, home: Path, passphrase: str | None = None) -> str:
    """Opening fails with this code; returns the text."""
    with pytest.raises(LocalFault) as caught:
        WalletStore.open(home, "alice", fail, ask_passphrase=None if passphrase is None else lambda _: passphrase)
    assert caught.value.code is code
    assert SEED.hex()[:16] not in caught.value.text
    return caught.value.text


async def test_sealed_seed_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    WalletStore.make(tmp_path, "alice", SEED, sealing=SEALING)
    content = (tmp_path / "alice" / "seed").read_bytes()
    assert content.startswith(b"mesh-sealed-seed 1\n")
    assert SEED.hex().encode() not in content
    assert (tmp_path / "alice" / "seed").stat().st_mode & 0o777 == 0o600
    assert find_key_kind(tmp_path, "alice") is KeyKind.SEALED
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return "correct horse"

    store = WalletStore.open(tmp_path, "alice", fail, ask_passphrase=ask)
    keys = store.read_keys()
    assert isinstance(keys, WalletKeys)
    assert (keys.owner, asked) == (KEYS.owner, ["alice"])
    assert store.read_seed(ask) == SEED
    await store.close()
    assert "not the passphrase" in refuse(ErrorCode.PASSPHRASE, tmp_path, "wrong")
    assert "nobody can be asked" in refuse(ErrorCode.WALLET_SEALED, tmp_path)


async def test_address_of_a_sealed_wallet_is_known_without_its_passphrase_and_cannot_be_exchanged(tmp_path: Path) -> None:
    WalletStore.make(tmp_path, "alice", SEED, sealing=SEALING)
    assert find_wallet_address(tmp_path, "alice") == KEYS.address
    path = tmp_path / "alice" / "address"
    path.write_text(str(WalletKeys.from_seed(bytes(32)).address))
    assert "somebody changed it" in refuse(ErrorCode.KEY_FILE, tmp_path, "correct horse")
    path.write_text("nonsense")
    assert "holds no address" in refuse(ErrorCode.KEY_FILE, tmp_path, "correct horse")
    path.unlink()
    assert find_wallet_address(tmp_path, "alice") is None
    await WalletStore.open(tmp_path, "alice", fail, ask_passphrase=lambda _: "correct horse").close()


async def test_wallet_can_be_opened_after_a_wrong_passphrase(tmp_path: Path) -> None:
    """The lock is given up again."""
    WalletStore.make(tmp_path, "alice", SEED, sealing=SEALING)
    refuse(ErrorCode.PASSPHRASE, tmp_path, "wrong")
    await WalletStore.open(tmp_path, "alice", fail, ask_passphrase=lambda _: "correct horse").close()


async def test_nobody_is_asked_for_a_plain_seed_or_for_a_wallet_that_another_program_holds(tmp_path: Path) -> None:
    def ask(_: str) -> str:
        pytest.fail("asked")

    WalletStore.make(tmp_path, "alice", SEED)
    assert find_key_kind(tmp_path, "alice") is KeyKind.PLAIN
    await WalletStore.open(tmp_path, "alice", fail, ask_passphrase=ask).close()
    WalletStore.make(tmp_path, "bob", SEED, sealing=SEALING)
    held = WalletStore.open(tmp_path, "bob", fail, ask_passphrase=lambda _: "correct horse")
    with pytest.raises(LocalFault, match=f"process {os.getpid()}") as caught:
        WalletStore.open(tmp_path, "bob", fail, ask_passphrase=ask)
    assert caught.value.code is ErrorCode.STORE_LOCKED
    await held.close()


async def test_created_and_restored_wallets_can_be_sealed(tmp_path: Path) -> None:
    created = WalletStore.create(tmp_path, "alice", SEED, fail, sealing=SEALING)
    assert created.read_keys().owner == KEYS.owner
    await created.close()
    WalletStore.restore(tmp_path, "bob", SEED, sealing=SEALING)
    assert {find_key_kind(tmp_path, name) for name in list_wallets(tmp_path)} == {KeyKind.SEALED}
    with pytest.raises(LocalFault, match="passphrase is empty") as caught:
        WalletStore.make(tmp_path, "carol", SEED, sealing=Sealing("", CHEAP))
    assert caught.value.code is ErrorCode.PASSPHRASE
    assert list_wallets(tmp_path) == ("alice", "bob")


async def test_view_only_wallet_reads_and_has_no_seed(tmp_path: Path) -> None:
    WalletStore.make_view_only(tmp_path, "auditor", VIEW)
    assert list_wallets(tmp_path) == ("auditor",)
    assert (tmp_path / "auditor" / "view").stat().st_mode & 0o777 == 0o600
    store = WalletStore.open(tmp_path, "auditor", fail)
    keys = store.read_keys()
    assert isinstance(keys, ViewOnlyKeys)
    assert keys.address == KEYS.address
    assert keys.view_key.secret == KEYS.view_key.secret
    assert list(store.records()) == []
    with pytest.raises(LocalFault) as caught:
        store.read_seed()
    assert caught.value.code is ErrorCode.VIEW_ONLY
    await store.close()
    with pytest.raises(LocalFault, match="choose another name"):
        WalletStore.make(tmp_path, "auditor", SEED)
    with pytest.raises(LocalFault, match="choose another name"):
        WalletStore.make_view_only(tmp_path, "auditor", VIEW)


@pytest.mark.parametrize(
    "content",
    [b"", b"mesh-sealed-seed 1\n", b"mesh-sealed-seed 1\n" + SEED.hex().encode(), b"mesh-sealed-seed 1\n" + b"00" * 100, b"mesh-sealed-seed 1\nzz\n"],
)
def test_damaged_sealed_seed_is_told(content: bytes, tmp_path: Path) -> None:
    WalletStore.make(tmp_path, "alice", SEED)
    (tmp_path / "alice" / "seed").write_bytes(content)
    assert "damaged" in refuse(ErrorCode.KEY_FILE, tmp_path, "x")


def test_sealed_seed_of_a_later_version_is_left_to_the_later_program(tmp_path: Path) -> None:
    WalletStore.make(tmp_path, "alice", SEED)
    (tmp_path / "alice" / "seed").write_bytes(b"mesh-sealed-seed 2\n00")
    assert "run the version of MESH" in refuse(ErrorCode.STORE_FORMAT, tmp_path, "x")


def test_view_key_travels_as_text() -> None:
    text = format_view_key(VIEW)
    read = parse_view_key(text.encode(), "a file")
    assert (read.owner, read.view_key.secret) == (VIEW.owner, VIEW.view_key.secret)
    assert parse_view_key(text.strip().encode(), "a file").owner == VIEW.owner
    small_order = b"mesh-view-key 1\n" + bytes(32).hex().encode() + VIEW.view_key.secret.hex().encode()
    for broken in (b"", text.encode()[16:], text.encode()[:-3], text.encode() + b"00", b"mesh-view-key 2\n" + text.encode()[16:], small_order):
        with pytest.raises(LocalFault) as caught:
            parse_view_key(broken, "a file")
        assert caught.value.code is ErrorCode.KEY_FILE
        assert caught.value.text.startswith("a file holds")
