"""Traffic and measurements with real processes, as orders at the workstation: figures that add up, a validator killed meanwhile, files."""

import asyncio
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_app.orders.performance import ExportMeasurement, StartMeasurement, StartTraffic, StopTraffic
from mesh_app.orders.validators import WALLETS, HealAllLines, KillValidator, SlowLine
from mesh_app.services.workbench import LocalWorkbench
from mesh_core.errors import ErrorCode, LocalFault
from testnet.layout import NetworkFolder
from tests.e2e.processes import START_S, is_running
from tests.unit.network.peers import eventually

PATIENCE_S = 60.0


class Desk:
    """A workbench, and the state that its events make."""

    def __init__(self, bench: LocalWorkbench) -> None:
        self.bench = bench
        self.state = State()
        self.seen: list[dict[str, Any]] = []

    async def until(self, condition: Callable[[], bool]) -> None:
        def holds() -> bool:
            while not self.bench.events.empty():
                event = self.bench.events.get_nowait()
                self.seen.append(event)
                apply(self.state, event)
            return condition()

        await eventually(holds, within_s=PATIENCE_S)

    def last(self, name: str) -> dict[str, Any]:
        return next(event for event in reversed(self.seen) if event["event"] == name)

    def count(self, name: str) -> int:
        return sum(event["event"] == name for event in self.seen)


async def test_a_measurement_then_traffic_with_a_validator_killed(tmp_path: Path) -> None:
    folder = NetworkFolder(tmp_path / "home")
    async with LocalWorkbench(folder) as bench:
        bench.open()
        bench.watch_screen()
        desk = Desk(bench)
        async with asyncio.timeout(START_S):
            await bench.start()
        await _measure(desk, folder)
        await _traffic(desk)
        pid = bench._performance._process.pid if bench._performance is not None else None
        assert pid is not None
    assert not is_running(pid)
    assert desk.state.unreadable_count == 0


async def _measure(desk: Desk, folder: NetworkFolder) -> None:
    """With two lines of the wallets slowed before their process is there: what is measured goes over them, since a quorum needs one of the two."""
    for validator in (2, 3):
        await desk.bench.do(SlowLine(WALLETS, validator, 25.0))
    await desk.until(lambda: desk.count("line_state") == 2)
    await desk.bench.do(StartMeasurement(payments=8, at_once=2, wallets=4, warm_up=2))
    with pytest.raises(LocalFault) as caught:
        await desk.bench.do(StartTraffic())
    assert caught.value.code is ErrorCode.BUSY
    await desk.until(lambda: desk.count("measure_over") == 1)
    told = desk.last("measure_over")
    assert (told["reason"], told["sent"], told["done"], told["counted"], told["failures"]) == ("finished", 8, 8, 8, [])
    assert told["min_ms"] <= told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"] <= told["max_ms"]
    assert told["p50_ms"] < told["acks_p50_ms"]
    assert sum(count for _, count in told["buckets"]) == 8
    record = _read_json(told["file"])
    for payment in record["payments"]:
        parts = [payment[f"{name}_ms"] for name, _ in told["parts"]]
        # What is not a part of its own is the way between two of them.
        assert abs(payment["payment_ms"] - sum(parts)) < 5
        assert payment["prove_ms"] > 0
        assert payment["votes_ms"] >= 50
        assert payment["acks_ms"] > payment["payment_ms"]
    await desk.bench.do(HealAllLines())
    await desk.bench.do(ExportMeasurement(told["file"]))
    await desk.until(lambda: desk.count("measure_exported") == 1)
    exported = desk.last("measure_exported")
    assert _read_json(exported["json"]) == record
    assert len(_read_table(exported["csv"])) == 8
    with pytest.raises(LocalFault) as caught:
        await desk.bench.do(ExportMeasurement(str(folder.genesis_file)))
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE


def _read_json(path: str) -> Any:
    return json.loads(Path(path).read_text())


def _read_table(path: str) -> list[dict[str, str]]:
    return [*csv.DictReader(Path(path).read_text().splitlines())]


async def _traffic(desk: Desk) -> None:
    """Until it is stopped; payments go on with three validators, and the loss is told."""
    bob = desk.state.wallets["bob"]
    await desk.bench.do(StartTraffic(rate=15.0, wallets=4, amount_least=1, amount_most=9, to=bob.address, to_name="bob"))
    await desk.until(lambda: (run := desk.state.performance.traffic) is not None and run.done >= 8)
    await desk.bench.do(KillValidator(3))
    run = desk.state.performance.traffic
    assert run is not None
    await desk.until(lambda: run.links == (True, True, True, False))
    before = run.done
    await desk.until(lambda: run.done >= before + 8)
    await desk.bench.do(StopTraffic())
    await desk.until(lambda: not run.is_running)
    # What is under way becomes final for a moment more, and a wallet in which payments queue up may be empty before the faucet has filled it again.
    assert run.reason == "stopped"
    assert {code for code, _ in run.failures} <= {ErrorCode.INSUFFICIENT_FUNDS.name}
    assert run.sent == run.done + run.failures_count + run.unfinished
    assert any("V4 is not reached any more" in entry.text for entry in desk.state.entries)
    # Everything that was paid arrives: the recipient claims by itself.
    await desk.until(lambda: desk.state.wallets["bob"].balance >= run.done and desk.state.wallets["bob"].incoming == 0)
