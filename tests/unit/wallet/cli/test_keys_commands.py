"""keygen, show-address, list, use, export-view-key, import-view-key."""

import json
import stat
from pathlib import Path

import pytest
from nacl.pwhash import argon2id

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.phrase import phrase_to_seed, seed_to_phrase
from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, SealingCost
from mesh_core.storage.key_file import KeyKind, Sealing, read_seed
from mesh_core.storage.wallet_store import WalletStore, find_key_kind, list_wallets
from mesh_core.wallet.cli import prompts
from mesh_core.wallet.cli.qr import draw_qr
from tests.unit.wallet.cli.conftest import Run, failed, told

SEED = bytes(range(32))
ADDRESS = str(WalletKeys.from_seed(SEED).address)
QUICK = ("--no-passphrase", "--show-phrase", "--no-confirm")


@pytest.fixture(autouse=True)
def cheap_sealing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id as quick as it can be."""
    monkeypatch.delenv(prompts.PASSPHRASE_VARIABLE, raising=False)
    monkeypatch.setattr(prompts, "Sealing", lambda passphrase: Sealing(passphrase, SealingCost(argon2id.OPSLIMIT_MIN, LEAST_MEMORY_KIB)))


def make(home: Path, name: str = "alice") -> None:
    WalletStore.make(home / "wallets", name, SEED)


def test_new_wallet_has_the_seed_of_the_phrase_that_is_shown(run: Run, home: Path) -> None:
    made = told(run("keygen", "alice", *QUICK, "--json"))
    seed = phrase_to_seed(made["phrase"])
    assert read_seed(home / "wallets" / "alice", None) == seed
    assert made == {"wallet": "alice", "address": str(WalletKeys.from_seed(seed).address), "sealed": False, "phrase": seed_to_phrase(seed)}
    assert stat.S_IMODE((home / "wallets" / "alice" / "seed").stat().st_mode) == 0o600


def test_phrases_words_are_numbered_for_people(run: Run, home: Path) -> None:
    shown = run("keygen", "alice", *QUICK).stdout
    words = seed_to_phrase(read_seed(home / "wallets" / "alice", None)).split()
    for number, word in enumerate(words, 1):
        assert f"{number:>2} {word}" in shown


def test_key_file_is_sealed_with_the_passphrase_of_the_environment(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(prompts.PASSPHRASE_VARIABLE, "correct horse")
    made = told(run("keygen", "alice", "--show-phrase", "--no-confirm", "--json"))
    assert made["sealed"] is True
    assert find_key_kind(home / "wallets", "alice") is KeyKind.SEALED
    assert read_seed(home / "wallets" / "alice", lambda _: "correct horse") == phrase_to_seed(made["phrase"])
    monkeypatch.setenv(prompts.PASSPHRASE_VARIABLE, "")
    status, text = failed(run("keygen", "bob", "--show-phrase", "--no-confirm"))
    assert (status, "the passphrase is empty" in text, "[130f]" in text) == (1, True, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "run this at a terminal, or give --show-phrase"),
        (("--show-phrase",), "nobody can be asked for words of the phrase here: give --no-confirm"),
        (("--show-phrase", "--no-confirm"), "set MESH_PASSPHRASE, or leave the seed unsealed with --no-passphrase"),
    ],
)
def test_nothing_is_made_where_nobody_looks_and_that_was_not_said(run: Run, home: Path, options: tuple[str, ...], words: str) -> None:
    status, text = failed(run("keygen", "alice", *options))
    assert (status, words in text) == (2, True)
    assert list_wallets(home / "wallets") == ()


def test_taken_and_impossible_names_are_refused_before_a_phrase_is_shown(run: Run, home: Path) -> None:
    make(home)
    for command in (("keygen", "alice", *QUICK), ("restore", "alice"), ("import-view-key", "alice", "-")):
        status, text = failed(run(*command))
        assert (status, "there is a wallet 'alice' in" in text, "[1302]" in text) == (1, True, True)
    status, text = failed(run("keygen", "al/ice", *QUICK))
    assert (status, "is no name for a wallet" in text, "[130b]" in text) == (1, True, True)
    assert read_seed(home / "wallets" / "alice", None) == SEED


def test_address_is_shown_in_words_as_json_and_as_a_code(run: Run, home: Path) -> None:
    make(home)
    keys = WalletKeys.from_seed(SEED)
    assert told(run("show-address", "--json")) == {
        "wallet": "alice",
        "address": ADDRESS,
        "owner": keys.owner.hex(),
        "view_key": keys.view_key.public_key.hex(),
    }
    shown = run("show-address", "--qr").stdout
    assert ADDRESS in shown
    assert draw_qr(ADDRESS.upper(), in_colour=False) in shown
    assert "\x1b" not in shown


def test_code_is_dark_on_light_whatever_the_terminal_looks_like() -> None:
    """The corner pattern of the standard, inside a light margin of four modules, both drawn with colours of their own."""
    lines = draw_qr("MESH", in_colour=True).split("\n")
    light, dark = "38;5;231", "38;5;16"
    cells = [line.removesuffix("\x1b[0m").split("▀")[:-1] for line in lines]
    assert len({len(row) for row in cells}) == 1
    assert all(light in cell and "48;5;231" in cell for row in (cells[0], cells[1], cells[-1][:4]) for cell in row)
    assert all(light in row[column] for row in cells for column in (0, 1, 2, 3, -1, -2, -3, -4))
    assert [dark in cell for cell in cells[2][4:12]] == [True] * 7 + [False]
    plain = draw_qr("MESH", in_colour=False).split("\n")
    assert plain[0] == "█" * len(cells[0])


def test_wallets_are_listed_and_one_is_used(run: Run, home: Path) -> None:
    assert "no wallets in" in run("list").stdout
    make(home)
    WalletStore.make(home / "wallets", "bob", bytes(32), sealing=Sealing("correct horse", SealingCost(argon2id.OPSLIMIT_MIN, LEAST_MEMORY_KIB)))
    run("use", "bob")
    found = {wallet["wallet"]: wallet for wallet in told(run("list", "--json"))["wallets"]}
    assert [(name, wallet["in_use"], wallet["key"]) for name, wallet in found.items()] == [("alice", False, "plain"), ("bob", True, "sealed")]
    assert found["bob"]["address"] == str(WalletKeys.from_seed(bytes(32)).address)
    assert "* " in run("list").stdout
    assert told(run("show-address", "--json"))["wallet"] == "bob"
    status, text = failed(run("use", "carol"))
    assert (status, "there is no wallet 'carol'" in text, "[1301]" in text) == (1, True, True)


def test_view_key_is_exported_and_imported(run: Run, home: Path, tmp_path: Path) -> None:
    make(home)
    file = tmp_path / "view"
    told(run("export-view-key", "-o", str(file), "--json"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SEED.hex() not in file.read_text()
    status, text = failed(run("export-view-key", "-o", str(file)))
    assert (status, "exists and is not overwritten" in text) == (1, True)
    assert told(run("import-view-key", "auditor", str(file), "--json")) == {"wallet": "auditor", "address": ADDRESS}
    assert find_key_kind(home / "wallets", "auditor") is KeyKind.VIEW_ONLY
    run("import-view-key", "second", "-", stdin=file.read_bytes())
    assert [wallet["address"] for wallet in told(run("list", "--json"))["wallets"]] == [ADDRESS] * 3
    status, text = failed(run("import-view-key", "third", "-", stdin=b"mesh-view-key 1\nabc\n"))
    assert (status, "standard input holds no view key" in text, "[1002]" in text) == (1, True, True)
    status, text = failed(run("import-view-key", "third", str(tmp_path / "nothing")))
    assert (status, "cannot be read: No such file" in text) == (1, True)


def test_every_command_explains_itself(run: Run) -> None:
    names = [line.split()[0] for line in run("--help").stdout.split("Commands:")[1].split("Exit status")[0].splitlines() if line.strip()]
    assert len(names) >= 18
    for name in names:
        help_text = run(name, "--help").stdout
        assert len(help_text.splitlines()) > 8, name
        assert "--json" in help_text
        assert all(line == line.rstrip() for line in help_text.splitlines())


def test_error_is_an_object_with_json(run: Run) -> None:
    result = run("show-address", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "1301"
    assert "there is no wallet in" in result.stderr
