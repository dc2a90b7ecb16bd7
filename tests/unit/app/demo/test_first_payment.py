"""The headless demonstration with made-up processes: when its summary is good, and how it ends when something goes wrong."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from mesh_app.demo import narrator, stage
from mesh_app.demo.first_payment import FirstPayment
from mesh_app.demo.narrator import Narrator
from mesh_app.exit_status import ExitStatus
from mesh_core.errors import ErrorCode, LocalFault
from tests.unit.network.peers import eventually

Event = dict[str, Any]
DIGEST = "ab" * 32


def wallet(name: str, balance: int) -> Event:
    return {"event": "wallet", "t_ns": 1, "wallet": name, "balance": balance}


def status(validator: int, **changes: Any) -> Event:
    fields = {"log_length": 2, "state_digest": DIGEST, "fee_pool": 1, "supply_audit": True}
    return {"event": "status", "t_ns": 1, "validator": validator, **fields, **changes}


def good_events() -> list[Event]:
    """What is told of a payment of 500 that went well."""
    return [
        wallet("alice", 10_000),
        wallet("bob", 0),
        {"event": "payment_started", "t_ns": 1, "payment": 1, "kind": "send"},
        {"event": "payment_step", "t_ns": 1, "payment": 1, "step": "proved", "ms": 60.5},
        {"event": "certificate", "t_ns": 1, "payment": 1, "payment_ms": 120.25},
        wallet("alice", 9_499),
        {"event": "payment_started", "t_ns": 1, "payment": 2, "kind": "receive"},
        {"event": "payment_step", "t_ns": 1, "payment": 2, "step": "proved", "ms": 0.5},
        {"event": "certificate", "t_ns": 1, "payment": 2, "payment_ms": 15.0},
        wallet("bob", 500),
        *({"event": "vote_cast", "t_ns": 1, "validator": validator} for validator in range(4) for _ in range(2)),
        *(status(validator) for validator in range(4)),
    ]


def play_of(events: list[Event], amount: int = 500) -> FirstPayment:
    play = FirstPayment(amount)
    for event in events:
        play.take(event)
    return play


def test_summary_of_a_payment_that_went_well() -> None:
    assert play_of(good_events()).summary() == {
        "event": "summary",
        "ok": True,
        "alice": 9499,
        "bob": 500,
        "fee_pool": 1,
        "certificates": 2,
        "votes": 8,
        "digests_equal": True,
        "supply_audit": True,
        "payment_ms": 120.25,
        "prove_ms": 60.5,
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda events: [*events, status(2, state_digest="cd" * 32)],
        lambda events: [*events, status(2, log_length=1)],
        lambda events: [*events, *(status(validator, log_length=3) for validator in range(4))],
        lambda events: [*events, status(2, supply_audit=False)],
        lambda events: [*events, *(status(validator, supply_audit=None) for validator in range(4))],
        lambda events: [*events, status(1, fee_pool=2)],
        lambda events: [*events, *(status(validator, fee_pool=0) for validator in range(4))],
        lambda events: [event for event in events if event.get("validator") != 3],
        lambda events: [*events, wallet("alice", 9_500)],
        lambda events: [*events, wallet("bob", 501)],
        lambda events: [event for event in events if event["event"] != "certificate"],
        lambda events: [],
    ],
    ids=[
        "another digest",
        "one is behind",
        "a third certificate",
        "supply",
        "supply not audited",
        "fees differ",
        "no fees",
        "a validator is missing",
        "alice",
        "bob",
        "no certificate",
        "nothing",
    ],
)
def test_summary_is_good_only_if_everything_in_it_holds(change: Callable[[list[Event]], list[Event]]) -> None:
    assert play_of(change(good_events())).summary()["ok"] is False


def test_summary_with_an_error_is_not_good() -> None:
    play = play_of(good_events())
    play.facts.error = "not complete"
    assert (play.summary()["ok"], play.summary()["error"]) == (False, "not complete")


def test_events_of_the_claim_do_not_pass_for_those_of_the_payment() -> None:
    play = play_of(good_events())
    assert (play.payment_ms, play.prove_ms) == (120.25, 60.5)


def test_amount_decides_what_is_complete() -> None:
    assert play_of(good_events(), 500).is_complete
    assert not play_of(good_events(), 501).is_complete


# --- A run -----------------------------------------------------------------------------------------------------------------------------------------


class FakeWorkbench:
    """Tells `told` when it is started; `paying` is what a payment comes to."""

    told: ClassVar[list[Event]] = []
    starting: ClassVar[LocalFault | None] = None
    paying: ClassVar[LocalFault | None] = None
    made: ClassVar["list[FakeWorkbench]"] = []

    def __init__(self, folder: object, **options: object) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.options = options
        self.paid: list[tuple[str, str, int]] = []
        self.is_closed = False
        self.made.append(self)

    async def __aenter__(self) -> "FakeWorkbench":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.events.put_nowait({"event": "stopping", "t_ns": 2, "validator": 0, "reason": "SIGTERM"})
        await asyncio.sleep(0)
        self.is_closed = True

    def open(self) -> None:
        pass

    async def start(self) -> None:
        for event in self.told:
            self.events.put_nowait(event)
        if self.starting is not None:
            raise self.starting

    async def pay_and_wait(self, wallet: str, to: str, amount: int, text: str) -> None:
        self.paid.append((wallet, to, amount))
        if self.paying is not None:
            raise self.paying


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeWorkbench]:
    """A workbench of this test's own in place of the real one."""

    class Fake(FakeWorkbench):
        told: ClassVar[list[Event]] = good_events()
        made: ClassVar["list[FakeWorkbench]"] = []

    monkeypatch.setattr(stage, "LocalWorkbench", Fake)
    return Fake


