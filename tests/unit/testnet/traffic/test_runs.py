"""Runs with wallets that do as a test wants: faults are counted and stop nothing, what nobody can pay is left out and counted, every run ends with a word."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.construction import Payment
from mesh_core.wallet import events
from mesh_core.wallet.paying import PaymentResult
from testnet.traffic import traffic_run
from testnet.traffic.measured_run import MeasuredRun
from testnet.traffic.plan import Arrivals, MeasurePlan, TrafficPlan
from testnet.traffic.purses import Purses
from testnet.traffic.run import Surroundings
from testnet.traffic.samples import SampleBook
from testnet.traffic.traffic_run import QUEUE_MOST, TrafficRun
from tests.tui.fake_workbench import address
from tests.unit.network.peers import eventually

PLAN = TrafficPlan(rate=100.0, arrivals=Arrivals.STEADY, amount_least=1, amount_most=5, wallets=2, duration_s=0.3, seed=1)
CERTIFICATE = b"\x01" * 32


class FakeWallet:
    """Pays at once, refuses, or never answers."""

    def __init__(self, name: str, ground: "Ground") -> None:
        self.name = name
        self.address = address(name)
        self.is_busy = False
        self._ground = ground

    async def send(self, payments: Sequence[Payment]) -> PaymentResult:
        assert len(payments) == 1
        ground = self._ground
        if ground.refusal is not None:
            raise ground.refusal
        if ground.is_stuck or ground.number >= ground.most:
            await asyncio.Event().wait()
        ground.number += 1
        number, book = ground.number, ground.book
        book.take(events.PaymentStarted(0, number, self.name, "send", 1, 1, (), 0))
        book.take(events.CertificateMade(40_000_000, number, CERTIFICATE, (0, 1, 2), 1800, 20.0, 40.0))
        book.take(events.CertificateDelivered(50_000_000, number, 0, "applied", 0, 3, 1.0))
        book.take(events.PaymentState(51_000_000, number, self.name, "settled", None))
        return PaymentResult(number, cast(Any, CERTIFICATE), 40.0, 7.0)


class Ground:
    """Surroundings without a network."""

    def __init__(self) -> None:
        self.refusal: LocalFault | None = None
        self.is_stuck = False
        self.most = 1_000_000
        """Payments after which nothing is answered any more."""
        self.number = 0
        self.units = 1_000
        self.fee = 1
        self.book = SampleBook(3)
        self.told: list[dict[str, Any]] = []
        self.refilled: list[str] = []
        names = [f"traffic-{number}" for number in range(1, 5)]
        wallets = {name: FakeWallet(name, self) for name in names}

        async def prepare(count: int, units: int, tell: Any) -> list[str]:
            tell("making wallets")
            return names[:count]

        purses = SimpleNamespace(
            prepare=prepare,
            wallet=wallets.__getitem__,
            spendable=lambda name: self.units,
            refill_behind=lambda name, units, on_fault: self.refilled.append(name),
        )
        self.purses = cast(Purses, purses)

    def links_up(self) -> list[bool]:
        return [True] * 4

    def facts(self) -> dict[str, Any]:
        return {"cpu": "none"}

    def tell(self, event: dict[str, Any]) -> None:
        self.told.append(event)

    @property
    def over(self) -> dict[str, Any]:
        assert [event["event"].partition("_")[2] for event in (self.told[0], self.told[-1])] == ["started", "over"]
        return self.told[-1]


@pytest.fixture
def ground() -> Ground:
    return Ground()


def as_surroundings(ground: Ground) -> Surroundings:
    return cast(Surroundings, ground)


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_traffic_ends_when_its_time_is_over(ground: Ground) -> None:
    await TrafficRun(as_surroundings(ground), PLAN).run()
    over = ground.over
    assert (over["reason"], over["failures"], over["skipped"], over["unfinished"]) == ("finished", [], 0, 0)
    assert over["sent"] == over["done"] == over["counted"] == 30
    assert (over["p50_ms"], over["acks_p99_ms"]) == (40.0, 50.0)


async def test_faults_are_counted_and_stop_nothing(ground: Ground) -> None:
    ground.refusal = LocalFault(ErrorCode.INSUFFICIENT_FUNDS, "too poor")
    await TrafficRun(as_surroundings(ground), PLAN).run()
    over = ground.over
    assert (over["reason"], over["sent"], over["done"], over["failures"]) == ("finished", 30, 0, [["INSUFFICIENT_FUNDS", 30]])
    assert "p50_ms" not in over
    assert set(ground.refilled) == {"traffic-1", "traffic-2"}


async def test_what_no_wallet_can_pay_is_left_out_and_counted(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_run, "END_PATIENCE_S", 0.01)
    ground.is_stuck = True
    await TrafficRun(as_surroundings(ground), PLAN).run()
    over = ground.over
    assert over["sent"] == over["unfinished"] == 2 * QUEUE_MOST
    assert over["skipped"] == 30 - 2 * QUEUE_MOST


async def test_wallets_without_money_pay_nothing(ground: Ground) -> None:
    ground.units = 1
    await TrafficRun(as_surroundings(ground), PLAN).run()
    assert (ground.over["sent"], ground.over["skipped"]) == (0, 30)


async def test_traffic_without_end_is_stopped(ground: Ground) -> None:
    run = TrafficRun(as_surroundings(ground), replace(PLAN, duration_s=None))
    running = asyncio.create_task(run.run())
    await eventually(lambda: run.tally.done >= 5)
    run.stop()
    await running
    assert ground.over["reason"] == "stopped"


async def test_a_measurement_counts_after_its_warm_up_and_is_kept(ground: Ground, tmp_path: Path) -> None:
    await MeasuredRun(as_surroundings(ground), MeasurePlan(payments=10, at_once=2, wallets=4, warm_up=3, amount=1), tmp_path).run()
    over = ground.over
    assert ground.number == 13
    assert (over["reason"], over["sent"], over["done"], over["counted"]) == ("finished", 10, 10, 10)
    assert files_in(tmp_path) == [Path(over["file"]).name]


async def test_a_measurement_that_is_stopped_keeps_what_it_has(ground: Ground, tmp_path: Path) -> None:
    ground.most = 5
    run = MeasuredRun(as_surroundings(ground), MeasurePlan(payments=10, at_once=2, wallets=4, warm_up=0, amount=1), tmp_path)
    running = asyncio.create_task(run.run())
    await eventually(lambda: run.tally.done == 5)
    run.stop()
    await running
    assert (ground.over["reason"], ground.over["done"]) == ("stopped", 5)
    assert ground.over["file"]


async def test_a_measurement_whose_payments_fail_says_so_and_keeps_no_file(ground: Ground, tmp_path: Path) -> None:
    ground.refusal = LocalFault(ErrorCode.ACCOUNT_LOCKED, "locked")
    await MeasuredRun(as_surroundings(ground), MeasurePlan(payments=4, at_once=1, wallets=2, warm_up=1, amount=1), tmp_path).run()
    assert (ground.over["failures"], ground.over["file"]) == ([["ACCOUNT_LOCKED", 4]], "")
    assert files_in(tmp_path) == []


async def test_a_recipient_that_is_no_address_is_refused_at_once(ground: Ground) -> None:
    with pytest.raises(LocalFault) as caught:
        TrafficRun(as_surroundings(ground), replace(PLAN, to="nobody"))
    assert caught.value.code is ErrorCode.ADDRESS_INVALID
