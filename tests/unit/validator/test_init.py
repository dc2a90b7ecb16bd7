"""`--init` makes a validator's keys once: private, complete, and never in the place of others."""

import os
import stat
from pathlib import Path

import pytest

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.tls import load_tls_identity
from mesh_core.validator.__main__ import main
from mesh_core.validator.identity import (
    FIRST_START_NAME,
    IDENTITY_NAME,
    TLS_CERTIFICATE_NAME,
    TLS_KEY_NAME,
    end_first_start,
    init_identity,
    is_first_start,
    load_identity,
)

NAMES = (IDENTITY_NAME, TLS_KEY_NAME, TLS_CERTIFICATE_NAME)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_made_and_only_their_owner_can_read_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "v1"
    umask = os.umask(0)
    try:
        assert main(["--init", str(folder)]) == 0
    finally:
        os.umask(umask)
    assert sorted(path.name for path in folder.iterdir()) == sorted((*NAMES, FIRST_START_NAME))
    assert [mode(folder / name) for name in (*NAMES, FIRST_START_NAME)] == [0o600, 0o600, 0o644, 0o600]
    assert mode(folder) == 0o700
    key = load_identity(folder / IDENTITY_NAME, tmp_path / "data")
    shown = capsys.readouterr().out
    assert f"public key   {key.public_key.hex()}\n" in shown
    assert (folder / IDENTITY_NAME).read_text().strip() not in shown
    load_tls_identity(certificate_path=folder / TLS_CERTIFICATE_NAME, key_path=folder / TLS_KEY_NAME)


def test_two_validators_have_different_keys(tmp_path: Path) -> None:
    keys = {init_identity(tmp_path / name, os.urandom).public_key for name in ("v1", "v2")}
    assert len(keys) == 2
    assert len({(tmp_path / name / TLS_CERTIFICATE_NAME).read_bytes() for name in ("v1", "v2")}) == 2


def test_seed_is_the_entropy_that_was_given(tmp_path: Path) -> None:
    assert init_identity(tmp_path / "v1", lambda size: b"\7" * size).public_key == SigningKey(b"\7" * 32).public_key


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", ["file", "empty file", "folder"])
def test_existing_file_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, make: str) -> None:
    existing = tmp_path / name
    if make == "folder":
        existing.mkdir()
    else:
        existing.write_bytes(b"precious" if make == "file" else b"")
    assert main(["--init", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert make == "folder" or existing.read_bytes() == (b"precious" if make == "file" else b"")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{existing} exists: a validator's keys are never overwritten; choose another folder [{ErrorCode.KEY_FILE:04x}]" in shown.err


def test_key_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Two `--init` at once: the second one's check came before the first one's key."""

    def entropy(size: int) -> bytes:
        (tmp_path / IDENTITY_NAME).write_bytes(b"the other one's")
        return os.urandom(size)

    with pytest.raises(LocalFault) as refusal:
        init_identity(tmp_path, entropy)
    assert refusal.value.code is ErrorCode.KEY_FILE
    assert (tmp_path / IDENTITY_NAME).read_bytes() == b"the other one's"


@pytest.mark.parametrize("under", ["", "below"])
def test_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], under: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = tmp_path / "file" / under
    assert main(["--init", str(folder)]) == 1
    assert str(folder) in capsys.readouterr().err


def test_new_validator_has_its_first_start_once(tmp_path: Path) -> None:
    key = init_identity(tmp_path, os.urandom)
    path = tmp_path / IDENTITY_NAME
    assert is_first_start(path, key)
    end_first_start(path)
    assert not is_first_start(path, key)
    assert not (tmp_path / FIRST_START_NAME).exists()
    end_first_start(path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 200, b"first start\n"])
def test_mark_of_another_key_is_none(tmp_path: Path, content: bytes) -> None:
    """A key that was put beside what is left of another one may have voted before."""
    init_identity(tmp_path, os.urandom)
    path = tmp_path / IDENTITY_NAME
    assert not is_first_start(path, SigningKey(os.urandom(32)))
    (tmp_path / FIRST_START_NAME).write_bytes(content)
    assert not is_first_start(path, load_identity(path, tmp_path / "data"))


def test_mark_that_cannot_be_deleted_is_a_fault(tmp_path: Path) -> None:
    init_identity(tmp_path, os.urandom)
    (tmp_path / FIRST_START_NAME).unlink()
    (tmp_path / FIRST_START_NAME).mkdir()
    with pytest.raises(LocalFault) as refusal:
        end_first_start(tmp_path / IDENTITY_NAME)
    assert refusal.value.code is ErrorCode.KEY_FILE
    assert str(tmp_path / FIRST_START_NAME) in refusal.value.text


def test_interrupted_init_leaves_no_key_that_would_pass_for_an_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the key is there, its mark is."""

    class Cut(Exception):
        pass

    def write(path: Path, data: bytes, *_: object, **__: object) -> None:
        if path.name == IDENTITY_NAME:
            assert is_first_start(path, SigningKey(bytes.fromhex(data.decode())))
            raise Cut
        path.write_bytes(data)

    monkeypatch.setattr("mesh_core.validator.identity.write_atomically", write)
    with pytest.raises(Cut):
        init_identity(tmp_path, os.urandom)


@pytest.mark.parametrize("arguments", [[], ["--init"], ["--config"], ["--init", "a", "--config", "b"], ["--config", "a", "--loud"]])
def test_wrong_usage_has_status_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().out == ""
