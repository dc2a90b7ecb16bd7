"""Files that somebody names, or that lie in a folder. Goal: nothing that can be put in a file's place makes a process wait, or fills its memory."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_app.demo.scenario import load_scenario
from mesh_app.demo.showing import Progress, Style, record_cast
from mesh_app.settings.kept import read_kept
from mesh_app.settings.reading import read_settings
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from mesh_core.network.genesis_file import load_genesis
from mesh_core.network.plain_file import NotPlainError, read_plain_file
from mesh_core.network.tls import load_tls_identity
from mesh_core.network.toml_table import TomlTable
from mesh_core.validator.identity import FIRST_START_NAME, is_first_start
from mesh_core.wallet.choosing import CURRENT_NAME, current_wallet
from mesh_core.wallet.home_folder import HomeFolder
from testnet.conformance import read_vectors
from testnet.journal import read_journal
from testnet.traffic.records import read_record


def mesh_fault(call: Callable[[], object]) -> str:
    try:
        return repr(call())
    except MeshError as error:
        return error.text


def read_certificate(path: Path) -> object:
    return TomlTable(path.parent / "x", "", {"tls_certificate": path.name}).certificate("tls_certificate")


def chosen_wallet(path: Path) -> str:
    folder = HomeFolder(path.parent / "home")
    folder.wallets.mkdir(parents=True)
    (folder.wallets / CURRENT_NAME).symlink_to(path)
    return "is not a regular file" if current_wallet(folder) is None else ""


READERS: dict[str, Callable[[Path], object]] = {
    "configuration": TomlTable.load,
    "certificate": read_certificate,
    "genesis": load_genesis,
    "tls key": lambda path: load_tls_identity(certificate_path=path, key_path=path),
    "first start": lambda path: is_first_start(path.parent / "identity.key", SigningKey(bytes(32))),
    "kept screens": lambda path: read_kept(path)[1],
    "chosen wallet": chosen_wallet,
    "settings": lambda path: read_settings(path).problem,
    "scenario": lambda path: load_scenario(str(path)),
    "journal": read_journal,
    "recording": lambda path: record_cast(path, (path.parent / "x.cast",), Style(size=(80, 24)), Progress()),
    "vectors": read_vectors,
}
NAMES = {"first start": FIRST_START_NAME, "scenario": "x.toml"}


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_waits_for_a_pipe(tmp_path: Path, reader: str) -> None:
    path = tmp_path / NAMES.get(reader, "pipe")
    os.mkfifo(path, 0o600)
    # Somebody holds it open and writes nothing: neither opening nor reading it would ever end.
    writer = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    told: list[str] = []
    reading = threading.Thread(target=lambda: told.append(mesh_fault(lambda: READERS[reader](path))), daemon=True)
    reading.start()
    reading.join(20)
    is_waiting = reading.is_alive()
    os.close(writer)
    assert not is_waiting, f"{reader} waits for somebody to write into a pipe"
    # A scenario is first looked for, and a pipe is none.
    assert "is not a regular file" in told[0] or "there is no demonstration" in told[0]


def test_a_record_that_is_a_pipe_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "measure-1.json")
    assert read_record(tmp_path / "measure-1.json") is None


@pytest.mark.parametrize(("path", "words"), [(Path("/dev/zero"), "is not a regular file"), (Path("/"), "Is a directory")])
def test_what_has_no_content_is_refused(path: Path, words: str) -> None:
    with pytest.raises(NotPlainError) as refused:
        read_plain_file(path, 10)
    assert refused.value.strerror == words


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to(path)
    assert read_plain_file(tmp_path / "link", 10) == b"0123456789"
    with pytest.raises(NotPlainError, match="is longer than 9 bytes"):
        read_plain_file(path, 9)
    with pytest.raises(FileNotFoundError):
        read_plain_file(tmp_path / "absent", 9)


def test_a_file_that_grows_while_it_is_read_fills_no_memory(tmp_path: Path) -> None:
    """The bound is on what is read, not on a size that was looked up before."""
    path = tmp_path / "x.crt"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(LocalFault, match="is longer than") as refused:
        read_certificate(path)
    assert refused.value.code is ErrorCode.CONFIG_INVALID


def test_rights_are_those_of_the_file_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"secret")
    path.chmod(0o640)
    with pytest.raises(PermissionError) as refused:
        read_plain_file(path, 10, refused_mode=0o077)
    assert refused.value.strerror == "has mode 0640, it must not be readable by others (0600)"
    path.chmod(0o600)
    assert read_plain_file(path, 10, refused_mode=0o077) == b"secret"
