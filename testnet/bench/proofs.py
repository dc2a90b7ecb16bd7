"""Times of the range proofs: prove, verify, batches; as a process of its own for each group library.

Times are process CPU time of one thread. A unit is one libsodium `crypto_scalarmult_ristretto255` measured between the operations of the same run, so that
figures of different machines compare.
"""

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault

COMMITMENTS: Final = (1, 2, 4)
BATCHES: Final = (16, 64, 256)
DISTINCT_PROOFS: Final = 8
"""A batch repeats so many different proofs: making 256 would take longer than everything that is measured."""
REPEATS: Final = 9
SECONDS_FOR_ONE: Final = 1.5
"""An operation is repeated at least three times, and no more once so much time is spent."""
UNIT_CALLS: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. Milliseconds of one call (a batch is one call); `units` is the median in scalar multiplications."""

    operation: str
    commitments: int
    batch: int
    backend: str
    median_ms: float
    min_ms: float
    units: float


def run_all(backends: Sequence[str]) -> list[Row]:
    """Measure each group library in a process of its own. LocalFault (CRYPTO_LIBRARY) if one cannot be had."""
    rows: list[Row] = []
    for backend in backends:
        command = [sys.executable, "-P", "-m", "testnet.bench.proofs"]
        done = subprocess.run(command, env={**os.environ, "MESH_RISTRETTO": backend}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LocalFault(ErrorCode.CRYPTO_LIBRARY, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{backend} could not be measured")
        rows += [Row(**json.loads(line)) for line in done.stdout.splitlines()]
    return rows


def measure(tell: Callable[[Row], None]) -> None:
    """Measure the group library of this process. `tell` is given each row as soon as it is known."""
    from mesh_core.crypto import ristretto, ristretto_libsodium
    from mesh_core.crypto.pedersen import Opening, commit
    from mesh_core.crypto.range_proof import RangeStatement, RangeWitness, prove, verify, verify_batch
    from mesh_core.crypto.startup import prepare

    prepare()
    sodium = ristretto_libsodium.load_library()
    result, scalar, point = ctypes.create_string_buffer(32), bytes(range(1, 32)) + b"\0", ristretto.map_to_group(bytes(range(64))).encode()
    units: list[float] = []

    def time_unit() -> None:
        started = time.process_time()
        for _ in range(UNIT_CALLS):
            sodium.crypto_scalarmult_ristretto255(result, scalar, point)
        units.append((time.process_time() - started) / UNIT_CALLS * 1000)

    def time_calls(call: Callable[[], object]) -> list[float]:
        call()
        times: list[float] = []
        while len(times) < REPEATS and (len(times) < 3 or sum(times) < SECONDS_FOR_ONE * 1000):
            time_unit()
            started = time.process_time()
            call()
            times.append((time.process_time() - started) * 1000)
        return times

    def row(operation: str, commitments: int, batch: int, times: list[float]) -> None:
        median = statistics.median(times)
        tell(Row(operation, commitments, batch, ristretto.BACKEND, round(median, 3), round(min(times), 3), round(median / statistics.median(units), 2)))

    def measure_count(count: int) -> None:
        openings = tuple(Opening(1000 + index, index + 7) for index in range(count))
        statements = [RangeStatement(tuple(commit(opening) for opening in openings), bytes([number]) * 32) for number in range(DISTINCT_PROOFS)]
        witness = RangeWitness(openings)
        proofs = [prove(statement, witness, os.urandom) for statement in statements]
        row("prove", count, 1, time_calls(lambda: prove(statements[0], witness, os.urandom)))
        row("verify", count, 1, time_calls(lambda: verify(statements[0], proofs[0])))
        pairs = list(zip(statements, proofs, strict=True))
        for size in BATCHES:
            row("batch", count, size, time_calls(partial(verify_batch, (pairs * size)[:size])))

    for count in COMMITMENTS:
        measure_count(count)


def _tell(row: Row) -> None:
    sys.stdout.write(json.dumps(asdict(row)) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the group library that MESH_RISTRETTO asks for; one JSON object a line."""
    argparse.ArgumentParser(prog="python -m testnet.bench.proofs", description=main.__doc__).parse_args(arguments)
    try:
        measure(_tell)
    except LocalFault as fault:
        sys.stderr.write(f"{fault.text}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
