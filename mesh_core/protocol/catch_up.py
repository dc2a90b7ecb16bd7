"""Catch-up: how a validator gets the certificates that it lacks from the others, without any wallet (docs/protocol.md, "Catch-up").

Each validator's log is its own order of application, hash-chained. For each peer P this validator keeps a cursor, durable: the first so many certificates of
P's log are applied here, and this is their chain hash. What P's PONG says lies behind the cursor is asked for page by page. If P does not know the chain, it
has rebuilt its log in another order, and is read from the start again.

Everything that comes is self-verifying, so a peer can only waste work, and each way to do that ends: a certificate that is not valid excludes the peer, a
page without anything new in its log stops the questions until it says something new, and a log cannot hold more certificates than it has distinct ones.

The machine computes and keeps no time: `now` is told, the answers to its `AskPeer` come by `on_response` and `on_silence`. A page is worked on in pieces by
`step`, so that votes go on between two of them: some certificates are decoded, their signatures are checked away from here (`VerifySignatures`) while those
before them are applied. A verdict only saves work. What is not known to be valid when its turn comes is verified then, whatever became of the question.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mesh_core.protocol.applying import Taken
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.effects import AskPeer, Effect, Emit, Persist, Record, VerifySignatures
from mesh_core.protocol.ledger import extend_chain
from mesh_core.protocol.records import CURSOR, LogCursor, RecordReader, cursor_key
from mesh_core.protocol.validator import ValidatorMachine, in_one_batch
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.events import SyncProgress
from mesh_core.types.messages import AckStatus, SyncAccount, SyncCertificates, SyncFromLog, SyncMode, SyncRequest, SyncResponse

PAGE_ITEMS: Final = 256
PAGE_BYTES: Final = 64 * 1024
NEW_PER_SLICE: Final = 4
ITEMS_PER_SLICE: Final = 8
"""So many certificates are decoded at a time, and so many applied, of which so many are new here: half a millisecond each, after which a vote request that
came meanwhile is handled. Signatures take as long again; so many certificates are the most that a thread has before it when a vote comes."""
PAUSE_S: Final = 2.0
"""After a question that brought nothing, or was not answered."""
PARKED_S: Final = 1.0
"""What waits for others longer than this is asked for by name. A peer's log brings most of it before."""
WANTED_ACCOUNTS: Final = 16
WANTED_CERTIFICATES: Final = 255
PARKED_LOOKED_AT: Final = 64
STUCK_S: Final = 5.0
"""Digests that differ for so long while nothing moves are a reason to compare chains."""
RESET_INTERVAL_S: Final = 60.0
"""A peer's log is read from the start at most so often: a peer that claims all the time to have another one costs no more than that."""
MAX_HELD: Final = 256
HELD_S: Final = 60.0
LONGEST_EXCLUSION_S: Final = 256.0
PROGRESS_EVERY: Final = 64
RATE_WINDOW_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class PeerProgress:
    """Where the catch-up from one peer stands: certificates of its log that were read, how many it said to have, and whether it has sent something invalid."""

    peer: int
    cursor: int
    log_length: int
    is_up: bool
    is_excluded: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the catch-up stands: own log, the longest log of a peer that is reached, certificates a second that came by catch-up lately."""

    log_length: int
    target: int
    rate: float
    peers: tuple[PeerProgress, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """A certificate of a peer's log that is parked here, and the chain up to it: the durable cursor waits until it is applied."""

    checked: CheckedCertificate
    before: LogCursor


