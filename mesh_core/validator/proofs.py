"""Range proofs are verified in threads, so that the event loop goes on answering. libsodium's calls release the interpreter's lock."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mesh_core.crypto.range_proof import RangeProofError, verify
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.effects import VerifyProof

Verdict = Callable[[VerifyProof, bool, float], None]
"""Called in the event loop with the job, whether the proof holds, and the seconds that checking it took."""


class ProofVerifier:
    """A pool of as many threads as there are cores to spare. `waiting_count` jobs are not finished."""

    def __init__(self, on_fault: Callable[[LocalFault], None], *, threads_count: int | None = None) -> None:
        """`on_fault` is told of a check that ended neither way, a bug: the transition would wait for ever, so the validator must stop."""
        self._on_fault = on_fault
        count = max(1, (os.cpu_count() or 2) - 1) if threads_count is None else threads_count
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="mesh-proofs")
        self.waiting_count = 0

    def submit(self, job: VerifyProof, verdict: Verdict) -> None:
        """Check one proof; `verdict` is called later, once, from the event loop that is running now."""
        self.waiting_count += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, _check, job)
        future.add_done_callback(lambda done: self._finish(job, done, verdict))

    def close(self) -> None:
        """Stop; jobs that have not begun are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _finish(self, job: VerifyProof, done: "asyncio.Future[tuple[bool, float]]", verdict: Verdict) -> None:
        self.waiting_count -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._on_fault(LocalFault(ErrorCode.INTERNAL, f"checking the range proof of {job.transition_id.hex()[:16]} failed: {error!r}"))
            return
        valid, seconds = done.result()
        verdict(job, valid, seconds)


def _check(job: VerifyProof) -> tuple[bool, float]:
    started = time.perf_counter()
    try:
        verify(job.statement, job.proof)
    except RangeProofError:
        return False, time.perf_counter() - started
    return True, time.perf_counter() - started
