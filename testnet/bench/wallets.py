"""Many wallets of this process that pay each other through real validators: payments a second, and every unit counted afterwards.

Each wallet pays as fast as it can: its next payment is ordered when the one before is final. Meanwhile it claims what comes, so that one account's payments and
claims take turns; a claim is a certificate like a payment. All connections come from one address, which gets its share of a validator's time and not more.
"""

import asyncio
import hashlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import LocalFault
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from testnet.bench.lines import lines_of
from testnet.bench.running import cpu_seconds, until
from testnet.child import Event
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.machine import usable_cores
from testnet.profiles import Profile
from testnet.supervisor import Supervisor
from testnet.traffic.latencies import percentile

START_UNITS: Final = 1_000_000
AMOUNT_MOST: Final = 1000
REST_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Order:
    """One payment that is to be made."""

    payer: str
    payee: str
    amount: int


@dataclass(frozen=True, slots=True)
class WalletPlan:
    """So many payments in all, of so many wallets, through so many validators, on lines of a profile or direct ones.

    The seed decides who pays whom, and how much, and what relays lose.
    """

    wallets: int
    payments: int
    validators: int = 4
    seed: int = 0
    profile: Profile | None = None


def draw_orders(names: Sequence[str], count: int, seed: int) -> list[Order]:
    """Payments that the seed alone decides. The payers take turns, so that each has as many to make."""
    orders = []
    for position in range(count):
        drawn = hashlib.sha256(f"{seed}/{position}".encode()).digest()
        payer = position % len(names)
        payee = (payer + 1 + int.from_bytes(drawn[:4], "big") % (len(names) - 1)) % len(names)
        orders.append(Order(names[payer], names[payee], 1 + int.from_bytes(drawn[4:8], "big") % AMOUNT_MOST))
    return orders


def expected_balances(names: Sequence[str], orders: Sequence[Order], fee: int) -> dict[str, int]:
    """What each wallet has when all is paid and claimed."""
    balances = dict.fromkeys(names, START_UNITS)
    for order in orders:
        balances[order.payer] -= order.amount + fee
        balances[order.payee] += order.amount
    return balances


class _Validators:
    """The validators, and the latest status of each."""

    def __init__(self, folder: NetworkFolder, count: int) -> None:
        self.count = count
        self.supervisor = Supervisor(folder, count, self._take)
        self.statuses: dict[int, Event] = {}

    def _take(self, event: Event) -> None:
        if event["event"] == "status":
            self.statuses[event["validator"]] = event

    @property
    def pids(self) -> list[int]:
        return [pid for index in range(self.count) if (pid := self.supervisor.pid(index)) is not None]

    def cpu_s(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids)

    def are_at_rest(self, certificates: int) -> bool:
        """All have applied so many certificates and are in one state, and no output waits to be claimed. Without the number, statuses from before would do."""
        found = {(status["log_length"], status["outputs_count"]) for status in self.statuses.values()}
        digests = {status["state_digest"] for status in self.statuses.values()}
        return len(self.statuses) == self.count and len(digests) == 1 and found == {(certificates, 0)}


async def measure_wallets(home: Path, plan: WalletPlan) -> dict[str, Any]:
    """Make all payments, wait until everything is claimed, and count. LocalFault.

    `is_right`: all balances, all validators in one state, no unit made or lost.
    """
    names = [f"w{position:03}" for position in range(plan.wallets)]
    orders = draw_orders(names, plan.payments, plan.seed)
    folder = NetworkFolder(home)
    create_network(folder, name="bench", wallets=dict.fromkeys(names, START_UNITS), validators_count=plan.validators)
    validators = _Validators(folder, plan.validators)
    async with lines_of(folder, validators.supervisor, plan.profile, seed=plan.seed) as lines, validators.supervisor:
        await validators.supervisor.start_all()
        network = load_network(folder.network_file)
        fee = network.genesis.doc.fee_of_send(1)
        wallets = WalletHome(folder.wallets, network, lambda event: None, _raise)
        lines.use(wallets.route)
        wallets.start()
        try:
            await asyncio.gather(*(wallets.wallet(name).wait_up_to_date() for name in names))
            figures = await _pay(wallets, validators, names, orders)
            balances = {name: wallets.wallet(name).account.balance.spendable for name in names}
        finally:
            await wallets.close()
            await asyncio.sleep(0)
        audits = {status["supply_audit"] for status in validators.statuses.values()}
    total = sum(balances.values()) + fee * plan.payments
    is_right = balances == expected_balances(names, orders, fee) and total == START_UNITS * plan.wallets and audits == {True}
    return {"wallets": plan.wallets, "validators": plan.validators, "payments": plan.payments, "cores": usable_cores(), **figures, "is_right": is_right}


async def _pay(wallets: WalletHome, validators: _Validators, names: Sequence[str], orders: Sequence[Order]) -> dict[str, Any]:
    spent, validators_spent, began = time.process_time(), validators.cpu_s(), time.monotonic()

    async def pay_all(name: str) -> list[float]:
        return [(await wallets.pay(name, order.payee, order.amount)).payment_ms for order in orders if order.payer == name]

    times = sorted(ms for found in await asyncio.gather(*(pay_all(name) for name in names)) for ms in found)
    paid_s = time.monotonic() - began
    own = [wallets.wallet(name) for name in names]

    def made() -> int:
        """Certificates: each is of one account's next slot."""
        return sum(wallet.account.state.sequence for wallet in own)

    def is_at_rest() -> bool:
        return validators.are_at_rest(made()) and all(not wallet.is_busy and wallet.account.balance.incoming == 0 for wallet in own)

    await until(is_at_rest, "the last claim, everywhere", REST_S)
    all_s = time.monotonic() - began
    certificates = made()
    return {
        "certificates": certificates,
        "payments_per_s": round(len(orders) / paid_s, 1),
        "certificates_per_s": round(certificates / all_s, 1),
        "median_ms": round(statistics.median(times), 1),
        "p90_ms": round(percentile(times, 90), 1),
        "p99_ms": round(percentile(times, 99), 1),
        "wallets_cpu_ms": round((time.process_time() - spent) / certificates * 1000, 2),
        "validator_cpu_ms": round((validators.cpu_s() - validators_spent) / certificates / validators.count * 1000, 2),
    }


def proof_bound_per_s(cores: int, validators: int, proof_us: float) -> float:
    """Payments a second if the machine did nothing but verify each payment's proof once for each validator."""
    return cores * 1e6 / (validators * proof_us)


def _raise(fault: LocalFault) -> None:
    raise fault
