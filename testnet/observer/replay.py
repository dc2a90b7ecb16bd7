"""A ledger of our own that follows a validator's log: so that its digest, the supply and what waits to be claimed are computed here and not believed.

Every entry passes the rules that a correct validator applies it by: its sequence, its link to the one before, its claims and the balance equation. Signatures
were verified when the entry was read. Range proofs are not: they take the longest, and are checked for the certificate that somebody looks at.
"""

from collections.abc import Iterator
from typing import Final

from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.records import CLAIM_PREFIX
from mesh_core.protocol.validation import validate_account, validate_amounts, validate_balance, validate_dependencies, validate_sequence
from mesh_core.types.account import ClaimableOutput
from mesh_core.types.basic import Hash32
from mesh_core.types.transition import OutputKey

REPLAY_MOST: Final = 20_000
"""Longest log that is followed: about 20 MB and, beside other work, half a minute."""


class _Claims:
    """The store of a ledger that only ever asks who claimed an output."""

    def __init__(self) -> None:
        self.takers: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.takers.get(key)

    def records(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        yield from ()


class Replay:
    """The ledger after the entries so far."""

    def __init__(self, genesis: Genesis) -> None:
        self._claims = _Claims()
        self._ledger = Ledger(genesis, self._claims)
        self._waiting: dict[OutputKey, None] = {}

    def apply(self, checked: CheckedCertificate) -> None:
        """Apply the next entry. Rejected, and nothing changed, where a correct validator could not have applied it."""
        core, ledger = checked.core, self._ledger
        account = validate_account(core, ledger)
        validate_sequence(core, account)
        validate_dependencies(core, ledger)
        validate_amounts(core, ledger.genesis)
        validate_balance(core, account.balance)
        for key, value in ledger.apply(checked):
            if key.startswith(CLAIM_PREFIX):
                self._claims.takers[key] = value
        for index in range(len(core.outputs)):
            self._waiting[OutputKey(checked.cert_id, index)] = None
        for claim in core.claims:
            del self._waiting[claim.key]

    @property
    def length(self) -> int:
        """Entries that were applied."""
        return self._ledger.globals.log_length

    @property
    def fee_pool(self) -> int:
        """Fees so far."""
        return self._ledger.globals.fee_pool

    @property
    def accounts_count(self) -> int:
        """Accounts that exist."""
        return self._ledger.accounts_count

    @property
    def outputs_count(self) -> int:
        """Outputs that wait to be claimed."""
        return self._ledger.outputs_count

    def compute_digest(self) -> Hash32:
        """The state digest that a validator with this log must have."""
        return self._ledger.compute_digest()

    def audit_supply(self) -> bool:
        """Whether the commitments of everything that is held add up to the supply less the fees."""
        return self._ledger.audit_supply()

    def claimed_by(self, key: OutputKey) -> Hash32 | None:
        """cert_id of the RECEIVE that claimed an output, or None."""
        return self._ledger.claimed_by(key)

    def is_claimable(self, key: OutputKey) -> bool:
        """Whether an output waits for its owner."""
        return self._ledger.output(key) is not None

    def newest_claimable(self, most: int) -> list[tuple[OutputKey, ClaimableOutput]]:
        """Outputs that wait to be claimed, the newest first."""
        keys = [key for key, _ in zip(reversed(self._waiting), range(most), strict=False)]
        return [(key, output) for key in keys if (output := self._ledger.output(key)) is not None]
