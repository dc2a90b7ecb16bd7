"""Whoever runs a validator with something wrong is told which file, which key and why: as one `fatal` line, on standard error, and by the exit status 1.

The validator is started in this process: the same code as in a process of its own, thirty times faster. `tests/e2e` starts real ones.
"""

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode
from mesh_core.network.tls import generate_tls_identity
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.validator_store import DATABASE_NAME, JOURNAL_NAME
from mesh_core.validator.__main__ import main
from mesh_core.validator.config import load_config, write_config
from testnet.genesis import configure, create_network, open_network
from testnet.layout import NetworkFolder, ValidatorFolder

CONFIG_INVALID, KEY_FILE = ErrorCode.CONFIG_INVALID, ErrorCode.KEY_FILE


@dataclass(frozen=True)
class Told:
    """What a validator that would not start has said."""

    code: str
    text: str
    errors: str


def start(config: Path, capfd: pytest.CaptureFixture[str]) -> Told:
    """Start a validator that must refuse: status 1, nothing on standard output but one `fatal` line, and the same words on standard error."""
    capfd.readouterr()
    assert main(["--config", str(config)]) == 1
    output, errors = capfd.readouterr()
    [line] = output.splitlines()
    fatal = json.loads(line)
    assert fatal["event"] == "fatal"
    assert fatal["text"] in errors
    return Told(fatal["code"], fatal["text"], errors)


def edit(config: Path, change: Callable[[Any], None]) -> None:
    """Change a configuration file as a person would."""
    document = tomlkit.parse(config.read_text())
    change(document)
    config.write_text(tomlkit.dumps(document))


def first(network: NetworkFolder) -> ValidatorFolder:
    return network.validator(0)


# --- The file itself -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_text("[validator\nlisten_port = 1"), "is not TOML"),
        (lambda path: path.write_text("\0\0\0"), "is not TOML"),
        (lambda path: path.write_bytes(b"#" * (1024 * 1024 + 1)), "cannot be read: is longer than"),
        (lambda path: path.write_text(""), "validator: is missing"),
        (lambda path: path.write_text("validator = 3"), "validator: must be a table"),
    ],
    ids=["missing", "a folder", "broken", "binary", "huge", "empty", "no table"],
)
def test_file_that_is_no_configuration_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], None], reason: str) -> None:
    config = tmp_path / "validator.toml"
    make(config)
    told = start(config, capfd)
    assert told.code == f"{CONFIG_INVALID:04x}"
    assert told.text.startswith(f"{config}: {reason}")


KEYS = ("genesis", "identity_key", "tls_certificate", "tls_key", "data_dir", "listen_host", "listen_port")


@pytest.mark.parametrize("key", KEYS)
def test_missing_key_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str], key: str) -> None:
    config = first(network).config
    edit(config, lambda document: document["validator"].pop(key))
    assert start(config, capfd).text == f"{config}: validator.{key}: is missing"


def test_vote_journal_may_be_left_out(network: NetworkFolder) -> None:
    """Files that were written before there was one."""
    config = first(network).config
    assert load_config(config).vote_journal.resolve() == first(network).vote_journal.resolve()
    edit(config, lambda document: document["validator"].pop("vote_journal"))
    assert load_config(config).vote_journal == load_config(config).data_dir / JOURNAL_NAME


def test_vote_journal_stays_where_the_configuration_says(network: NetworkFolder, tmp_path: Path) -> None:
    """Other ports are written into a file that names a journal on another disk: a journal that is looked for elsewhere would pass for lost."""
    edit(first(network).config, lambda document: document["validator"].update({"vote_journal": str(tmp_path / "disk" / "v1.journal")}))
    edit(first(network).config, lambda document: document["validator"].update({"listen_port": 1}))
    open_network(network)
    assert load_config(first(network).config).listen_port != 1
    assert load_config(first(network).config).vote_journal.resolve() == (tmp_path / "disk" / "v1.journal").resolve()


