"""Range proofs are verified in threads, in batches, so that the event loop goes on answering. The group library's calls release the interpreter's lock.

Batches adapt to the load by themselves: whatever waits when a thread is free is its next batch. An idle validator checks a lone proof at once; under load
the batches grow, and a proof in a large batch costs a fraction of a proof alone. A bad proof is named by its batch and condemns nobody else.

But it costs the others time: a batch with a bad proof is searched, and whoever came meanwhile waits for the end of the search. So who sends a hundred bad
proofs waits for them, and hardly anybody else: those who wait are served in turn, one proof of each, and after a bad proof batches are short for a while.
"""

import asyncio
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from mesh_core.crypto.range_proof import verify_batch
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.effects import VerifyProof
from mesh_core.validator.ports import Verdict

MOST_IN_BATCH: Final = 64
"""Beyond this a proof becomes hardly cheaper, and the first of the batch waits for the last."""
MOST_AFTER_BAD: Final = 4
"""The size of the next batch after one with a bad proof. Each good batch doubles it again."""

SLICE_S: Final = 0.002
"""Verdicts are given for so long at a stretch, one of them at least."""


class ProofVerifier:
    """As many threads as there are cores to spare. `waiting_count` jobs are not finished."""

    def __init__(
        self, on_fault: Callable[[LocalFault], None], *, threads_count: int | None = None, source_of: Callable[[VerifyProof], str] | None = None
    ) -> None:
        """`on_fault` is told of a check that ended neither way, a bug: the transitions would wait for ever, so the validator must stop.

        `source_of` says who a job is for; all for the same, if it is left out.
        """
        self._on_fault = on_fault
        self._source_of = source_of
        self._threads_count = max(1, (os.cpu_count() or 2) - 1) if threads_count is None else threads_count
        self._pool = ThreadPoolExecutor(max_workers=self._threads_count, thread_name_prefix="mesh-proofs")
        self._waiting: OrderedDict[str, deque[tuple[VerifyProof, Verdict]]] = OrderedDict()
        """By source, the one whose turn it is first. None is empty."""
        self._most_in_batch = MOST_IN_BATCH
        self._running_count = 0
        self._is_closed = False
        self.waiting_count = 0

    def submit(self, job: VerifyProof, verdict: Verdict) -> None:
        """Check one proof; `verdict` is called later, once, from the event loop that is running now."""
        self.waiting_count += 1
        source = "" if self._source_of is None else self._source_of(job)
        self._waiting.setdefault(source, deque()).append((job, verdict))
        self._start_batches()

    def close(self) -> None:
        """Stop; jobs that have not begun are dropped."""
        self._is_closed = True
        self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start_batches(self) -> None:
        """Give what waits to the threads that are free."""
        while self._waiting and self._running_count < self._threads_count:
            batch = self._take_batch()
            self._running_count += 1
            future = asyncio.get_running_loop().run_in_executor(self._pool, _check, [job for job, _ in batch])
            future.add_done_callback(lambda done, batch=batch: self._finish(batch, done))  # type: ignore[misc]

    def _take_batch(self) -> list[tuple[VerifyProof, Verdict]]:
        """The oldest of each source in turn, until the batch is full."""
        batch: list[tuple[VerifyProof, Verdict]] = []
        while self._waiting and len(batch) < self._most_in_batch:
            source, jobs = self._waiting.popitem(last=False)
            batch.append(jobs.popleft())
            if jobs:
                self._waiting[source] = jobs
        return batch

    def _finish(self, batch: list[tuple[VerifyProof, Verdict]], done: "asyncio.Future[tuple[frozenset[int], float]]") -> None:
        self._running_count -= 1
        if done.cancelled() or self._is_closed:
            self.waiting_count -= len(batch)
            return
        error = done.exception()
        if error is not None:
            self.waiting_count -= len(batch)
            names = ", ".join(job.transition_id.hex()[:16] for job, _ in batch)
            self._on_fault(LocalFault(ErrorCode.INTERNAL, f"checking the range proofs of {names} failed: {error!r}"))
            return
        bad, seconds = done.result()
        self._most_in_batch = MOST_AFTER_BAD if bad else min(MOST_IN_BATCH, 2 * self._most_in_batch)
        self._start_batches()
        self._deliver(deque(partial(verdict, job, position not in bad, seconds) for position, (job, verdict) in enumerate(batch)))

    def _deliver(self, verdicts: deque[Callable[[], None]]) -> None:
        """Give the verdicts of a batch, one slice a turn of the loop: each may make a vote, and 64 votes at a stretch would keep everybody else waiting."""
        ends_at = time.perf_counter() + SLICE_S
        try:
            while verdicts and not self._is_closed:
                self.waiting_count -= 1
                verdicts.popleft()()
                if time.perf_counter() >= ends_at:
                    break
        finally:
            if verdicts and not self._is_closed:
                asyncio.get_running_loop().call_soon(self._deliver, verdicts)
            else:
                self.waiting_count -= len(verdicts)


def _check(jobs: list[VerifyProof]) -> tuple[frozenset[int], float]:
    """Positions of the proofs that do not hold, and the seconds that it took."""
    started = time.perf_counter()
    bad = verify_batch([(job.statement, job.proof) for job in jobs])
    return frozenset(bad), time.perf_counter() - started