@dataclass(slots=True)
class _Peer:
    """One peer. Up to `read` the certificates of its log were taken, up to `durable` they are applied here, and up to `saved` the store knows that."""

    index: int
    key: PublicKey
    read: LogCursor
    saved: LogCursor
    is_up: bool = False
    log_length: int = 0
    digest: Hash32 | None = None
    question: SyncRequest | None = None
    page: deque[bytes] = field(default_factory=deque)
    """What nobody has looked at so far."""
    checking: tuple[CheckedCertificate | None, ...] = ()
    """What comes before that: decoded (None for bytes that are no certificate), and the verdict on their signatures is awaited."""
    ready: deque[CheckedCertificate | None] = field(default_factory=deque)
    """What comes before that: to be applied."""
    is_page_of_log: bool = False
    held: deque[_Held] = field(default_factory=deque)
    held_since: float = 0.0
    wanted: deque[SyncMode] = field(default_factory=deque)
    ask_after: float = 0.0
    ask_log_after: float = 0.0
    is_to_compare: bool = False
    unchanged: tuple[int, int, Hash32 | None] = (0, 0, None)
    unchanged_since: float = 0.0
    reset_after: float = 0.0
    excluded_until: float = 0.0
    excluded_at: float = 0.0
    exclusions: int = 0
    news: int = 0
    told: int = 0

    @property
    def is_reading(self) -> bool:
        """Whether something of its last answer is left."""
        return bool(self.page or self.checking or self.ready)

    @property
    def durable(self) -> LogCursor:
        """Up to here all certificates of the peer's log are applied here."""
        return self.held[0].before if self.held else self.read


