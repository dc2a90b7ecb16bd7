"""What a command says that cannot be carried out: a sentence that helps, a code, and a status. No validator runs here.

docs/wallet.md lists these sentences: one that is not there, word for word, fails.
"""

import csv
import io
import json
import os
import re
from pathlib import Path

import pytest
from nacl.pwhash import argon2id

from mesh_core.crypto.domains import SIG_OWNER
from mesh_core.crypto.keys import ViewOnlyKeys, WalletKeys
from mesh_core.crypto.phrase import seed_to_phrase
from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, SEALED_SEED, SealedSeed, SealingCost
from mesh_core.errors import ErrorCode
from mesh_core.network.genesis_file import load_genesis
from mesh_core.protocol.equivocation import build_client_equivocation
from mesh_core.storage.database import Database
from mesh_core.storage.key_file import SEALED_LINE, Sealing
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.wallet_store import DATABASE_NAME, FORMAT_NAME, FORMAT_VERSION, WalletStore
from mesh_core.types.address import encode_bech32m
from mesh_core.types.basic import Commitment, Hash32, Scalar32
from mesh_core.types.transition import STATEMENT, OutputKey, Statement
from mesh_core.wallet.cli.exit_status import ExitStatus
from mesh_core.wallet.cli.prompts import PASSPHRASE_VARIABLE
from mesh_core.wallet.contacts import ContactBook
from mesh_core.wallet.records import (
    INCOMING_RECORD,
    STANDING,
    STANDING_KEY,
    Condition,
    IncomingRecord,
    IncomingStatus,
    Refusal,
    Standing,
    incoming_key,
)
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from tests.unit.wallet.cli.conftest import Run, failed
from tests.unit.wallet.cli.documented import documented_sentence

BOB = WalletKeys.from_seed(b"\x0b" * 32)
ADDRESS = str(BOB.address)
SEND = ("send", "--to", ADDRESS, "--amount", "500")
QUICK = ("--timeout", "0.4")


@pytest.fixture(autouse=True)
def network(home: Path, monkeypatch: pytest.MonkeyPatch) -> NetworkFolder:
    """A home with a network that does not run, and the wallet alice."""
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    folder = NetworkFolder(home)
    create_network(folder, name="test", wallets={"alice": 10_000})
    return folder


def say(run: Run, *words: str, code: str, status: int = 1) -> str:
    """Types a command that is refused with this code; returns its sentence."""
    found, text = failed(run(*words))
    assert found == status, text
    return documented_sentence(text, code, status)


def stand(home: Path, condition: Condition) -> None:
    """An account that cannot go on."""
    refusals = tuple(Refusal(validator, ErrorCode.RANGE_PROOF) for validator in range(3)) if condition is Condition.STUCK else ()
    texts = {
        Condition.LOCKED: "two transitions are signed for slot 0, and neither can reach a quorum: the account cannot move any more",
        Condition.STUCK: "the transition signed for slot 0 is refused for ever (V1 0901): the account cannot move, but for the emergency procedure",
    }
    standing = Standing(condition, 0, texts[condition], (), refusals, 1)
    write(home, STANDING_KEY, STANDING.encode(standing))


def write(home: Path, key: str, value: bytes) -> None:
    """A record of Alice's."""
    database = Database.open(home / "wallets" / "alice" / DATABASE_NAME, format_name=FORMAT_NAME, format_version=FORMAT_VERSION, create=False)
    database.write([(key, value)])
    database.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (ADDRESS[:-1] + ("q" if ADDRESS[-1] != "q" else "p"), "checksum"),
        (ADDRESS[:40] + ("q" if ADDRESS[40] != "q" else "p") + ADDRESS[41:], "checksum"),
        (ADDRESS[:-1], "114 characters"),
        (encode_bech32m("bc", [0] * 108), "mesh1"),
        (ADDRESS[:20] + ADDRESS[20:].upper(), "capital"),
    ],
)
def test_wrong_address(run: Run, address: str, words: str) -> None:
    assert words in say(run, "send", "--to", address, "--amount", "1", code="1006")


def test_unknown_recipient_is_answered_with_those_that_are_known(run: Run, home: Path) -> None:
    ContactBook(home / "contacts.toml").add("zoe", ADDRESS)
    text = say(run, "send", "--to", "bobb", "--amount", "1", code="1316")
    assert "'bobb' is no contact, no wallet and no address (contacts: zoe; wallets: alice)" in text


