"""How long a vote takes while certificates are fetched by the thousand: at the validator that fetches them, and at the one that they come from.

Two real validators of a committee of four, in which nobody else runs: V1 has all certificates, V4 none. V4 is started, and from then on until it has caught up
this process asks both for votes, one after the other, each for the payment of an account of its own, with a good range proof. `idle` is the same with V1 before
V4 is there, and with V4 afterwards.

All processes share the cores of one machine, so a vote is also slower because somebody else computes. How much that is shows a validator of another network,
which has nothing to do with the catch-up: it is asked in turn with the two others, and what happens to its times is the machine's doing.
Its line is direct, also where the others have those of a profile.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mesh_core.types.transition import Transition
from testnet.bench.asking import Asker, Times, asking
from testnet.bench.history import fill, make_history
from testnet.bench.lines import Started, lines_of
from testnet.bench.running import Running, until
from testnet.bench.scene import Scene, make_payments, make_scene
from testnet.child import Event
from testnet.profiles import Profile

HISTORY_PAYERS: Final = 100
FULL, EMPTY = 0, 3
CAUGHT_UP_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class CatchUpPlan:
    """So many certificates are fetched; so many votes are asked for in each idle phase, and `payments` in all at most. `silent`: none meanwhile.

    `profile` is of the lines between the validators, and of this process to them.
    """

    certificates: int
    idle_votes: int
    payments: int
    silent: bool = False
    profile: Profile | None = None


class Progress:
    """How far the catch-up is, by the fetching validator's own lines."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        """Nanoseconds and height."""
        self.digest = ""
        self.flags = -1

    def take(self, event: Event) -> None:
        """One line."""
        match event:
            case {"event": "sync_progress", "t_ns": int(t_ns), "height": int(height)}:
                self.steps.append((t_ns, height))
            case {"event": "status", "flags": int(flags), "state_digest": str(digest)}:
                self.flags, self.digest = flags, digest
            case _:
                pass

    @property
    def height(self) -> int:
        """So many certificates of the other one's log are read."""
        return self.steps[-1][1] if self.steps else 0

    def rate(self) -> float:
        """Certificates a second, from the first line to the last; 0 where it was over with the first."""
        (began, first), (ended, last) = self.steps[0], self.steps[-1]
        return (last - first) / (ended - began) * 1e9 if ended > began else 0.0


@dataclass(slots=True)
class Asked:
    """One validator's votes in two phases."""

    asker: Asker
    payments: Iterator[Transition]
    idle: Times = field(default_factory=Times)
    busy: Times = field(default_factory=Times)

    async def ask(self, times: Times) -> None:
        """One vote, for the next payment."""
        times.add(await self.asker.vote(next(self.payments)))

    def figures(self) -> dict[str, Any]:
        """Both phases, and how much slower the second is."""
        idle, busy = self.idle.figures(), self.busy.figures()
        return {"idle": idle, "busy": busy, "slower": round(busy["median_ms"] / idle["median_ms"], 3) if busy["count"] and idle["count"] else None}


async def measure_catch_up(folder: Path, plan: CatchUpPlan, say: Callable[[str], None]) -> dict[str, Any]:
    """Make everything, start all, ask all. LocalFault."""
    accounts = HISTORY_PAYERS + plan.payments + 1
    scene = await asyncio.to_thread(make_scene, folder / "home", accounts=accounts)
    other = await asyncio.to_thread(make_scene, folder / "other", accounts=accounts, name="another")
    say(f"making {plan.certificates:,} certificates")
    await asyncio.to_thread(fill, scene, FULL, make_history(scene, range(HISTORY_PAYERS), plan.certificates))
    say(f"proving {plan.payments:,} payments")
    payers = range(HISTORY_PAYERS, HISTORY_PAYERS + plan.payments)
    # A third for each of those that are asked, all of them in turn.
    share = plan.payments // 3
    payments = iter(await asyncio.to_thread(make_payments, scene.genesis, payers[: 2 * share], 0))
    others = iter(await asyncio.to_thread(make_payments, other.genesis, payers[:share], 0))
    say("catching up")
    progress = Progress()
    full_status = Progress()
    started = Started()
    async with AsyncExitStack() as stack:
        lines = await stack.enter_async_context(lines_of(scene.folder, started, plan.profile, seed=0))
        await _start(stack, scene, FULL, started, full_status.take)
        await _start(stack, other, FULL, Started(), None)
        source = Asked(await stack.enter_async_context(asking(scene, FULL, lines.address(FULL))), payments)
        control = Asked(await stack.enter_async_context(asking(other, FULL)), others)
        await _ask_idle(plan.idle_votes, source, control)
        await _start(stack, scene, EMPTY, started, progress.take)
        target = Asked(await stack.enter_async_context(asking(scene, EMPTY, lines.address(EMPTY))), payments)
        await until(lambda: progress.height > 0, "the first certificate", CAUGHT_UP_S)
        await _ask_meanwhile(plan, progress, (target, source, control))
        await until(lambda: progress.flags == 0, "the end of the catch-up", CAUGHT_UP_S)
        await _ask_idle(plan.idle_votes, target, source, control)
        await until(lambda: progress.digest == full_status.digest, "the digest of the validator that had everything", CAUGHT_UP_S)
    return {
        "certificates": plan.certificates,
        "certificates_per_s": round(progress.rate(), 1),
        "fetching": target.figures(),
        "serving": source.figures(),
        "another": control.figures(),
    }


async def _start(stack: AsyncExitStack, scene: Scene, index: int, started: Started, on_event: Callable[[Event], None] | None) -> None:
    validator = scene.folder.validator(index)
    process = Running("mesh_core.validator", ["--config", str(validator.config), "--supervised"], validator.log, on_event)
    started.add(index, await stack.enter_async_context(process))
    await process.event("ready")


async def _ask_idle(count: int, *several: Asked) -> None:
    for _ in range(count):
        for asked in several:
            await asked.ask(asked.idle)


async def _ask_meanwhile(plan: CatchUpPlan, progress: Progress, several: tuple[Asked, ...]) -> None:
    """Ask all in turn until everything is fetched, or no payments are left but those of the idle votes, which come before and afterwards."""
    rounds_left = 0 if plan.silent else plan.payments // 3 - 2 * plan.idle_votes
    while rounds_left and progress.height < plan.certificates:
        rounds_left -= 1
        for asked in several:
            await asked.ask(asked.busy)
    await until(lambda: progress.height >= plan.certificates, "the last certificate", CAUGHT_UP_S)
