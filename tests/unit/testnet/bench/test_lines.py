"""`--profile` of benchmarks: what is refused before anything starts, who is told which relay, and that a measurement whose relays have died is none."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench import lines as lines_module
from testnet.bench.lines import Lines, Started, lines_of
from testnet.bench.profile_option import profile_form, profile_sentence
from testnet.bench.report import tables_of
from testnet.bench.results import Result
from testnet.bench.running import Running
from testnet.bench.tables import as_text
from testnet.cli import main
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.link_service import LinkService
from testnet.profiles import load_profile
from testnet.routed_service import Address
from tests.unit.network.peers import eventually

BENCHES = ("proofs", "throughput", "scale", "catch-up", "soak")
RELAY: Address = ("127.0.0.1", 40_001)
TIMES = {"count": 3, "median_ms": 5.0, "p90_ms": 6.0, "p99_ms": 7.0, "max_ms": 7.0}
ASKED = {"idle": TIMES, "busy": TIMES, "slower": 1.0}
CATCH_UP = {"certificates": 300, "certificates_per_s": 1300.0, "fetching": ASKED, "serving": ASKED, "another": ASKED}


class FakeRunning(Running):
    """Remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__("none", [], Path())
        self.sent: list[dict[str, Any]] = []

    @override
    def send(self, command: dict[str, Any]) -> None:
        self.sent.append(command)


class FoundLinks(LinkService):
    """Can be found by the test that uses it."""

    made: "FoundLinks"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        FoundLinks.made = self


@pytest.mark.parametrize("bench", BENCHES)
def test_profile_that_is_none_is_refused_before_anything_starts(bench: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", bench, "--profile", "nowhere"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("mesh-testnet: there is no profile 'nowhere'; there are australia, ")


@pytest.mark.parametrize("options", [["throughput", "--wallets", "0"], ["scale", "--only", "accounts", "--only", "log"]])
def test_profile_without_anything_that_has_lines_is_wrong_usage(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", *options, "--profile", "australia"])
    assert ended.value.code == 2
    assert "--profile is of the lines" in capsys.readouterr().err


def test_result_and_title_name_the_profile_and_its_source_and_are_as_ever_without_one() -> None:
    assert profile_form(None) == {}
    assert profile_sentence({"payments": 3}) == ""
    profile = load_profile("bad-mobile")
    form = profile_form(profile)
    assert (form["profile"], form["source"]) == ("bad-mobile", profile.source)
    plain, profiled = (as_text(tables_of(Result("catch-up", "x", "x", 0, {}, {"silent": False, **more}, CATCH_UP))) for more in ({}, form))
    assert profiled.splitlines()[0] == plain.splitlines()[0] + profile_sentence(form)
    for said in ("bad-mobile", "0.1 % loss", "the wallet's own line 75 ms each way", profile.source):
        assert said in profile_sentence(form)


async def test_who_starts_later_is_told_what_was_said_before() -> None:
    lines, told = Lines(), list[tuple[int, Address | None]]()
    await lines.route(2, RELAY)
    lines.use(lambda validator, address: told.append((validator, address)))
    await lines.route(2, None)
    assert told == [(2, RELAY), (2, None)]
    assert lines.address(2) is None
    started, process = Started(), FakeRunning()
    started.route(0, 3, RELAY)
    started.route(1, 3, RELAY)
    started.add(0, process)
    started.route(0, 3, None)
    route = {"command": "route", "validator": 3}
    assert process.sent == [{**route, "host": "127.0.0.1", "port": 40_001}, {**route, "host": None, "port": None}]


async def test_without_a_profile_there_are_no_relays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(lines_module, "LinkService")  # whoever asked for one would fail
    async with lines_of(NetworkFolder(tmp_path), Started(), None, seed=0) as lines:
        assert lines.address(0) is None


async def test_relays_that_end_make_the_measurement_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LinkService", FoundLinks)
    create_network(folder := NetworkFolder(tmp_path / "home"), name="test", wallets={"faucet": 1})

    async def measure() -> None:
        async with lines_of(folder, Started(), load_profile("australia"), seed=0) as lines:
            assert all(lines.address(index) is not None for index in range(4))
            assert FoundLinks.made.pid is not None
            os.kill(FoundLinks.made.pid, signal.SIGKILL)
            await eventually(lambda: all(lines.address(index) is None for index in range(4)))

    with pytest.raises(LocalFault, match="every line is direct again") as refused:
        await measure()
    assert refused.value.code is ErrorCode.STORE_UNAVAILABLE
