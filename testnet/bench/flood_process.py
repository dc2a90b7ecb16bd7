"""A client that floods one validator with prepared vote requests, each of them once. A process of its own, so that it takes no time of who measures.

    python -m testnet.bench.flood_process NETWORK REQUESTS --validator 0 --from 127.0.0.2 --from 127.0.0.3

One connection from each address `--from`, since a validator gives each address a share of its time; on each as many requests are under way as a validator lets
wait for a proof. Its lines: `connected`; then, after a line on standard input, `flooded` with counts and times.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from mesh_core.crypto.startup import prepare
from mesh_core.errors import ErrorCode, MeshError
from mesh_core.network.client import Connection, LocalIdentity, connect
from mesh_core.types.json_form import json_line
from mesh_core.types.messages import Role, VoteReject, VoteRequest, VoteResponse
from mesh_core.wallet.network import load_network
from testnet.bench.requests_file import read_requests

IN_FLIGHT: Final = 32
"""Requests of one connection that a validator lets wait for a proof."""
CONNECT_S: Final = 20.0
VOTE: Final = "vote"


async def flood(network_file: Path, requests: Sequence[bytes], validator: int, addresses: Sequence[str], in_flight: int) -> None:
    """Connect, wait for the word, send everything."""
    network = load_network(network_file)
    peer = network.validators[validator]
    counts: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        connections = []
        for address in addresses:
            connection = await connect(
                peer,
                LocalIdentity(Role.WALLET),
                network.genesis.network_id,
                connect_timeout_s=CONNECT_S,
                handshake_timeout_s=CONNECT_S,
                local_host=address,
            )
            stack.push_async_callback(_end, connection)
            connections.append(connection)
        _tell({"event": "connected", "connections": len(connections)})
        await asyncio.to_thread(sys.stdin.readline)
        began_ns, spent_s = time.monotonic_ns(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for number, connection in enumerate(connections):
                waiting = deque(requests[number :: len(connections)])
                for _ in range(in_flight):
                    group.create_task(_send(connection, waiting, counts))
        _tell({"event": "flooded", "began_ns": began_ns, "ended_ns": time.monotonic_ns(), "cpu_s": time.process_time() - spent_s, "answers": dict(counts)})
        await asyncio.to_thread(sys.stdin.readline)


async def _send(connection: Connection, waiting: deque[bytes], counts: Counter[str]) -> None:
    """One of the requests that are under way at a time, and its successors."""
    while waiting:
        answer = await connection.submit(VoteRequest(0, (), waiting.popleft()))
        match answer:
            case VoteResponse():
                counts[VOTE] += 1
            case VoteReject():
                counts[ErrorCode(answer.code).name] += 1
            case _:
                counts[type(answer).__name__] += 1


async def _end(connection: Connection) -> None:
    connection.close()
    await connection.wait_closed()
    await asyncio.sleep(0)


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json_line(line))
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Flood. Exit status 1 after a fault, which is told on standard error."""
    parser = argparse.ArgumentParser(prog="python -m testnet.bench.flood_process")
    parser.add_argument("network", type=Path)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--validator", type=int, default=0)
    parser.add_argument("--from", dest="addresses", action="append", required=True)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT)
    options = parser.parse_args(arguments)
    prepare()
    try:
        asyncio.run(flood(options.network, read_requests(options.requests), options.validator, options.addresses, options.in_flight))
    except MeshError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
