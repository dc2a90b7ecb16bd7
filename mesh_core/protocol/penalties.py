"""Accounts whose range proofs fail wait (docs/protocol.md, "Limits"). A failed proof costs a validator as much as a good one, its sender nothing.

This delays the service and judges no transition: the same request gets its vote when the wait is over, votes that were cast are repeated meanwhile, and a
proof that is being checked already is not disturbed. Nobody can bring a penalty on another account, since only what its owner signed gets here.
"""

from collections import OrderedDict
from dataclasses import dataclass

from mesh_core.errors import ErrorCode, Rejected
from mesh_core.types.basic import PublicKey

FREE_FAILURES = 2
"""The third failed proof is the first that has a consequence. A correct wallet never sends one: it checks what it signs."""
LONGEST_WAIT_S = 64.0
QUIET_S = 60.0
"""After so long without a failure and without a wait, all is forgotten."""
MAX_ACCOUNTS = 4096


@dataclass(slots=True)
class _Record:
    failures: int
    waits_until: float
    forgotten_at: float


class Penalties:
    """Failed proofs by account: existing accounts only, since rule 3 comes first, and bounded all the same: the one that failed longest ago goes first."""

    def __init__(self) -> None:
        self._records: OrderedDict[PublicKey, _Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def require_service(self, sender: PublicKey, now: float) -> None:
        """Rejected (BUSY) while the account has to wait."""
        record = self._records.get(sender)
        if record is not None and now < record.waits_until:
            raise Rejected(ErrorCode.BUSY, f"{record.failures} range proofs of this account failed: retry in {record.waits_until - now:.0f} s")

    def count_failure(self, sender: PublicKey, now: float) -> None:
        """A range proof of this account failed: from the third on it waits 1, 2, 4 ... 64 seconds."""
        record = self._records.pop(sender, None)
        failures = 1 if record is None or now >= record.forgotten_at else record.failures + 1
        doublings = failures - FREE_FAILURES - 1
        wait = 0.0 if doublings < 0 else min(2.0 ** min(doublings, 16), LONGEST_WAIT_S)
        self._records[sender] = _Record(failures, now + wait, now + wait + QUIET_S)
        if len(self._records) > MAX_ACCOUNTS:
            self._records.popitem(last=False)
