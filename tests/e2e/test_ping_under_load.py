"""Goal: a validator whose verifying threads are busy, with more proofs waiting behind them, still answers at once what needs no proof.

Method: a real validator process in which verifications last until the test lets them end (held_validator.py). What must be answered meanwhile is waited for in
that state, so the order of events decides and no clock. How long a PING takes is told by a benchmark: `python -m tests.e2e.bench_ping`.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mesh_core.crypto.ristretto import LIBRARY_VARIABLE, LIBSODIUM, NATIVE, is_native_built
from mesh_core.types.messages import AccountStateMessage, QueryAccount, VoteRequest
from tests.e2e.flood import FORGED_OF_AN_ACCOUNT, VOTE, flood_wallets, kind_of, make_flood
from tests.e2e.validator import ANSWER_S, Client, ValidatorProcess, make_network
from tests.unit.network.peers import eventually

GOOD, FORGING = 6, 5
REQUESTS = GOOD + FORGING * FORGED_OF_AN_ACCOUNT
CONNECTIONS = 4
PINGS = 20
VERDICTS_S = 60.0


@pytest.mark.parametrize(
    "backend", [pytest.param(NATIVE, marks=pytest.mark.skipif(not is_native_built(), reason="the C module was not built here")), LIBSODIUM]
)
async def test_ping_and_query_are_answered_while_proofs_are_verified(tmp_path: Path, backend: str) -> None:
    network, seeds = make_network(tmp_path / "home", wallets=flood_wallets(good=GOOD, forging=FORGING))
    client = Client(network, seeds)
    flood = make_flood(client)
    released = tmp_path / "released"
    environment = {LIBRARY_VARIABLE: backend, "MESH_TEST_RELEASE": str(released)}
    process = ValidatorProcess(network.validator(0), module="tests.e2e.held_validator", environment=environment)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(process.end)
        assert (await process.start())["backend"] == backend
        flooding = [await stack.enter_async_context(client.connected()) for _ in range(CONNECTIONS)]
        pinging = await stack.enter_async_context(client.connected())

        transitions = [*flood.good, *flood.forged]
        answers = [flooding[number % CONNECTIONS].submit(VoteRequest(0, (), transition)) for number, transition in enumerate(transitions)]
        await eventually(lambda: process.named("status")[-1]["proofs_waiting"] == REQUESTS, within_s=ANSWER_S)

        async with asyncio.timeout(VERDICTS_S):
            for _ in range(PINGS):
                await pinging.ping()
                # On a slow machine this takes a while, and connections on which nothing is said end after ten seconds.
                await asyncio.gather(*(connection.ping() for connection in flooding))
            account = await pinging.request(QueryAccount(0, client.keys["good0"].owner, 0, bytes(33), 0), VERDICTS_S)
        assert isinstance(account, AccountStateMessage)
        # Nothing was verified meanwhile: the answers above came while all of it was under way.
        assert not any(answer.done() for answer in answers)
        statuses = len(process.named("status"))
        assert (await process.event("status", number=statuses))["proofs_waiting"] == REQUESTS

        released.touch()
        async with asyncio.timeout(VERDICTS_S):
            verdicts = Counter(map(kind_of, await asyncio.gather(*answers)))
        assert verdicts == {VOTE: GOOD, "RANGE_PROOF": REQUESTS - GOOD}
