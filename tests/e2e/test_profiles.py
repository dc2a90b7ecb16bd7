"""Networks on a profile: validators measure its round trips, no payment is quicker than its floor, and a payment's time is the sum of its parts."""

import asyncio
import json
from pathlib import Path

from mesh_core.errors import LocalFault
from mesh_core.storage.wallet_store import find_wallet_address
from mesh_core.types.address import format_address
from mesh_core.validator.status import ask_status
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from testnet.bench.latency_network import measure
from testnet.child import Event
from testnet.genesis import make_network
from testnet.layout import NetworkFolder
from testnet.lines import WALLETS
from testnet.profiles import Profile, load_profile
from testnet.recipe import Recipe, Seat
from testnet.up import UpNetwork
from tests.e2e.processes import START_S
from tests.unit.network.peers import eventually

COAST = """text = "a coast"
source = "a test"
[validators]
cities = ["North", "Middle", "South", "Far"]
same_city_round_trip_ms = 1
[wallet]
city = "North"
[line]
jitter_ms = 0.5
[round_trips_ms]
"North - Middle" = 20
"North - South" = 40
"North - Far" = 100
"Middle - South" = 24
"Middle - Far" = 90
"South - Far" = 70
"""


def coast(folder: Path) -> Profile:
    (folder / "coast.toml").write_text(COAST)
    return load_profile(str(folder / "coast.toml"))


def round_trips_ms(folder: NetworkFolder) -> dict[tuple[int, int], float]:
    """What validators measure to each other."""
    found = {}
    for index in range(4):
        for peer in json.loads(ask_status(folder.validator(index).data_dir))["peers"]:
            if peer["up"] and peer["rtt_ms"] is not None:
                found[index, peer["index"]] = float(peer["rtt_ms"])
    return found


async def paid_ms(folder: NetworkFolder) -> float:
    """How long a payment takes with the network file that mesh-wallet is given for it."""
    home = WalletHome(folder.wallets, load_network(folder.relayed_network_file), lambda event: None, _raise)
    home.start(["alice"])
    to = find_wallet_address(folder.wallets, "faucet")
    assert to is not None
    try:
        async with asyncio.timeout(START_S):
            return (await home.pay("alice", format_address(to), 5)).payment_ms
    finally:
        await home.close()
        await asyncio.sleep(0.01)  # the sockets of closed connections close in a later turn of the loop


def _raise(fault: LocalFault) -> None:
    raise fault


async def test_a_network_runs_on_the_profile_that_it_was_made_with(tmp_path: Path) -> None:
    profile, folder, events = coast(tmp_path), NetworkFolder(tmp_path / "home"), list[Event]()
    make_network(folder, Recipe("test", (Seat(),) * 4, {"faucet": 1000, "alice": 50}, profile=str(tmp_path / "coast.toml")))
    network = UpNetwork(folder, events.append)
    try:
        network.open(None)
        async with asyncio.timeout(START_S):
            await network.start()
        told = {event["line"]: event["delay_ms"] for event in events if event["event"] == "line_state"}
        assert told == {line.name: conditions.delay_ms for line, conditions in profile.lines(4)}
        names = [event["event"] for event in events]
        assert names.index("line_state") < names.index("profile") < names.index("ready"), "lines are as they are before anybody dials"
        await eventually(lambda: len(round_trips_ms(folder)) == 12, within_s=START_S)
        assert all(ms >= profile.round_trip_ms(*ends) for ends, ms in round_trips_ms(folder).items())
        assert await paid_ms(folder) >= profile.floor_ms(4, 3), "a wallet of another program goes over the same lines"
    finally:
        await network.close()


async def test_no_payment_is_quicker_than_the_floor_and_its_parts_are_its_time(tmp_path: Path) -> None:
    profile = coast(tmp_path)
    samples, cost = await measure(tmp_path / "home", profile, payments=5, warm_up=1, validators_count=4, seed=1, tell=lambda number: None)
    assert (len(samples), cost["unacknowledged"], cost["quorum"]) == (5, 0, 3)
    assert cost["datagrams"]["forwarded"] > 0
    assert cost["cpu_ms"]["wallet"] > 0
    for sample in samples:
        assert sample.certificate_ms >= profile.floor_ms(4, 3) == 40
        assert sample.acks_ms >= 80
        one_way_ms = profile.round_trip_ms(WALLETS, sample.decided_by) / 2
        assert sample.parts["network there"] >= one_way_ms
        assert sample.parts["network back"] >= one_way_ms
        assert sample.parts["prove"] > 0
    # What is not a part of its own is the way from one to the next, which a busy machine makes longer: of one payment or another, not of each.
    rests = [sample.certificate_ms - sum(sample.parts.values()) for sample in samples]
    assert min(rests) >= -0.1
    assert any(rest <= sample.certificate_ms / 4 for rest, sample in zip(rests, samples, strict=True)), rests
