"""State on request: one JSON object for whoever asks, and nothing that an asker does or does not do matters."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh_core.network import local_socket
from mesh_core.types.json_form import json_form
from mesh_core.types.messages import PongFlag
from mesh_core.validator import status
from mesh_core.validator.__main__ import main
from mesh_core.validator.measures import RecentTimes, TimesSummary
from mesh_core.validator.report import PeerReport, QueueReport, StatusReport, flag_words, report_lines
from mesh_core.validator.status import MAX_ASKING, SOCKET_NAME, StatusSocket
from testnet.layout import NetworkFolder
from tests.unit.network.peers import eventually

REPORT = StatusReport(
    version="0.9",
    pid=4101,
    uptime_s=3725.4,
    network="local-4",
    network_id=b"\x4e" * 32,
    index=3,
    public_key=b"\xab" * 32,
    address="127.0.0.1:47004",
    backend="native",
    log_length=12_000,
    state_digest=b"\xd1" * 32,
    digest_log_length=11_990,
    digest_is_fresh=False,
    supply_audit=True,
    flags=("syncing",),
    quarantine=None,
    syncing=True,
    halted=False,
    peers=(PeerReport(0, True, 0.42, 12_000, 12_003, False), PeerReport(1, False, None, 17, 17, True)),
    certificates_per_s=812.5,
    queues=QueueReport(1, 2, 3, 4, 5),
    durable=TimesSummary(5000, 1024, 2.0, 3.0, 9.0, 12.5),
    commits=TimesSummary(300, 256, 1.0, 2.0, 3.0, 4.0),
    journal=TimesSummary(0, 0, 0.0, 0.0, 0.0, 0.0),
    proofs=TimesSummary(0, 0, 0.0, 0.0, 0.0, 0.0),
    accounts_count=8,
    outputs_count=2,
    votes_cast=77,
    votes_refused=3,
    evidence_count=1,
    journal_entries=6,
    connections=9,
    half_open_connections=1,
    subscriptions=2,
)


@asynccontextmanager
async def listening(folder: Path, report: StatusReport = REPORT) -> AsyncIterator[StatusSocket]:
    answering = StatusSocket(folder, lambda: report)
    await answering.open()
    try:
        yield answering
    finally:
        await answering.close()
        assert not (folder / SOCKET_NAME).exists()
        await asyncio.sleep(0)


async def ask(folder: Path) -> Any:
    return json.loads(await asyncio.to_thread(status.ask_status, folder))


async def test_whoever_asks_gets_the_whole_report(tmp_path: Path) -> None:
    async with listening(tmp_path):
        assert await ask(tmp_path) == json_form(REPORT)
        assert await ask(tmp_path) == json_form(REPORT)


async def test_nobody_else_can_ask(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        async with listening(tmp_path):
            mode = (tmp_path / SOCKET_NAME).lstat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600
    finally:
        os.umask(umask)


@pytest.mark.skipif(not local_socket.DESCRIPTORS.exists(), reason="only Linux has short names for open folders")
async def test_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """A socket address has room for about a hundred bytes; a home folder may need more."""
    folder = tmp_path / ("a folder with a long name, " * 6) / ("and another one in it, " * 6)
    folder.mkdir(parents=True)
    async with listening(folder):
        assert await ask(folder) == json_form(REPORT)


async def test_long_path_without_short_names_is_told_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(local_socket, "DESCRIPTORS", tmp_path / "none")
    folder = tmp_path / ("long " * 40)
    folder.mkdir()
    answering = StatusSocket(folder, lambda: REPORT)
    await answering.open()
    assert "no status on request" in caplog.text
    assert "path too long" in caplog.text
    await answering.close()


async def test_socket_of_a_killed_process_is_replaced_and_a_file_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    local_socket.bind_private(tmp_path / SOCKET_NAME).close()
    async with listening(tmp_path):
        assert (await ask(tmp_path))["pid"] == REPORT.pid
    (tmp_path / SOCKET_NAME).write_text("precious")
    answering = StatusSocket(tmp_path, lambda: REPORT)
    await answering.open()
    assert "is no socket" in caplog.text
    await answering.close()
    assert (tmp_path / SOCKET_NAME).read_text() == "precious"


async def test_askers_that_say_nothing_or_garbage_or_read_nothing_harm_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = replace(REPORT, network="x" * 4_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(status, "ANSWER_TIMEOUT_S", 0.2)
        await be_strange(tmp_path, huge)
    async with listening(tmp_path):
        assert (await ask(tmp_path))["pid"] == REPORT.pid


async def be_strange(tmp_path: Path, huge: StatusReport) -> None:
    async with listening(tmp_path, huge) as answering:
        strange = []
        for number in range(3 * MAX_ASKING):
            one = local_socket.connect(tmp_path / SOCKET_NAME, 20.0)
            if number % 2:
                one.send(b"\xff" * 10_000)
            strange.append(one)
        # None of them takes the answer away: they are cut off, and then there is room again.
        await eventually(lambda: answering._asking_count == MAX_ASKING)
        await eventually(lambda: answering._asking_count == 0)
        for one in strange:
            one.close()


async def test_bug_in_the_report_ends_one_answer_and_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> StatusReport:
        raise ZeroDivisionError

    answering = StatusSocket(tmp_path, fail)
    await answering.open()
    with pytest.raises(Exception, match=r"ended its answer too early|cannot ask"):
        await ask(tmp_path)
    assert "the status could not be told" in caplog.text
    await answering.close()


# --- For people ------------------------------------------------------------------------------------------------------------------------------------


def told(report: StatusReport) -> dict[str, str]:
    """The lines by their names."""
    lines = report_lines(json_form(report))
    width = lines[0].index("V4")
    assert all(line[width - 2 : width] == "  " and line[width] != " " for line in lines)
    return {line[:width].strip(): line[width:] for line in lines}


def test_lines_for_people_are_aligned_and_say_everything() -> None:
    lines = told(REPORT)
    assert lines["validator"] == "V4 of local-4, 127.0.0.1:47004"
    assert lines["process"] == "4101, up 1 h 02 min, version 0.9, native"
    assert lines["condition"] == "catching up, 812 certificates a second"
    assert lines["digest"] == f"{'d1' * 32} (of 11990 certificates)"
    assert lines["peer V1"] == "up, 0.4 ms, read 12000 of its 12003"
    assert lines["peer V2"] == "DOWN, read 17 of its 17, EXCLUDED: it has sent what cannot be"
    assert lines["waiting"] == "proofs 1, outbox 2, batches 3, parked 4, sync requests 5"
    assert lines["durable"] == "last 2.0, median 3.0, p99 9.0, max 12.5 ms (the last 1024 of 5000)"
    assert lines["commits"] == "last 1.0, median 2.0, p99 3.0, max 4.0 ms (the last 256 of 300)"
    assert lines["journal"] == lines["proofs"] == "none"
    assert lines["network"] == "9 connections, 1 half open; 2 subscriptions"


def test_validator_that_does_not_vote_says_so_first() -> None:
    assert told(replace(REPORT, syncing=False))["condition"] == "votes"
    lines = told(replace(REPORT, quarantine="votes may be forgotten", halted=True, supply_audit=False))
    assert lines["condition"].startswith("IN QUARANTINE, does not vote: votes may be forgotten; HALTED, votes no more")
    assert lines["log"].endswith("supply DOES NOT ADD UP")


def test_flags_are_words() -> None:
    assert flag_words(PongFlag(0)) == ()
    assert flag_words(PongFlag.SYNCING | PongFlag.HALTED) == ("syncing", "halted")


def test_times_are_those_of_the_last_runs() -> None:
    times = RecentTimes()
    assert times.summary() == TimesSummary(0, 0, 0.0, 0.0, 0.0, 0.0)
    for number in range(1, 2001):
        times.add(number / 1000)
    assert times.summary() == TimesSummary(2000, 1024, 2000.0, 1488.0, 1990.0, 2000.0)


# --- The command -----------------------------------------------------------------------------------------------------------------------------------


def test_nobody_there_is_said_with_status_1(network: NetworkFolder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = network.validator(0)
    for left_over in (False, True):
        if left_over:
            folder.data_dir.mkdir()
            local_socket.bind_private(folder.data_dir / SOCKET_NAME).close()
        assert main(["--config", str(folder.config), "--status"]) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "no validator runs on" in shown.err


@pytest.mark.parametrize("as_json", [False, True])
async def test_command_prints_lines_or_the_object(network: NetworkFolder, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    folder = network.validator(0)
    folder.data_dir.mkdir()
    async with listening(folder.data_dir):
        arguments = ["--config", str(folder.config), "--status", *(["--json"] if as_json else [])]
        assert await asyncio.to_thread(main, arguments) == 0
    shown = capsys.readouterr().out
    if as_json:
        assert json.loads(shown) == json_form(REPORT)
    else:
        assert shown.startswith("validator   V4 of local-4")


async def test_answer_of_another_version_is_said(network: NetworkFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "ask_status", lambda _: '{"version": "99"}\n')
    assert main(["--config", str(network.validator(0).config), "--status"]) == 1
    assert "--json shows it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--status", "--lift-quarantine"], ["--status", "--supervised"], ["--json"], ["--confirm", "yes"], ["--lift-quarantine", "--supervised"]],
)
def test_options_that_do_not_go_together_are_refused(network: NetworkFolder, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--config", str(network.validator(0).config), *arguments])
    assert exit_.value.code == 2
