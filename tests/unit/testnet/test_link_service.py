"""The lines of a network: who is told which relay, what is healed, and that neither dead relays nor mute wallets hold anybody up."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.network import load_network
from testnet import link_service as link_service_module
from testnet.child import Event
from testnet.conditions import GOOD, Conditions
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.lines import WALLETS, Line
from testnet.link_service import LinkService
from testnet.profiles import load_profile
from testnet.routed_service import Address, EveryWallet
from tests.unit.network.peers import PATIENCE_S, eventually

CUT = Conditions(is_cut=True)


class FakeSupervisor:
    """Remembers the routes that validators were told."""

    def __init__(self) -> None:
        self.routes: dict[tuple[int, int], Address | None] = {}

    def route(self, index: int, peer: int, address: Address | None) -> None:
        self.routes[index, peer] = address


class FakeWallets:
    """Remember their routes, refuse, or say nothing at all."""

    def __init__(self) -> None:
        self.routes: dict[int, Address | None] = {}
        self.refusal: LocalFault | None = None
        self.is_mute = False

    async def route(self, validator: int, address: Address | None) -> None:
        if self.is_mute:
            await asyncio.Event().wait()
        if self.refusal is not None:
            raise self.refusal
        self.routes[validator] = address


class Lines:
    """The service in front of fakes, with a real process of relays."""

    def __init__(self, home: Path) -> None:
        folder = self.folder = NetworkFolder(home)
        create_network(folder, name="test", wallets={"faucet": 1})
        self.supervisor, self.wallets = FakeSupervisor(), FakeWallets()
        self.events: list[Event] = []
        self.links = LinkService(folder, self.supervisor, self.wallets, self.events.append)

    def states(self) -> list[tuple[str, bool]]:
        return [(event["line"], event["relayed"]) for event in self.events if event["event"] == "line_state"]

    def kill_relays(self) -> None:
        os.kill(self.links.pid or 0, signal.SIGKILL)


@asynccontextmanager
async def lines(home: Path) -> AsyncIterator[Lines]:
    one = Lines(home)
    try:
        yield one
    finally:
        await one.links.close()


async def test_both_ends_are_led_through_relays_and_back(tmp_path: Path) -> None:
    async with lines(tmp_path / "home") as one:
        await one.links.set(Line(0, 2), GOOD)
        assert (one.links.pid, one.supervisor.routes) == (None, {}), "nothing is started for a line that is good"
        await one.links.set(Line(0, 2), CUT)
        assert one.supervisor.routes.keys() == {(0, 2), (2, 0)}
        ports = {address[1] for address in one.supervisor.routes.values() if address is not None}
        assert len(ports) == 2
        await one.links.set(Line(0, 2), Conditions(delay_ms=5))
        assert {address[1] for address in one.supervisor.routes.values() if address is not None} == ports, "the same relays"
        await one.links.set(Line(WALLETS, 1), CUT)
        assert one.wallets.routes.keys() == {1}
        assert one.links.conditions == {Line(0, 2): Conditions(delay_ms=5), Line(WALLETS, 1): CUT}
        await one.links.heal_all()
        assert (set(one.supervisor.routes.values()), one.wallets.routes, one.links.conditions) == ({None}, {1: None}, {})
        assert one.states()[-2:] == [("V1-V3", False), ("wallets-V2", False)]


async def test_a_profile_gives_every_line_its_conditions_and_leaves_good_ones_direct(tmp_path: Path) -> None:
    async with lines(tmp_path / "home") as one:
        await one.links.apply(load_profile("local"))
        assert (one.links.pid, one.events) == (None, []), "nothing is started where nothing is to be done"
        profile = load_profile("australia")
        await one.links.apply(profile)
        assert one.links.conditions == dict(profile.lines(4))
        assert len(one.supervisor.routes) == 12
        assert one.wallets.routes.keys() == {0, 1, 2, 3}
        told = next(event for event in one.events if event["event"] == "line_state" and event["line"] == "wallets-V4")
        assert {name: told[name] for name in ("delay_ms", "jitter_ms", "loss", "bandwidth_kbit_s")} == {
            "delay_ms": 24,
            "jitter_ms": 1,
            "loss": 0.001,
            "bandwidth_kbit_s": 0,
        }
        relayed = load_network(one.folder.relayed_network_file)
        assert {index: (peer.host, peer.port) for index, peer in enumerate(relayed.validators)} == one.wallets.routes
        assert relayed.genesis.network_id == load_network(one.folder.network_file).genesis.network_id
        count = len(one.events)
        await one.links.apply(profile)
        assert len(one.events) == count, "what is so already is not told again"
        await one.links.apply(load_profile("local"))
        assert (set(one.supervisor.routes.values()), one.links.conditions) == ({None}, {})
        assert not one.folder.relayed_network_file.exists()


async def test_relays_that_die_leave_every_line_direct(tmp_path: Path) -> None:
    async with lines(tmp_path / "home") as one:
        await one.links.set(Line(0, 1), CUT)
        await one.links.set(Line(WALLETS, 0), CUT)
        one.wallets.refusal = LocalFault(ErrorCode.STORE_UNAVAILABLE, "the wallets' process has ended")
        one.kill_relays()
        await eventually(lambda: one.states()[-2:] == [("V1-V2", False), ("wallets-V1", False)])
        assert set(one.supervisor.routes.values()) == {None}
        assert one.links.conditions == {}
        assert not one.folder.relayed_network_file.exists(), "whoever read it would wait there for ever"
        one.wallets.refusal = None
        await one.links.set(Line(WALLETS, 0), CUT)
        assert one.wallets.routes[0] is not None, "and relays can be had again"


async def test_a_line_of_which_half_was_refused_is_not_direct_and_can_be_healed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one direction would stay in its relay, and no order would ever find it again: `heal --all` heals what is not direct."""
    async with lines(tmp_path / "home") as one:
        real = one.links._open
        refusal = LocalFault(ErrorCode.CONFIG_INVALID, "no relay for V3>V1: too many open files")

        async def refuse(dialler: int, listener: int) -> int:
            if dialler == 2:
                raise refusal
            return await real(dialler, listener)

        with monkeypatch.context() as patch:
            patch.setattr(one.links, "_open", refuse)
            with pytest.raises(LocalFault, match="too many open files"):
                await one.links.set(Line(0, 2), CUT)
        assert one.supervisor.routes.keys() == {(0, 2)}
        assert (one.links.conditions, one.states()) == ({Line(0, 2): CUT}, [("V1-V3", True)])
        await one.links.heal_all()
        assert one.supervisor.routes == {(0, 2): None}
        one.wallets.refusal = refusal
        with pytest.raises(LocalFault):
            await one.links.set(Line(WALLETS, 1), CUT)
        assert one.links.conditions == {Line(WALLETS, 1): CUT}
        await one.links.set(Line(0, 1), CUT)
        with pytest.raises(LocalFault):
            await one.links.heal_all()
        assert one.links.conditions == {Line(WALLETS, 1): CUT}
        one.wallets.refusal = None
        await one.links.heal_all()
        assert (one.links.conditions, one.wallets.routes) == ({}, {1: None})
        assert not one.folder.relayed_network_file.exists()
        assert one.states()[-1] == ("wallets-V2", False)


async def test_every_process_of_wallets_has_the_same_lines_also_where_one_refuses() -> None:
    refusing, others = FakeWallets(), [FakeWallets(), FakeWallets()]
    refusing.refusal = LocalFault(ErrorCode.STORE_UNAVAILABLE, "it has ended")
    every = EveryWallet(others[0], refusing, others[1])
    with pytest.raises(LocalFault) as refusal:
        await every.route(2, ("127.0.0.1", 9))
    assert refusal.value is refusing.refusal
    assert [one.routes for one in others] == [{2: ("127.0.0.1", 9)}] * 2


async def test_mute_wallets_do_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_service_module, "CLOSE_DEADLINE_S", 0.05)
    one = Lines(tmp_path / "home")
    await one.links.set(Line(WALLETS, 0), CUT)
    one.wallets.is_mute = True
    async with asyncio.timeout(PATIENCE_S):
        await one.links.close()
    assert one.links.pid is None
    assert one.states() == [("wallets-V1", True)], "a network that ends has no lines"