def test_log_level_may_be_left_out(network: NetworkFolder) -> None:
    config = first(network).config
    edit(config, lambda document: document["validator"].pop("log_level"))
    assert load_config(config).log_level == "info"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("listen_port", 65536, "65536 is no UDP port"),
        ("listen_port", -1, "-1 is no UDP port"),
        ("listen_port", "47001", "'47001' is no UDP port"),
        ("listen_port", True, "True is no UDP port"),
        ("listen_port", 1.5, "1.5 is no UDP port"),
        ("listen_host", "localhost", "'localhost' is no IP address"),
        ("listen_host", "127.0.0.256", "'127.0.0.256' is no IP address"),
        ("listen_host", "", "must be text"),
        ("listen_host", 1, "must be text"),
        ("genesis", ["a"], "must be text"),
        ("data_dir", "a\0b", "is no path"),
        ("log_level", "loud", "'loud' is none of debug, info, warning, error"),
        ("log_level", ["info"], "['info'] is none of"),
        ("listen_prot", 47001, "is no key that exists here (known: data_dir,"),
    ],
)
def test_wrong_value_is_named_with_its_key(network: NetworkFolder, capfd: pytest.CaptureFixture[str], key: str, value: object, reason: str) -> None:
    config = first(network).config
    edit(config, lambda document: document["validator"].update({key: value}))
    told = start(config, capfd)
    assert told.code == f"{CONFIG_INVALID:04x}"
    assert told.text.startswith(f"{config}: validator.{key}: {reason}")
    assert not first(network).data_dir.exists()


def test_unknown_table_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    config = first(network).config
    edit(config, lambda document: document.update({"peer": {}}))
    assert start(config, capfd).text.startswith(f"{config}: peer: is no key that exists here")


# --- Peers -----------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("public_key", "ab" * 31, "must be 64 hexadecimal digits"),
        ("public_key", "zz" * 32, "must be 64 hexadecimal digits"),
        ("public_key", "ab" * 32, "is no validator of the genesis document"),
        ("port", 0, "0 is no UDP port"),
        ("port", 70000, "70000 is no UDP port"),
        ("host", "validator-2.example", "is no IP address"),
        ("tls_certificate", "nowhere.crt", "nowhere.crt cannot be read: No such file"),
        ("tls_certificate", ".", "cannot be read: Is a directory"),
        ("tls_certificate", "validator.toml", "is no certificate in PEM form"),
        ("tls_certificate", "data.crt", "is no certificate in PEM form"),
        ("tls_certificate", "hollow.crt", "is not a DER certificate"),
        ("name", "V2", "is no key that exists here"),
    ],
)
def test_wrong_peer_is_named_with_its_number_and_key(network: NetworkFolder, capfd: pytest.CaptureFixture[str], key: str, value: object, reason: str) -> None:
    config = first(network).config
    (config.parent / "data.crt").write_bytes(bytes(range(256)))
    (config.parent / "hollow.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    edit(config, lambda document: document["peers"][1].update({key: value}))
    told = start(config, capfd)
    assert told.code == f"{CONFIG_INVALID:04x}"
    assert told.text.startswith(f"{config}: peers[1].{key}: ")
    assert reason in told.text


@pytest.mark.parametrize("key", ["public_key", "host", "port", "tls_certificate"])
def test_key_missing_in_a_peer_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str], key: str) -> None:
    config = first(network).config
    edit(config, lambda document: document["peers"][2].pop(key))
    assert start(config, capfd).text == f"{config}: peers[2].{key}: is missing"


def test_peer_that_is_this_validator_itself_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    config = first(network).config
    own = open_network(network).committee.validators[0].hex()
    edit(config, lambda document: document["peers"][0].update({"public_key": own}))
    assert start(config, capfd).text == f"{config}: peers[0].public_key: {own} is this validator itself"


def test_peer_that_stands_twice_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    config = first(network).config
    edit(config, lambda document: document["peers"][2].update({"public_key": document["peers"][0]["public_key"]}))
    assert start(config, capfd).text == f"{config}: peers[2].public_key: stands twice"


def test_peers_that_are_no_tables_are_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    config = first(network).config
    edit(config, lambda document: document.update({"peers": ["V2"]}))
    assert start(config, capfd).text.startswith(f"{config}: peers: must be tables, each beginning with [[peers]]")


# --- What the configuration names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "code", "reason"),
    [
        (lambda path: path.unlink(), CONFIG_INVALID, "cannot be read: No such file"),
        (lambda path: path.write_bytes(b""), ErrorCode.GENESIS_INVALID, "does not decode"),
        (lambda path: path.write_bytes(bytes(1000)), ErrorCode.GENESIS_INVALID, "does not decode"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), ErrorCode.GENESIS_INVALID, "does not decode"),
        (lambda path: path.write_bytes(path.read_bytes() + b"\0"), ErrorCode.GENESIS_INVALID, "does not decode"),
        (lambda path: path.write_bytes(path.read_bytes()[:-8] + b"\xff" * 8), ErrorCode.GENESIS_INVALID, "not below 2^63"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40] + b"\x02" + bytes(31) + bytes(7) + b"\1"), ErrorCode.GENESIS_INVALID, "not an acceptable"),
    ],
    ids=["missing", "empty", "zeros", "cut off", "a byte too many", "supply", "key"],
)
def test_wrong_genesis_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str], spoil: Callable[[Path], None], code: ErrorCode, reason: str) -> None:
    spoil(network.genesis_file)
    config = first(network).config
    told = start(config, capfd)
    assert told.code == f"{code:04x}"
    assert told.text.startswith(f"{config}: validator.genesis: ")
    assert reason in told.text
    assert not first(network).data_dir.exists()


