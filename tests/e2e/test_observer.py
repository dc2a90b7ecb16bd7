"""The observer's process against four real validators: what it reads, checks, compares and says where one of them is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from testnet.child import Event
from testnet.command_service import CommandService
from tests.e2e.local_network import SETTLED_S, LocalNetwork
from tests.unit.network.peers import eventually


class Heard:
    """The events of the observer, newest last."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def last(self, name: str) -> Event:
        return next(event for event in reversed(self.events) if event["event"] == name)

    def count(self, name: str) -> int:
        return sum(1 for event in self.events if event["event"] == name)

    def rows(self) -> list[Event]:
        generation = self.last("ledger_log")["generation"]
        found = {row["index"]: row for event in self.events if event["event"] == "ledger_rows" and event["generation"] == generation for row in event["rows"]}
        return [row for _, row in sorted(found.items())]

    async def until_read(self, length: int) -> None:
        await eventually(
            lambda: self.count("ledger_log") > 0 and self.last("ledger_log")["length"] == length and not self.last("ledger_log")["reading"],
            within_s=SETTLED_S,
        )


@asynccontextmanager
async def observing(network: LocalNetwork) -> AsyncIterator[tuple[CommandService, Heard]]:
    heard = Heard()
    arguments = ["--network", str(network.folder.network_file)]
    service = CommandService(
        "testnet.observer_process", lambda: arguments, network.folder.home / "observer.log", heard.events.append, name="the observer's process"
    )
    await service.start()
    try:
        yield service, heard
    finally:
        await service.stop()


@pytest.mark.slow
async def test_the_ledger_of_four_real_validators(tmp_path: Path) -> None:
    """One network for the whole story: starting four validators is what costs."""
    network = LocalNetwork(tmp_path, {"alice": 10_000, "bob": 0})
    async with network.supervisor, observing(network) as (observer, heard):
        with pytest.raises(LocalFault) as nobody:
            await observer.command({"command": "compare"})
        assert nobody.value.code is ErrorCode.NO_QUORUM
        await network.supervisor.start_all()
        async with network.wallets() as wallets:
            paid = await wallets.pay("alice", "bob", 500, "lunch")
            await wallets.pay("alice", "bob", 7)
            await network.until(lambda: wallets.wallet("bob").account.balance.spendable == 507)
            # A status may still be the one from before the first payment.
            await network.until(lambda: all(status["log_length"] >= 3 for status in network.statuses().values()))
            length = await network.until_at_rest(wallets.wallet("alice"), wallets.wallet("bob"))
        await observer.command({"command": "watch", "validator": None})
        await heard.until_read(length)
        await check_rows(network, heard, paid.cert_id.hex())
        await check_certificate(observer, heard, paid.cert_id.hex())
        await check_account(network, observer, heard)
        await check_comparison(network, observer, heard, length)


async def check_rows(network: LocalNetwork, heard: Heard, cert_id: str) -> None:
    rows = heard.rows()
    assert [row["index"] for row in rows] == list(range(len(rows)))
    sent = next(row for row in rows if row["cert_id"] == cert_id)
    assert (sent["kind"], sent["sender"], sent["sequence"], sent["fee"]) == ("send", network.owner("alice"), 0, 1)
    assert sent["recipients"] == [network.owner("bob")]
    assert len(sent["signers"]) == 3
    claims = [row for row in rows if row["kind"] == "receive"]
    assert any(f"{cert_id}.0" in row["claims"] for row in claims)
    log = heard.last("ledger_log")
    assert log["digest"] == network.statuses()[0]["state_digest"], "the digest is computed here, and is the one that validators say"
    assert (log["fee_pool"], log["outputs"]) == (2, 0)


async def check_certificate(observer: CommandService, heard: Heard, cert_id: str) -> None:
    await observer.command({"command": "certificate", "cert_id": cert_id})
    shown = heard.last("ledger_certificate")
    data = bytes.fromhex(shown["data"])
    assert sum(size for _, _, size, _ in shown["fields"]) == len(data)
    assert shown["outputs"][0]["claimable"] is False
    assert shown["outputs"][0]["claimed_by"] in {row["cert_id"] for row in heard.rows()}
    await observer.command({"command": "verify", "cert_id": cert_id})
    verified = heard.last("ledger_verified")
    assert verified["ok"]
    assert [check["ok"] for check in verified["checks"]] == [True] * len(verified["checks"])
    assert next(check for check in verified["checks"] if check["name"] == "range")["ms"] > 0
    with pytest.raises(LocalFault) as unknown:
        await observer.command({"command": "certificate", "cert_id": "ab" * 32})
    assert unknown.value.code is ErrorCode.DOCUMENT_INVALID


async def check_account(network: LocalNetwork, observer: CommandService, heard: Heard) -> None:
    await observer.command({"command": "account", "owner": network.owner("alice"), "end": None})
    account = heard.last("ledger_account")
    assert (account["sequence"], account["allocation"], account["claimable"]) == (2, 10_000, [])
    assert [(link["sequence"], link["linked"]) for link in account["links"]] == [(0, True), (1, True)]
    assert [word["agrees"] for word in account["words"]] == [True] * 4
    await observer.command({"command": "outputs"})
    assert heard.last("ledger_outputs")["count"] == 0


async def check_comparison(network: LocalNetwork, observer: CommandService, heard: Heard, length: int) -> None:
    await eventually(lambda: all(sight["log_length"] == length for sight in heard.last("ledger_log")["sights"]), within_s=SETTLED_S)
    await observer.command({"command": "compare"})
    compared = heard.last("ledger_comparison")
    assert compared["supply_audit"] is True
    assert compared["length"] == length
    assert {standing["verdict"] for standing in compared["standings"]} <= {"same", "other_order"}, compared["standings"]
    reference = compared["reference"]
    await network.supervisor.kill(reference)
    await eventually(lambda: heard.last("ledger_log")["validator"] != reference and not heard.last("ledger_log")["reading"], within_s=SETTLED_S)
    await heard.until_read(length)
    await observer.command({"command": "compare"})
    assert heard.last("ledger_comparison")["standings"][reference]["verdict"] == "silent", heard.last("ledger_comparison")
    assert not heard.count("ledger_lie")
