"""Reports of validators: asked for while somebody looks, of those that are up; a configuration again when it has changed."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet import validator_reports
from testnet.child import Event
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.supervisor import ValidatorState
from testnet.validator_reports import ValidatorReports, read_process
from tests.unit.network.peers import eventually


class FakeSupervisor:
    """Four processes: one is up, one is up and does not answer, one is paused, one is stopped."""

    states = (ValidatorState.UP, ValidatorState.UP, ValidatorState.PAUSED, ValidatorState.STOPPED)

    def pid(self, index: int) -> int | None:
        return os.getpid() if index == 0 else None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Data folders that were asked at."""
    found: list[Path] = []

    def ask(data_dir: Path) -> str:
        found.append(data_dir)
        if data_dir.parent.name == "v2":
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, "nobody answers")
        return json.dumps({"pid": 5})

    monkeypatch.setattr(validator_reports, "ask_status", ask)
    monkeypatch.setattr(validator_reports, "INTERVAL_S", 0.02)
    return found


async def test_those_that_are_up_are_asked_while_somebody_looks(tmp_path: Path, asked: list[Path]) -> None:
    folder = NetworkFolder(tmp_path / "home")
    create_network(folder, name="test", wallets={"faucet": 1})
    events: list[Event] = []
    reports = ValidatorReports(folder, FakeSupervisor(), events.append)  # type: ignore[arg-type]
    reports.watch("screen", True)
    reports.watch("screen", True)
    await eventually(lambda: sum(event["event"] == "validator_report" for event in events) >= 3)
    told = [event for event in events if event["event"] == "validator_report"]
    assert {event["validator"] for event in told} == {0}
    assert told[0]["report"] == {"pid": 5}
    assert told[0]["cpu_percent"] is None
    assert told[-1]["memory_bytes"] > 1_000_000
    assert told[-1]["cpu_percent"] >= 0
    assert {path.parent.name for path in asked} == {"v1", "v2"}

    configs = [event for event in events if event["event"] == "validator_config"]
    assert sorted(event["validator"] for event in configs) == [0, 1, 2, 3]
    assert "[validator]" in configs[0]["lines"]
    secret = folder.validator(0).identity_key.read_text().strip()
    assert not any(secret in line for event in configs for line in event["lines"])
    with folder.validator(2).config.open("a") as config:
        config.write("# changed\n")
    await eventually(lambda: sum(event["event"] == "validator_config" for event in events) == 5)
    assert events[-1]["event"] != "validator_config" or events[-1]["lines"][-1] == "# changed"

    reports.watch("follower", True)
    reports.watch("screen", False)
    seen = len(events)
    await eventually(lambda: len(events) > seen)
    reports.watch("follower", False)
    reports.watch("follower", False)
    await asyncio.sleep(0.05)
    seen = len(events)
    await asyncio.sleep(0.1)
    assert len(events) == seen
    configs_count = sum(event["event"] == "validator_config" for event in events)
    reports.watch("screen", True)
    await eventually(lambda: sum(event["event"] == "validator_config" for event in events) == configs_count + 4)
    await reports.close()
    await reports.close()


def test_process_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="No such file"):
        read_process(2**22 + 1)
