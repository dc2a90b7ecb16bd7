"""Payments at a steady rate through a real network for as long as one likes, and whether anything grows that must not.

Four validators and the traffic's own process with its wallets. The memory of each is sampled, and what the validators keep on disk. Afterwards the state
digests of all validators and the supply are compared. Ctrl-C ends it early, with what was measured until then.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from testnet.bench.lines import lines_of
from testnet.bench.running import Running, disk_bytes, memory_bytes, until
from testnet.bench.trend import Verdict, fit
from testnet.child import Event
from testnet.genesis import create_network
from testnet.layout import NetworkFolder
from testnet.profiles import Profile
from testnet.routed_service import Address
from testnet.supervisor import Supervisor
from testnet.traffic.process import WALLETS_NAME

UNITS: Final = 1_000_000_000
"""Of each wallet: enough for any soak, so that no faucet is needed."""
TRAFFIC_MODULE: Final = "testnet.traffic.process"
WALLETS: Final = "wallets"
ROUTE_ID, ORDER_ID, STOP_ID = range(3)
"""Of commands to the traffic's process."""
REST_S: Final = 120.0
TELL_S: Final = 30.0
POINTS_KEPT_MOST: Final = 200
"""Of each curve in the result: a file that is committed stays small."""


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """`rate` payments a second of `wallets` wallets for `seconds`, on lines of a profile or direct ones; memory is sampled each `every_s`."""

    seconds: float
    rate: float
    wallets: int = 4
    validators: int = 4
    every_s: float = 5.0
    seed: int = 0
    profile: Profile | None = None


class Soak:
    """One soak. `samples`: for each process (seconds, RSS, PSS); `disk`: (seconds, certificates, bytes of all validators)."""

    def __init__(self, home: Path, plan: SoakPlan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._folder = NetworkFolder(home)
        names = [f"traffic-{number}" for number in range(1, plan.wallets + 1)]
        create_network(self._folder, name="soak", wallets=dict.fromkeys(names, UNITS), validators_count=plan.validators)
        self._folder.wallets.rename(self._folder.home / WALLETS_NAME)
        self._supervisor = Supervisor(self._folder, plan.validators, self._take)
        self._statuses: dict[int, Event] = {}
        self._stop = asyncio.Event()
        self.samples: dict[str, list[tuple[float, int, int]]] = {}
        self.disk: list[tuple[float, int, int]] = []
        self.summary: Event = {}
        self.is_right = False
        self.certificates_count = 0

    async def run(self) -> None:
        """Pay until the time is over, or somebody presses Ctrl-C. LocalFault."""
        async with AsyncExitStack() as stack:
            lines = await stack.enter_async_context(lines_of(self._folder, self._supervisor, self._plan.profile, seed=self._plan.seed))
            await stack.enter_async_context(self._supervisor)
            await self._supervisor.start_all()
            arguments = ["--home", str(self._folder.home)]
            traffic = await stack.enter_async_context(Running(TRAFFIC_MODULE, arguments, self._folder.home / "traffic.log"))
            stack.enter_context(_interrupts(self._stop))
            lines.use(lambda validator, address: traffic.send(_route(validator, address)))
            traffic.send(self._order())
            await traffic.event("traffic_started")
            await traffic.until(lambda: traffic.latest.get("traffic_progress", {}).get("phase") == "running", "payments", REST_S)
            await self._sample_until_over(traffic)
            traffic.send({"id": STOP_ID, "command": "stop"})
            self.summary = await traffic.event("traffic_over", REST_S)
            self._statuses.clear()  # one that is from before the last payment would pass for rest
            await until(self._is_at_rest, "equal states of all validators", REST_S)
            self.is_right = {status["supply_audit"] for status in self._statuses.values()} == {True}
            self.certificates_count = max(int(status["log_length"]) for status in self._statuses.values())

    def _order(self) -> Event:
        plan = self._plan
        amounts = {"amount_least": 1, "amount_most": 100}
        told = {"rate": plan.rate, "arrivals": "poisson", **amounts, "wallets": plan.wallets, "duration_s": None, "seed": plan.seed, "to": ""}
        return {"id": ORDER_ID, "command": "traffic", **told}

    async def _sample_until_over(self, traffic: Running) -> None:
        """At least once, also where somebody has pressed Ctrl-C by now: what is told has every process in it."""
        loop = asyncio.get_running_loop()
        began, told = loop.time(), loop.time()
        while True:
            self._sample(loop.time() - began, traffic)
            if loop.time() >= told + TELL_S:
                told = loop.time()
                self._say(self._words(told - began, traffic))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._plan.every_s):
                    await self._stop.wait()
            if self._stop.is_set() or loop.time() >= began + self._plan.seconds:
                return

    def _sample(self, at_s: float, traffic: Running) -> None:
        pids = {f"V{index + 1}": pid for index in range(self._plan.validators) if (pid := self._supervisor.pid(index)) is not None}
        for name, pid in {**pids, WALLETS: traffic.pid}.items():
            memory = memory_bytes(pid)
            self.samples.setdefault(name, []).append((round(at_s, 1), memory["rss"], memory["pss"]))
        folders = [self._folder.validator(index) for index in range(self._plan.validators)]
        found = disk_bytes(*(path for folder in folders for path in (folder.data_dir, folder.vote_journal)))
        self.disk.append((round(at_s, 1), max((int(status["log_length"]) for status in self._statuses.values()), default=0), found))

    def _words(self, at_s: float, traffic: Running) -> str:
        memory = ", ".join(f"{name} {found[-1][1] / 2**20:.1f}" for name, found in self.samples.items())
        return f"{at_s / 60:.1f} min, {traffic.latest['traffic_progress'].get('done', 0):,} payments; MiB: {memory}"

    def _take(self, event: Event) -> None:
        if event["event"] == "status":
            self._statuses[event["validator"]] = event

    def _is_at_rest(self) -> bool:
        found = {(status["log_length"], status["state_digest"], status["outputs_count"]) for status in self._statuses.values()}
        return len(self._statuses) == self._plan.validators and len(found) == 1 and next(iter(found))[2] == 0

    def figures(self) -> dict[str, Any]:
        """What came of it. `trends`: RSS of each process; `verdict`: the worst of them."""
        fits = {name: fit([(at_s, float(rss)) for at_s, rss, _ in found]) for name, found in self.samples.items()}
        trends = {
            name: None if one is None else {key: round(value) for key, value in asdict(one).items() if key != "verdict"} | {"verdict": one.verdict.value}
            for name, one in fits.items()
        }
        verdicts = [Verdict.UNDECIDED if one is None else one.verdict for one in fits.values()]
        return {
            "minutes": round(self.disk[-1][0] / 60, 1) if self.disk else 0.0,
            "payments": self.summary.get("done", 0),
            "skipped": self.summary.get("skipped", 0),
            "failures": self.summary.get("failures", []),
            "p50_ms": round(self.summary.get("p50_ms", 0.0), 1),
            "p99_ms": round(self.summary.get("p99_ms", 0.0), 1),
            "certificates": self.certificates_count,
            "disk_of_certificate_bytes": disk_of_certificate(self.disk, self._plan.validators),
            "memory": {name: _ends(found) for name, found in self.samples.items()},
            "trends": trends,
            "verdict": worst(verdicts).value,
            "curves": {name: _thin([(at_s, rss) for at_s, rss, _ in found]) for name, found in self.samples.items()},
            "is_right": self.is_right,
        }


