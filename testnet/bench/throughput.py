"""One validator flooded with valid, distinct vote requests: votes a second, and its processor time for each, beside the sum of what cannot be saved.

Everything is measured in one run, on one machine, in the same minute: the validator under the flood; then its own server with nothing behind it, under the
same flood; then its parts by themselves, with the batches and groups that the flood led to. `ratio` compares the first with the sum of the others.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.transition import TRANSITION
from mesh_core.validator.status import ask_status
from testnet.bench.flood_process import IN_FLIGHT, VOTE
from testnet.bench.requests_file import write_requests
from testnet.bench.running import Running, cpu_seconds, median_of
from testnet.bench.scene import Scene, make_payments, make_scene
from testnet.child import Event

ATTACKED: Final = 0
FLOOD_S: Final = 600.0
TARGET_RATIO: Final = 1.5
"""What a vote may cost at most, in multiples of its parts."""


@dataclass(frozen=True, slots=True)
class FloodPlan:
    """`votes` requests in all, from so many client processes, each with so many connections from addresses of its own."""

    votes: int
    clients: int = 2
    connections: int = 4
    in_flight: int = IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Flooded:
    """What a flood came to. `wall_s` from the first request to the last answer; `cpu_s` of the flooded process, `clients_cpu_s` of all who flooded."""

    answers: dict[str, int]
    wall_s: float
    cpu_s: float
    clients_cpu_s: float


async def measure_flood(home: Path, plan: FloodPlan, tell: Callable[[str], None]) -> dict[str, Any]:
    """The whole comparison, as figures. LocalFault."""
    scene = make_scene(home, accounts=plan.votes + 1)
    tell(f"proving {plan.votes} payments")
    payments = make_payments(scene.genesis, range(1, plan.votes + 1), 0)
    requests = [TRANSITION.encode(payment) for payment in payments]
    files = [home / f"requests-{number}" for number in range(plan.clients)]
    for number, file in enumerate(files):
        write_requests(file, requests[number :: plan.clients])
    every = home / "requests"
    write_requests(every, requests)
    tell("flooding the validator")
    votes = await _flood_validator(scene, plan, files)
    tell("its server with nothing behind it: one request after the other, then the flood")
    alone = await _flood_echo(scene, replace(plan, votes=len(requests[:: plan.clients]), clients=1, connections=1, in_flight=1), files[:1])
    flooded = await _flood_echo(scene, plan, files)
    tell("measuring the parts")
    parts = {"request": alone, **await _measure_parts(scene, every, votes["votes_in_batch"], votes["votes_in_commit"])}
    return {
        **votes,
        "parts_us": parts,
        **compare(votes["vote_us"], parts, flooded),
        "request_flooded_us": flooded,
        "proof_bound_per_s": round(1e6 / parts["proof"], 1),
        "request_bytes": len(requests[0]),
    }


def compare(vote_us: float, parts: Mapping[str, float], request_flooded_us: float) -> dict[str, float]:
    """`ratio` of a vote to the sum of its parts, a request and its reply alone among them; `strict_ratio` with a request that shares packets with others.

    A flood lets 32 requests of a connection share packets and turns of the loop where nothing stands behind the server. Where a vote takes milliseconds, as in
    a validator, most requests come alone.
    """
    total = sum(parts.values())
    return {
        "sum_us": round(total, 1),
        "ratio": round(vote_us / total, 3),
        "strict_ratio": round(vote_us / (total - parts["request"] + request_flooded_us), 3),
    }


def middle_round(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The round with the median ratio, the lower one of two, and the ratios of all."""
    ordered = sorted(rounds, key=lambda found: float(found["ratio"]))
    return {**ordered[(len(ordered) - 1) // 2], "ratios": [found["ratio"] for found in rounds]}


async def _flood_validator(scene: Scene, plan: FloodPlan, files: Sequence[Path]) -> dict[str, Any]:
    folder, batches = scene.folder.validator(ATTACKED), Batches()
    async with Running("mesh_core.validator", ["--config", str(folder.config), "--supervised"], folder.log, batches.take) as validator:
        await validator.event("ready")
        before = await asyncio.to_thread(_report, folder.data_dir)
        flooded = await _flood(scene, plan, files, validator.pid)
        after = await asyncio.to_thread(_report, folder.data_dir)
    commits = after["commits"]["count"] - before["commits"]["count"]
    return {
        "votes": plan.votes,
        "votes_per_s": round(plan.votes / flooded.wall_s, 1),
        "vote_us": round(flooded.cpu_s / plan.votes * 1e6, 1),
        "cores_used": round(flooded.cpu_s / flooded.wall_s, 2),
        "clients_cpu_us": round(flooded.clients_cpu_s / plan.votes * 1e6, 1),
        "votes_in_batch": max(1, round(batches.typical())),
        "votes_in_commit": max(1, round(plan.votes / commits)),
    }


async def _flood_echo(scene: Scene, plan: FloodPlan, files: Sequence[Path]) -> float:
    """Microseconds of the server's time for a request and its reply."""
    folder = scene.folder.validator(ATTACKED)
    async with Running("testnet.bench.echo_process", [str(folder.config)], folder.log) as echo:
        await echo.event("ready")
        flooded = await _flood(scene, plan, files, echo.pid)
    return round(flooded.cpu_s / plan.votes * 1e6, 1)


async def _flood(scene: Scene, plan: FloodPlan, files: Sequence[Path], pid: int) -> Flooded:
    """All clients at once. LocalFault (VALIDATOR_START) where one of them fails."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(_client(scene, plan, number, file)) for number, file in enumerate(files)]
        for client in clients:
            await client.event("connected")
        spent = cpu_seconds(pid)
        for client in clients:
            client.send({"event": "go"})
        lines = [await client.event("flooded", FLOOD_S) for client in clients]
        spent = cpu_seconds(pid) - spent
    answers: dict[str, int] = {}
    for line in lines:
        for kind, count in line["answers"].items():
            answers[kind] = answers.get(kind, 0) + count
    if answers != {VOTE: plan.votes}:
        raise LocalFault(ErrorCode.INTERNAL, f"{plan.votes} votes were asked for, and the answers were {answers}")
    wall_s = (max(line["ended_ns"] for line in lines) - min(line["began_ns"] for line in lines)) / 1e9
    return Flooded(answers, wall_s, spent, sum(line["cpu_s"] for line in lines))


def _client(scene: Scene, plan: FloodPlan, number: int, file: Path) -> Running:
    first = 2 + number * plan.connections
    addresses = [argument for last in range(first, first + plan.connections) for argument in ("--from", f"127.0.0.{last}")]
    arguments = [str(scene.folder.network_file), str(file), "--validator", str(ATTACKED), "--in-flight", str(plan.in_flight), *addresses]
    return Running("testnet.bench.flood_process", arguments, scene.folder.home / f"client-{number}.log")


async def _measure_parts(scene: Scene, file: Path, batch: int, group: int) -> dict[str, float]:
    arguments = [str(scene.folder.network_file), str(file), "--batch", str(batch), "--group", str(group)]
    async with Running("testnet.bench.parts_process", arguments, scene.folder.home / "parts.log") as parts:
        line = await parts.event("parts", FLOOD_S)
    return {name: round(line[name], 1) for name in ("proof", "signatures", "commit")}


def _report(data_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask_status(data_dir))
    return found


class Batches:
    """The sizes of the batches in which proofs were checked: votes of one batch tell the same time of it, and come one after the other."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._last_ms: float | None = None

    def take(self, event: Event) -> None:
        """One line of the validator."""
        if event["event"] != "vote_cast":
            return
        if event["proof_ms"] == self._last_ms:
            self.sizes[-1] += 1
        else:
            self.sizes.append(1)
            self._last_ms = event["proof_ms"]

    def typical(self) -> float:
        """The size of the batch that a vote was in, the median over votes."""
        return median_of([size for size in self.sizes for _ in range(size)])
