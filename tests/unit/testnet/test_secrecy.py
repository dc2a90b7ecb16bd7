"""Processes that hold keys, or show phrases and take passphrases. Goal: what is in their memory is in no core dump, from before the first secret on."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mesh_app import workstation
from mesh_app.locations import Locations
from mesh_app.services.workbench import LocalWorkbench
from mesh_app.settings.settings import Settings
from testnet import wallet_process
from testnet.attacks import process as attacks_process
from testnet.layout import NetworkFolder
from testnet.traffic import process as traffic_process


def main_of(module: ModuleType, *arguments: str) -> Callable[[Path], object]:
    return lambda home: module.main([word.format(home=home) for word in arguments])


def bench_of(home: Path) -> LocalWorkbench:
    return LocalWorkbench(NetworkFolder(home))


STARTS: dict[str, tuple[ModuleType, str, Callable[[Path], object]]] = {
    "wallets": (wallet_process, "run_process", main_of(wallet_process, "--network", "{home}/network.toml", "--wallets", "{home}/wallets")),
    "attacks": (attacks_process, "run_process", main_of(attacks_process, "--home", "{home}")),
    "traffic": (traffic_process, "run_process", main_of(traffic_process, "--home", "{home}")),
    "workstation": (workstation, "asyncio", lambda home: workstation._show(bench_of(home), Locations(home, home), Settings(), problems=())),
}


@pytest.mark.parametrize("name", STARTS)
def test_memory_is_kept_out_of_core_dumps_before_anything_secret_is_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    module, runs, start = STARTS[name]
    happened: list[str] = []

    def run(work: object) -> int:
        happened.append("runs")
        if asyncio.iscoroutine(work):
            work.close()
        return 0

    monkeypatch.setattr(workstation, "_open_log", lambda *_: None)
    monkeypatch.setattr(module, "refuse_core_dumps", lambda: happened.append("refuses"))
    monkeypatch.setattr(module, runs, run if runs == "run_process" else type("Loop", (), {"run": staticmethod(run)}))
    start(tmp_path)
    assert happened == ["refuses", "runs"]