def test_oneself(run: Run, home: Path) -> None:
    assert "'alice' would pay itself: choose another recipient" in say(run, "send", "--to", "alice", "--amount", "1", code="1006")
    own = str(WalletKeys.from_seed(bytes.fromhex((home / "wallets/alice/seed").read_text().split()[-1])).address)
    assert "would pay itself" in say(run, "send", "--to", own, "--amount", "1", code="1006")


def test_name_of_two_is_refused(run: Run, home: Path) -> None:
    WalletStore.make(home / "wallets", "bob", bytes(32))
    ContactBook(home / "contacts.toml").add("bob", ADDRESS)
    text = say(run, "--wallet", "alice", "send", "--to", "bob", "--amount", "1", code="1006")
    assert "'bob' is a contact and a wallet here, with different addresses" in text


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "0 is no amount: pay at least 1"),
        ("-5", "-5 is negative: pay at least 1"),
        ("1.5", "'1.5' is not a number: amounts are whole units"),
        ("many", "'many' is not a number"),
        ("", "'' is not a number"),
        ("٣", "is not a number"),
        ("1_000", "is not a number"),
        (str(2**64), "18446744073709551616 is too large: at most 18446744073709551615"),
        ("9" * 500, "99999999999999999999… is too large"),
    ],
)
def test_wrong_amount(run: Run, amount: str, words: str) -> None:
    assert words in say(run, "send", "--to", ADDRESS, "--amount", amount, code="1304")
    assert words in say(run, "faucet", "--amount", amount, code="1304")


def test_memo_that_is_too_long(run: Run) -> None:
    assert "has 216 bytes of UTF-8: at most 215 fit a memo" in say(run, *SEND, "--memo", "x" * 214 + "é", code="130c")


def test_other_asset(run: Run) -> None:
    text = say(run, *SEND, "--asset", "ff" * 32, code="0106")
    assert f"this network has one asset, {'00' * 32}" in text
    assert say(run, *SEND, *QUICK, "--asset", "00" * 32, code="130a", status=ExitStatus.NO_QUORUM)


def test_no_network_in_the_home(run: Run, network: NetworkFolder) -> None:
    network.network_file.unlink()
    for command in (SEND, ("balance",), ("receive",), ("history",), ("watch",)):
        text = say(run, *command, code="1001")
        assert f"there is no network: {network.network_file} does not exist. Start one with 'mesh-testnet up" in text


def test_no_validator_answers(run: Run) -> None:
    """Nothing is signed, and the status differs from a failure."""
    for command in (SEND, ("receive",)):
        text = say(run, *command, *QUICK, code="130a", status=ExitStatus.NO_QUORUM)
        assert "0 of 4 validators are reached, and 3 are needed (not reached: V1, V2, V3, V4)" in text
        assert "Nothing was signed (waited 0.4 s, see --timeout and 'mesh-wallet doctor')" in text


def test_balance_and_history_show_what_is_known_where_nobody_answers(run: Run) -> None:
    for command, words in ((("balance",), "spendable  10,000"), (("history",), "no payments yet")):
        result = run(*command, *QUICK)
        assert result.exit_code == ExitStatus.NO_QUORUM
        assert words in result.stdout
        assert "[130a]" in result.stderr
        offline = run(*command, "--offline")
        assert (offline.exit_code, offline.stdout, offline.stderr) == (0, result.stdout, "")


def test_wallet_that_another_program_has(run: Run, home: Path) -> None:
    lock = OwnerLock.acquire(home / "wallets" / "alice" / DATABASE_NAME)
    try:
        text = say(run, "balance", "--offline", code="1201")
    finally:
        lock.release()
    assert re.search(
        r"the wallet 'alice' is in use by process \d+( \(.+\))?: one program at a time uses a wallet; wait until it has finished, or stop it", text
    )


def test_sealed_wallet(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WalletStore.make(home / "wallets", "carol", bytes(32), sealing=Sealing("correct horse", SealingCost(argon2id.OPSLIMIT_MIN, LEAST_MEMORY_KIB)))
    text = say(run, "--wallet", "carol", "balance", "--offline", code="1313")
    assert "the wallet 'carol' is sealed with a passphrase: set MESH_PASSPHRASE, or run this at a terminal" in text
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "wrong")
    assert "this is not the passphrase that the seed was sealed with" in say(run, "--wallet", "carol", *SEND, code="130f")
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "correct horse")
    assert run("--wallet", "carol", "balance", "--offline").exit_code == 0


