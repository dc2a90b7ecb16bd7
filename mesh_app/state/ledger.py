"""The ledger as the observer read it from the validators. All of it is public; ids, keys and commitments are hexadecimal digits."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

MAX_NEWEST: Final = 10_000
"""Newest rows of the log that is read; older ones come page by page."""
MAX_OLDER: Final = 4_000
MAX_DETAILS: Final = 64
MAX_LIES: Final = 20


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A certificate in a validator's log. `claims` name the outputs that a RECEIVE takes: certificate, dot, index."""

    index: int
    cert_id: str
    kind: str
    sender: str
    sequence: int
    fee: int
    recipients: tuple[str, ...]
    memo_bytes: tuple[int, ...]
    claims: tuple[str, ...]
    signers: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ByteField:
    """A field of a certificate: `path` from the outermost type, where its bytes are, and its value in words."""

    path: str
    offset: int
    size: int
    words: str

    @property
    def end(self) -> int:
        """The offset behind its last byte."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class LedgerOutput:
    """An output: who may claim it, and who did. `claimable` is None where nobody knows; `listed_by` are validators that list it."""

    output: str
    owner: str
    address: str
    commitment: str
    claimed_by: str
    claimable: bool | None
    listed_by: tuple[int, ...] = ()

    @property
    def cert_id(self) -> str:
        """The certificate that made it."""
        return self.output.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class CertificateDetail:
    """A certificate with all its bytes. `claims` are (output, commitment), `votes` (validator, signature)."""

    cert_id: str
    transition_id: str
    core_hash: str
    index: int | None
    kind: str
    sender: str
    sequence: int
    prev: str
    balance: str
    fee: int
    epoch: int
    asset: str
    proof_bytes: int
    owner_signature: str
    outputs: tuple[LedgerOutput, ...]
    claims: tuple[tuple[str, str], ...]
    votes: tuple[tuple[int, str], ...]
    data: bytes = field(repr=False)
    fields: tuple[ByteField, ...] = field(repr=False)

    @property
    def voters(self) -> tuple[int, ...]:
        """The validators that voted, in the order of the votes."""
        return tuple(index for index, _ in self.votes)

    def field_at(self, offset: int) -> int:
        """Index of the field that a byte belongs to."""
        low, high = 0, len(self.fields) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.fields[middle].offset <= offset else (low, middle - 1)
        return low


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check of a certificate: `ok` is None where it could not be made. `ms` was measured where it was made."""

    name: str
    title: str
    proves: str
    validator: int | None
    ok: bool | None
    found: str
    ms: float


@dataclass(frozen=True, slots=True)
class Verified:
    """All checks of a certificate, and the group library that made them."""

    cert_id: str
    t_ns: int
    ok: bool
    ms: float
    backend: str
    checks: tuple[CheckOutcome, ...]


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A certificate of an account's chain. `linked` says whether it names the one before it; None where that one is not at hand."""

    cert_id: str
    kind: str
    sequence: int
    prev: str
    transition_id: str
    balance: str
    fee: int
    outputs_count: int
    claims_count: int
    linked: bool | None


@dataclass(frozen=True, slots=True)
class AccountWord:
    """What one validator says of an account: in agreement with its proven state, behind it, a lie, or nothing."""

    validator: int
    exists: bool
    sequence: int
    balance: str
    head: str
    claimable_count: int
    agrees: bool
    lie: str
    error: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account: its proven state, the part of its chain that ends before `end` (oldest first), the validators' words, what it may claim."""

    owner: str
    t_ns: int
    sequence: int
    balance: str
    head: str
    allocation: int | None
    end: int
    links: tuple[ChainLink, ...]
    words: tuple[AccountWord, ...]
    claimable: tuple[LedgerOutput, ...]


@dataclass(frozen=True, slots=True)
class OutputsView:
    """What waits to be claimed by anybody, the newest first; `count` are all, None where the log is too long to be followed."""

    t_ns: int
    count: int | None
    outputs: tuple[LedgerOutput, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What the observer sees of a validator. Length and digest are its own word."""

    validator: int
    is_up: bool
    rtt_ms: float | None
    log_length: int | None
    digest: str
    flags: int
    error: str


@dataclass(frozen=True, slots=True)
class LogDifference:
    """Where two logs part: what stands there in each, and the certificates that only one of them holds, as far as was read."""

    index: int
    here: LedgerRow | None
    there: LedgerRow | None
    only_here: tuple[LedgerRow, ...]
    only_there: tuple[LedgerRow, ...]
    only_here_count: int
    only_there_count: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """One validator beside the one whose log was read: `verdict` is same, behind, ahead, other_order, different, lie or silent."""

    sight: Sight
    verdict: str
    text: str
    difference: LogDifference | None


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """The validators beside each other. `digest` and `supply_audit` were computed by the observer from the log; empty and None where it is too long."""

    t_ns: int
    reference: int
    length: int
    digest: str
    supply_audit: bool | None
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Lie:
    """A validator said something that cannot be true."""

    t_ns: int
    validator: int
    text: str


@dataclass(slots=True)
class LedgerView:
    """One validator's log as it was read, and what was looked at."""

    source: int | None = None
    """The validator whose log is read; `is_source_chosen` where the person chose it."""
    is_source_chosen: bool = False
    generation: int = 0
    length: int = 0
    target: int = 0
    is_reading: bool = False
    rate: float = 0.0
    error: str = ""
    digest: str = ""
    accounts_count: int | None = None
    outputs_count: int | None = None
    fee_pool: int | None = None
    last_word_ns: int = 0
    sights: tuple[Sight, ...] = ()
    newest: dict[int, LedgerRow] = field(default_factory=dict)
    older: dict[int, LedgerRow] = field(default_factory=dict)
    index_of: dict[str, int] = field(default_factory=dict)
    details: OrderedDict[str, CertificateDetail] = field(default_factory=OrderedDict)
    verified: OrderedDict[str, Verified] = field(default_factory=OrderedDict)
    account: AccountView | None = None
    outputs: OutputsView | None = None
    comparison: ComparisonView | None = None
    lies: deque[Lie] = field(default_factory=lambda: deque(maxlen=MAX_LIES))

    def row(self, index: int) -> LedgerRow | None:
        """The row of the log with this index, where it is kept."""
        return self.newest.get(index) or self.older.get(index)

    def row_of(self, cert_id: str) -> LedgerRow | None:
        """The row of a certificate, where it is kept."""
        index = self.index_of.get(cert_id)
        return None if index is None else self.row(index)

    def begin(self, generation: int) -> None:
        """Another log, or the same one anew: the rows of the one before are void."""
        self.generation = generation
        self.newest.clear()
        self.older.clear()
        self.index_of.clear()

    def add(self, row: LedgerRow) -> None:
        """Keep a row: behind the newest, or among those of an older part that was asked for."""
        kept, most = (self.newest, MAX_NEWEST) if row.index > next(reversed(self.newest), -1) or row.index in self.newest else (self.older, MAX_OLDER)
        kept[row.index] = row
        self.index_of[row.cert_id] = row.index
        while len(kept) > most:
            gone = kept.pop(next(iter(kept)))
            if self.row(gone.index) is None:
                self.index_of.pop(gone.cert_id, None)
