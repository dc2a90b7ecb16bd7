"""Each benchmark with next to nothing in it: it runs to its end, its result is one that the document's tables can be made from, and every unit is there.

Nothing is said of times.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from testnet.bench.report import tables_of
from testnet.bench.results import read_result
from testnet.bench.tables import as_markdown
from tests.e2e.processes import REPOSITORY, START_S
from tests.unit.network.peers import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="processes are measured by /proc")

BENCHES: dict[str, list[str]] = {
    "throughput": ["--votes", "24", "--rounds", "1", "--wallets", "2", "--payments", "4"],
    "scale": ["--quick", "--only", "accounts", "--only", "log"],
    "catch-up": ["--certificates", "60", "--idle-votes", "2", "--payments", "30"],
}

PROFILED = ("catch-up",)
FLOOR_MS = 30
"""Of a payment on these lines: the wallet's quorum needs one of the validators on the far shore. Lines on the near one are direct."""
STRAIT = f"""text = "two shores"
source = "a test"
[validators]
cities = ["Near", "Far"]
same_city_round_trip_ms = 0
[wallet]
city = "Near"
[round_trips_ms]
"Near - Far" = {FLOOR_MS}
"""


@pytest.mark.parametrize("name", BENCHES)
async def test_benchmark_runs_to_its_end(name: str, tmp_path: Path) -> None:
    profile = ["--profile", _strait(tmp_path)] if name in PROFILED else []
    status, told = await _run(tmp_path, name, *BENCHES[name], *profile, "--output", str(tmp_path / "results"))
    assert status == 0, told
    result = read_result(tmp_path / "results" / f"{name}.json")
    assert result.benchmark == name
    assert result.figures == told["figures"]
    assert as_markdown(tables_of(result))
    assert ("profile" in result.options) == bool(profile)
    if name == "catch-up":
        assert result.figures["fetching"]["idle"]["median_ms"] >= FLOOR_MS, "V4 is on the far shore"
    assert {"cpu", "cores", "load", "python", "backend", "libraries"} <= set(result.machine)


async def test_wallets_of_a_benchmark_pay_over_the_lines_of_its_profile(tmp_path: Path) -> None:
    status, told = await _run(tmp_path, "scale", "--quick", "--only", "committee", "--profile", _strait(tmp_path))
    assert status == 0, told
    assert (told["options"]["profile"], told["options"]["source"]) == ("strait", "a test")
    assert told["figures"]["committee"][0]["median_ms"] >= FLOOR_MS


async def test_soak_that_is_interrupted_tells_what_it_has_measured(tmp_path: Path) -> None:
    process = await _start(tmp_path, "soak", "--minutes", "60", "--rate", "20", "--wallets", "2", "--every", "0.1", "--profile", _strait(tmp_path))
    try:
        await eventually(lambda: _has_voted(tmp_path), within_s=START_S)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()  # or it would pay for an hour
            await process.communicate()
    told = json.loads(out)
    assert process.returncode == 0, err
    assert told["figures"]["verdict"] == "undecided"
    assert told["figures"]["is_right"]
    assert told["figures"]["certificates"] > 0
    assert told["figures"]["p50_ms"] >= FLOOR_MS
    assert told["options"]["source"] == "a test"
    assert set(told["figures"]["memory"]) == {"V1", "V2", "V3", "V4", "wallets"}


def _strait(folder: Path) -> str:
    (file := folder / "strait.toml").write_text(STRAIT)
    return str(file)


def _has_voted(folder: Path) -> bool:
    """A validator keeps a vote: payments are under way."""
    try:
        return any(path.stat().st_size > 1000 for path in folder.rglob("votes.journal"))
    except OSError:  # a folder that is made just now, and has another name a moment later
        return False


async def _start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "testnet.cli", "bench", *arguments, "--json")
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, env={**os.environ, "TMPDIR": str(folder)}, stdout=pipe, stderr=pipe)


async def _run(folder: Path, *arguments: str) -> tuple[int | None, dict[str, Any]]:
    process = await _start(folder, *arguments)
    out, err = await process.communicate()
    return process.returncode, json.loads(out) if out else {"error": err.decode()}