class CatchUpMachine:
    """Reads the logs of all peers. One question at a time to each."""

    def __init__(self, machine: ValidatorMachine, store: RecordReader, peers: Mapping[int, PublicKey], now: float) -> None:
        """`peers` are the other validators, by index in the committee; their cursors are restored from `store`."""
        self._machine = machine
        self._start = LogCursor(0, machine.genesis.network_id)
        self._peers = {index: self._restore(index, key, store) for index, key in sorted(peers.items())}
        self._last_request = 0
        self._last_served = self._last_looked = -1
        self._last_lot = 0
        self._lot: int | None = None
        """Number of the one open `VerifySignatures`."""
        self._mark_at = now
        self._mark = self._old_mark = 0
        self._next_want_at = now
        self._applied_count = 0
        self._applied_at: deque[tuple[float, int]] = deque([(now, 0)])

    def _restore(self, index: int, key: PublicKey, store: RecordReader) -> _Peer:
        record = store.get(cursor_key(key))
        cursor = self._start if record is None else CURSOR.decode(record)
        return _Peer(index, key, cursor, cursor)

    # --- What the outside sees

    @property
    def has_work(self) -> bool:
        """Whether `step` would do something."""
        return any(peer.ready or self._may_look(peer) for peer in self._peers.values())

    @property
    def is_behind(self) -> bool:
        """Whether a log is being read that has brought certificates that were missing here: what the SYNCING flag tells."""
        return any(peer.is_up and peer.news > 0 and (peer.is_reading or peer.read.index < peer.log_length) for peer in self._peers.values())

    def progress(self) -> Progress:
        """Where the catch-up stands, and stood at the last tick."""
        peers = tuple(
            PeerProgress(peer.index, peer.read.index, peer.log_length, peer.is_up, self._mark_at < peer.excluded_until) for peer in self._peers.values()
        )
        own = self._machine.ledger.globals.log_length
        (since, before), (until, count) = self._applied_at[0], self._applied_at[-1]
        rate = (count - before) / (until - since) if until > since else 0.0
        return Progress(own, max((one.log_length for one in peers if one.is_up and not one.is_excluded), default=own), rate, peers)

    # --- What happens

    def on_peer_up(self, peer: int, now: float) -> list[Effect]:
        """A peer is reached. Its log is compared at once: it may be another one than before."""
        one = self._peers[peer]
        one.is_up, one.is_to_compare, one.ask_after = True, True, now
        if now < one.excluded_until:
            one.excluded_until = one.excluded_at + min(2.0**one.exclusions, LONGEST_EXCLUSION_S)
        self._forget_question(one)
        return self._ask(one, now)

    def on_peer_down(self, peer: int) -> list[Effect]:
        """A peer is not reached any more: its question is not answered, and what it sent last is asked for again."""
        one = self._peers[peer]
        one.is_up = False
        self._forget_question(one)
        return self._save(one)

    def on_pong(self, peer: int, log_length: int, digest: Hash32, now: float) -> list[Effect]:
        """A peer has said how long its log is, and the digest of what it has applied."""
        one = self._peers[peer]
        one.log_length, one.digest = log_length, digest
        return self._ask(one, now)

    def on_response(self, peer: int, response: SyncResponse, now: float) -> list[Effect]:
        """A peer has answered. Nothing is applied here: `step` does that. An answer to no open question is dropped."""
        one = self._peers[peer]
        question = one.question
        if question is None or response.request_id != question.request_id:
            return []
        one.question = None
        mode = question.mode
        one.is_page_of_log = isinstance(mode, SyncFromLog)
        if not isinstance(mode, SyncFromLog):
            one.page.extend(item.certificate for item in response.items)
            return [] if one.is_reading else self._ask(one, now)
        one.is_to_compare = False
        if not response.items:
            return self._take_empty_page(one, mode, response, now)
        if any(item.index != mode.from_index + place for place, item in enumerate(response.items)):
            return self._exclude(one, now)
        one.log_length = max(response.log_length, mode.from_index + len(response.items))
        one.page.extend(item.certificate for item in response.items)
        return []

    def on_silence(self, peer: int, now: float) -> list[Effect]:
        """A peer has not answered in time, or cannot be asked."""
        one = self._peers[peer]
        one.question = None
        one.ask_after = now + PAUSE_S
        return []

    def on_tick(self, now: float) -> list[Effect]:
        """Look at what takes too long. To be called about once a second."""
        self._move_marks(now)
        effects: list[Effect] = []
        if now >= self._next_want_at:
            wanted = self._wanted()
            self._next_want_at = now + PAUSE_S
            for one in self._peers.values():
                one.wanted = deque(wanted if self._is_usable(one, now) else ())
        for one in self._peers.values():
            self._look_for_standstill(one, now)
            effects += self._release_held(one, now) + self._ask(one, now)
        return effects

    def on_signatures_checked(self, number: int, certificates: Sequence[CheckedCertificate], valid: Sequence[bool]) -> None:
        """The verdict of a `VerifySignatures`. What is invalid is found out again when its turn comes, and excludes its sender then."""
        for checked, is_valid in zip(certificates, valid, strict=True):
            if is_valid:
                self._machine.note_verified(checked)
        if number == self._lot:
            self._lot = None
            for one in self._peers.values():
                one.ready.extend(one.checking)
                one.checking = ()

    def step(self, now: float) -> list[Effect]:
        """Do one piece of the work on what has arrived, of each peer's page in turn: decode some certificates, or apply some.

        First of all the next ones are given away to be checked, so that this goes on while others are applied.
        """
        looked = self._next([one for one in self._peers.values() if self._may_look(one)], self._last_looked)
        if looked is not None:
            self._last_looked = looked.index
            return self._look(looked)
        one = self._next([one for one in self._peers.values() if one.ready], self._last_served)
        if one is None:
            return []
        self._last_served = one.index
        effects = self._apply_slice(one, now)
        return effects if one.is_reading else effects + self._ask(one, now)

    @staticmethod
    def _next(candidates: list[_Peer], last: int) -> _Peer | None:
        return next((one for one in candidates if one.index > last), candidates[0] if candidates else None)

    # --- Questions

    def _is_usable(self, one: _Peer, now: float) -> bool:
        return one.is_up and now >= one.excluded_until

    def _ask(self, one: _Peer, now: float) -> list[Effect]:
        """The next question for a peer, if there is one and it has none."""
        if not self._is_usable(one, now) or one.question is not None or one.is_reading or now < one.ask_after:
            return []
        if one.wanted:
            return [self._question(one, one.wanted.popleft())]
        if now >= one.ask_log_after and len(one.held) < MAX_HELD and (one.is_to_compare or one.read.index != one.log_length):
            return [self._question(one, SyncFromLog(one.read.index, one.read.chain))]
        return []

    def _question(self, one: _Peer, mode: SyncMode) -> AskPeer:
        self._last_request += 1
        one.question = SyncRequest(self._last_request, mode, PAGE_ITEMS, PAGE_BYTES)
        return AskPeer(one.index, one.question)

    def _take_empty_page(self, one: _Peer, mode: SyncFromLog, response: SyncResponse, now: float) -> list[Effect]:
        """No certificates: the peer does not know our chain (cursor 0), or has nothing behind it, whatever else it claims.

        An answer to a question from 0 cannot mean the former: there the chain is the network_id at every validator.
        """
        one.ask_log_after = now + PAUSE_S
        if mode.from_index > 0 and response.next_cursor == 0:
            return self._read_anew(one, now)
        one.log_length = mode.from_index
        return self._finish(one)

    def _read_anew(self, one: _Peer, now: float) -> list[Effect]:
        """Read a peer's log from the start, if that was not done a short while ago."""
        one.is_to_compare = True
        if now < one.reset_after:
            one.ask_log_after = one.reset_after
            return []
        one.reset_after = now + RESET_INTERVAL_S
        one.ask_log_after = now
        one.read = self._start
        one.held.clear()
        return self._ask(one, now)

    def _wanted(self) -> list[SyncMode]:
        """What certificates lack that have been parked for long. A quorum voted for them, so f + 1 correct validators at least have what is missing."""
        ledger = self._machine.ledger
        cert_ids: dict[Hash32, None] = {}
        accounts: dict[PublicKey, int] = {}
        for checked in self._machine.parked(PARKED_LOOKED_AT, self._old_mark):
            cert_ids.update(dict.fromkeys(self._machine.missing_certificates(checked)))
            next_sequence = ledger.account_or_zero(checked.core.sender).sequence
            if checked.core.sequence > next_sequence:
                accounts[checked.core.sender] = next_sequence
        wanted: list[SyncMode] = [SyncAccount(owner, sequence) for owner, sequence in list(accounts.items())[:WANTED_ACCOUNTS]]
        if cert_ids:
            wanted.append(SyncCertificates(tuple(cert_ids)[:WANTED_CERTIFICATES]))
        return wanted

    def _move_marks(self, now: float) -> None:
        """Remember what was parked a while ago, and how many certificates had come by then."""
        if now >= self._mark_at + PARKED_S:
            self._old_mark, self._mark, self._mark_at = self._mark, self._machine.last_parked, now
            self._applied_at.append((now, self._applied_count))
            while len(self._applied_at) > 1 and self._applied_at[1][0] < now - RATE_WINDOW_S:
                self._applied_at.popleft()

    def _look_for_standstill(self, one: _Peer, now: float) -> None:
        """Compare chains when digests differ and nothing moves: the peer may have rebuilt its log to the very length that it had."""
        state = self._machine.ledger.globals.log_length, one.log_length, one.digest
        if state != one.unchanged or one.is_reading or one.question is not None:
            one.unchanged, one.unchanged_since = state, now
        elif now - one.unchanged_since >= STUCK_S and one.digest is not None and one.digest != self._machine.ledger.compute_digest():
            one.unchanged_since = now
            one.is_to_compare = True

    # --- Pages

    def _may_look(self, one: _Peer) -> bool:
        """One lot at a time is away, and of each page no more is decoded than keeps the thread busy while others are applied."""
        return bool(one.page) and self._lot is None and len(one.ready) <= NEW_PER_SLICE

    def _look(self, one: _Peer) -> list[Effect]:
        """Decode the next few certificates of a page, and have the signatures of those checked that are not known to be valid."""
        looked = tuple(self._machine.decode_certificate(one.page.popleft()) for _ in range(min(ITEMS_PER_SLICE, len(one.page))))
        unknown = tuple(checked for checked in looked if checked is not None and self._machine.needs_verification(checked))
        if not unknown:
            one.ready.extend(looked)
            return []
        one.checking = looked
        self._last_lot += 1
        self._lot = self._last_lot
        return [VerifySignatures(self._lot, unknown)]

    def _apply_slice(self, one: _Peer, now: float) -> list[Effect]:
        """Take some of a page, and move the cursor with the very batch that applies them."""
        before = len(one.held)
        taken, effects = self._machine.take_decoded(one.ready, most=ITEMS_PER_SLICE, most_new=NEW_PER_SLICE)
        for certificate in taken:
            one.ready.popleft()
            self._count(one, certificate)
            if certificate.checked is None:
                return in_one_batch(effects + self._exclude(one, now))
            if one.is_page_of_log:
                self._advance(one, certificate, certificate.checked)
        if len(one.held) > before and before == 0:
            one.held_since = now
        effects += self._release_held(one, now)
        if one.durable.index > self._machine.ledger.globals.log_length:
            # So many distinct certificates are not applied here: the peer lists some of them twice, and could do so without end.
            return in_one_batch(effects + self._exclude(one, now))
        has_batch = any(isinstance(effect, Persist) for effect in effects)
        if has_batch or not one.is_reading:
            effects += self._save(one)
        return in_one_batch(effects + self._tell(one))

    def _count(self, one: _Peer, certificate: Taken) -> None:
        if certificate.status is AckStatus.APPLIED:
            one.news += 1
            self._applied_count += 1

    def _advance(self, one: _Peer, certificate: Taken, checked: CheckedCertificate) -> None:
        """One certificate of the log is read. What is parked holds the durable cursor back: it is in memory, and a crash would lose it.

        One that conflicts with another does not: it is kept as evidence, durably.
        """
        if certificate.status is AckStatus.PENDING:
            one.held.append(_Held(checked, one.read))
        one.read = LogCursor(one.read.index + 1, extend_chain(one.read.chain, checked.cert_id))

    def _release_held(self, one: _Peer, now: float) -> list[Effect]:
        """Let the durable cursor pass what is applied by now. What waits for too long was evicted, perhaps: it is read again."""
        if not one.held:
            return []
        while one.held and self._machine.is_applied(one.held[0].checked):
            one.held.popleft()
            one.held_since = now
        if one.held and now - one.held_since >= HELD_S and not one.is_reading and one.question is None:
            one.read = one.held[0].before
            one.held.clear()
        return [] if one.is_reading else self._save(one)

    def _save(self, one: _Peer) -> list[Effect]:
        """Make the cursor durable, if it has moved."""
        if one.durable == one.saved:
            return []
        one.saved = one.durable
        record: Record = (cursor_key(one.key), CURSOR.encode(one.saved))
        return [Persist((record,))]

    def _exclude(self, one: _Peer, now: float) -> list[Effect]:
        """A peer has proven to be faulty. It is asked nothing more in this session, and after the next connection only when some time has passed."""
        one.exclusions += 1
        one.excluded_at, one.excluded_until = now, float("inf")
        one.read = self._start if one.durable.index > self._machine.ledger.globals.log_length else one.durable
        one.held.clear()
        one.wanted.clear()
        self._forget_question(one)
        return self._save(one)

    def _forget_question(self, one: _Peer) -> None:
        one.question = None
        one.page.clear()
        one.checking = ()
        one.ready.clear()

    # --- Telling

    def _tell(self, one: _Peer) -> list[Effect]:
        """Progress, while a log brings something new: now and then, and at its end."""
        if one.news == 0:
            return []
        if not one.is_reading and one.read.index >= one.log_length:
            return self._finish(one)
        if abs(one.read.index - one.told) < PROGRESS_EVERY:
            return []
        one.told = one.read.index
        return [Emit(SyncProgress(one.key, one.read.index, one.log_length))]

    def _finish(self, one: _Peer) -> list[Effect]:
        """The end of a peer's log is reached."""
        if one.news == 0:
            return []
        one.news = 0
        one.told = one.read.index
        return [Emit(SyncProgress(one.key, one.read.index, one.log_length))]