async def run(*, as_json: bool = True, seed: int | None = None) -> ExitStatus:
    async with asyncio.timeout(10):
        return await stage.perform(FirstPayment(500), Narrator(as_json=as_json), seed=seed)


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[list[Event], str]:
    shown = capsys.readouterr()
    return [json.loads(line) for line in shown.out.splitlines()], shown.err


async def test_good_run_prints_every_event_and_the_summary_last(fake: type[FakeWorkbench], capsys: pytest.CaptureFixture[str]) -> None:
    assert await run() is ExitStatus.GOOD
    events, errors = printed(capsys)
    assert errors == ""
    assert events[: len(fake.told)] == fake.told
    assert [event["event"] for event in events[len(fake.told) :]] == ["stopping", "summary"]
    [workbench] = fake.made
    assert workbench.paid == [("alice", "bob", 500)]
    assert workbench.is_closed
    assert workbench.options == {}


async def test_seed_goes_to_the_keys(fake: type[FakeWorkbench]) -> None:
    assert await run(seed=7) is ExitStatus.GOOD
    [workbench] = fake.made
    entropy = workbench.options["key_entropy"]
    assert callable(entropy)
    assert len(entropy(32)) == 32


async def test_payment_that_is_refused_is_the_error(fake: type[FakeWorkbench], capsys: pytest.CaptureFixture[str]) -> None:
    fake.told = [wallet("alice", 10_000), wallet("bob", 0)]
    fake.paying = LocalFault(ErrorCode.INSUFFICIENT_FUNDS, "too much")
    assert await run() is ExitStatus.FAILED
    events, errors = printed(capsys)
    assert errors == "mesh-app: too much [1303]\n"
    assert (events[-1]["ok"], events[-1]["error"]) == (False, "too much [1303]")
    assert fake.made[0].is_closed


async def test_validator_that_does_not_start_has_a_status_of_its_own(fake: type[FakeWorkbench], capsys: pytest.CaptureFixture[str]) -> None:
    fake.starting = LocalFault(ErrorCode.VALIDATOR_START, "V2 did not start")
    assert await run() is ExitStatus.NO_VALIDATOR
    assert "V2 did not start" in printed(capsys)[1]
    assert fake.made[0].is_closed


async def test_wallets_that_end_are_not_waited_for(fake: type[FakeWorkbench], capsys: pytest.CaptureFixture[str]) -> None:
    fake.told = [{"event": "fault", "t_ns": 1, "wallet": None, "payment": None, "code": "1205", "text": "the wallets' process ended (1)"}]
    assert await run() is ExitStatus.FAILED
    assert "the wallets' process ended (1)" in printed(capsys)[1]


@pytest.mark.parametrize("when", ["before the payment", "during it"])
async def test_validator_that_ends_is_not_waited_for(fake: type[FakeWorkbench], capsys: pytest.CaptureFixture[str], when: str) -> None:
    state = {"event": "validator_state", "t_ns": 1, "validator": 2, "state": "up", "exit": None}
    ended = {**state, "state": "exited", "exit": -9}
    fake.told = [state, ended] if when == "before the payment" else [wallet("alice", 10_000), wallet("bob", 0), state, ended]
    assert await run() is ExitStatus.FAILED
    assert "V3 ended with status -9 before all was done" in printed(capsys)[1]


async def test_run_that_never_completes_ends_at_its_deadline(
    fake: type[FakeWorkbench], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "DEADLINE_S", 0.1)
    fake.told = good_events()[:-1]
    assert await run() is ExitStatus.FAILED
    events, errors = printed(capsys)
    assert errors == "mesh-app: not complete after 0.1 s\n"
    assert (events[-1]["digests_equal"], events[-1]["ok"]) == (False, False)
    assert fake.made[0].is_closed


async def test_reader_that_has_gone_ends_the_run_at_once(fake: type[FakeWorkbench], monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: str) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(narrator, "_print", closed)
    with pytest.raises(BrokenPipeError):
        await run()
    assert fake.made[0].is_closed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_signal_closes_everything(fake: type[FakeWorkbench], number: signal.Signals) -> None:
    fake.told = []
    running = asyncio.create_task(run())
    await eventually(lambda: fake.made != [])
    os.kill(os.getpid(), number)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert fake.made[0].is_closed
    assert signal.getsignal(number) is signal.SIG_DFL


async def test_lines_for_people_hold_no_control_characters(fake: type[FakeWorkbench], capsys: pytest.CaptureFixture[str]) -> None:
    fake.told = [*good_events(), {"event": "garbage", "t_ns": 1, "validator": 0, "text": "\x1b[2J\x07\r\n"}]
    assert await run(as_json=False) is ExitStatus.GOOD
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())
