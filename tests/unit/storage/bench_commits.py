"""What a durable batch costs: `python -m tests.unit.storage.bench_commits [FOLDER]`.

Batches as votes are: a record of 1,500 bytes, with or without an entry of the vote journal, queued by one caller alone or by 256 at once. The variants
take turns, so that a busy machine hurts all of them alike; the medians of all rounds are printed. Also: a read while nothing else happens, and while
commits run.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from mesh_core.errors import LocalFault
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.storage.vote_journal import ENTRY_SIZE_BYTES

ROUNDS = 7
VALUE = bytes(1500)
ENTRY = bytes(ENTRY_SIZE_BYTES)
BATCHES = {1: 200, 16: 1600, 256: 5120}
READS = 2000


def fail(fault: LocalFault) -> None:
    raise fault


async def measure_batches(store: ValidatorStore, callers: int, journal: tuple[bytes, ...]) -> tuple[float, float]:
    """Batches a second, and the median wait for one in ms."""
    left = BATCHES[callers]
    waits: list[float] = []

    async def write_on() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            begun = time.perf_counter()
            await store.persist([(f"v/{left % 4096:08d}", VALUE)], journal)
            waits.append((time.perf_counter() - begun) * 1e3)

    begun = time.perf_counter()
    await asyncio.gather(*(write_on() for _ in range(callers)))
    return len(waits) / (time.perf_counter() - begun), median(waits)


async def measure_reads(store: ValidatorStore, *, is_busy: bool) -> tuple[float, float]:
    """Median and 99th percentile of a `get`, in us."""

    async def write_on() -> None:
        while True:
            await store.persist([("other", VALUE)], (ENTRY,))

    writer = asyncio.create_task(write_on()) if is_busy else None
    times: list[float] = []
    for number in range(READS):
        begun = time.perf_counter()
        store.get(f"v/{number * 7919 % 4096:08d}")
        times.append((time.perf_counter() - begun) * 1e6)
        await asyncio.sleep(0)
    if writer is not None:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    times.sort()
    return median(times), times[len(times) * 99 // 100]


async def run(folder: Path, tell: Callable[[str], object]) -> None:
    store = ValidatorStore.open(folder, fail, is_first_start=True)
    await asyncio.gather(*(store.persist([(f"v/{number:08d}", VALUE)]) for number in range(4096)))
    results: dict[tuple[int, bool], list[tuple[float, float]]] = {}
    reads: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for callers in BATCHES:
            for has_entry in (False, True):
                results.setdefault((callers, has_entry), []).append(await measure_batches(store, callers, (ENTRY,) if has_entry else ()))
        for is_busy in reads:
            reads[is_busy].append(await measure_reads(store, is_busy=is_busy))
    tell(f"{ROUNDS} rounds, medians\n")
    for (callers, has_entry), found in results.items():
        rates, waits = zip(*found, strict=True)
        what = "database and journal" if has_entry else "database alone      "
        tell(f"{callers:4d} waiting, {what}: {median(rates):8.0f} batches/s, median wait {median(waits):6.2f} ms\n")
    for is_busy, found in reads.items():
        medians, tails = zip(*found, strict=True)
        tell(f"get, {'commits run' if is_busy else 'idle       '}: median {median(medians):6.1f} us, p99 {median(tails):7.1f} us\n")
    await store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        asyncio.run(run(Path(name), sys.stdout.write))
