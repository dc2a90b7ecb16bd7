"""Whether this validator votes. Two conditions stop it, both durable: it has halted for good, or it waits in quarantine for its operator.

Everything else goes on in both: queries and certificates are served, and votes that were cast are repeated.
"""

from mesh_core.errors import ErrorCode, Rejected
from mesh_core.protocol.effects import Record
from mesh_core.protocol.records import HALTED_KEY, LIFTED_KEY, QUARANTINE_KEY, RecordReader, newest_key
from mesh_core.protocol.vote_journal import JOURNAL_ENTRY, NOBODY, JournalCondition
from mesh_core.types.codec import U64
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, AccountabilityReport
from mesh_core.types.messages import PongFlag


class Standing:
    """A validator's condition. `syncing` is told by whoever runs the catch-up, and is shown only."""

    def __init__(self, store: RecordReader) -> None:
        report = store.get(HALTED_KEY)
        self.halted = report is not None
        self._names_nobody = report is not None and not ACCOUNTABILITY_REPORT.decode(report).proofs
        reason = store.get(QUARANTINE_KEY)
        self.quarantine: str | None = None if reason is None else reason.decode("utf-8")
        self.syncing = False
        self.lifted = _count_lifted(store)
        """How many quarantines the operator has ended."""

    @property
    def flags(self) -> PongFlag:
        """The condition as PONG tells it."""
        flags = PongFlag.HALTED if self.halted else PongFlag(0)
        flags |= PongFlag.QUARANTINE if self.quarantine is not None else PongFlag(0)
        return flags | PongFlag.SYNCING if self.syncing else flags

    def require_voting(self) -> None:
        """Rejected (NOT_VOTING) when this validator must not sign anything new."""
        if self.halted:
            raise Rejected(ErrorCode.NOT_VOTING, "this validator has halted and does not vote")
        if self.quarantine is not None:
            raise Rejected(ErrorCode.NOT_VOTING, f"this validator is in quarantine and does not vote: {self.quarantine}")

    def halt(self, report: AccountabilityReport) -> list[Record]:
        """Stop voting for good. The first report that names somebody is the one that is kept.

        A certificate that stands on a rival of what is applied here comes first, at times, and shows that something is wrong but not whose fault it is; the
        rival itself does when it comes.
        """
        if self.halted and not (self._names_nobody and report.proofs):
            return []
        self.halted, self._names_nobody = True, not report.proofs
        return [(HALTED_KEY, ACCOUNTABILITY_REPORT.encode(report))]

    def enter_quarantine(self, reason: str) -> list[Record]:
        """Stop voting until the operator says so. The first reason is the one that is kept."""
        if self.quarantine is not None:
            return []
        self.quarantine = reason
        return [(QUARANTINE_KEY, reason.encode("utf-8"))]


def lift_quarantine(store: RecordReader) -> tuple[Record, ...]:
    """Records that end the quarantine of a validator that is not running; none if it is not in quarantine.

    Only its operator may decide this: what this validator signed with its key before, it does not know, and nobody can tell it. If it then votes for
    something else, it is one of the f faulty ones, and its own signatures prove it.
    """
    if store.get(QUARANTINE_KEY) is None:
        return ()
    newest = store.get(newest_key(NOBODY))
    ended = _count_lifted(store) if newest is None else JOURNAL_ENTRY.decode(newest).sequence
    return (QUARANTINE_KEY, b""), (LIFTED_KEY, U64.encode(ended))


def _count_lifted(store: RecordReader) -> int:
    counted = store.get(LIFTED_KEY)
    return 0 if counted is None else U64.decode(counted)


def reason_at_start(condition: JournalCondition, *, has_run: bool, has_votes: bool, is_unended: bool, contradiction: str | None) -> str | None:
    """Why a validator must not vote after a start, as far as its journal and its database tell; None if it may.

    `has_run` says that the database names its owner, which the first start makes durable before anything else; `has_votes` that database or journal know of
    a vote or a certificate; `is_unended` that one of them knows of a quarantine that was not lifted, whichever of them was lost since.
    """
    if is_unended and contradiction is None:
        contradiction = "a quarantine had begun, and the database that is here does not know of its end"
    match condition:
        case JournalCondition.MISSING | JournalCondition.DAMAGED:
            what = condition.value if has_run else "database and vote journal are gone, and this is not its first start"
            return f"{what}: votes of this validator may be forgotten"
        case JournalCondition.FIRST_START if has_run and has_votes:
            return "the vote journal is gone, though this validator has run: votes of this validator may be forgotten"
        case JournalCondition.INTACT if not has_run and not has_votes:
            # What a start with a lost disk leaves behind if it dies before its quarantine is durable: a new journal without votes, and nothing else.
            return "database and votes are gone, and this is not its first start: votes of this validator may be forgotten"
        case _:
            return contradiction
