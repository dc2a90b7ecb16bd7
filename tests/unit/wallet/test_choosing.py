"""Which wallet a command uses."""

from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.wallet_store import WalletStore, list_wallets
from mesh_core.wallet.choosing import choose_wallet, current_wallet, use_wallet
from mesh_core.wallet.home_folder import HomeFolder


@pytest.fixture
def home(tmp_path: Path) -> HomeFolder:
    return HomeFolder(tmp_path)


def make(home: HomeFolder, *names: str) -> None:
    for number, name in enumerate(names):
        WalletStore.make(home.wallets, name, bytes([number] * 32))


def refuse(home: HomeFolder, option: str | None, code: ErrorCode, *words: str) -> None:
    with pytest.raises(LocalFault) as caught:
        choose_wallet(home, option)
    assert caught.value.code is code
    for word in words:
        assert word in caught.value.text


def test_only_wallet_needs_no_name(home: HomeFolder) -> None:
    refuse(home, None, ErrorCode.WALLET_UNKNOWN, "there is no wallet in", "keygen")
    make(home, "alice")
    assert choose_wallet(home, None) == "alice"
    assert current_wallet(home) is None


def test_one_of_several_is_chosen_or_named(home: HomeFolder) -> None:
    make(home, "alice", "bob")
    refuse(home, None, ErrorCode.WALLET_UNKNOWN, "several wallets are here (alice, bob)", "--wallet", "mesh-wallet use NAME")
    assert choose_wallet(home, "bob") == "bob"
    use_wallet(home, "alice")
    use_wallet(home, "bob")
    assert choose_wallet(home, None) == "bob"
    assert choose_wallet(home, "alice") == "alice"
    assert list_wallets(home.wallets) == ("alice", "bob")


def test_unknown_wallet_is_neither_chosen_nor_used(home: HomeFolder) -> None:
    make(home, "alice")
    refuse(home, "carol", ErrorCode.WALLET_UNKNOWN, "no wallet 'carol'", "alice")
    refuse(home, "../alice", ErrorCode.WALLET_NAME_INVALID)
    with pytest.raises(LocalFault) as caught:
        use_wallet(home, "carol")
    assert caught.value.code is ErrorCode.WALLET_UNKNOWN
    assert choose_wallet(home, None) == "alice"


def test_chosen_wallet_that_is_gone_is_not_replaced_by_another(home: HomeFolder) -> None:
    """Whoever chose one does not want to pay from another."""
    make(home, "alice", "bob")
    use_wallet(home, "bob")
    (home.wallets / "bob" / "seed").unlink()
    refuse(home, None, ErrorCode.WALLET_UNKNOWN, "'bob', which was chosen", "is gone")


def test_file_that_holds_no_name_counts_as_none(home: HomeFolder) -> None:
    make(home, "alice")
    for content in (b"", b"../bob\n", b"\xff" * 100):
        (home.wallets / ".current").write_bytes(content)
        assert current_wallet(home) is None
        assert choose_wallet(home, None) == "alice"
