"""Torture of a real network: validators and wallets are killed with SIGKILL at random while payments go on; afterwards every unit must be where it belongs.

Real processes, real QUIC, real files. The processes die in the middle of whatever they do; at the end the torturer stops, everybody comes back, and then:
four equal digests, a supply audit that holds, no unit lost or made, each payment that was reported as final exactly once at its recipient, and every other one
at most once.
"""

import asyncio
import itertools
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import LocalFault, MeshError
from mesh_core.validator.status import ask_status
from mesh_core.wallet.history import Direction
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from testnet.child import Event
from testnet.genesis import FEE_BASE, create_network, open_network
from testnet.layout import NetworkFolder
from testnet.simulation.entropy import Stream
from testnet.supervisor import Supervisor, ValidatorState
from testnet.wallet_service import WalletService

ALLOCATION: Final = 1_000_000
"""Units that the genesis gives to each wallet. The faults of the network must be the only reason for a payment to fail."""
AMOUNT_MOST: Final = 100
PAYERS_COUNT: Final = 3
"""Payments that are under way at once. More would only make the machine slow."""
KILL_INTERVAL_S: Final = (0.2, 1.5)
DOWN_S: Final = (0.0, 1.0)
SETTLED_DEADLINE_S: Final = 60.0
WALLETS_SHARE: Final = 0.25
"""Of the kills, how many hit the wallets' process."""


@dataclass(slots=True)
class TortureReport:
    """What was done, and whether it did harm. Counts, seconds, units."""

    seed: int
    seconds: float = 0.0
    payments_ordered: int = 0
    payments_final: int = 0
    payments_interrupted: int = 0
    validator_kills: int = 0
    wallet_kills: int = 0
    certificates: int | None = None
    digests_equal: bool = False
    supply_audit: bool = False
    balances_sum: int | None = None
    fee_pool: int | None = None
    missing_payments: int = 0
    repeated_payments: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, made or done twice."""
        return (
            self.digests_equal
            and self.supply_audit
            and self.balances_sum is not None
            and self.missing_payments == self.repeated_payments == 0
            and self.payments_final > 0
            and not self.faults
        )

    def form(self) -> dict[str, Any]:
        """As the command prints it."""
        return {"event": "torture", "ok": self.is_good, **asdict(self)}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How long it lasts: until this time of the monotonic clock, and until there were so many kills and final payments."""

    until: float
    kills_least: int
    payments_least: int


