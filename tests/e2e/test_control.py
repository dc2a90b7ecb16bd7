"""`mesh-testnet kill V3` and the like, as a person types them, to a network that another program runs; and a follower beside it."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from mesh_core.network.genesis_file import load_genesis
from mesh_core.validator.lifting import confirmation_sentence
from testnet.child import Event
from testnet.control_client import connected
from testnet.layout import NetworkFolder
from tests.e2e.processes import END_S, REPOSITORY, START_S, is_running, until_ended
from tests.e2e.test_up import Up, up
from tests.unit.network.peers import eventually


async def typed(home: Path, line: str) -> tuple[int, str, str]:
    """Exit status and what was written, of a command of `mesh-testnet`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "testnet.cli",
        *line.split(" "),
        "--home",
        str(home),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_S):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def done(home: Path, line: str) -> str:
    status, out, err = await typed(home, line)
    assert (status, err) == (0, ""), line
    return out


async def status_of(home: Path) -> dict[str, Any]:
    return json.loads(await done(home, "status --json"))  # type: ignore[no-any-return]


def state_of(pid: int) -> str:
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]


async def until_stopped(pid: int) -> None:
    """Return when SIGSTOP has come into effect: a process that waits for a processor or for the disk takes the signal afterwards."""
    await eventually(lambda: state_of(pid) == "T", within_s=END_S)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_network_is_operated_from_beside(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = NetworkFolder(home)
    status, _, err = await typed(home, "kill V3")
    assert (status, err) == (
        1,
        f"mesh-testnet: no network runs in {home}: start it with mesh-app or 'mesh-testnet up', or name its folder with --home [1505]\n",
    )
    async with up(home) as running:
        ready = await running.until_ready()
        pids = [validator["pid"] for validator in ready["validators"]]
        async with connected(folder) as follower:
            heard: list[Event] = []

            async def follow() -> None:
                async for event in follower.events():
                    heard.append(event)

            following = asyncio.create_task(follow())
            await _operate(home, folder, pids, heard)
            assert all(is_running(one["pid"]) for one in (await status_of(home))["validators"])
            await _die_with_one_paused(home, running)
            await following
    # A pause does not outlive the network.
    for one in heard:
        if one["event"] == "validator_state" and one["pid"] is not None:
            await until_ended(one["pid"])


async def _operate(home: Path, folder: NetworkFolder, pids: list[int], heard: list[Event]) -> None:
    assert await done(home, "kill V3") == "V3 is exited\n"
    assert not is_running(pids[2])
    assert "killed as asked (SIGKILL)" in await done(home, "status")
    await done(home, "wipe V3 --confirm V3")
    assert await typed(home, "wipe V1 --confirm V1") == (
        1,
        "",
        "mesh-testnet: V1 is up: its data can be wiped only while it does not run: stop it first [1506]\n",
    )
    assert (await done(home, "start V3")).startswith("V3 is up, process ")
    status, _, err = await typed(home, "lift V3 --confirm yes")
    assert (status, "the sentence is: nothing else will ever vote" in err) == (1, True)

    def quarantined() -> list[str]:
        """Of V3's lives that the follower has heard of by now, the reasons of those in quarantine."""
        return [event["quarantine"] for event in heard if event["event"] == "ready" and event["validator"] == 2 and event["quarantine"] is not None]

    await eventually(lambda: len(quarantined()) == 2, within_s=END_S)
    assert all("votes of this validator may be forgotten" in reason for reason in quarantined())
    sentence = confirmation_sentence(load_genesis(folder.genesis_file).committee.validators[2])
    async with connected(folder) as client:  # its spaces would be split above
        await client.order("lift", validator="V3", confirm=sentence)
    assert (await status_of(home))["validators"][2]["flags"] == 0

    assert (await done(home, "pause V2")).startswith("V2 is paused")
    await until_stopped(pids[1])
    assert (await done(home, "resume V2")).startswith("V2 is up")
    await eventually(lambda: state_of(pids[1]) != "T", within_s=END_S)

    await done(home, "link cut V1 V3")
    await done(home, "link slow wallets V4 --ms 5")
    assert await done(home, "link show") == "line V1-V3 is cut\nline wallets-V4 is 5 ms slower each way\n"
    await done(home, "link heal --all")
    assert (await status_of(home))["lines"] == []

    logs = (await done(home, "logs V3 -n 500")).splitlines()
    starts = [line for line in logs if line.startswith("── start pid ")]
    assert starts[0].startswith(f"── start pid {pids[2]} ")
    assert len(starts) == 4
    assert any(line.startswith("── exit -9 ") for line in logs)
    assert (await done(home, "logs -n 1 --json")).count('{"validator": "V') == 4

    told = {"validator_state", "ready", "status", "log_line", "line_state", "control_order", "validator_wiped", "quarantine_lifted"}
    await eventually(lambda: told <= {event["event"] for event in heard}, within_s=END_S)
    names = [event["event"] for event in heard]
    assert names[0] == "snapshot_begin"
    assert names.index("network") < names.index("snapshot_end")


async def _die_with_one_paused(home: Path, running: Up) -> None:
    """SIGKILL to whoever runs the network: a validator that is paused cannot notice by itself."""
    await done(home, "pause V1")
    paused = (await status_of(home))["validators"][0]["pid"]
    await until_stopped(paused)
    os.kill(running.process.pid, signal.SIGKILL)
    await until_ended(paused)
