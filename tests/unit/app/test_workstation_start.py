"""What begins with the screen: one thing that cannot be started hides no other, and typed options count more than the configuration."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mesh_app import cli, terminal, workstation
from mesh_app.cli import main, make_parser
from mesh_app.exit_status import ExitStatus
from mesh_app.locations import Locations, find_locations
from mesh_app.services.workbench import LocalWorkbench
from mesh_app.settings.reading import parse_settings
from mesh_app.settings.settings import Settings
from mesh_core.errors import ErrorCode, LocalFault
from testnet.layout import NetworkFolder

REPOSITORY = Path(__file__).parents[3]


# --- Starting --------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "is_started"), [(ErrorCode.STORE_UNAVAILABLE, True), (ErrorCode.VALIDATOR_START, False)])
async def test_wallets_that_cannot_be_started_keep_no_validator_from_starting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: ErrorCode, is_started: bool
) -> None:
    started: list[str] = []
    bench = LocalWorkbench(NetworkFolder(tmp_path))

    async def start() -> None:
        raise LocalFault(code, "the wallets' process did not start")

    async def start_all() -> None:
        started.append("validators")
        raise LocalFault(ErrorCode.VALIDATOR_START, "V2 did not start")

    monkeypatch.setattr(bench, "start", start)
    monkeypatch.setattr(bench, "_supervisor", SimpleNamespace(start_all=start_all))
    await workstation._start(bench)
    told = [bench.events.get_nowait()["text"] for _ in range(bench.events.qsize())]
    assert told == ["the wallets' process did not start", *(["V2 did not start"] if is_started else [])]
    assert started == (["validators"] if is_started else [])


# --- Options and configuration -----------------------------------------------------------------------------------------------------------------------


def with_options(text: str, *arguments: str) -> Settings:
    return cli._with_options(parse_settings(text), make_parser().parse_args(arguments))


CONFIG = 'log_level = "debug"\n[look]\ntheme = "mesh-light"\nslow = true\nmouse = false\n'


def test_what_is_not_typed_counts_nothing() -> None:
    assert with_options(CONFIG) == Settings(theme="mesh-light", slow=True, mouse=False, log_level="debug")


def test_what_is_typed_counts_more_than_the_configuration() -> None:
    typed = ("--theme", "mesh-mono", "--no-slow", "--mouse", "--log-level", "error")
    assert with_options(CONFIG, *typed) == Settings(theme="mesh-mono", slow=False, mouse=True, log_level="error")


def test_slow_and_a_size_of_the_shell_are_told_to_textual_before_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEXTUAL_FPS", "TEXTUAL_ANIMATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    cli._tell_textual(Settings(slow=True))
    assert {name: os.environ.get(name) for name in ("TEXTUAL_FPS", "TEXTUAL_ANIMATIONS", "COLUMNS")} == {
        "TEXTUAL_FPS": "10",
        "TEXTUAL_ANIMATIONS": "none",
        "COLUMNS": None,
    }


def test_locate_prints_every_place(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setenv("MESH_HOME", str(tmp_path / "home"))
    assert main(["locate"]) == ExitStatus.GOOD
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if not line.startswith("validator"))
    home = tmp_path / "home"
    assert rows == {
        "config": str(home / "config.toml"),
        "home": str(home),
        "state": str(home / "state.toml"),
        "log": str(home / "mesh-app.log"),
        "exports": str(home / "exports"),
        "wallets": str(home / "wallets"),
    }
    assert not home.exists()


def test_options_say_where_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MESH_HOME", str(tmp_path / "home"))
    assert find_locations(home=tmp_path / "a", config=tmp_path / "b.toml") == Locations(tmp_path / "b.toml", tmp_path / "a")


def test_without_a_home_of_its_own_the_configuration_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MESH_HOME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    found = find_locations(home=None, config=None)
    assert (found.config.name, found.home.name) == ("config.toml", "local-4")
    assert found.config.parent != found.home


def test_printed_configuration_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-config"]) == ExitStatus.GOOD
    assert parse_settings(capsys.readouterr().out) == Settings()


@pytest.mark.parametrize("arguments", [["completion"], ["completion", "tcsh"], ["locate", "here"], ["--theme", "pink"], ["--log-level", "loud"]])
def test_words_that_mean_nothing_are_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == ExitStatus.USAGE
    assert "usage: mesh-app" in capsys.readouterr().err


def test_every_option_has_its_words() -> None:
    assert all(action.help for action in make_parser()._actions if not isinstance(action, argparse._SubParsersAction))


@pytest.mark.parametrize("arguments", [["--version"], ["locate"], ["--print-config"], ["completion", "bash"], ["--validator", "--help"], ["--help"]])
def test_what_needs_no_screen_imports_none(arguments: list[str]) -> None:
    script = f"import sys\nfrom mesh_app.cli import main\ntry: main({arguments!r})\nexcept SystemExit: pass\nprint('textual' in sys.modules, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)
    assert result.stderr.splitlines()[-1] == "False"


# --- Terminals ---------------------------------------------------------------------------------------------------------------------------------------


class Stream:
    def __init__(self, *, is_terminal: bool = True, encoding: str = "utf-8") -> None:
        self.encoding = encoding
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("streams", "term", "words"),
    [
        ({}, "xterm", ""),
        ({"stdin": Stream(is_terminal=False)}, "xterm", "standard input is none"),
        ({"stdin": Stream(is_terminal=False), "stderr": Stream(is_terminal=False)}, "xterm", "standard input and standard error are none"),
        ({"stderr": None}, "xterm", "standard error is none"),
        ({}, "dumb", "TERM=dumb"),
        ({"stderr": Stream(encoding="ISO-8859-1")}, "xterm", "encoding is iso88591"),
        ({"stderr": Stream(encoding="UTF-8")}, "xterm", ""),
    ],
)
def test_what_prevents_a_screen_is_told(monkeypatch: pytest.MonkeyPatch, streams: dict[str, Stream | None], term: str, words: str) -> None:
    fake = SimpleNamespace(**({"stdin": Stream(), "stdout": Stream(), "stderr": Stream()} | streams))
    monkeypatch.setattr(terminal, "sys", fake)
    monkeypatch.setenv("TERM", term)
    problem = terminal.terminal_problem()
    assert words in problem
    assert bool(problem) == bool(words)