class Torture:
    """One run on a new network in `home`."""

    def __init__(self, home: Path, *, seed: int, wallets_count: int, tell: Callable[[str], None]) -> None:
        """`tell` is given a line for people now and then."""
        self._folder = NetworkFolder(home)
        self._chance = Stream(f"torture/{seed}")
        self._names = tuple(f"w{number}" for number in range(1, wallets_count + 1))
        self._tell = tell
        create_network(self._folder, name="torture", wallets=dict.fromkeys(self._names, ALLOCATION))
        self._genesis = open_network(self._folder)
        self._statuses: dict[int, Event] = {}
        self._wallets_told: dict[str, Event] = {}
        self._supervisor = Supervisor(self._folder, self._genesis.committee.size, self._on_event)
        self._wallets = WalletService(self._folder, self._on_event)
        self._are_wallets_up = asyncio.Event()
        self._changed = asyncio.Event()
        self._numbers = itertools.count(1)
        self._final: list[str] = []
        self.report = TortureReport(seed)

    async def run(self, seconds: float, kills_least: int = 0, payments_least: int = 0) -> TortureReport:
        """Pay and kill, for so long at least, then let everything settle and check. MeshError if a process cannot be started."""
        started = time.monotonic()
        async with self._supervisor:
            try:
                await self._supervisor.start_all()
                await self._start_wallets()
                await self._pay_and_kill(_Plan(time.monotonic() + seconds, kills_least, payments_least))
                await self._settle()
            finally:
                await self._wallets.stop()
        if not self.report.faults:
            await self._check_histories()
        self.report.seconds = round(time.monotonic() - started, 1)
        return self.report

    # --- Payments and kills

    async def _pay_and_kill(self, plan: _Plan) -> None:
        """Payers order payments until the plan is fulfilled; the killer goes on as long as they do, but not when all that is left of the plan are payments.

        On a machine that is slow enough, processes that are killed again and again would never finish one.
        """
        over = asyncio.Event()
        killer = asyncio.create_task(self._kill_at_random(over, plan))
        try:
            await asyncio.gather(*(self._pay_at_random(f"payer {number}", plan) for number in range(PAYERS_COUNT)))
        finally:
            # The killer is not interrupted: whom it has killed last, it starts again.
            over.set()
            await killer

    def _lacks_kills(self, plan: _Plan) -> bool:
        return time.monotonic() < plan.until or self.report.validator_kills + self.report.wallet_kills < plan.kills_least

    def _lacks_payments(self, plan: _Plan) -> bool:
        return self.report.payments_final < plan.payments_least

    async def _pay_at_random(self, name: str, plan: _Plan) -> None:
        chance = self._chance.fork(name)
        while self._lacks_kills(plan) or self._lacks_payments(plan):
            await self._are_wallets_up.wait()
            sender, recipient = chance.sample(self._names, 2)
            text = f"torture {next(self._numbers)}"
            self.report.payments_ordered += 1
            try:
                await self._wallets.pay(sender, recipient, chance.whole(1, AMOUNT_MOST), text)
            except LocalFault:
                # The wallets' process was killed in the middle of it: whether it was signed by then, the wallet's own records say at the end.
                self.report.payments_interrupted += 1
                await asyncio.sleep(0)
            else:
                self.report.payments_final += 1
                self._final.append(text)

    async def _kill_at_random(self, over: asyncio.Event, plan: _Plan) -> None:
        chance = self._chance.fork("killer")
        while not over.is_set() and (self._lacks_kills(plan) or not self._lacks_payments(plan)):
            await asyncio.sleep(chance.between(*KILL_INTERVAL_S))
            if chance.chance(WALLETS_SHARE):
                await self._kill_wallets()
                await asyncio.sleep(chance.between(*DOWN_S))
                await self._start_wallets()
            else:
                index = chance.whole(0, self._genesis.committee.size - 1)
                await self._supervisor.kill(index)
                self.report.validator_kills += 1
                await asyncio.sleep(chance.between(*DOWN_S))
                await self._supervisor.start(index)

    async def _kill_wallets(self) -> None:
        self._are_wallets_up.clear()
        await self._wallets.kill(signal.SIGKILL)
        self.report.wallet_kills += 1

    async def _start_wallets(self) -> None:
        self._wallets_told.clear()
        await self._wallets.start()
        self._are_wallets_up.set()

    # --- Afterwards

    async def _settle(self) -> None:
        """Everybody is up; wait until all validators show one state, and no wallet has anything under way."""
        self._tell(f"settling after {self.report.validator_kills} kills of validators and {self.report.wallet_kills} of wallets")
        for index, state in enumerate(self._supervisor.states):
            if state is not ValidatorState.UP:
                await self._supervisor.start(index)
        try:
            async with asyncio.timeout(SETTLED_DEADLINE_S):
                while not (self._is_settled() and await self._is_all_told() and self._is_settled()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.report.faults.append(f"not settled within {SETTLED_DEADLINE_S:g} s: {self._describe_unsettled()}")
        self._take_statuses()

    def _is_settled(self) -> bool:
        states = {(status.get("log_length"), status.get("state_digest"), status.get("outputs_count")) for status in self._statuses.values()}
        told = [self._wallets_told.get(name) for name in self._names]
        idle = all(event is not None and event["state"] == "idle" and event["incoming"] == event["in_flight"] == 0 for event in told)
        return idle and len(self._statuses) == self._genesis.committee.size and len(states) == 1 and states.pop()[2] == 0

    async def _is_all_told(self) -> bool:
        """Whether the latest status lines are of what the validators have applied by now: each comes a moment after a certificate."""
        for index, status in tuple(self._statuses.items()):
            try:
                report = json.loads(await asyncio.to_thread(ask_status, self._folder.validator(index).data_dir))
            except LocalFault:
                return False
            if report["log_length"] != status.get("log_length"):
                return False
        return True

    def _describe_unsettled(self) -> str:
        logs = {f"V{index + 1}": status.get("log_length") for index, status in sorted(self._statuses.items())}
        wallets = {name: (event["state"], event["incoming"], event["in_flight"]) for name, event in sorted(self._wallets_told.items())}
        return f"log lengths {logs}, wallets (state, incoming, in flight) {wallets}"

    def _take_statuses(self) -> None:
        statuses = list(self._statuses.values())
        same = len({status.get("state_digest") for status in statuses}) == 1 and len(statuses) == self._genesis.committee.size
        self.report.digests_equal = same
        self.report.supply_audit = all(status.get("supply_audit") is True for status in statuses)
        if not same:
            return
        self.report.certificates = statuses[0]["log_length"]
        self.report.fee_pool = int(statuses[0]["fee_pool"])
        self.report.balances_sum = sum(int(event["balance"]) for event in self._wallets_told.values())
        expected = ALLOCATION * len(self._names) - self.report.fee_pool
        if self.report.balances_sum != expected:
            self.report.faults.append(f"the wallets hold {self.report.balances_sum}, and {expected} is what must be there")

    async def _check_histories(self) -> None:
        """Each wallet's own records, read with nobody else about: what was final arrived once, what was not at most once; fees belong to SENDs."""
        received: Counter[str] = Counter()
        sent: Counter[str] = Counter()
        fees = 0
        home = WalletHome(self._folder.wallets, load_network(self._folder.network_file), lambda _: None, self._on_disk_fault)
        home.start()
        try:
            for name in self._names:
                for entry in home.wallet(name).history():
                    (received if entry.direction is Direction.RECEIVED else sent)[entry.text] += 1
                    fees += entry.fee
        finally:
            await home.close()
        self.report.missing_payments = sum(received[text] == 0 for text in self._final)
        self.report.repeated_payments = sum(count > 1 for counted in (received, sent) for count in counted.values())
        if sent != received:
            self.report.faults.append(f"{sum((sent - received).values())} payments were sent and did not arrive")
        if fees != self.report.fee_pool or fees != FEE_BASE * sum(sent.values()):
            self.report.faults.append(f"the wallets paid {fees} of fees for {sum(sent.values())} payments, the validators have {self.report.fee_pool}")

    # --- Events

    def _on_event(self, event: Event) -> None:
        self._changed.set()
        match event:
            case {"event": "status", "validator": int(index)}:
                self._statuses[index] = event
            case {"event": "validator_state", "validator": int(index), "state": str(state)} if state != ValidatorState.UP:
                self._statuses.pop(index, None)
            case {"event": "wallet", "wallet": str(name)}:
                self._wallets_told[name] = event
            case {"event": "safety_alarm"}:
                self.report.faults.append("a validator raised the safety alarm")
            case {"event": "fatal", "text": str(text)}:
                self.report.faults.append(f"a validator ended by itself: {text}")
            case {"event": "fault", "wallet": str(name), "code": str(code), "text": str(text)}:
                self.report.faults.append(f"{name}: {text} [{code}]")
            case _:
                pass

    def _on_disk_fault(self, fault: MeshError) -> None:
        self.report.faults.append(str(fault))


async def torture(
    home: Path, *, seconds: float, seed: int, wallets_count: int, tell: Callable[[str], None], kills_least: int = 0, payments_least: int = 0
) -> TortureReport:
    """Torture a new network in `home` for so long, and until there were so many kills and final payments."""
    return await Torture(home, seed=seed, wallets_count=wallets_count, tell=tell).run(seconds, kills_least, payments_least)
