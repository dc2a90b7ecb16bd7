"""The command's name, its common options, and how errors leave it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.cli import main as main_module
from mesh_core.wallet.cli.exit_status import ExitStatus, status_of
from mesh_core.wallet.cli.main import COMMANDS, EPILOG, cli
from mesh_core.wallet.cli.settings import Settings, WalletCommand, pass_settings
from tests.e2e.processes import REPOSITORY
from tests.unit.wallet.cli.conftest import Run, failed, told


@pytest.fixture
def saying(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `say` that tells what it was given, and one `fail` that fails as it is told."""

    @click.command(cls=WalletCommand)
    @pass_settings
    def say(settings: Settings) -> None:
        settings.output.tell({"home": str(settings.home.home), "network": str(settings.network_file), "wallet": settings.wallet_option}, ["\x1b[2Jsaid"])

    @click.command(cls=WalletCommand)
    @click.argument("code")
    def fail(code: str) -> None:
        raise LocalFault(ErrorCode[code], "because\x07")

    for name, command in (("say", say), ("fail", fail)):
        monkeypatch.setattr(main_module, name, command, raising=False)
        monkeypatch.setitem(COMMANDS, name, f"mesh_core.wallet.cli.main:{name}")


def test_help_names_every_command_and_every_status(run: Run) -> None:
    for words in ([], ["--help"], ["-h"]):
        shown = run(*words)
        assert shown.exit_code == 0
        assert all(name in shown.stdout for name in COMMANDS)
    assert all(f"  {int(status)}  " in EPILOG for status in ExitStatus)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_loaded_and_explains_itself(run: Run, name: str) -> None:
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert "--json" in shown.stdout


def test_version_names_the_group_library(run: Run) -> None:
    assert run("--version").stdout.startswith("mesh-wallet 0.")
    assert set(told(run("--version", "--json"))) == {"version", "group_library"}


@pytest.mark.usefixtures("saying")
def test_common_options_stand_before_the_command_or_behind_it(run: Run, home: Path, tmp_path: Path) -> None:
    expected = {"home": str(home), "network": str(home / "network.toml"), "wallet": None}
    assert told(run("--json", "say")) == told(run("say", "--json")) == expected
    other = {"home": str(tmp_path), "network": "/n.toml", "wallet": "bob"}
    options = ["--home", str(tmp_path), "--network", "/n.toml", "--wallet", "bob"]
    assert told(run("--json", *options, "say")) == told(run("say", "--json", *options)) == other
    assert told(run("--wallet", "alice", "say", "--wallet", "bob", "--json"))["wallet"] == "bob"


@pytest.mark.usefixtures("saying")
def test_what_strangers_wrote_is_harmless_in_words(run: Run) -> None:
    assert run("say").stdout == "\\x1b[2Jsaid\n"
    assert failed(run("fail", "CONFIG_INVALID")) == (1, "mesh-wallet: because\\x07 [1001]\n")


@pytest.mark.usefixtures("saying")
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INSUFFICIENT_FUNDS", 1),
        ("STORE_LOCKED", 1),
        ("NO_QUORUM", 3),
        ("ACCOUNT_LOCKED", 4),
        ("ACCOUNT_STUCK", 4),
        ("RECEIPT_INVALID", 5),
        ("DOCUMENT_INVALID", 5),
    ],
)
def test_error_has_its_status_and_with_json_its_object(run: Run, code: str, status: int) -> None:
    number, hint = f"{ErrorCode[code]:04x}", main_module.HINTS.get(ErrorCode[code])
    more = "" if hint is None else f". {hint}"
    assert failed(run("fail", code)) == (status, f"mesh-wallet: because\\x07{more} [{number}]\n")
    for words in (["--json", "fail", code], ["fail", code, "--json"]):
        shown = run(*words)
        assert (shown.exit_code, shown.stderr) == (status, f"mesh-wallet: because\\x07{more} [{number}]\n")
        assert json.loads(shown.stdout) == {"error": {"code": number, "text": f"because\x07{more}"}}


def test_every_code_has_a_status_that_is_none_of_clicks() -> None:
    assert {status_of(LocalFault(code, "")) for code in ErrorCode} == set(ExitStatus) - {ExitStatus.GOOD, ExitStatus.USAGE}


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["--loud"],
        ["verify"],
        ["contacts", "add", "bob"],
        ["contacts", "fly"],
        ["send", "--to", "a", "--amount", "1", "--timeout", "nan"],
        ["list", "--home", ""],
    ],
)
def test_words_that_do_not_go_together_are_wrong_usage(run: Run, words: list[str]) -> None:
    status, text = failed(run(*words))
    assert status == 2
    assert "Usage: mesh-wallet" in text
    for shown in (run(*words, "--json"), run("--json", *words)):
        assert shown.exit_code == 2
        assert json.loads(shown.stdout)["error"]["code"] is None


def test_home_of_nobody_is_refused(run: Run) -> None:
    assert failed(run("--home", "~no-such-user-here/mesh", "contacts", "list"))[0] == 1


# --- As a process ----------------------------------------------------------------------------------------------------------------------------------

PROGRAM = [sys.executable, "-m", "mesh_core.wallet.cli.main"]


def test_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run([*PROGRAM, "--help"], cwd=REPOSITORY, stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full, as Linux has it")
@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("--help",)])
def test_output_that_cannot_be_written_is_said_in_words(tmp_path: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [*PROGRAM, "--home", str(tmp_path), *words]
        ended = subprocess.run(command, cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "what this command has to say cannot be written (No space left on device)" in ended.stderr


def test_path_that_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    ended = subprocess.run([*PROGRAM, "--home", "a" * 5_000, "balance", "--json"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (ended.returncode, "File name too long [1205]" in ended.stderr, len(ended.stderr)) == (1, True, len(ended.stderr.splitlines()[0]) + 1)
    assert json.loads(ended.stdout)["error"]["code"] == "1205"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_what_is_in_memory_stays_out_of_core_dumps() -> None:
    """Whoever may not be dumped may not be looked into: the kernel says so by the owner of the process's files."""
    script = "import ctypes, resource; from mesh_core.wallet.secrecy import refuse_core_dumps; refuse_core_dumps(); "
    script += "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3))"
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ended.stdout == "(0, 0) 0\n"


def test_terminal_that_cannot_show_a_character_is_shown_its_code(tmp_path: Path) -> None:
    (tmp_path / "contacts.toml").write_text("[contacts]\n")
    surroundings = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0", "MESH_HOME": str(tmp_path)}
    ended = subprocess.run([*PROGRAM, "contacts", "remove", "晚饭"], cwd=REPOSITORY, env=surroundings, capture_output=True, check=False)
    assert ended.returncode == 1
    assert b"\\u665a\\u996d" in ended.stderr


def test_completion_knows_commands() -> None:
    surroundings = {**os.environ, "_MESH_WALLET_COMPLETE": "bash_complete", "COMP_WORDS": "mesh-wallet ver", "COMP_CWORD": "1"}
    script = "from mesh_core.wallet.cli.main import main; main()"
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["plain,verify"]


def test_help_of_the_whole_command_loads_every_command() -> None:
    context = click.Context(cli)
    assert [cli.get_command(context, name) is not None for name in cli.list_commands(context)] == [True] * len(COMMANDS)
    assert cli.get_command(context, "fly") is None
