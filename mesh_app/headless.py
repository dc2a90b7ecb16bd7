"""The demonstration without a screen: real validators, real proofs, one event a line, and a summary that is good only if everything in it holds."""

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_app.exit_status import ExitStatus
from mesh_app.model import State, apply
from mesh_app.ports import Event
from mesh_app.services.workbench import LocalWorkbench
from mesh_core.errors import ErrorCode, LocalFault, MeshError
from testnet.genesis import ALICE_ALLOCATION, FEE_BASE, VALIDATORS_COUNT, seeded_keys
from testnet.layout import NetworkFolder

DEADLINE_S = 60.0
DEFAULT_AMOUNT = 500
CERTIFICATES_EXPECTED = 2
"""Alice's SEND and Bob's RECEIVE."""
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Facts:
    """What the events of the first payment have said so far."""

    amount: int
    balances: dict[str, int] = field(default_factory=dict)
    statuses: dict[int, Event] = field(default_factory=dict)
    votes_count: int = 0
    sending: int | None = None
    payment_ms: float | None = None
    prove_ms: float | None = None
    fault: LocalFault | None = None
    """One that concerns no payment: a process ended that is needed to the end, or the wallets could not be opened."""
    up: set[int] = field(default_factory=set)
    error: str | None = None

    def take(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case {"event": "wallet", "wallet": str(name), "balance": int(balance)}:
                self.balances[name] = balance
            case {"event": "status", "validator": int(index)}:
                self.statuses[index] = event
            case {"event": "vote_cast"}:
                self.votes_count += 1
            case {"event": "payment_started", "kind": "send", "payment": int(number)}:
                self.sending = number
            case {"event": "payment_step", "payment": number, "step": "proved", "ms": float(ms)} if number == self.sending:
                self.prove_ms = ms
            case {"event": "certificate", "payment": number, "payment_ms": float(ms)} if number == self.sending:
                self.payment_ms = ms
            case {"event": "validator_state", "state": "up", "validator": int(index)}:
                self.up.add(index)
            case {"event": "validator_state", "state": "exited", "validator": int(index), "exit": exit_status} if index in self.up and self.fault is None:
                self.fault = LocalFault(ErrorCode.INTERNAL, f"V{index + 1} ended with status {exit_status} before all was done")
            case {"event": "fault", "wallet": None, "payment": None, "text": str(text)} if self.fault is None:
                self.fault = LocalFault(ErrorCode.STORE_UNAVAILABLE, text)
            case _:
                pass

    @property
    def are_wallets_open(self) -> bool:
        """Whether both wallets have told their balance."""
        return {"alice", "bob"} <= self.balances.keys()

    @property
    def is_complete(self) -> bool:
        """Whether the money has moved and all validators have applied the same certificates."""
        return (
            self.balances.get("alice") == ALICE_ALLOCATION - self.amount - FEE_BASE
            and self.balances.get("bob") == self.amount
            and self._all("log_length") == CERTIFICATES_EXPECTED
            and self._all("state_digest") is not None
        )

    def _all(self, key: str) -> Any:
        """What every validator says of `key` if all say the same, else None."""
        values = {status.get(key) for status in self.statuses.values()}
        return values.pop() if len(values) == 1 and len(self.statuses) == VALIDATORS_COUNT else None

    def summary(self) -> Event:
        """The last line. `ok` says that all of it is as it must be."""
        holds = {
            "alice": self.balances.get("alice"),
            "bob": self.balances.get("bob"),
            "fee_pool": self._all("fee_pool"),
            "certificates": self._all("log_length"),
            "votes": self.votes_count,
            "digests_equal": self._all("state_digest") is not None,
            "supply_audit": self._all("supply_audit") is True,
            "payment_ms": self.payment_ms,
            "prove_ms": self.prove_ms,
        }
        is_good = self.error is None and self.is_complete and holds["fee_pool"] == FEE_BASE and holds["supply_audit"] and self.payment_ms is not None
        return {"event": "summary", "ok": bool(is_good), **holds} | ({} if self.error is None else {"error": self.error})


class Narrator:
    """Prints events: as JSON lines, or as the lines of the workstation's event stream."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._state = State()
        self._printed_count = 0
        self._start_ns: int | None = None

    def tell(self, event: Event) -> None:
        """Print one event."""
        if self._as_json:
            _print(json.dumps(event, separators=(",", ":")))
            return
        apply(self._state, event)
        for entry in [entry for entry in self._state.entries if entry.number > self._printed_count]:
            self._start_ns = entry.t_ns if self._start_ns is None else self._start_ns
            _print(f"{(entry.t_ns - self._start_ns) / 1e9:8.3f} s  {entry.source:<8}  {entry.text}")
        self._printed_count = self._state.entries_count

    def conclude(self, summary: Event) -> None:
        """Print the summary."""
        if self._as_json:
            _print(json.dumps(summary, separators=(",", ":")))
            return
        _print("")
        for key, value in summary.items():
            if key != "event":
                _print(f"{key:>14}  {value}")


async def run_first_payment(narrator: Narrator, *, amount: int, seed: int | None) -> ExitStatus:
    """Alice pays Bob in a new network of four validators, in a temporary home; Bob claims. GOOD if everything in the summary holds.

    SIGTERM and SIGHUP cancel it, so that every process is stopped and the home is removed: asyncio.CancelledError.
    """
    facts = Facts(amount)
    status = ExitStatus.FAILED
    with tempfile.TemporaryDirectory(prefix="mesh-demo-") as home, _cancelled_by_signals():
        workbench = LocalWorkbench(NetworkFolder(Path(home) / "home"), **({} if seed is None else {"key_entropy": seeded_keys(seed)}))
        try:
            async with workbench, asyncio.timeout(DEADLINE_S):
                await _play_and_tell(workbench, facts, narrator)
        except MeshError as error:
            facts.error = str(error)
            if error.code is ErrorCode.VALIDATOR_START:
                status = ExitStatus.NO_VALIDATOR
        except TimeoutError:
            facts.error = f"not complete after {DEADLINE_S:g} s"
        while not workbench.events.empty():
            narrator.tell(workbench.events.get_nowait())
    summary = facts.summary()
    narrator.conclude(summary)
    if facts.error is not None:
        sys.stderr.write(f"mesh-app: {facts.error}\n")
    return ExitStatus.GOOD if summary["ok"] else status


async def _play_and_tell(workbench: LocalWorkbench, facts: Facts, narrator: Narrator) -> None:
    """Play the scenario while its events are told; what goes wrong with either ends both."""
    changed = asyncio.Condition()

    async def tell() -> None:
        while True:
            event = await workbench.events.get()
            facts.take(event)
            narrator.tell(event)
            async with changed:
                changed.notify_all()

    async def until(holds: Callable[[], bool]) -> None:
        """Raises a fault that is told meanwhile."""
        async with changed:
            await changed.wait_for(lambda: facts.fault is not None or holds())
        if facts.fault is not None:
            raise facts.fault

    async def play() -> None:
        workbench.open()
        await workbench.start()
        await until(lambda: facts.are_wallets_open)
        await workbench.pay_and_wait("alice", "bob", facts.amount, "the first payment")
        await until(lambda: facts.is_complete)

    async def watch() -> None:
        await until(lambda: False)

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(play()), loop.create_task(tell()), loop.create_task(watch())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    loop, playing = asyncio.get_running_loop(), asyncio.current_task()
    assert playing is not None
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, playing.cancel)
    try:
        yield
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