def test_view_only_wallet_signs_nothing(run: Run, home: Path, tmp_path: Path) -> None:
    WalletStore.make_view_only(home / "wallets", "auditor", ViewOnlyKeys(BOB.owner, BOB.view_key))
    for command in (SEND, ("receive",), ("emergency",), ("faucet", "--amount", "5"), ("receipt", "ab" * 32, "-o", str(tmp_path / "r"))):
        assert "'auditor' is view-only: it sees everything and signs nothing" in say(run, "--wallet", "auditor", *command, code="1312")


def test_locked_and_stuck_accounts_have_a_status_of_their_own(run: Run, home: Path) -> None:
    for condition, code in ((Condition.LOCKED, "1308"), (Condition.STUCK, "1309")):
        stand(home, condition)
        for command in (SEND, ("receive",)):
            assert "slot 0" in say(run, *command, code=code, status=ExitStatus.LOCKED)
        shown = run("balance", "--offline")
        assert (shown.exit_code, "10,000" in shown.stdout) == (ExitStatus.LOCKED, True)


def test_payment_that_does_not_open_is_shown_and_never_claimed(run: Run, home: Path) -> None:
    key = OutputKey(Hash32(b"\xab" * 32), 0)
    poisoned = IncomingRecord(IncomingStatus.UNOPENABLE, BOB.owner, Commitment(bytes(32)), 0, Scalar32(bytes(32)), "the padding is not zero", 1)
    write(home, incoming_key(key), INCOMING_RECORD.encode(poisoned))
    assert "is never claimed; ask the payer to pay again" in say(run, "receive", "--cert", "ab" * 32, code="1306")
    assert "(does not open: the padding is not zero)" in run("history", "--offline").stdout
    assert "1 payments came whose memos do not open" in run("balance", "--offline").stdout
    (entry,) = json.loads(run("history", "--offline", "--json").stdout)["payments"]
    assert (entry["amount"], entry["memo"], entry["unopenable"], entry["status"]) == (None, None, "the padding is not zero", "unopenable")


def test_spreadsheet_computes_nothing_that_a_stranger_wrote(run: Run, home: Path) -> None:
    texts = ('=HYPERLINK("x")', "+1", "-1", "@x", "\x1b[2J", "plain", "\ufe0f=1", "\u00a0=1", "\uff1d1", "a;=1", "a; -1", "5 - 1; a=b")
    for number, text in enumerate(texts):
        key = OutputKey(Hash32(bytes([number]) * 32), 0)
        record = IncomingRecord(IncomingStatus.CLAIMABLE, BOB.owner, Commitment(bytes(32)), 1, Scalar32(bytes(32)), text, number + 1)
        write(home, incoming_key(key), INCOMING_RECORD.encode(record))
    rows = list(csv.DictReader(io.StringIO(run("history", "--offline", "--csv").stdout)))
    assert [row["memo"] for row in rows] == [
        '\'=HYPERLINK("x")',
        "'+1",
        "'-1",
        "'@x",
        "\\x1b[2J",
        "plain",
        "'=1",
        "' =1",
        "'\uff1d1",
        "a;'=1",
        "a;' -1",
        "5 - 1; a=b",
    ]
    assert "\x1b" not in run("history", "--offline").stdout


def test_no_faucet(run: Run) -> None:
    assert "no faucet listens at" in say(run, "faucet", "--amount", "5", code="1504")


@pytest.mark.parametrize("text", ["", "xyz", "ab", "0" * 65, "00 11"])
def test_hash_that_is_none(run: Run, text: str) -> None:
    assert "is no certificate's hash: 64 hexadecimal digits, or at least the first 6" in say(run, "show", text, code="1001")


def test_hash_of_which_the_history_has_none(run: Run) -> None:
    assert "no payment of this wallet's history begins with abcdef: give all 64 digits" in say(run, "show", "abcdef", code="1001")
    text = say(run, "show", "ab" * 32, *QUICK, code="130a", status=ExitStatus.NO_QUORUM)
    assert "this wallet does not hold the certificate, and 0 of 4 validators are reached" in text


