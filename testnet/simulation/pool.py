"""Many seeds, each in a process of its own, as many at a time as there are cores; and some of them once more in fresh interpreters with another hash seed.

A seed's run must depend on the seed alone. Where the trace of a second run differs, some order hung on addresses or on the hashes of strings, and no seed could
be trusted to show again what it has shown once.
"""

import gc
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from testnet.simulation.seed_run import Options, SeedResult, run_seed

T = TypeVar("T")
R = TypeVar("R")

PRELOADED = ("testnet.simulation.seed_run",)
SECOND_HASH_SEED = "4711"
SEED_TIMEOUT_S = 300.0


def run_seeds(options: Sequence[Options], processes_count: int | None = None) -> Iterator[SeedResult]:
    """Run all; results in the order of `options`."""
    return run_each(run_seed, options, processes_count)


def run_each(run: Callable[[T], R], options: Sequence[T], processes_count: int | None = None) -> Iterator[R]:
    """Run each, in processes that are forked from one that has loaded the program; results in the order of `options`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    count = processes_count or os.cpu_count() or 1
    with ProcessPoolExecutor(count, mp_context=context, max_tasks_per_child=1) as pool:
        yield from pool.map(partial(_run_alone, run), options)


def _run_alone(run: Callable[[T], R], options: T) -> R:
    """In a process that ends afterwards: what it leaves behind needs no collecting."""
    gc.disable()
    return run(options)


def run_again(options: Options) -> str:
    """The hash of the trace of a run in a fresh interpreter with another hash seed. RuntimeError if it does not come to an end."""
    script = (
        "import sys, json; from testnet.simulation.seed_run import Options, run_seed; "
        "print(run_seed(Options(**json.loads(sys.argv[1])), is_remembering=False).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": SECOND_HASH_SEED}
    told = json.dumps(asdict(options))
    done = subprocess.run([sys.executable, "-c", script, told], capture_output=True, text=True, env=environment, timeout=SEED_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"seed {options.seed} fails in a fresh interpreter: {done.stderr[-400:]}")
    return done.stdout.strip()
