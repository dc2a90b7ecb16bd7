"""A network's whole life by commands alone, as a person types them: made, paid in, audited, exported, ended, lost, imported. `test_drill.py` kills one, too."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from testnet.control_client import connected
from testnet.genesis import free_ports
from testnet.layout import NetworkFolder
from tests.e2e.processes import REPOSITORY, START_S
from tests.e2e.test_up import ask, up

COMMAND_S = 60.0
"""An audit alone waits fifteen seconds for a network to come to rest, and a busy machine takes its time to start Python."""


async def typed(*words: str | Path) -> tuple[int, str, str]:
    """Exit status and what was written, of a command of `mesh-testnet`."""
    command = [sys.executable, "-m", "testnet.cli", *map(str, words)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(COMMAND_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def done(*words: str | Path) -> dict[str, Any]:
    """What a command tells with --json, which must have gone well."""
    status, out, err = await typed(*words, "--json")
    assert (status, err) == (0, ""), words
    return json.loads(out)  # type: ignore[no-any-return]


async def until_equal(folder: NetworkFolder, length: int) -> None:
    """Until all four have so many certificates and say one digest, as `status` tells it."""
    async with asyncio.timeout(START_S), connected(folder) as client:
        while True:
            validators = (await client.order("status"))["status"]["validators"]
            if [one["log_length"] for one in validators] == [length] * 4 and len({one["state_digest"] for one in validators}) == 1:
                return
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_networks_life(tmp_path: Path) -> None:
    home, ledger = tmp_path / "home", tmp_path / "ledger"
    made = await done("init", home, "--recipe", "example")
    assert [one["name"] for one in made["wallets"]] == ["faucet", "alice", "bob"]
    async with up(home) as running:
        await running.until_ready()
        await ask(running.folder)
        await ask(running.folder)
        await until_equal(running.folder, 2)
        audit = await done("audit", "--home", home)
        assert (audit["good"], audit["digests_equal"], [one["log_length"] for one in audit["validators"]]) == (True, True, [2] * 4)
        assert (audit["network_id"], {one["supply_holds"] for one in audit["validators"]}) == (made["network_id"], {True})
        exported = await done("export", ledger, "--home", home)
        down = await done("down", home)
        assert (down["was_running"], down["pid"]) == (True, running.process.pid)
        assert await running.ended() == 0
    assert (await done("audit", "--home", home, "--offline"))["good"]
    await _lose_everything_and_import(home, ledger, exported)


async def _lose_everything_and_import(home: Path, ledger: Path, exported: dict[str, Any]) -> None:
    """The disks of all four: their ledger comes back from the file. Their votes do not, and so all are in quarantine."""
    folder = NetworkFolder(home)
    for index in range(4):
        validator = folder.validator(index)
        for path in [*validator.data_dir.iterdir(), *validator.path.glob("votes.journal*")]:
            path.unlink()
    async with up(home) as running:
        await running.until_ready()
        imported = await done("import", ledger, "--home", home)
        assert (imported["certificates"], imported["digest"]) == (2, exported["digest"])
        assert [one["applied"] + one["known"] for one in imported["validators"]] == [2] * 4
        assert (await done("audit", "--home", home))["validators"][0]["digest"] == exported["digest"]
        await done("down", "--home", home)
        assert await running.ended() == 0


async def test_who_reads_no_further_is_no_error(tmp_path: Path) -> None:
    """`| head -0`, and a disk that is full."""
    script = (
        f"{sys.executable} -m testnet.cli simulate --list-mutations | head -c 0; {sys.executable} -m testnet.cli simulate --list-mutations > /dev/full; echo $?"
    )
    process = await asyncio.create_subprocess_shell(script, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(COMMAND_S):
        out, err = await process.communicate()
    assert (out, err) == (b"1\n", b"mesh-testnet: standard output cannot be written: No space left on device\n")


@pytest.mark.slow
async def test_several_machines_each_run_their_own_folder(tmp_path: Path) -> None:
    """Addresses of loopback stand in for machines: each validator runs from its folder alone, and whoever has the public folder alone can audit them."""
    [port] = free_ports(1)
    made = await done("init", tmp_path / "net", "--hosts", ",".join(f"127.0.0.{number}" for number in (1, 2, 3, 4)), "--port", str(port))
    public = Path(shutil.move(made["public"], tmp_path / "public"))
    machines = [Path(shutil.move(Path(one["config"]).parent, tmp_path / f"machine-{one['name']}")) for one in made["validators"]]
    shutil.rmtree(tmp_path / "net")
    running = [await _run_validator(machine) for machine in machines]
    try:
        for one in running:
            async with asyncio.timeout(START_S):
                assert json.loads(await one.stdout.readline())["event"] == "ready"  # type: ignore[union-attr]
        audit = await done("audit", "--network", public / "network.toml")
        assert (audit["good"], audit["network_id"]) == (True, made["network_id"])
    finally:
        for one in running:
            one.kill()
            await one.communicate()


async def _run_validator(folder: Path) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "mesh_core.validator", "--config", str(folder / "validator.toml")]
    return await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