def test_phrase_that_is_none(run: Run) -> None:
    for stdin, words in ((b"abandon", "a recovery phrase has 24 words, this one 1"), (b"abandon " * 24, "the checksum does not fit")):
        status, text = failed(run("restore", "dora", "--no-passphrase", stdin=stdin))
        assert (status, words in " ".join(text.split()), "[130e]" in text) == (1, True, True)
    status, text = failed(run("restore", "dora", "--no-passphrase", stdin=b"notaword " * 24))
    assert (status, "word 1 is not in the list" in text) == (1, True)


def test_emergency_needs_a_recipient_with_an_amount(run: Run) -> None:
    status, text = failed(run("emergency", "--to", ADDRESS))
    assert (status, "--to and --amount go together" in text) == (2, True)


def test_step_of_the_switch_for_tests_must_exist(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_WALLET_STOP_AT", "nowhere")
    status, text = failed(run(*SEND))
    assert (status, "the steps are drafted, proved, signed, stored" in text) == (1, True)


def test_doctor_says_what_to_do_where_nothing_runs(run: Run, network: NetworkFolder) -> None:
    result = run("doctor", *QUICK)
    assert result.exit_code == ExitStatus.NO_QUORUM
    assert "0 validators vote, and 3 are needed: no payment can become final now" in result.stdout
    assert result.stdout.count("is not reached: see that it runs") == 4
    network.network_file.unlink()
    result = run("doctor", *QUICK)
    assert (result.exit_code, "Start one with 'mesh-testnet up" in result.stdout) == (1, True)


def test_wallet_without_a_name_is_no_other_wallet(run: Run, home: Path) -> None:
    """A variable that is not set: the wallet in use must not pay in its place."""
    assert "'' is no name for a wallet" in say(run, "--wallet", "", *SEND, code="130b")


def test_damaged_wallet_does_not_hide_the_others(run: Run, home: Path) -> None:
    WalletStore.make(home / "wallets", "broken", bytes(32))
    (home / "wallets" / "broken" / "seed").write_text("nonsense")
    WalletStore.make(home / "wallets", "open", b"\x01" * 32)
    (home / "wallets" / "open" / "seed").chmod(0o644)
    assert "no payments yet" in run("--wallet", "alice", "history", "--offline").stdout
    found = {one["wallet"]: one for one in json.loads(run("list", "--json").stdout)["wallets"]}
    assert [(name, one["key"], one["fault"] is None) for name, one in found.items()] == [
        ("alice", "plain", True),
        ("broken", None, False),
        ("open", None, False),
    ]
    assert "nonsense" not in run("list").stdout
    assert "is damaged: expected 64 hexadecimal digits, found 8 bytes" in say(run, "--wallet", "broken", "balance", "--offline", code="1002")
    assert "run: chmod 600" in say(run, "--wallet", "open", "balance", "--offline", code="1002")


def test_contacts_that_others_may_change_pay_nobody(run: Run, home: Path) -> None:
    ContactBook(home / "contacts.toml").add("bob", ADDRESS)
    for mode in (0o620, 0o602, 0o666):
        (home / "contacts.toml").chmod(mode)
        assert f"has mode {mode:04o}: other users of this machine may change who is paid" in say(run, "send", "--to", "bob", "--amount", "1", code="1001")
    (home / "contacts.toml").rename(home / "aside")
    os.mkfifo(home / "contacts.toml", 0o600)
    assert "is not a regular file" in say(run, "send", "--to", "bob", "--amount", "1", code="1001")
    (home / "aside").rename(home / "contacts.toml")
    (home / "contacts.toml").chmod(0o640)
    assert say(run, "send", "--to", "bob", "--amount", "1", *QUICK, code="130a", status=ExitStatus.NO_QUORUM)


def test_doctor_tells_of_files_that_others_may_change(run: Run, home: Path) -> None:
    home.chmod(0o777)
    assert f"other users of this machine may change {home}, and with it what this wallet trusts" in run("doctor", *QUICK).stdout
    home.chmod(0o700)
    assert "other users" not in run("doctor", *QUICK).stdout


def test_evidence_of_a_locked_account_is_shown_and_verifies(run: Run, home: Path, tmp_path: Path) -> None:
    genesis = load_genesis(home / "genesis.bin")
    alice = WalletKeys.from_seed(bytes.fromhex((home / "wallets/alice/seed").read_text().split()[-1]))
    statements = [Statement(genesis.network_id, 0, alice.owner, 0, Hash32(bytes([number]) * 32)) for number in (1, 2)]
    first, second = (alice.signing_key.sign(SIG_OWNER, STATEMENT.encode(statement)) for statement in statements)
    proof = build_client_equivocation(statements[0], first, statements[1].transition_id, second)
    write(home, STANDING_KEY, STANDING.encode(Standing(Condition.LOCKED, 0, "two transitions are signed", (proof,), (), 1)))
    shown = run("balance", "--offline")
    assert (shown.exit_code, f"{'01' * 32} and {'02' * 32}" in shown.stdout) == (ExitStatus.LOCKED, True)
    words = ("emergency", "--confirm", "I sign two transitions for one slot")
    assert failed(run(*words, *QUICK))[0] in (ExitStatus.LOCKED, ExitStatus.NO_QUORUM)
    found = json.loads(run("doctor", *QUICK, "--json").stdout)
    (evidence,) = found["wallet"]["evidence"]
    assert any("What remains possible: balance" in advice for advice in found["advice"])
    (tmp_path / "proof").write_text(evidence["proof"])
    checked = json.loads(run("verify", str(tmp_path / "proof"), "--json").stdout)
    assert (checked["document"], checked["proof_id"], checked["offender"]) == ("equivocation_proof", evidence["proof_id"], "client")


def test_restore_asks_for_no_words_where_there_is_no_network(run: Run, network: NetworkFolder, home: Path) -> None:
    network.network_file.unlink()
    text = say(run, "restore", "dora", "--no-passphrase", code="1001")
    assert "there is no network" in text
    assert not (home / "wallets" / "dora").exists()


def test_restore_without_a_quorum_says_that_the_wallet_is_made(run: Run, home: Path) -> None:
    result = run("restore", "dora", "--no-passphrase", *QUICK, stdin=seed_to_phrase(b"\x05" * 32).encode())
    assert result.exit_code == ExitStatus.NO_QUORUM
    text = documented_sentence(result.stderr.splitlines()[-1], "130a", ExitStatus.NO_QUORUM)
    assert "'dora' is made from its phrase, and everything else is still to come, with the next command that uses it" in text
    again = run("restore", "twin", "--no-passphrase", "--offline", stdin=seed_to_phrase(b"\x05" * 32).encode())
    assert (again.exit_code, "dora and twin have one seed" in again.stderr) == (0, True)


@pytest.mark.parametrize("content", ["abandon".encode("utf-16"), b"\xff" * 64, b"\x00" * 9_000])
def test_phrase_file_in_another_encoding_is_refused_in_words(run: Run, content: bytes) -> None:
    status, text = failed(run("restore", "dora", "--no-passphrase", stdin=content))
    assert (status, "a recovery phrase has 24 words" in text) == (1, True)


def test_sealed_seed_that_asks_for_the_whole_memory(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody prepared: 4 TiB for Argon2id. It is refused by its numbers, before any memory is asked for."""
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "x")
    WalletStore.make(home / "wallets", "bomb", bytes(32))
    bomb = SealedSeed(3, 2**32 - 1, bytes(argon2id.SALTBYTES), bytes(72))
    (home / "wallets" / "bomb" / "seed").write_bytes(SEALED_LINE + SEALED_SEED.encode(bomb).hex().encode() + b"\n")
    assert "asks for 3 passes over 4294967295 KiB: no wallet seals so" in say(run, "--wallet", "bomb", "balance", "--offline", code="1002")


def test_named_pipe_that_nobody_writes_to_is_no_document(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "these 0 bytes are no payment receipt" in say(run, "verify", str(tmp_path / "pipe"), code="1602", status=ExitStatus.NOT_VERIFIED)
    assert "holds no view key" in failed(run("import-view-key", "v", str(tmp_path / "pipe")))[1]


@pytest.mark.parametrize(("name", "reason"), [("nothing", "No such file"), (".", "Is a directory"), ("loop", "Too many levels")])
def test_document_that_cannot_be_read(run: Run, tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert reason in say(run, "verify", str(tmp_path / name), code="1001")


def test_endless_document_is_refused_after_its_first_megabytes(run: Run) -> None:
    assert "/dev/zero is longer than 3,145,728 bytes" in say(run, "verify", "/dev/zero", code="1602", status=ExitStatus.NOT_VERIFIED)


@pytest.mark.parametrize("amount", ["1_000", "+5", "٣", "1e3", "0", str(2**64)])
def test_amount_to_verify_is_read_like_any_other(run: Run, tmp_path: Path, amount: str) -> None:
    say(run, "verify", str(tmp_path), "--amount", amount, code="1304")
