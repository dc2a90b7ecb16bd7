"""Vote requests in any number, each of which costs a validator the verification of a range proof, and a process that floods a validator with them.

    python -m tests.e2e.flood HOME REQUESTS     REQUESTS: a file, one encoded transition a line, in hexadecimal; "-" in front: once only

Eight connections, each from an address of its own (127.0.0.2 and so on), so that no limit of one address bounds the load; on each 32 requests under way, as
many as a validator lets wait, and an answer makes room for the next. What is not to be sent once only is sent again and again. A line on standard output says
that the connections are there; a line on standard input starts the flood, its end ends it. Then a line says, as JSON, how many answers of which kind came:
"vote", or the name of a refusal's code.
"""

import asyncio
import json
import os
import socket
import sys
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.errors import ErrorCode
from mesh_core.network.client import Connection
from mesh_core.protocol.construction import Draft, Payment, draft_send, prove_draft, sign_draft
from mesh_core.types.messages import VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION
from testnet.layout import NetworkFolder
from tests.e2e.validator import Client, genesis_machine

CONNECTIONS = 8
IN_FLIGHT = 32
"""Requests of one connection that a validator lets wait for a proof."""
FORGED_OF_AN_ACCOUNT = 4
"""Proofs of one account that a validator lets wait."""
AMOUNT = 1000
VOTE = "vote"


@dataclass(frozen=True, slots=True)
class Flood:
    """Encoded transitions. `good`: one of each account, each gets a vote; `forged`: several of each account, well-formed, and no proof holds."""

    good: list[bytes]
    forged: list[bytes]


def flood_wallets(*, good: int, forging: int) -> dict[str, int]:
    """Wallets that the genesis must have for so many good transitions and so many forging accounts."""
    return {f"{kind}{number}": AMOUNT for kind, count in (("good", good), ("forging", forging)) for number in range(count)}


def make_flood(client: Client) -> Flood:
    """A flood for a network with `flood_wallets`."""
    ledger = genesis_machine(client.genesis).ledger
    flood = Flood([], [])
    for name, keys in client.keys.items():
        draft = draft_send(keys, client.genesis, ledger.account_or_zero(keys.owner), Opening(AMOUNT, 0), [Payment(keys.address, 1)], os.urandom)
        proof = prove_draft(draft, os.urandom)
        if name.startswith("good"):
            flood.good.append(_encode(draft, proof, keys))
        else:
            flood.forged.extend(_encode(draft, _forge(proof, number), keys) for number in range(1, 1 + FORGED_OF_AN_ACCOUNT))
    return flood


def _encode(draft: Draft, proof: bytes, keys: WalletKeys) -> bytes:
    return TRANSITION.encode(sign_draft(draft, proof, keys.signing_key))


def _forge(proof: bytes, number: int) -> bytes:
    """A proof of which only the last sum shows that it is none: its first scalar is greater by `number`."""
    scalar = (int.from_bytes(proof[1:33], "little") + number) % GROUP_ORDER
    return proof[:1] + scalar.to_bytes(32, "little") + proof[33:]


def kind_of(answer: object) -> str:
    """VOTE, or the name of the code of a refusal."""
    assert isinstance(answer, VoteResponse | VoteReject), answer
    return VOTE if isinstance(answer, VoteResponse) else ErrorCode(answer.code).name


async def _keep_sending(connection: Connection, waiting: deque[tuple[bytes, bool]], counts: Counter[str]) -> None:
    """One of the requests that a connection has in flight, and its successors."""
    while waiting:
        transition, is_repeated = waiting.popleft()
        counts[kind_of(await connection.submit(VoteRequest(0, (), transition)))] += 1
        if is_repeated:
            waiting.append((transition, is_repeated))


async def flood(client: Client, transitions: list[tuple[bytes, bool]]) -> Mapping[str, int]:
    """Send until standard input ends."""
    counts: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(client.connected()) for _ in range(CONNECTIONS)]
        _tell({"connections": CONNECTIONS})
        await asyncio.to_thread(sys.stdin.readline)
        tasks = []
        for number, connection in enumerate(connections):
            waiting = deque(transitions[number::CONNECTIONS])
            tasks += [asyncio.create_task(_keep_sending(connection, waiting, counts)) for _ in range(min(IN_FLIGHT, len(waiting)))]
        sending = asyncio.gather(*tasks)
        sending.add_done_callback(lambda _: _tell({"sent": counts.total()}))
        await asyncio.to_thread(sys.stdin.read)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    return counts


def come_from_many(addresses: Iterable[str]) -> None:
    """Each UDP socket of this process sends from the next of these addresses."""
    plain = socket.socket.connect
    turn = cycle(addresses)

    def connect_from(self: socket.socket, target: Any) -> None:
        if self.type is socket.SOCK_DGRAM:
            self.bind((next(turn), 0))
        plain(self, target)

    socket.socket.connect = connect_from  # type: ignore[assignment, method-assign]


def _tell(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(home: str, requests: str) -> None:
    """Flood the first validator of a network."""
    come_from_many(f"127.0.0.{number}" for number in range(2, 2 + CONNECTIONS))
    lines = Path(requests).read_text().split()
    transitions = [(bytes.fromhex(line.removeprefix("-")), not line.startswith("-")) for line in lines]
    _tell(asyncio.run(flood(Client(NetworkFolder(Path(home)), {}), transitions)))


if __name__ == "__main__":
    main(*sys.argv[1:])
