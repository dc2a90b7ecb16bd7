"""Checks of a certificate, run and timed in this process: what each found, and how long it took."""

import time
from dataclasses import dataclass

from mesh_core.crypto import ristretto
from mesh_core.errors import MeshError
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.inspection import Check, History, list_checks
from mesh_core.types.basic import Hash32

_NANOSECONDS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check as it went. `ok` is None where it could not be made; `found` says what was found, or what does not hold, or what is lacking."""

    name: str
    title: str
    proves: str
    validator: int | None
    ok: bool | None
    found: str
    ms: float


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of one certificate. `ms` is all of it; `backend` names the group library."""

    cert_id: Hash32
    outcomes: tuple[Outcome, ...]
    ms: float
    backend: str

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(outcome.ok is not False for outcome in self.outcomes)


def verify(data: bytes, cert_id: Hash32, genesis: Genesis, history: History) -> Verification:
    """Run every check. Takes as long as a range proof takes: not for the event loop."""
    begin = time.perf_counter_ns()
    outcomes = tuple(_run(check) for check in list_checks(data, cert_id, genesis, history))
    return Verification(cert_id, outcomes, (time.perf_counter_ns() - begin) / _NANOSECONDS_PER_MS, ristretto.BACKEND)


def _run(check: Check) -> Outcome:
    if check.lacks:
        return Outcome(check.name, check.title, check.proves, check.validator, None, check.lacks, 0.0)
    begin = time.perf_counter_ns()
    try:
        found, ok = check.run(), True
    except MeshError as error:
        found, ok = str(error), False
    ms = (time.perf_counter_ns() - begin) / _NANOSECONDS_PER_MS
    return Outcome(check.name, check.title, check.proves, check.validator, ok, found, ms)