@pytest.mark.parametrize(
    ("spoil", "code", "reason"),
    [
        (lambda path: path.unlink(), KEY_FILE, "there is no identity key"),
        (lambda path: path.chmod(0o640), KEY_FILE, "has mode 0640"),
        (lambda path: path.chmod(0o604), KEY_FILE, "has mode 0604"),
        (lambda path: path.write_bytes(b""), KEY_FILE, "is damaged: expected 64 hexadecimal digits, found 0 bytes"),
        (lambda path: path.write_text("ab" * 31), KEY_FILE, "found 62 bytes"),
        (lambda path: path.write_text("AB" * 32), KEY_FILE, "is damaged"),
        (lambda path: path.write_text("ab" * 32 + "\n\n"), KEY_FILE, "is damaged"),
        (lambda path: (path.unlink(), path.mkdir(mode=0o700)), KEY_FILE, "is not a regular file"),
        (lambda path: path.write_text("ab" * 32), ErrorCode.KEY_NOT_IN_COMMITTEE, "is none of the genesis document's 4 validators"),
    ],
    ids=["missing", "group", "others", "empty", "short", "capitals", "long", "folder", "stranger"],
)
def test_wrong_identity_key_is_named(
    network: NetworkFolder, capfd: pytest.CaptureFixture[str], spoil: Callable[[Path], object], code: ErrorCode, reason: str
) -> None:
    key = first(network).identity_key
    secret = key.read_text().strip()
    spoil(key)
    config = first(network).config
    told = start(config, capfd)
    assert told.code == f"{code:04x}"
    assert told.text.startswith(f"{config}: validator.identity_key: ")
    assert reason in told.text
    assert secret not in told.errors
    assert not first(network).data_dir.exists()


def test_missing_key_beside_data_is_not_made_anew(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    """A new key would be another validator; the data are the old one's votes."""
    folder = first(network)
    folder.data_dir.mkdir()
    (folder.data_dir / DATABASE_NAME).write_bytes(b"")
    folder.identity_key.unlink()
    told = start(folder.config, capfd)
    assert told.code == f"{ErrorCode.KEY_MISSING_BESIDE_DATA:04x}"
    assert str(folder.identity_key) in told.text
    assert str(folder.data_dir) in told.text
    assert not folder.identity_key.exists()


def _write_other_pair(folder: ValidatorFolder) -> None:
    folder.tls_key.write_bytes(generate_tls_identity().private_key_pem)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: folder.tls_key.unlink(), "No such file"),
        (lambda folder: folder.tls_certificate.unlink(), "No such file"),
        (lambda folder: folder.tls_key.chmod(0o644), "has mode 0644"),
        (lambda folder: folder.tls_certificate.write_bytes(b"\x30\x82\x01garbage"), "is not valid PEM"),
        (lambda folder: folder.tls_key.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "is not valid PEM"),
        (_write_other_pair, "does not belong to certificate"),
    ],
    ids=["no key", "no certificate", "readable", "garbage certificate", "garbage key", "another key"],
)
def test_wrong_tls_identity_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str], spoil: Callable[[ValidatorFolder], None], reason: str) -> None:
    folder = first(network)
    spoil(folder)
    told = start(folder.config, capfd)
    assert told.code == f"{KEY_FILE:04x}"
    assert told.text.startswith(f"{folder.config}: validator.tls_certificate, validator.tls_key: ")
    assert reason in told.text


def _record(folder: ValidatorFolder, key: str, value: bytes) -> None:
    with closing(sqlite3.connect(folder.data_dir / DATABASE_NAME)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value BLOB)")
        connection.executemany("REPLACE INTO kv VALUES (?, ?)", [("meta/format", b"mesh-validator 1"), (key, value)])


