"""The `mesh-app` command's words: what it takes, what it refuses, and with which exit status."""

import asyncio
import sys
from pathlib import Path

import pytest

from mesh_app import workstation
from mesh_app.cli import DEMOS, main
from mesh_app.demo import stage
from mesh_app.exit_status import ExitStatus
from mesh_app.locations import Locations
from mesh_app.settings.settings import Settings
from mesh_core.errors import ErrorCode, LocalFault


def test_statuses_are_those_that_a_shell_expects() -> None:
    assert [(status.name, int(status)) for status in ExitStatus] == [("GOOD", 0), ("FAILED", 1), ("USAGE", 2), ("NO_VALIDATOR", 3)]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Wrong usage: status 2, the reason on standard error and nothing on standard output."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


@pytest.mark.parametrize("amount", ["abc", "", "1.5", "-1", "+1", "1e3", "0x10", "1_000", " 1", "٣", "18446744073709551616", "9" * 5000])
def test_amount_that_is_no_whole_number_is_wrong_usage(capsys: pytest.CaptureFixture[str], amount: str) -> None:
    shown = refused(["--demo", "first-payment", "--headless", f"--amount={amount}"], capsys)
    assert "argument --amount:" in shown
    assert "is no whole number from 0 to 2^64 - 1" in shown
    assert len(shown) < 1000


@pytest.mark.parametrize("seed", ["x", "-1", "18446744073709551616"])
def test_seed_that_is_no_whole_number_is_wrong_usage(capsys: pytest.CaptureFixture[str], seed: str) -> None:
    assert "argument --seed:" in refused(["--demo", "first-payment", "--headless", f"--seed={seed}"], capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--demo", "second-payment", "--headless"],
        ["--demo"],
        ["--headless"],
        ["--json"],
        ["--amount", "5"],
        ["--seed", "5"],
        ["--seed", "0"],
        ["--amount", "0"],
        ["--loud"],
        ["extra"],
        ["--validator"],
        ["--validator", "--config"],
        ["--validator", "--config", "a", "--init", "b"],
        ["--validator", "--demo", "first-payment"],
    ],
)
def test_words_that_do_not_go_together_are_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert "usage: mesh-app" in refused(arguments, capsys)


def test_version_names_the_program_and_its_group_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mesh-app 0.")


def test_workstation_without_a_terminal_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == ExitStatus.USAGE
    shown = capsys.readouterr()
    assert "the workstation needs a terminal" in shown.err
    assert "--demo first-payment --headless" in shown.err


# --- The demonstration's exit status ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """In place of the demonstration: what it was asked for."""
    found: list[dict[str, object]] = []

    async def run(play: stage.Play, _: object, *, seed: int | None) -> ExitStatus:
        found.append({"play": type(play).__name__, "amount": getattr(play, "amount", None), "seed": seed})
        return ExitStatus.GOOD

    monkeypatch.setattr(stage, "perform", run)
    return found


def test_demonstration_has_its_amount_and_no_seed(asked: list[dict[str, object]]) -> None:
    assert main(["--demo", "first-payment", "--headless"]) == 0
    assert main(["--demo", "first-payment", "--headless", "--amount", "0", "--seed", "0"]) == 0
    assert main(["--demo", "first-payment", "--headless", "--amount", "18446744073709551615", "--seed", "7"]) == 0
    plain = {"play": "FirstPayment", "amount": 500, "seed": None}
    assert asked == [plain, plain | {"amount": 0, "seed": 0}, plain | {"amount": 2**64 - 1, "seed": 7}]


def test_every_demonstration_has_a_play_of_its_own(asked: list[dict[str, object]]) -> None:
    assert [main(["--demo", name, "--headless"]) for name in DEMOS] == [0] * len(DEMOS)
    assert [told["play"] for told in asked] == ["FirstPayment", "CrashRecovery", "DoubleSpend"]


@pytest.mark.parametrize("name", DEMOS[1:])
def test_amount_is_the_first_payments_alone(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--amount goes with --demo first-payment" in refused(["--demo", name, "--headless", "--amount", "5"], capsys)


@pytest.mark.parametrize("ended", [KeyboardInterrupt, asyncio.CancelledError])
def test_interrupted_demonstration_has_failed(monkeypatch: pytest.MonkeyPatch, ended: type[BaseException]) -> None:
    async def run(*_: object, **__: object) -> ExitStatus:
        raise ended

    monkeypatch.setattr(stage, "perform", run)
    assert main(["--demo", "first-payment", "--headless"]) == 1


# --- The workstation -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (LocalFault(ErrorCode.HOME_IN_USE, "in use by another mesh-app"), ExitStatus.FAILED),
        (LocalFault(ErrorCode.VALIDATOR_START, "V2 did not start"), ExitStatus.NO_VALIDATOR),
    ],
)
def test_fault_that_ends_the_workstation_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, fault: LocalFault, status: ExitStatus
) -> None:
    homes: list[Path] = []

    def run(locations: Locations, _: Settings, *, problems: tuple[str, ...], **__: object) -> int:
        homes.append(locations.home)
        assert problems == ()
        raise fault

    monkeypatch.setattr(workstation, "run_workstation", run)
    with monkeypatch.context() as patch:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            patch.setattr(stream, "isatty", lambda: True, raising=False)
        patch.setenv("MESH_HOME", str(tmp_path))
        assert main(["--home", str(tmp_path)]) == status
    assert homes == [tmp_path]
    assert capsys.readouterr().err == f"mesh-app: {fault}\n"
