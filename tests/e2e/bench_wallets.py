"""Many wallets of one process that pay each other through four validators: payments a second, and every unit counted afterwards.

    python -m tests.e2e.bench_wallets [--wallets W] [--payments P] [--seed S] [--json]

W wallets make P payments in all, each to a wallet and of an amount that the seed chooses. Each wallet pays as fast as it can: its next payment is ordered when
the one before is final. Meanwhile it claims what comes, so that one account's payments and claims take turns; a claim is a certificate like a payment.
`payments a second` counts from the first order to the last final payment, `certificates a second` all of them, claims included, to the last claim. `ms` is
from the order to the durable certificate, its turn included. Exit status 1 unless every wallet's balance is what its payments say, all validators are in one
state, and the supply adds up. All connections come from one address, which gets its share of a validator's time and not more.
"""

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mesh_core.crypto.startup import prepare
from mesh_core.errors import LocalFault
from mesh_core.wallet.home import WalletHome
from mesh_core.wallet.network import load_network
from testnet.genesis import FEE_BASE
from tests.e2e.local_network import LocalNetwork
from tests.unit.network.peers import eventually

START_UNITS = 1_000_000
AMOUNT_MOST = 1000
REST_S = 600.0


@dataclass(frozen=True, slots=True)
class Order:
    """One payment that is to be made."""

    payer: str
    payee: str
    amount: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured. `is_right`: all balances, all validators in one state, no unit made or lost."""

    wallets: int
    payments: int
    claims: int
    payments_s: float
    payments_a_second: float
    certificates_a_second: float
    median_ms: float
    p90_ms: float
    p99_ms: float
    cpus: int
    wallets_cpu_s: float
    validators_cpu_s: float
    is_right: bool


def draw_orders(names: Sequence[str], count: int, seed: int) -> list[Order]:
    """Payments that the seed alone decides. The payers take turns, so that each has as many to make."""
    orders = []
    for number in range(count):
        drawn = hashlib.sha256(f"{seed}/{number}".encode()).digest()
        payer = number % len(names)
        payee = (payer + 1 + int.from_bytes(drawn[:4], "big") % (len(names) - 1)) % len(names)
        orders.append(Order(names[payer], names[payee], 1 + int.from_bytes(drawn[4:8], "big") % AMOUNT_MOST))
    return orders


def expected_balances(names: Sequence[str], orders: Sequence[Order]) -> dict[str, int]:
    """What each wallet has when all is paid and claimed."""
    balances = dict.fromkeys(names, START_UNITS)
    for order in orders:
        balances[order.payer] -= order.amount + FEE_BASE
        balances[order.payee] += order.amount
    return balances


async def measure(folder: Path, wallets_count: int, payments_count: int, seed: int) -> Report:
    """Make all payments, wait until everything is claimed, and count."""
    names = [f"w{number:02}" for number in range(wallets_count)]
    orders = draw_orders(names, payments_count, seed)
    local = LocalNetwork(folder, dict.fromkeys(names, START_UNITS))
    async with local.supervisor:
        await local.supervisor.start_all()
        home = WalletHome(local.folder.wallets, load_network(local.folder.network_file), lambda event: None, _raise)
        home.start()
        try:
            await asyncio.gather(*(home.wallet(name).wait_up_to_date() for name in names))
            pids = [pid for index in range(4) if (pid := local.supervisor.pid(index)) is not None]
            cpu_before, validators_before = time.process_time(), sum(map(_cpu_s, pids))
            began = time.monotonic()

            async def pay_all(name: str) -> list[float]:
                return [(await home.pay(name, order.payee, order.amount)).payment_ms for order in orders if order.payer == name]

            times = [ms for found in await asyncio.gather(*(pay_all(name) for name in names)) for ms in found]
            paid_s = time.monotonic() - began
            certificates = await _until_at_rest(local, home, names)
            all_s = time.monotonic() - began
            wallets_cpu_s, validators_cpu_s = time.process_time() - cpu_before, sum(map(_cpu_s, pids)) - validators_before
            balances = {name: home.wallet(name).account.balance.spendable for name in names}
        finally:
            await home.close()
            await asyncio.sleep(0.05)
        audits = {(status["state_digest"], status["supply_audit"]) for status in local.statuses().values()}
    expected = expected_balances(names, orders)
    burnt = FEE_BASE * payments_count
    is_right = balances == expected and sum(balances.values()) + burnt == START_UNITS * wallets_count and len(audits) == 1 and next(iter(audits))[1] is True
    percentiles = statistics.quantiles(times, n=100)
    return Report(
        wallets=wallets_count,
        payments=payments_count,
        claims=certificates - payments_count,
        payments_s=round(paid_s, 2),
        payments_a_second=round(payments_count / paid_s, 1),
        certificates_a_second=round(certificates / all_s, 1),
        median_ms=round(statistics.median(times), 1),
        p90_ms=round(percentiles[89], 1),
        p99_ms=round(percentiles[98], 1),
        cpus=os.cpu_count() or 0,
        wallets_cpu_s=round(wallets_cpu_s, 1),
        validators_cpu_s=round(validators_cpu_s, 1),
        is_right=is_right,
    )


async def _until_at_rest(local: LocalNetwork, home: WalletHome, names: Sequence[str]) -> int:
    """Everything is claimed and everywhere; returns the number of certificates."""
    wallets = [home.wallet(name) for name in names]

    def is_at_rest() -> bool:
        statuses = [(status["log_length"], status["state_digest"], status["outputs_count"]) for status in local.statuses().values()]
        idle = all(not wallet.is_busy and wallet.account.balance.incoming == 0 for wallet in wallets)
        return idle and len(statuses) == 4 and len(set(statuses)) == 1 and statuses[0][2] == 0

    await eventually(is_at_rest, within_s=REST_S)
    return max(int(status["log_length"]) for status in local.statuses().values())


def _cpu_s(pid: int) -> float:
    """Processor time of a process so far; 0 where the system does not tell."""
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _raise(fault: LocalFault) -> None:
    raise fault


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 unless all is right."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.bench_wallets")
    parser.add_argument("--wallets", type=int, default=32)
    parser.add_argument("--payments", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.wallets < 2 or options.payments < 2:
        parser.error("at least two wallets and two payments")
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(measure(Path(folder) / "home", options.wallets, options.payments, options.seed))
    if options.json:
        sys.stdout.write(json.dumps(asdict(report)) + "\n")
    else:
        sys.stdout.write("".join(f"{name.replace('_', ' '):>24}  {value}\n" for name, value in asdict(report).items()))
    return 0 if report.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
