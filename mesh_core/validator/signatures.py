"""Signatures of certificates that came by catch-up are checked in a thread, a few certificates at a time, so that the event loop goes on answering.

A certificate has one signature of its owner and a quorum of votes: nearly half of what it costs to apply it, and libsodium does it without the
interpreter's lock. One thread of its own, beside those of the proofs: a proof that somebody waits for is never behind certificates that nobody waits for.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.certificates import CheckedCertificate, is_signed
from mesh_core.protocol.effects import VerifySignatures
from mesh_core.protocol.genesis import Genesis
from mesh_core.validator.ports import SignatureVerdict


class SignatureVerifier:
    """Implements `ports.SignatureChecker`."""

    def __init__(self, genesis: Genesis, on_fault: Callable[[LocalFault], None]) -> None:
        """`on_fault` is told of a check that ended neither way, a bug: the catch-up would wait for ever, so the validator must stop."""
        self._genesis = genesis
        self._on_fault = on_fault
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mesh-signatures")
        self._is_closed = False

    def submit(self, job: VerifySignatures, verdict: SignatureVerdict) -> None:
        """Check the signatures of some certificates; `verdict` is called later, once, from the event loop that is running now."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, _check, job.certificates, self._genesis)
        future.add_done_callback(lambda done: self._finish(job, verdict, done))

    def close(self) -> None:
        """Stop; jobs that have not begun are dropped."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _finish(self, job: VerifySignatures, verdict: SignatureVerdict, done: "asyncio.Future[tuple[list[bool], float]]") -> None:
        if done.cancelled() or self._is_closed:
            return
        error = done.exception()
        if error is not None:
            self._on_fault(LocalFault(ErrorCode.INTERNAL, f"checking the signatures of {len(job.certificates)} certificates failed: {error!r}"))
            return
        valid, seconds = done.result()
        verdict(job, valid, seconds)


def _check(certificates: Sequence[CheckedCertificate], genesis: Genesis) -> tuple[list[bool], float]:
    """Whether each is signed as it must be, and the seconds that it took."""
    started = time.perf_counter()
    valid = [is_signed(checked, genesis) for checked in certificates]
    return valid, time.perf_counter() - started
