"""Everything that one address can throw at validators, by a process of its own.

    python -m tests.e2e.address_flood HOME ADDRESS [KIND ...]

HOME is the network's folder, ADDRESS one of this machine (127.0.0.2) that all packets come from. Kinds, all by default: `half-open` (TLS and then silence),
`oversize` (a handshake, and then a frame that is too long), `proofs` (vote requests whose range proof does not hold, again and again, of the genesis wallets
whose name begins with "forging"; their seeds come as one JSON object in the first line of standard input). Goes on until standard input ends; prints what came
of it as JSON once a second.
"""

import asyncio
import itertools
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import MeshError
from mesh_core.network.client import Connection, LocalIdentity, PeerAddress, connect
from mesh_core.network.quic import CONTROL_STREAM, MESSAGE_STREAM, QuicTransport, dial
from mesh_core.network.tls import client_configuration
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.messages import MAX_FRAME_BYTES, Role, VoteRequest
from mesh_core.wallet.network import load_network
from testnet.layout import NetworkFolder
from tests.e2e.flood import kind_of, make_flood
from tests.e2e.validator import Client
from tests.unit.network.peers import RawPeer

KINDS = ("half-open", "oversize", "proofs")
HALF_OPEN_AT_ONCE = 64
OVERSIZE_AT_ONCE = 4
REQUESTS_AT_ONCE = 32
PATIENCE_S = 4.0

Counts = Counter[str]
Attack = Callable[[PeerAddress, Genesis, list[bytes], Counts], Awaitable[None]]


def come_from(address: str) -> None:
    """All UDP sockets of this process send from this address."""
    plain = socket.socket.connect

    def connect_from(self: socket.socket, target: Any) -> None:
        if self.type is socket.SOCK_DGRAM:
            self.bind((address, 0))
        plain(self, target)

    socket.socket.connect = connect_from  # type: ignore[assignment, method-assign]


async def dialled(address: PeerAddress) -> tuple[QuicTransport, RawPeer]:
    made: list[RawPeer] = []

    def make(transport: QuicTransport) -> RawPeer:
        made.append(RawPeer(transport))
        return made[0]

    transport = await dial((address.host, address.port), socket.AF_INET, client_configuration(address.tls_certificate_der), make)
    return transport, made[0]


async def half_open(address: PeerAddress, genesis: Genesis, forged: list[bytes], counts: Counts) -> None:
    """A connection that says nothing until it is closed."""
    transport, peer = await dialled(address)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await peer.until(lambda: peer._is_secured or peer.reason is not None)
            counts["half-open: TLS complete"] += 1
            await peer.until(lambda: peer.reason is not None)
        counts["half-open: closed"] += 1
    except TimeoutError:
        counts["half-open: no answer"] += 1
    finally:
        transport.abort("next")


async def oversize(address: PeerAddress, genesis: Genesis, forged: list[bytes], counts: Counts) -> None:
    """A frame that is one byte too long, all of it."""
    transport, peer = await dialled(address)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await peer.secured()
            initiator = peer.initiator(address, key=SigningKey(os.urandom(32)), network_id=genesis.network_id)
            peer.send_message(CONTROL_STREAM, initiator.hello())
            peer.send_message(CONTROL_STREAM, initiator.receive_handshake(await peer.next_handshake()))
            peer.send_bytes(MESSAGE_STREAM, (MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"\x10" + bytes(MAX_FRAME_BYTES))
            await peer.until(lambda: peer.reason is not None)
        counts[f"oversize: {peer.reason.wire_code.name if peer.reason is not None and peer.reason.wire_code is not None else 'closed'}"] += 1
    except (TimeoutError, IndexError):
        counts["oversize: no answer"] += 1
    finally:
        transport.abort("next")


async def proofs(address: PeerAddress, genesis: Genesis, forged: list[bytes], counts: Counts) -> None:
    """One connection, and as many requests on it as a validator lets wait."""
    try:
        connection = await connect(address, LocalIdentity(Role.WALLET), genesis.network_id, connect_timeout_s=PATIENCE_S)
    except MeshError:
        counts["proofs: no connection"] += 1
        return
    try:
        await asyncio.gather(*(_ask_on_and_on(connection, forged[number:] + forged[:number], counts) for number in range(REQUESTS_AT_ONCE)))
    except MeshError:
        counts["proofs: connection ended"] += 1
    finally:
        connection.close()


async def _ask_on_and_on(connection: Connection, forged: list[bytes], counts: Counts) -> None:
    for transition in itertools.cycle(forged):
        counts[f"proofs: {kind_of(await connection.submit(VoteRequest(0, (), transition)))}"] += 1


ATTACKS: dict[str, tuple[Attack, int]] = {"half-open": (half_open, HALF_OPEN_AT_ONCE), "oversize": (oversize, OVERSIZE_AT_ONCE), "proofs": (proofs, 1)}


async def main(home: Path, kinds: list[str]) -> None:
    folder = NetworkFolder(home)
    loop = asyncio.get_running_loop()
    seeds = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    client = Client(folder, {name: bytes.fromhex(seed) for name, seed in seeds.items()})
    forged = make_flood(client).forged
    counts: Counts = Counter()

    async def again_and_again(attack: Attack, address: PeerAddress) -> None:
        while True:
            with suppress(OSError):
                await attack(address, client.genesis, forged, counts)
            await asyncio.sleep(0.005)

    tasks = [
        loop.create_task(again_and_again(ATTACKS[kind][0], address))
        for kind in kinds
        for address in load_network(folder.network_file).validators
        for _ in range(ATTACKS[kind][1])
    ]
    ended = loop.run_in_executor(None, sys.stdin.read)
    while not ended.done():
        sys.stdout.write(json.dumps(counts) + "\n")
        sys.stdout.flush()
        await asyncio.wait([ended], timeout=1.0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    come_from(sys.argv[2])
    asyncio.run(main(Path(sys.argv[1]), sys.argv[3:] or [*KINDS]))
