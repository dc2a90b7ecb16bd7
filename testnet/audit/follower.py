"""One log replayed from the genesis by the product's own machine, certificate by certificate, with all that a certificate rests on checked again.

A validator that applies a certificate trusts its quorum for the range proof; here that is checked, too. The machine is a validator's, with a key that has no
seat: it votes for nothing, and what it would make durable is handed out, for whoever compares it with what a validator has made durable.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mesh_core.crypto.range_proof import RangeStatement, verify_batch
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import ErrorCode, MeshError, Rejected
from mesh_core.protocol.certificates import CheckedCertificate, InvalidCertificate, decode_certificate, verify_certificate
from mesh_core.protocol.effects import Effect, Persist, Record
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.validation import (
    build_range_statement,
    validate_account,
    validate_amounts,
    validate_balance,
    validate_dependencies,
    validate_sequence,
)
from mesh_core.protocol.validator import ValidatorMachine
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.messages import AckStatus
from mesh_core.types.transition import Kind, OutputKey

PROOFS_AT_ONCE: Final = 64
"""A batch of them costs a fraction of what they cost one by one."""
NOT_KEPT: Final = ("a/", "o/", "c/", "l/", "s/")
"""Records that the machine does not need here: accounts and outputs are in its memory, and certificates are looked up for slots that are decided alone."""
SEED_BYTES: Final = 32


class LogError(MeshError):
    """A log holds what cannot stand there. `index` is its place in the log."""

    def __init__(self, index: int, code: ErrorCode, text: str) -> None:
        super().__init__(code, text)
        self.index = index


@dataclass(slots=True)
class Known:
    """What was checked already, for several logs of the same certificates: signatures by the bytes that they are in, proofs by transition.

    `decided` holds what decided each slot, in whichever log came first.
    """

    signed: set[bytes] = field(default_factory=set)
    proven: set[Hash32] = field(default_factory=set)
    decided: dict[tuple[PublicKey, int], Hash32] = field(default_factory=dict)
    signatures_count: int = 0
    proofs_count: int = 0


@dataclass(frozen=True, slots=True)
class Rival:
    """Another log has decided this entry's slot by another certificate: a quorum has signed both, which more than f faults alone can do."""

    index: int
    sender: PublicKey
    sequence: int
    other: Hash32


class _Records:
    """The store of a machine that is never restored."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._kept.get(key)

    def records(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        yield from ()

    def keep(self, records: tuple[Record, ...]) -> None:
        for key, value in records:
            if not key.startswith(NOT_KEPT):
                self._kept[key] = value


class LogFollower:
    """The state after the entries so far. `take` them in order, then `finish`."""

    def __init__(self, genesis: Genesis, known: Known) -> None:
        self.genesis = genesis
        self._known = known
        self._records = _Records()
        self._machine = ValidatorMachine(genesis, SigningKey(os.urandom(SEED_BYTES)), self._records, JournalContents(JournalCondition.FIRST_START))
        self._perform(self._machine.initial_effects())
        self.owners: set[PublicKey] = set()
        """Accounts with a transition in the log."""
        self.claimable: set[OutputKey] = set()
        """Outputs that wait to be claimed."""
        self.claims_count = 0
        """Outputs that were claimed."""
        self.rivals: list[Rival] = []
        """Entries whose slots are decided otherwise in a log that was followed before."""
        self._unproven: list[tuple[int, Hash32, RangeStatement, bytes]] = []

    @property
    def ledger(self) -> Ledger:
        """Accounts, outputs and counters."""
        return self._machine.ledger

    @property
    def length(self) -> int:
        """Entries that were taken."""
        return self._machine.ledger.globals.log_length

    @property
    def chain(self) -> Hash32:
        """Chain hash of these."""
        return self._machine.ledger.globals.chain

    @property
    def is_waiting(self) -> bool:
        """Whether range proofs of entries that were taken are not checked so far."""
        return bool(self._unproven)

    def take(self, data: bytes) -> tuple[CheckedCertificate, tuple[Record, ...]]:
        """The next entry's bytes: the certificate, and all records that a validator makes durable for it. LogError, after which this cannot go on."""
        index = self.length
        try:
            checked = decode_certificate(data, self.genesis)
            self._check_signatures(checked)
            self._check_rules(checked)
        except InvalidCertificate as error:
            raise LogError(index, error.code, f"is no certificate of this network: {error.text}") from error
        except Rejected as error:
            raise LogError(index, error.code, f"cannot be applied there: {error.text}") from error
        self._machine.note_verified(checked)
        taken, effects = self._machine.take_decoded((checked,), most=1, most_new=1)
        records = self._perform(effects)
        if taken[0].status is not AckStatus.APPLIED:
            raise LogError(index, ErrorCode.DOCUMENT_INVALID, f"is not applied by a validator's machine: {taken[0].status.name}")
        decided = self._known.decided.setdefault((checked.core.sender, checked.core.sequence), checked.cert_id)
        if decided != checked.cert_id:
            self.rivals.append(Rival(index, checked.core.sender, checked.core.sequence, decided))
        self.owners.add(checked.core.sender)
        self.claimable.update(OutputKey(checked.cert_id, number) for number in range(len(checked.core.outputs)))
        self.claims_count += len(checked.core.claims)
        self.claimable.difference_update(claim.key for claim in checked.core.claims)
        if checked.core.kind is Kind.SEND and checked.transition_id not in self._known.proven:
            self._unproven.append((index, checked.transition_id, build_range_statement(checked.identified), checked.certificate.transition.range_proof))
            if len(self._unproven) >= PROOFS_AT_ONCE:
                self.finish()
        return checked, records

    def finish(self) -> None:
        """Check the range proofs that wait for others to be checked with. LogError."""
        waiting, self._unproven = self._unproven, []
        bad = verify_batch([(statement, proof) for _, _, statement, proof in waiting])
        if bad:
            index = waiting[min(bad)][0]
            raise LogError(index, ErrorCode.RANGE_PROOF, "its range proof does not hold: an amount may be negative")
        self._known.proven.update(transition_id for _, transition_id, _, _ in waiting)
        self._known.proofs_count += len(waiting)

    def _check_signatures(self, checked: CheckedCertificate) -> None:
        name = hashlib.sha3_256(checked.data).digest()
        if name in self._known.signed:
            return
        verify_certificate(checked, self.genesis)
        self._known.signed.add(name)
        self._known.signatures_count += 1 + len(checked.certificate.votes)

    def _check_rules(self, checked: CheckedCertificate) -> None:
        """Rules 3 to 8, in their order, so that a refusal has its own code: the machine itself only says that something is in conflict. Rejected."""
        core, ledger = checked.core, self.ledger
        account = validate_account(core, ledger)
        validate_sequence(core, account)
        validate_dependencies(core, ledger)
        validate_amounts(core, ledger.genesis)
        validate_balance(core, account.balance)

    def _perform(self, effects: list[Effect]) -> tuple[Record, ...]:
        records = tuple(record for effect in effects if isinstance(effect, Persist) for record in effect.records)
        self._records.keep(records)
        return records