@pytest.mark.parametrize(
    ("key", "value", "code", "reason"),
    [
        ("m/network", b"\x11" * 32, ErrorCode.STORE_FORMAT, "belongs to network 1111111111111111"),
        ("m/identity", b"\x22" * 32, ErrorCode.STORE_FORMAT, "belongs to validator 2222222222222222"),
        ("meta/format", b"mesh-wallet 1", ErrorCode.STORE_FORMAT, "belongs to another part of MESH"),
        ("meta/format", b"mesh-validator 9", ErrorCode.STORE_FORMAT, "this program knows version 1"),
        (f"v/{'ab' * 32}/{0:016x}", b"half a vote", ErrorCode.STORE_CORRUPT, "holds a record that this program did not write"),
        (f"a/{'ab' * 32}", b"\2" * 105, ErrorCode.STORE_CORRUPT, "holds a record that this program did not write"),
    ],
    ids=["another network", "another validator", "a wallet", "a later version", "a broken vote", "a broken account"],
)
def test_data_that_do_not_fit_are_refused_and_left_alone(
    network: NetworkFolder, capfd: pytest.CaptureFixture[str], key: str, value: bytes, code: ErrorCode, reason: str
) -> None:
    folder = first(network)
    folder.data_dir.mkdir()
    _record(folder, key, value)
    told = start(folder.config, capfd)
    assert told.code == f"{code:04x}"
    assert told.text.startswith(f"{folder.config}: validator.data_dir, validator.vote_journal: ")
    assert reason in told.text
    with closing(sqlite3.connect(folder.data_dir / DATABASE_NAME)) as connection:
        assert connection.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone() == (value,)


def test_data_folder_that_is_a_file_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    folder = first(network)
    folder.data_dir.write_text("")
    told = start(folder.config, capfd)
    assert told.code == f"{ErrorCode.STORE_UNAVAILABLE:04x}"
    assert told.text.startswith(f"{folder.config}: validator.data_dir, validator.vote_journal: cannot open ")


def test_data_folder_of_a_running_validator_is_refused(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    """Two processes on one folder would vote twice."""
    folder = first(network)
    folder.data_dir.mkdir()
    lock = OwnerLock.acquire(folder.data_dir / DATABASE_NAME)
    try:
        told = start(folder.config, capfd)
    finally:
        lock.release()
    assert told.code == f"{ErrorCode.STORE_LOCKED:04x}"
    assert "is in use by process" in told.text


def test_taken_port_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    config = first(network).config
    port = load_config(config).listen_port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        told = start(config, capfd)
    assert told.code == f"{CONFIG_INVALID:04x}"
    assert told.text.startswith(f"{config}: validator.listen_host, validator.listen_port: cannot listen on 127.0.0.1:{port}: ")


def test_address_of_another_machine_is_named(network: NetworkFolder, capfd: pytest.CaptureFixture[str]) -> None:
    config = first(network).config
    edit(config, lambda document: document["validator"].update({"listen_host": "192.0.2.1"}))
    assert "cannot listen on 192.0.2.1:" in start(config, capfd).text


# --- Round trip ------------------------------------------------------------------------------------------------------------------------------------


def test_written_configuration_reads_back_and_may_be_moved(network: NetworkFolder, tmp_path: Path) -> None:
    written = load_config(first(network).config)
    copy = NetworkFolder(Path(shutil.copytree(network.home, tmp_path / "elsewhere")))
    moved = load_config(first(copy).config)
    assert moved.peers == written.peers
    assert moved.genesis.resolve() == copy.genesis_file.resolve()
    assert moved.identity_key.resolve() == first(copy).identity_key.resolve()


def test_rewriting_a_configuration_leaves_no_half_file(network: NetworkFolder) -> None:
    folder = first(network)
    config = load_config(folder.config)
    paths: dict[bytes, Path] = {peer.identity_pk: network.validator(index + 1).tls_certificate for index, peer in enumerate(config.peers)}
    write_config(folder.config, config, paths)
    assert load_config(folder.config).peers == config.peers
    assert [path.name for path in folder.path.iterdir() if path.name.endswith(".tmp")] == []


def test_other_networks_genesis_makes_the_key_a_stranger(network: NetworkFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = NetworkFolder(tmp_path / "other")
    create_network(other, name="other", wallets={"alice": 1})
    shutil.copy(other.genesis_file, network.genesis_file)
    told = start(first(network).config, capfd)
    assert told.code == f"{ErrorCode.KEY_NOT_IN_COMMITTEE:04x}"
    assert SigningKey(bytes.fromhex(first(network).identity_key.read_text().strip())).public_key.hex() in told.text


def test_ports_of_a_network_can_be_moved(network: NetworkFolder) -> None:
    genesis = open_network(network)
    configure(network, genesis, [47001, 47002, 47003, 47004])
    assert [load_config(network.validator(index).config).listen_port for index in range(4)] == [47001, 47002, 47003, 47004]
    assert [peer.port for peer in load_config(first(network).config).peers] == [47002, 47003, 47004]
