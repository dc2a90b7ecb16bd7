"""What grows with the number of accounts, of certificates, of validators and of wallets: times, memory, files.

Times are compared within one minute: a small network's validator runs beside the large one's and is asked in turn with it, so that what else happens on the
machine happens to both. Accounts come from the genesis document, as they would on the first day of a network; certificates from `history.py`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mesh_core.types.transition import Transition
from testnet.bench.asking import Times, asking
from testnet.bench.history import fill, make_history
from testnet.bench.running import Running, disk_bytes, memory_bytes
from testnet.bench.scene import Scene, make_payments, make_scene
from testnet.bench.wallets import WalletPlan, measure_wallets
from testnet.profiles import Profile

START_S: Final = 900.0
"""A million accounts take a minute or two to be read, and the machine may be slow."""
HISTORY_PAYERS: Final = 100
WARM_UP: Final = 3
"""Payments of each step that do not count: the first ones find nothing in any cache."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """What is measured. `asked`: payments of each step, for each of which a vote is asked for and a certificate handed in.

    `profile` is of the lines that wallets pay over; what is asked of one validator is asked directly.
    """

    accounts: tuple[int, ...]
    certificates: tuple[int, ...]
    validators: tuple[int, ...]
    wallets: tuple[int, ...]
    asked: int
    payments: int
    seed: int = 0
    profile: Profile | None = None


QUICK: Final = ScalePlan(accounts=(20, 100), certificates=(0, 20), validators=(4,), wallets=(2,), asked=5, payments=4)
"""For tests: every step there is, and nothing that takes long."""


async def measure_accounts(folder: Path, plan: ScalePlan, say: Say) -> dict[str, Any]:
    """Validators whose genesis has more and more accounts, each beside one that has the fewest. LocalFault."""
    async with Beside(folder, plan, min(plan.accounts)) as beside:
        rows = []
        for count in plan.accounts:
            say(f"{count:,} accounts")
            began = time.monotonic()
            scene = await asyncio.to_thread(make_scene, folder / f"accounts-{count}", accounts=max(count, plan.asked + 1), name=f"bench {count}")
            made_s = time.monotonic() - began
            row = await beside.compare(scene, range(1, plan.asked + 1))
            rows.append({"accounts": count, "made_s": round(made_s, 1), "genesis_bytes": scene.folder.genesis_file.stat().st_size, **row})
    return {"rows": rows, "memory_of_account_bytes": slope([(row["accounts"], row["rss_bytes"]) for row in rows])}


async def measure_log(folder: Path, plan: ScalePlan, say: Say) -> dict[str, Any]:
    """Validators that have applied more and more certificates, each beside one that has applied none. LocalFault."""
    accounts = HISTORY_PAYERS + plan.asked + 1
    async with Beside(folder, plan, accounts) as beside:
        rows = []
        for count in plan.certificates:
            say(f"a log of {count:,} certificates")
            scene = make_scene(folder / f"log-{count}", accounts=accounts, name=f"bench {count}")
            began = time.monotonic()
            if count:
                await asyncio.to_thread(fill, scene, 0, make_history(scene, range(HISTORY_PAYERS), count))
            made_s, validator = time.monotonic() - began, scene.folder.validator(0)
            disk = disk_bytes(validator.data_dir, validator.vote_journal) if count else 0
            row = await beside.compare(scene, range(HISTORY_PAYERS, HISTORY_PAYERS + plan.asked))
            rows.append({"certificates": count, "made_s": round(made_s, 1), "disk_bytes": disk, **row})
    return {
        "rows": rows,
        "memory_of_certificate_bytes": slope([(row["certificates"], row["rss_bytes"]) for row in rows]),
        "disk_of_certificate_bytes": slope([(row["certificates"], row["disk_bytes"]) for row in rows]),
    }


async def measure_committees(folder: Path, plan: ScalePlan, say: Say) -> list[dict[str, Any]]:
    """Two wallets that pay each other, each as fast as it can, through more and more validators. LocalFault."""
    rows = []
    for count in plan.validators:
        say(f"{count} validators")
        rows.append(await measure_wallets(folder / f"validators-{count}", WalletPlan(2, plan.payments, count, plan.seed, plan.profile)))
    return rows


async def measure_many_wallets(folder: Path, plan: ScalePlan, say: Say) -> list[dict[str, Any]]:
    """More and more wallets, each of which pays as fast as it can. LocalFault."""
    rows = []
    for count in plan.wallets:
        say(f"{count} wallets")
        payments = max(plan.payments, 5 * count)
        rows.append(await measure_wallets(folder / f"wallets-{count}", WalletPlan(count, payments, 4, plan.seed, plan.profile)))
    return rows


class Beside:
    """The validator of a small network, which is asked in turn with others. An async context manager."""

    def __init__(self, folder: Path, plan: ScalePlan, accounts: int) -> None:
        self._steps = max(len(plan.accounts), len(plan.certificates))
        self._asked = plan.asked
        self._scene = make_scene(folder / f"beside-{accounts}", accounts=max(accounts, self._steps * plan.asked + 1), name="beside")
        self._stack = AsyncExitStack()
        self._payments: list[Transition] = []

    async def __aenter__(self) -> "Beside":
        async with AsyncExitStack() as stack:
            await _started(stack, self._scene)
            self._payments = await asyncio.to_thread(make_payments, self._scene.genesis, range(1, self._steps * self._asked + 1), 0)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def compare(self, scene: Scene, payers: Sequence[int]) -> dict[str, Any]:
        """Times of one network's first validator, beside this one's. It is started, asked, and ended. LocalFault."""
        payments = await asyncio.to_thread(make_payments, scene.genesis, payers, 0)
        times = {name: Times() for name in ("vote", "vote_beside", "certificate", "certificate_beside")}
        async with AsyncExitStack() as stack:
            began = time.monotonic()
            process = await _started(stack, scene)
            started_s = time.monotonic() - began
            memory = memory_bytes(process.pid)
            asked = [(await stack.enter_async_context(asking(one, 0)), suffix) for one, suffix in ((scene, ""), (self._scene, "_beside"))]
            for position, payment in enumerate(payments):
                pair = dict(zip(asked, (payment, self._payments.pop()), strict=True))
                for one, suffix in asked if position % 2 else asked[::-1]:
                    vote_ms, settle_ms = await one.vote(pair[one, suffix]), await one.settle(pair[one, suffix])
                    if position >= WARM_UP:
                        times[f"vote{suffix}"].add(vote_ms)
                        times[f"certificate{suffix}"].add(settle_ms)
        figures = {name: found.figures() for name, found in times.items()}
        growth = {f"{name}_growth": growth_of(figures[name]["median_ms"], figures[f"{name}_beside"]["median_ms"]) for name in ("vote", "certificate")}
        return {"started_s": round(started_s, 1), "rss_bytes": memory["rss"], "pss_bytes": memory["pss"], **figures, **growth}


async def _started(stack: AsyncExitStack, scene: Scene) -> Running:
    validator = scene.folder.validator(0)
    process = Running("mesh_core.validator", ["--config", str(validator.config), "--supervised"], validator.log)
    await stack.enter_async_context(process)
    await process.event("ready", START_S)
    return process


def growth_of(ms: float, beside_ms: float) -> float:
    """How much longer something takes than beside it: 0.2 is a fifth."""
    return round(ms / beside_ms - 1, 3)


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """What one more costs, from the smallest to the largest number; None of a single one."""
    (first, least), (last, most) = min(points), max(points)
    return None if first == last else round((most - least) / (last - first), 1)