def worst(verdicts: list[Verdict]) -> Verdict:
    """One that grows decides, then one that nobody knows."""
    order = (Verdict.GROWS, Verdict.UNDECIDED, Verdict.FLAT)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.UNDECIDED)


def disk_of_certificate(disk: list[tuple[float, int, int]], validators: int) -> float | None:
    """Bytes of one validator's disk for each certificate, from the first sample to the last; None before the first certificate."""
    if not disk or disk[-1][1] == disk[0][1]:
        return None
    return round((disk[-1][2] - disk[0][2]) / (disk[-1][1] - disk[0][1]) / validators, 1)


def _ends(found: list[tuple[float, int, int]]) -> dict[str, int]:
    (_, first_rss, first_pss), (_, last_rss, last_pss) = found[0], found[-1]
    return {"first_rss": first_rss, "last_rss": last_rss, "most_rss": max(rss for _, rss, _ in found), "first_pss": first_pss, "last_pss": last_pss}


def _thin(points: list[tuple[float, int]]) -> list[tuple[float, int]]:
    step = -(-len(points) // POINTS_KEPT_MOST)
    return points[::step]


def _route(validator: int, address: Address | None) -> Event:
    host, port = (None, None) if address is None else address
    return {"id": ROUTE_ID, "command": "route", "validator": validator, "host": host, "port": port}


@contextmanager
def _interrupts(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the soak, and not this process."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run_soak(home: Path, plan: SoakPlan, say: Callable[[str], None]) -> dict[str, Any]:
    """A soak's figures. LocalFault."""
    began = time.monotonic()
    soak = Soak(home, plan, say)
    await soak.run()
    return soak.figures() | {"took_s": round(time.monotonic() - began, 1)}
