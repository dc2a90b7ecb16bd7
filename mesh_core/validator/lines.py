"""The JSON lines that a validator process writes to its standard output, one event a line; everything else goes to its log.

Public data only: hashes, keys, codes, times. `t_ns` is the machine's monotonic clock, so that lines of several processes on one machine can be compared;
all `_ms` are durations measured in this process.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Ready:
    """The validator listens. Written once, after everything is restored. `flags` are those of PONG; `quarantine` says why it does not vote, if it does not."""

    EVENT: ClassVar[str] = "ready"
    t_ns: int
    pid: int
    public_key: bytes
    network_id: bytes
    host: str
    port: int
    backend: str
    log_length: int
    state_digest: bytes
    flags: int = 0
    quarantine: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """Once a second, and after each change of the digest. `connections_count` are all connections; `peers_up` validators reached, by index.

    `supply_audit` is the group equation over all commitments at that digest: the sum of everything held is the supply less the fees. None where the ledger
    is too large to add up in passing. `held_sum` and `public_sum` are its two sides, one group element each.
    """

    EVENT: ClassVar[str] = "status"
    t_ns: int
    log_length: int
    state_digest: bytes
    accounts_count: int
    outputs_count: int
    fee_pool: int
    supply_audit: bool | None
    votes_cast: int
    votes_refused: int
    connections_count: int
    peers_up: tuple[int, ...]
    proofs_waiting: int
    parked_count: int
    last_commit_ms: float
    flags: int
    quarantine: str | None = None
    held_sum: bytes | None = None
    public_sum: bytes | None = None


@dataclass(frozen=True, slots=True)
class VoteRequested:
    """A vote request that passed rules 1 and 2 came in."""

    EVENT: ClassVar[str] = "vote_requested"
    t_ns: int
    sender: bytes
    sequence: int
    transition_id: bytes


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A vote is durable and leaves. `rules_ms` rules 1 to 8, `proof_ms` the range proof (0 for a RECEIVE), `durable_ms` the commit, `total_ms` all of it."""

    EVENT: ClassVar[str] = "vote_cast"
    t_ns: int
    sender: bytes
    sequence: int
    transition_id: bytes
    rules_ms: float
    proof_ms: float
    durable_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class VoteRejected:
    """A rule refused. `code` as four hexadecimal digits, `rule` its number (10: operational), `name` the rule's name, `reason` the code's name."""

    EVENT: ClassVar[str] = "vote_rejected"
    t_ns: int
    sender: bytes
    sequence: int
    transition_id: bytes
    code: str
    rule: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class CertificateApplied:
    """A certificate changed the ledger and is durable."""

    EVENT: ClassVar[str] = "certificate_applied"
    t_ns: int
    cert_id: bytes
    log_index: int
    kind: str
    sender: bytes
    sequence: int
    recipients: tuple[bytes, ...]
    signers: tuple[int, ...]
    durable_ms: float


@dataclass(frozen=True, slots=True)
class CertificateParked:
    """A certificate waits for others."""

    EVENT: ClassVar[str] = "certificate_parked"
    t_ns: int
    cert_id: bytes
    missing: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class EquivocationFound:
    """Somebody signed two transitions for one slot. `proof` is its canonical bytes, checkable with the genesis document alone."""

    EVENT: ClassVar[str] = "equivocation"
    t_ns: int
    proof_id: bytes
    offender: bytes
    kind: str
    sender: bytes
    sequence: int
    id_a: bytes
    id_b: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class SafetyAlarmRaised:
    """Two conflicting certificates exist; this validator has halted. `offenders` are the validators that signed both."""

    EVENT: ClassVar[str] = "safety_alarm"
    t_ns: int
    offenders: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PeerLine:
    """The connection to another validator changed."""

    EVENT: ClassVar[str] = "peer"
    t_ns: int
    peer: int
    up: bool
    detail: str


@dataclass(frozen=True, slots=True)
class SyncProgressed:
    """Certificates are fetched that were missing here: so many of the peer's log were read, so many it has, so many a second were applied lately."""

    EVENT: ClassVar[str] = "sync_progress"
    t_ns: int
    peer: int
    height: int
    target: int
    certificates_per_s: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """The validator stops, and why."""

    EVENT: ClassVar[str] = "stopping"
    t_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fatal:
    """The validator cannot start or go on. `code` is stable, `text` says what to do."""

    EVENT: ClassVar[str] = "fatal"
    t_ns: int
    code: str
    text: str
