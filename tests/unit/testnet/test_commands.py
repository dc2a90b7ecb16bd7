"""Commands of `mesh-testnet` where there is nothing to do, or what is to be done contradicts itself: a reason and a status, and nothing changed."""

import io
import os
from pathlib import Path

import pytest
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from testnet import cli
from testnet.cli import main
from testnet.ending import end_network, find_owner
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.ownership import own_home
from testnet.progress import Progress


@pytest.mark.parametrize("command", ["status", "audit", "audit --offline", "export FILE", "export FILE --offline", "import FILE", "down", "logs", "kill V1"])
def test_nothing_there_is_a_reason_and_a_status(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(tmp_path / word) if word == "FILE" else word for word in command.split(" ")]
    assert main([*words, "--home", str(tmp_path / "nowhere")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("mesh-testnet: ")
    assert shown.err.endswith(" [1505]\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "audit --network a --home b",
        "audit --network a --offline",
        "export f --network a --offline",
        "import f --network a --home b",
        "down a --home b",
        "completion powershell",
        "up a --recipe example --validators 4",
        "export",
    ],
)
def test_contradictions_are_wrong_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command.split(" "))
    assert ended.value.code == 2
    assert f"usage: mesh-testnet {command.split(' ', maxsplit=1)[0]}" in capsys.readouterr().err


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in cli.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([command.NAME, "--help"])
        assert ended.value.code == 0
        assert f"usage: mesh-testnet {command.NAME}" in capsys.readouterr().out


def test_whoever_is_interrupted_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_chosen", interrupted)
    assert main(["status"]) == 1
    assert capsys.readouterr().err == "mesh-testnet: interrupted\n"


async def test_network_that_does_not_run_is_down(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path)
    create_network(folder, name="test", wallets={"faucet": 5})
    assert find_owner(folder) is None
    assert await end_network(folder, 5) is None


def test_a_folder_whose_name_is_no_text_is_told_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / os.fsdecode(b"net\xff\x1b[2J")
    create_network(NetworkFolder(home), name="test", wallets={"faucet": 5})
    for command in ("down", "provision"):
        assert main([command, str(home)]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert out.encode("utf-8")


async def test_owner_that_takes_no_orders_is_named_and_left_alone(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path)
    lock = own_home(folder)
    try:
        with pytest.raises(LocalFault) as refusal:
            await end_network(folder, 0.05)
    finally:
        lock.release()
    assert refusal.value.code is ErrorCode.HOME_IN_USE
    assert "which takes no orders: send it SIGTERM" in refusal.value.text


class Terminal(io.StringIO):
    """A terminal."""

    @override
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_and_for_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("testnet.progress.time.monotonic", lambda: clock[0])
    terminal, file, unwanted = Terminal(), io.StringIO(), Terminal()
    told = [Progress(stream=terminal), Progress(stream=file), Progress(is_wanted=False, stream=unwanted)]
    for second in (0.5, 2.0, 2.1, 2.3):
        clock[0] = second
        for progress in told:
            progress.tell("certificates", int(second * 10), 40)
    for progress in told:
        progress.end()
    assert terminal.getvalue() == "\r\x1b[Kcertificates: 20 of 40, 50 %\r\x1b[Kcertificates: 23 of 40, 57 %\r\x1b[K"
    assert (file.getvalue(), unwanted.getvalue()) == ("", "")
