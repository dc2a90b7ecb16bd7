"""`mesh-testnet bench hosts` against validators that somebody else has started: it needs their public files, and a wallet with money."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

from tests.e2e.local_network import LocalNetwork


async def test_payments_to_running_validators_are_timed_beside_the_round_trips(tmp_path: Path) -> None:
    network = LocalNetwork(tmp_path / "net", {"payer": 1_000, "payee": 0})
    async with network.supervisor as supervisor:
        await supervisor.start_all()
        home = tmp_path / "elsewhere"
        # What the paying machine gets: public files and two wallets, and nobody's validator key.
        home.mkdir(mode=0o700)
        for name in ("network.toml", "genesis.bin"):
            shutil.copy(network.folder.home / name, home)
        for index in range(4):
            (home / f"v{index + 1}").mkdir()
            shutil.copy(network.folder.validator(index).tls_certificate, home / f"v{index + 1}")
        shutil.copytree(network.folder.home / "wallets", home / "wallets")
        words = ["bench", "hosts", "--home", str(home), "--payments", "3", "--pings", "3", "--json"]
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "testnet.cli", *words, stdout=asyncio.subprocess.PIPE)
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0
        # The warm-up counts at the validators, and in no figure.
        await network.until_in_step(6)
    told = json.loads(output)
    figures = told["figures"]
    assert (told["benchmark"], figures["payments"], figures["unacknowledged"]) == ("hosts", 3, 0)
    assert len(figures["round_trips_ms"]) == len(figures["votes_ms"]) == 4
    assert min(figures["round_trips_ms"]) > 0
    # Whoever has the certificate before it has checked the request votes no more: beside a loaded machine one may do so each time.
    voted = [ms for ms in figures["votes_ms"] if ms is not None]
    assert len(voted) >= 3
    assert min(voted) > 0
    assert figures["certificate"]["floor"] == sorted(figures["round_trips_ms"])[2]
    assert 0 < figures["certificate"]["median"] <= figures["acks"]["median"]
    assert figures["steps"]["prove"]["median"] > 0
