"""A simulated run on the screens. Goal: one seed gives one journal, every event of it is understood, and no figure of it passes for a measured one."""

import asyncio
import re
from pathlib import Path

import pytest

from mesh_app.cli import main as mesh_app
from mesh_app.model import apply
from mesh_app.recording.playback import play
from mesh_app.state import State
from mesh_core.errors import ErrorCode, LocalFault
from testnet.cli import main as mesh_testnet
from testnet.journal import SIMULATED, Entry, Header, Journal, JournalWriter, read_journal, written_journal
from testnet.simulation.seed_run import Options, run_seed

MEASURED = re.compile(r"[0-9] m?s\b")
VIRTUAL = re.compile("[0-9]\u02e2m?s\\b")


def told(path: Path, options: Options) -> Journal:
    with written_journal(path, Header(SIMULATED, 0, {"seed": options.seed})) as journal:
        run_seed(options, None, journal)
    return read_journal(path)


@pytest.mark.parametrize("seed", [7, 11])
def test_one_seed_gives_one_journal_and_a_journal_changes_no_run(tmp_path: Path, seed: int) -> None:
    told(tmp_path / "one", Options(seed))
    told(tmp_path / "other", Options(seed))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    with (tmp_path / "third").open("w") as file:
        result = run_seed(Options(seed), None, JournalWriter(file, Header(SIMULATED, 0, {})))
    assert result == run_seed(Options(seed))


@pytest.mark.parametrize("seed", [7, 11])
def test_screens_understand_every_event_of_a_run_with_crashes(tmp_path: Path, seed: int) -> None:
    journal = told(tmp_path / "x", Options(seed))
    state = State()
    ended = set()
    for entry in journal.entries:
        apply(state, entry.event)
        ended |= {validator.name for validator in state.validators if validator.state == "exited"}
    assert state.unreadable_count == 0
    assert len(state.validators) == 4
    assert state.certificates_count > 20
    assert len(state.wallets) == 6
    assert ended, "validators crash in both of these runs"
    assert any(payment.is_final for payment in state.payments.values())


async def test_every_duration_says_that_it_is_virtual_on_every_screen(tmp_path: Path) -> None:
    # In a thread: the simulation has an event loop of its own.
    journal = await asyncio.to_thread(told, tmp_path / "x", Options(3, calm=True))
    keys = tuple(Entry(journal.length_ms, key=key) for key in "1234567")
    end = [Entry(journal.length_ms + 200 * number, key=entry.key) for number, entry in enumerate(keys, 1)]
    whole = Journal(journal.header, (*journal.entries, *end), journal.length_ms + 200 * (len(end) + 1))
    texts = {}
    async for shot in play(whole, size=(120, 40)):
        texts[shot.at_ms] = shot.frame.text()
    seen = list(texts.values())[-17:]
    assert all(" SIM" in text.split("\n")[0] and "SIM, virtual time" in text for text in seen)
    assert any("pid    – ·" in text for text in texts.values()), "there is no process"
    assert not any("pid    0" in text or "simulated:0" in text or "as seen from outside" in text for text in texts.values())
    assert any(text.count("4/4 ✔") > 3 for text in seen), "certificates that all four hold"
    assert any(VIRTUAL.search(text) for text in seen)
    assert [line for text in seen for line in text.split("\n") if MEASURED.search(line)] == []


def test_journal_is_of_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mesh_testnet(["simulate", "--seeds", "2", "--events", str(tmp_path / "x")]) == 1
    assert "--events FILE goes with --seed S" in capsys.readouterr().err
    assert mesh_testnet(["simulate", "--seed", "3", "--events", str(tmp_path / "no" / "x")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_command_writes_a_journal_that_the_workstation_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = tmp_path / "x.events.jsonl"
    assert mesh_testnet(["simulate", "--seed", "3", "--events", str(events)]) == 0
    header, *lines = events.read_text().splitlines()
    events.write_text("\n".join([header, *lines[:400], ""]))
    assert mesh_app(["--replay", str(events), "--record", str(tmp_path / "x.cast"), "--size", "80x24"]) == 0
    assert '"mode": "SIM"' in (tmp_path / "x.manifest.json").read_text()
    assert '"figures": "simulated, in virtual time"' in (tmp_path / "x.manifest.json").read_text()
    assert "x.cast" in capsys.readouterr().out


def test_journal_that_calls_itself_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('{"mesh-events":1,"mode":"MEASURED","start_ns":0,"about":{}}\n')
    with pytest.raises(LocalFault, match="mode is LIVE or SIM") as refusal:
        read_journal(path)
    assert refusal.value.code is ErrorCode.CONFIG_INVALID
