"""Keys and values of a validator's durable records (docs/protocol.md, "Durable state"). One table, prefixed keys, raw bytes.

    a/OWNER               AccountState                        accounts that differ from the genesis
    o/CERT_ID/INDEX       ClaimableOutput                     outputs that wait to be claimed
    i/CERT_ID/INDEX       cert_id of the claiming RECEIVE     which certificate took an output
    c/CERT_ID             Certificate
    s/OWNER/SEQUENCE      cert_id, transition_id, log index   the certificate of a slot
    l/INDEX               cert_id, chain hash after it        the log: order of application here
    m/globals             fee pool, log length, chain hash
    m/network             network_id
    m/identity            public key of the validator whose votes these are
    m/halted              the AccountabilityReport that stopped this validator from voting
    m/quarantine          why this validator does not vote until its operator says so (UTF-8)
    m/cursor/PEER         how far the log of another validator is applied here, and its chain hash there
    v/OWNER/SEQUENCE      the vote of an undecided slot
    n/OWNER               the newest vote for a sender, decided or not, as it stands in the vote journal
    m/lifted              how many quarantines the operator has ended
    x/CERT_ID             a certificate that conflicts with another: evidence of more than f faults
    e/TYPE/OFFENDER/SENDER/EPOCH/SEQUENCE   EquivocationProof

Hexadecimal keys sort as the bytes and numbers do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from mesh_core.protocol.effects import Persist, Record
from mesh_core.types.basic import HASH, SIGNATURE, Hash32, PublicKey, Signature
from mesh_core.types.codec import U64, Struct
from mesh_core.types.evidence import ClientEquivocation, EquivocationProof, Offender
from mesh_core.types.messages import TRANSITION_BYTES
from mesh_core.types.transition import OutputKey

ACCOUNT_PREFIX = "a/"
OUTPUT_PREFIX = "o/"
CLAIM_PREFIX = "i/"
VOTE_PREFIX = "v/"
EVIDENCE_PREFIX = "e/"
CONFLICT_PREFIX = "x/"
NEWEST_PREFIX = "n/"
GLOBALS_KEY = "m/globals"
NETWORK_KEY = "m/network"
IDENTITY_KEY = "m/identity"
HALTED_KEY = "m/halted"
QUARANTINE_KEY = "m/quarantine"
LIFTED_KEY = "m/lifted"


class RecordReader(Protocol):
    """What a machine may ask of the store: a record as of the last `Persist`, durable or not."""

    def get(self, key: str) -> bytes | None:
        """The value of `key`, or None."""
        ...

    def records(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """All durable records whose keys start with `prefix`, ordered by key."""
        ...


class Overlay:
    """A store with the records on top that one call of a machine has decided on, and that its surroundings have not seen so far."""

    def __init__(self, store: RecordReader) -> None:
        self._store = store
        self._written: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """The value of `key`, or None."""
        if key in self._written:
            return self._written[key] or None
        return self._store.get(key)

    def records(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """The durable records below; only asked for before anything is written."""
        return self._store.records(prefix)

    def persist(self, records: Iterable[Record], journal: tuple[bytes, ...] = ()) -> Persist:
        """An effect that makes records durable; the rest of this call sees them at once."""
        batch = tuple(records)
        self._written.update(batch)
        return Persist(batch, journal)

    def clear(self) -> None:
        """Forget what was written: the store below shows it."""
        self._written.clear()


@dataclass(frozen=True, slots=True)
class Globals:
    """Counters that belong to the set of applied certificates, and the head of the log's hash chain."""

    fee_pool: int
    log_length: int
    chain: Hash32


@dataclass(frozen=True, slots=True)
class AppliedSlot:
    """Which certificate decided a slot, and where it stands in the log."""

    cert_id: Hash32
    transition_id: Hash32
    log_index: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log: the certificate, and the chain hash that includes it."""

    cert_id: Hash32
    chain: Hash32


@dataclass(frozen=True, slots=True)
class LogCursor:
    """A place in a log: so many certificates lie before it, and this is their chain hash."""

    index: int
    chain: Hash32


@dataclass(frozen=True, slots=True)
class VoteLock:
    """This validator's vote for an undecided slot: it will vote for no other transition there."""

    epoch: int
    transition_id: Hash32
    owner_signature: Signature
    signature: Signature
    transition: bytes


GLOBALS = Struct(Globals, fee_pool=U64, log_length=U64, chain=HASH)
APPLIED_SLOT = Struct(AppliedSlot, cert_id=HASH, transition_id=HASH, log_index=U64)
LOG_ENTRY = Struct(LogEntry, cert_id=HASH, chain=HASH)
CURSOR = Struct(LogCursor, index=U64, chain=HASH)
VOTE_LOCK = Struct(VoteLock, epoch=U64, transition_id=HASH, owner_signature=SIGNATURE, signature=SIGNATURE, transition=TRANSITION_BYTES)


def account_key(owner: PublicKey) -> str:
    """Key of an account's state."""
    return f"{ACCOUNT_PREFIX}{owner.hex()}"


def output_key(key: OutputKey) -> str:
    """Key of a claimable output."""
    return f"{OUTPUT_PREFIX}{key.cert_id.hex()}/{key.index:02x}"


def claim_key(key: OutputKey) -> str:
    """Key under which the certificate that claimed an output is found."""
    return f"{CLAIM_PREFIX}{key.cert_id.hex()}/{key.index:02x}"


def certificate_key(cert_id: Hash32) -> str:
    """Key of a certificate."""
    return f"c/{cert_id.hex()}"


def slot_key(sender: PublicKey, sequence: int) -> str:
    """Key of the certificate that decided a slot."""
    return f"s/{sender.hex()}/{sequence:016x}"


def log_key(index: int) -> str:
    """Key of a log entry."""
    return f"l/{index:016x}"


def cursor_key(peer: PublicKey) -> str:
    """Key of the place that is reached in another validator's log."""
    return f"m/cursor/{peer.hex()}"


def vote_key(sender: PublicKey, sequence: int) -> str:
    """Key of the vote for an undecided slot."""
    return f"{VOTE_PREFIX}{sender.hex()}/{sequence:016x}"


def newest_key(sender: PublicKey) -> str:
    """Key of the newest vote for a sender."""
    return f"{NEWEST_PREFIX}{sender.hex()}"


def conflict_key(cert_id: Hash32) -> str:
    """Key of a certificate that proves that more than f validators are faulty."""
    return f"{CONFLICT_PREFIX}{cert_id.hex()}"


def evidence_key(proof: EquivocationProof) -> str:
    """Key of an equivocation proof: one for each offender and slot, however many could be made."""
    if isinstance(proof, ClientEquivocation):
        offender, sender, kind = proof.owner, proof.owner, Offender.CLIENT
    else:
        offender, sender, kind = proof.validator, proof.sender, Offender.VALIDATOR
    return f"{EVIDENCE_PREFIX}{kind}/{offender.hex()}/{sender.hex()}/{proof.epoch:016x}/{proof.sequence:016x}"


def parse_offender(key: str) -> str:
    """Kind and key of the offender in an evidence key."""
    return key.rsplit("/", 3)[0]


def parse_owner(key: str) -> PublicKey:
    """The owner in an account or vote key."""
    return PublicKey(bytes.fromhex(key.split("/")[1]))


def parse_output(key: str) -> OutputKey:
    """The output in an output or claim key."""
    _, cert_id, index = key.split("/")
    return OutputKey(Hash32(bytes.fromhex(cert_id)), int(index, 16))


def parse_sequence(key: str) -> int:
    """The sequence in a vote key."""
    return int(key.split("/")[2], 16)
