"""A validator whose disk is lost: it says so, catches up without voting, and votes again when its operator has said that it may (docs/operations.md).

Real processes, real wallets; payments go on all the time.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mesh_core.types.messages import PongFlag
from mesh_core.validator.identity import load_identity
from mesh_core.validator.lifting import confirmation_sentence
from mesh_core.wallet.home import WalletHome
from testnet.supervisor import ValidatorState
from tests.e2e.local_network import SETTLED_S, Event, LocalNetwork
from tests.e2e.processes import END_S, REPOSITORY

LOST = 3
AWAY = 0
"""Another one, which is stopped where it must be sure that LOST is asked in time."""


async def command(network: LocalNetwork, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`mesh-app --validator` about the validator that lost its disk, as its operator types it."""
    line = [sys.executable, "-m", "mesh_app", "--validator", "--config", str(network.folder.validator(LOST).config), *arguments]
    return await asyncio.to_thread(subprocess.run, line, cwd=REPOSITORY, capture_output=True, text=True, timeout=END_S, stdin=subprocess.DEVNULL)


async def state_of(network: LocalNetwork) -> dict[str, Any]:
    answer = await command(network, "--status", "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)  # type: ignore[no-any-return]


async def state_with_peers(network: LocalNetwork) -> dict[str, Any]:
    """Its state once it reaches all others. One that is back is found again in its own time."""
    async with asyncio.timeout(SETTLED_S):
        while True:
            told = await state_of(network)
            if all(peer["up"] for peer in told["peers"]):
                return told


def refusals_of_lost(network: LocalNetwork, since: int) -> set[str]:
    return {event["code"] for event in network.events[since:] if event["event"] == "vote_rejected" and event["validator"] == LOST}


def votes_of_lost(network: LocalNetwork, since: int) -> int:
    return len([event for event in network.events[since:] if event["event"] == "vote_cast" and event["validator"] == LOST])


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_lost_disk(tmp_path: Path) -> None:
    network = LocalNetwork(tmp_path / "home", {"alice": 10_000, "bob": 0})
    folder = network.folder.validator(LOST)
    async with network.supervisor:
        await network.supervisor.start_all()
        async with network.wallets() as wallets:
            await wallets.pay("alice", "bob", 100, "before")
            await network.until_in_step(2)

            # The disk is lost; the key, which is kept elsewhere, is not.
            await network.supervisor.stop(LOST)
            await network.supervisor.wipe(LOST)
            await wallets.pay("alice", "bob", 10, "by three")
            await network.until(lambda: [status["log_length"] for status in network.statuses().values()] == [4] * 3)

        # No wallet is there that could bring it what it lacks: the others give it all.
        since = len(network.events)
        await network.supervisor.start(LOST)
        ready = next(event for event in network.events[since:] if event["event"] == "ready")
        assert ready["flags"] == PongFlag.QUARANTINE
        assert "votes of this validator may be forgotten" in ready["quarantine"]
        assert "IN QUARANTINE, this validator does not vote" in folder.log.read_text()
        await network.until_in_step(4)
        await network.until(lambda: [event["height"] for event in network.events[since:] if event["event"] == "sync_progress"][-1:] == [4])
        async with network.wallets() as wallets:
            await _stay_silent_and_vote_again(network, wallets, ready, since)
        assert [event for event in network.events if event["event"] in {"equivocation", "safety_alarm", "fatal"}] == []


async def _stay_silent_and_vote_again(network: LocalNetwork, wallets: WalletHome, ready: Event, since: int) -> None:
    folder = network.folder.validator(LOST)
    # It refuses, retryably, and payments go on by three. Only two others are there at first: with three it may be asked when all is settled.
    await network.supervisor.stop(AWAY)
    paying = asyncio.create_task(wallets.pay("alice", "bob", 20, "by three, with a refusal"))
    await network.until(lambda: "0a02" in refusals_of_lost(network, since))
    await network.supervisor.start(AWAY)
    await paying
    await network.until_in_step(6)
    codes = refusals_of_lost(network, since)
    assert codes <= {"0a02", "0501", "0502"}, "a request that comes before or after its time is told so, whoever is asked"
    assert votes_of_lost(network, since) == 0

    told = await state_with_peers(network)
    assert (told["index"], told["log_length"], told["flags"], told["halted"]) == (LOST, 6, ["quarantine"], False)
    assert told["quarantine"] == ready["quarantine"]
    assert [(peer["index"], peer["up"], peer["is_excluded"]) for peer in told["peers"]] == [(0, True, False), (1, True, False), (2, True, False)]
    assert {peer["cursor"] for peer in told["peers"]} <= {4, 5, 6}
    sentence = confirmation_sentence(load_identity(folder.identity_key, folder.data_dir).public_key)

    # Never behind a running validator's back.
    busy = await command(network, "--lift-quarantine", "--confirm", sentence)
    assert (busy.returncode, busy.stdout) == (1, "")
    assert "is in use by process" in busy.stderr

    await network.supervisor.stop(LOST)
    refused = await command(network, "--lift-quarantine", "--confirm", "yes, yes")
    assert refused.returncode == 1
    assert sentence in refused.stderr
    lifted = await command(network, "--lift-quarantine", "--confirm", sentence)
    assert (lifted.returncode, lifted.stderr) == (0, "")

    since = len(network.events)
    await network.supervisor.start(LOST)
    assert (await state_of(network))["flags"] == []
    # Without its votes this is no quorum: with all four there, it may be the one that is asked too late each time.
    await network.supervisor.stop(AWAY)
    await wallets.pay("alice", "bob", 30, "by it and two others")
    await network.supervisor.start(AWAY)
    await network.until_in_step(8)
    assert votes_of_lost(network, since) > 0
    assert network.supervisor.states == (ValidatorState.UP,) * 4
