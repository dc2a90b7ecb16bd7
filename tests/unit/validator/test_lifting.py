"""Ending a quarantine: a person's decision, in a sentence that names the validator, and never while the validator runs."""

import asyncio
import io
import shutil

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.protocol.records import QUARANTINE_KEY
from mesh_core.storage.lock import OwnerLock
from mesh_core.storage.validator_store import DATABASE_NAME
from mesh_core.validator.__main__ import main
from mesh_core.validator.config import load_config
from mesh_core.validator.identity import end_first_start, load_identity
from mesh_core.validator.lifting import LIFTED_PREFIX, confirmation_sentence
from mesh_core.validator.restoring import open_store, restore
from testnet.layout import NetworkFolder, ValidatorFolder


class Silence:
    """Nobody reads the lines."""

    def write(self, event: object) -> None:
        pass


def ignore(fault: LocalFault) -> None:
    raise fault


def start_and_stop(folder: ValidatorFolder) -> str | None:
    """One start, as the process does it; why the validator does not vote."""

    async def live() -> str | None:
        config = load_config(folder.config)
        identity = load_identity(config.identity_key, config.data_dir)
        runner, _ = await restore(config, load_genesis(config.genesis), identity, Silence(), ignore)
        await runner.prepare()
        end_first_start(config.identity_key)
        await runner.close()
        return runner.machine.quarantine

    return asyncio.run(live())


def records(folder: ValidatorFolder, prefix: str) -> list[tuple[str, bytes]]:
    config = load_config(folder.config)

    async def read() -> list[tuple[str, bytes]]:
        store = open_store(config, load_genesis(config.genesis), load_identity(config.identity_key, config.data_dir), ignore)
        found = list(store.records(prefix))
        await store.close()
        return found

    return asyncio.run(read())


def sentence_of(folder: ValidatorFolder) -> str:
    return confirmation_sentence(load_identity(folder.identity_key, folder.data_dir).public_key)


def lose_disk(folder: ValidatorFolder) -> None:
    shutil.rmtree(folder.data_dir)
    folder.vote_journal.unlink()


def lift(folder: ValidatorFolder, *more: str) -> int:
    return main(["--config", str(folder.config), "--lift-quarantine", *more])


@pytest.fixture
def quarantined(network: NetworkFolder) -> ValidatorFolder:
    """A validator that has run, lost its disk, and was started again."""
    folder = network.validator(0)
    assert start_and_stop(folder) is None
    lose_disk(folder)
    assert start_and_stop(folder) is not None
    return folder


def test_first_start_is_no_quarantine_and_a_lost_disk_is_one_until_it_is_lifted(quarantined: ValidatorFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert start_and_stop(quarantined) is not None, "a quarantine outlives a restart"
    assert lift(quarantined, "--confirm", sentence_of(quarantined)) == 0
    shown = capsys.readouterr()
    assert "votes of this validator may be forgotten" in shown.out
    assert "The quarantine is lifted. The validator votes from its next start on." in shown.out
    assert start_and_stop(quarantined) is None
    [(key, told)] = records(quarantined, LIFTED_PREFIX)
    assert key.removeprefix(LIFTED_PREFIX).isdigit()
    assert b"may be forgotten" in told
    assert told.endswith(sentence_of(quarantined).encode())


@pytest.mark.parametrize("typed", ["", "yes", "nothing else will ever vote with key 0000000000000000", "NOTHING ELSE"])
def test_anything_but_the_sentence_leaves_it(
    quarantined: ValidatorFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    assert lift(quarantined, "--confirm", typed) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert lift(quarantined) == 1
    shown = capsys.readouterr()
    assert shown.err.count(f"not lifted: the sentence is: {sentence_of(quarantined)}") == 2
    assert [key for key, _ in records(quarantined, QUARANTINE_KEY)] == [QUARANTINE_KEY]
    assert records(quarantined, LIFTED_PREFIX) == []


def test_sentence_may_be_typed(quarantined: ValidatorFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"  {sentence_of(quarantined)}\n"))
    assert lift(quarantined) == 0
    assert f"    {sentence_of(quarantined)}\n\n> " in capsys.readouterr().out
    assert start_and_stop(quarantined) is None


def test_ctrl_c_instead_of_the_sentence_leaves_it(quarantined: ValidatorFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def readline(self) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    assert lift(quarantined) == 1
    assert "interrupted: not lifted" in capsys.readouterr().err
    assert [key for key, _ in records(quarantined, QUARANTINE_KEY)] == [QUARANTINE_KEY]
    OwnerLock.acquire((quarantined.data_dir / DATABASE_NAME).resolve()).release()


def test_validator_that_runs_is_not_touched(quarantined: ValidatorFolder, capsys: pytest.CaptureFixture[str]) -> None:
    lock = OwnerLock.acquire((quarantined.data_dir / DATABASE_NAME).resolve())
    try:
        assert lift(quarantined, "--confirm", sentence_of(quarantined)) == 1
    finally:
        lock.release()
    assert f"[{ErrorCode.STORE_LOCKED:04x}]" in capsys.readouterr().err
    assert start_and_stop(quarantined) is not None


def test_validator_that_votes_has_nothing_to_lift(network: NetworkFolder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = network.validator(0)
    assert lift(folder, "--confirm", sentence_of(folder)) == 1
    assert "has never run" in capsys.readouterr().err
    assert not folder.data_dir.exists()
    assert start_and_stop(folder) is None
    assert lift(folder, "--confirm", sentence_of(folder)) == 1
    assert "is in no quarantine" in capsys.readouterr().err
    assert start_and_stop(folder) is None


def test_lost_disk_that_was_not_started_cannot_be_lifted_beforehand(quarantined: ValidatorFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """It must catch up first, and for that it must run: in quarantine."""
    lose_disk(quarantined)
    assert lift(quarantined, "--confirm", sentence_of(quarantined)) == 1
    assert "start the validator first" in capsys.readouterr().err
    assert start_and_stop(quarantined) is not None


def test_second_loss_is_a_second_quarantine(quarantined: ValidatorFolder) -> None:
    assert lift(quarantined, "--confirm", sentence_of(quarantined)) == 0
    assert start_and_stop(quarantined) is None
    lose_disk(quarantined)
    assert start_and_stop(quarantined) is not None


@pytest.mark.parametrize("lost", ["journal", "database"])
def test_loss_of_one_of_the_two(network: NetworkFolder, lost: str) -> None:
    """A missing journal means that votes may be missing. A missing database beside a journal without votes means that nothing at all is left."""
    folder = network.validator(0)
    assert start_and_stop(folder) is None
    if lost == "journal":
        folder.vote_journal.unlink()
    else:
        shutil.rmtree(folder.data_dir)
    assert start_and_stop(folder) is not None


def test_configuration_that_cannot_be_read_is_told(network: NetworkFolder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = network.validator(0)
    folder.config.write_text("nothing")
    assert lift(folder) == 1
    assert str(folder.config) in capsys.readouterr().err
