"""Catch-up: pages, cursors, peers that rebuilt their disks, peers that lie."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import pytest

from mesh_core.protocol.catch_up import (
    ITEMS_PER_SLICE,
    LONGEST_EXCLUSION_S,
    MAX_HELD,
    NEW_PER_SLICE,
    PAGE_BYTES,
    RESET_INTERVAL_S,
    STUCK_S,
)
from mesh_core.protocol.certificates import CheckedCertificate, is_signed
from mesh_core.protocol.effects import AskPeer, Effect, Emit, Persist, VerifySignatures
from mesh_core.protocol.genesis import Genesis
from mesh_core.protocol.records import CURSOR, LogCursor, cursor_key
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.events import SyncProgress
from mesh_core.types.messages import AckStatus, SyncAccount, SyncCertificates, SyncFromLog, SyncItem, SyncRequest, SyncResponse
from mesh_core.types.transition import Transition
from tests.cluster import (
    Answer,
    Cluster,
    MemoryStore,
    Mesh,
    Syncing,
    Validator,
    answering,
    certify_by_hand,
    make_genesis,
    sign_core,
    start_syncing,
    start_validator,
    validator_keys,
)

NAMES = tuple(f"person {number}" for number in range(6))
STRANGER = "a person without history"
GENESIS = make_genesis(allocations=dict.fromkeys((*NAMES, STRANGER), 1_000))


def make_history(rounds: int = 8) -> list[Certificate]:
    """Payments of six people that do not depend on each other, but for each one's own order."""
    cluster = Cluster(GENESIS)
    people = [cluster.account(name) for name in NAMES]
    return [cluster.pay_unproven(person, (people[0], 1)) for _ in range(rounds) for person in people]


HISTORY = make_history()


def fresh(index: int) -> Validator:
    """A validator that has seen nothing."""
    return start_validator(GENESIS, validator_keys()[index], MemoryStore())


def with_history(index: int, certificates: list[Certificate] | None = None) -> Validator:
    """A validator that has applied these certificates, in this order."""
    validator = fresh(index)
    for certificate in HISTORY if certificates is None else certificates:
        assert validator.settle(certificate).status is AckStatus.APPLIED
    return validator


def log_length(validator: Validator) -> int:
    return validator.machine.ledger.globals.log_length


def digest(validator: Validator) -> Hash32:
    return validator.machine.ledger.compute_digest()


def cursor_of(validator: Validator, peer: int) -> LogCursor | None:
    """The durable cursor."""
    record = validator.store.get(cursor_key(GENESIS.committee.validators[peer]))
    return None if record is None else CURSOR.decode(record)


def tick(syncing: Syncing, seconds: float = 1.0) -> None:
    syncing.validator.now += seconds
    syncing.perform(syncing.machine.on_tick(syncing.validator.now))
    syncing.drain()


def hear(syncing: Syncing, peer: int, other: Validator) -> None:
    syncing.pong(peer, log_length(other), digest(other))
    syncing.drain()


# --- One honest peer ------------------------------------------------------------------------------------------------------------------------------


def test_empty_validator_reads_a_whole_log_and_knows_where_it_ended() -> None:
    behind, peer = fresh(0), with_history(1)
    syncing = start_syncing(behind, {1: answering(peer)})
    syncing.drain()
    assert digest(behind) == digest(peer)
    assert cursor_of(behind, 1) == LogCursor(log_length(peer), peer.machine.ledger.globals.chain)
    # The page's size is what was asked for, and a few pages were needed.
    assert all(ask.message.max_bytes == PAGE_BYTES for ask in syncing.asked)
    assert len(syncing.asked) > 1
    # Nothing more is asked while the peer says nothing new.
    asked = len(syncing.asked)
    for _ in range(20):
        hear(syncing, 1, peer)
        tick(syncing)
    assert len(syncing.asked) == asked


def test_validator_with_an_empty_log_is_asked_once_and_is_no_reason_to_begin_anew() -> None:
    """Cursor 0 and no items is also the answer for another chain; at index 0 it cannot mean that."""
    syncing = start_syncing(fresh(0), {1: answering(fresh(1))})
    assert syncing.logs_asked == [(1, 0)]
    for _ in range(30):
        hear(syncing, 1, fresh(1))
        tick(syncing)
    assert syncing.logs_asked == [(1, 0)]


def test_each_slice_is_small_and_moves_the_cursor_in_the_very_batch_that_applies() -> None:
    behind, peer = fresh(0), with_history(1)
    syncing = start_syncing(behind, {1: answering(peer)})
    lots = 0
    while syncing.machine.has_work:
        before = log_length(behind)
        effects = syncing.machine.step(0.0)
        batches = [effect for effect in effects if isinstance(effect, Persist)]
        if not batches:
            [lot] = effects
            assert isinstance(lot, VerifySignatures)
            assert 1 <= len(lot.certificates) <= ITEMS_PER_SLICE
            assert log_length(behind) == before
            lots += 1
            syncing.perform(effects)
            continue
        assert len(batches) == 1
        assert effects[0] is batches[0]
        assert 1 <= log_length(behind) - before <= NEW_PER_SLICE
        records = dict(batches[0].records)
        assert CURSOR.decode(records[cursor_key(GENESIS.committee.validators[1])]).index == log_length(behind)
        syncing.perform(effects)
    assert digest(behind) == digest(peer)
    assert lots >= len(HISTORY) / ITEMS_PER_SLICE


def test_what_is_known_already_goes_by_faster_and_writes_once_a_page() -> None:
    behind, peer = with_history(0), with_history(1)
    syncing = start_syncing(behind, {1: answering(peer)})
    pages = batches = steps = 0
    while syncing.machine.has_work:
        effects = syncing.machine.step(0.0)
        steps += 1
        batches += sum(isinstance(effect, Persist) for effect in effects)
        pages += not syncing.machine.has_work
        assert not any(isinstance(effect, Emit) for effect in effects)
        syncing.perform(effects)
    assert syncing.checked == []
    assert steps < 2 * (len(HISTORY) / ITEMS_PER_SLICE + len(syncing.asked))
    assert batches <= len(syncing.asked)
    assert cursor_of(behind, 1) == LogCursor(len(HISTORY), peer.machine.ledger.globals.chain)


def test_progress_is_told_now_and_then_and_at_the_end_and_flags_say_syncing_meanwhile() -> None:
    behind, peer = fresh(0), with_history(1, make_history(30))
    syncing = start_syncing(behind, {1: answering(peer)})
    flags = set()
    while syncing.machine.has_work:
        syncing.perform(syncing.machine.step(0.0))
        flags.add(syncing.machine.is_behind)
    told = [event for event in behind.events if isinstance(event, SyncProgress)]
    assert told[-1] == SyncProgress(GENESIS.committee.validators[1], 180, 180)
    assert [event.cursor for event in told] == sorted({event.cursor for event in told})
    assert 3 <= len(told) <= 5
    assert flags == {True, False}
    assert not syncing.machine.is_behind
    tick(syncing)
    tick(syncing)
    progress = syncing.machine.progress()
    assert (progress.log_length, progress.target) == (180, 180)
    assert progress.rate > 0
    assert [(one.peer, one.cursor, one.is_up, one.is_excluded) for one in progress.peers] == [(1, 180, True, False), (2, 0, False, False), (3, 0, False, False)]


def test_crash_between_a_page_and_its_application_loses_nothing() -> None:
    peer = with_history(1)
    steps = 0
    for crash_at in range(0, 20):
        behind = fresh(0)
        syncing = start_syncing(behind, {1: answering(peer)})
        for _ in range(crash_at):
            if syncing.machine.has_work:
                syncing.perform(syncing.machine.step(0.0))
                steps += 1
        again = behind.restart()
        cursor = cursor_of(again, 1)
        assert (0 if cursor is None else cursor.index) <= log_length(again)
        later = start_syncing(again, {1: answering(peer)})
        later.drain()
        assert later.logs_asked[0] == (1, 0 if cursor is None else cursor.index)
        assert digest(again) == digest(peer)
    assert steps > 50


def test_peer_that_goes_down_in_the_middle_of_a_page_is_asked_from_there_when_it_is_back() -> None:
    behind, peer = fresh(0), with_history(1)
    syncing = start_syncing(behind, {1: answering(peer)})
    for _ in range(3):
        syncing.perform(syncing.machine.step(0.0))
    applied = log_length(behind)
    assert 0 < applied < len(HISTORY)
    syncing.perform(syncing.machine.on_peer_down(1))
    assert not syncing.machine.has_work
    tick(syncing)
    assert len(syncing.asked) == 1
    syncing.perform(syncing.machine.on_peer_up(1, behind.now))
    assert syncing.logs_asked[-1] == (1, applied)
    syncing.drain()
    assert digest(behind) == digest(peer)


def test_silence_is_followed_by_a_pause_and_another_question() -> None:
    behind, peer = fresh(0), with_history(1)
    said: list[SyncResponse | None] = [None, None]
    honest = answering(peer)
    syncing = start_syncing(behind, {1: lambda request: said.pop() if said else honest(request)})
    assert len(syncing.asked) == 1
    hear(syncing, 1, peer)
    assert len(syncing.asked) == 1
    for _ in range(6):
        tick(syncing)
    assert digest(behind) == digest(peer)


def test_late_answer_to_a_question_that_was_given_up_is_dropped() -> None:
    behind, peer = fresh(0), with_history(1)
    syncing = start_syncing(behind, {1: lambda request: None})
    late = answering(peer)(syncing.asked[0].message)
    assert syncing.machine.on_response(1, late, 1.0) == []
    assert not syncing.machine.has_work


# --- Signatures are checked elsewhere -----------------------------------------------------------------------------------------------------------------


def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[CheckedCertificate]:
    """Certificates whose signatures the machine itself checks, from here on."""
    counted: list[CheckedCertificate] = []

    def count(checked: CheckedCertificate, genesis: Genesis) -> bool:
        counted.append(checked)
        return is_signed(checked, genesis)

    monkeypatch.setattr("mesh_core.protocol.applying.is_signed", count)
    return counted


def test_no_signature_of_a_log_is_checked_by_the_machine_and_each_certificate_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three peers send the same: what the first one's verdict has shown is not asked again."""
    behind = fresh(0)
    counted = count_checks(monkeypatch)
    syncing = start_syncing(behind, {index: answering(with_history(index)) for index in (1, 2, 3)})
    counted.clear()
    syncing.drain()
    assert log_length(behind) == len(HISTORY)
    assert counted == []
    checked = [one.cert_id for lot in syncing.checked for one in lot.certificates]
    assert len(checked) == len(set(checked)) == len(HISTORY)


def hold_lots(syncing: Syncing, monkeypatch: pytest.MonkeyPatch) -> list[VerifySignatures]:
    """Verdicts come when the test gives them."""
    held: list[VerifySignatures] = []
    perform = syncing.perform

    def hold(effects: Sequence[Effect]) -> None:
        held.extend(effect for effect in effects if isinstance(effect, VerifySignatures))
        perform([effect for effect in effects if not isinstance(effect, VerifySignatures)])

    monkeypatch.setattr(syncing, "perform", hold)
    return held


def give_verdict(syncing: Syncing, lot: VerifySignatures, *, valid: bool = True) -> None:
    syncing.machine.on_signatures_checked(lot.number, lot.certificates, [valid] * len(lot.certificates))


def test_while_a_lot_is_checked_the_one_before_is_applied_and_no_third_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = fresh(0)
    counted = count_checks(monkeypatch)
    syncing = start_syncing(behind, {1: answering(with_history(1)), 2: answering(with_history(2))})
    counted.clear()
    held = hold_lots(syncing, monkeypatch)
    syncing.drain()
    assert len(held) == 1, "one lot at a time is away, whoever it came from"
    assert log_length(behind) == 0
    give_verdict(syncing, held[0])
    syncing.drain()
    assert len(held) == 2
    assert log_length(behind) == ITEMS_PER_SLICE, "what has its verdict is applied, while the next lot has none"
    assert syncing.machine.is_behind
    while len(held) > (given := len(held) - 1):
        give_verdict(syncing, held[given])
        syncing.drain()
        if len(held) == given + 1:
            break
    assert log_length(behind) == len(HISTORY)
    assert counted == []


def test_verdict_that_something_is_invalid_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It only saves work: a certificate is refused, and its sender excluded, over signatures that were looked at when it was taken."""
    behind = fresh(0)
    syncing = start_syncing(behind, {1: answering(with_history(1))})
    held = hold_lots(syncing, monkeypatch)
    syncing.drain()
    give_verdict(syncing, held[0], valid=False)
    syncing.drain()
    assert log_length(behind) == ITEMS_PER_SLICE
    assert not syncing.machine.progress().peers[0].is_excluded


def test_verdict_that_comes_when_its_page_is_forgotten_hurts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    behind, peer = fresh(0), with_history(1)
    syncing = start_syncing(behind, {1: answering(peer)})
    held = hold_lots(syncing, monkeypatch)
    syncing.drain()
    syncing.perform(syncing.machine.on_peer_down(1))
    syncing.perform(syncing.machine.on_peer_up(1, behind.now))
    syncing.drain()
    assert log_length(behind) == 0
    give_verdict(syncing, held[0])
    monkeypatch.undo()
    syncing.drain()
    give_verdict(syncing, held[0])
    assert digest(behind) == digest(peer)
    assert cursor_of(behind, 1) == LogCursor(len(HISTORY), peer.machine.ledger.globals.chain)


# --- A peer's log that is another one ---------------------------------------------------------------------------------------------------------------


def test_peer_that_rebuilt_its_disk_in_another_order_loses_no_certificate_here() -> None:
    """Spec 14.6. A peer's log was read; it lost its disk, and its new log has a certificate that nobody else has below the cursor.

    Nothing behind the cursor is missing here, so a plain index cursor passes that certificate by for ever. The hash chain does not fit: read anew.
    """
    only_there, life = HISTORY[0], HISTORY[1:6]
    behind, peer = fresh(0), with_history(1, life)
    syncing = start_syncing(behind, {1: answering(peer)})
    syncing.drain()
    assert cursor_of(behind, 1) == LogCursor(5, peer.machine.ledger.globals.chain)
    rebuilt = with_history(1, [only_there, *reversed(life)])
    syncing.perform(syncing.machine.on_peer_down(1))
    syncing.answers[1] = answering(rebuilt)
    syncing.perform(syncing.machine.on_peer_up(1, behind.now))
    syncing.drain()
    assert syncing.logs_asked == [(1, 0), (1, 5), (1, 0)]
    assert digest(behind) == digest(rebuilt)
    assert cursor_of(behind, 1) == LogCursor(6, rebuilt.machine.ledger.globals.chain)


def test_log_rebuilt_to_the_same_length_behind_our_back_is_noticed_by_the_digests() -> None:
    """The same without a new connection: cursor and length agree, so nothing would be asked. Digests that stay different lead to a comparison of chains."""
    life, only_there = HISTORY[:6], HISTORY[7]
    behind, peer = fresh(0), with_history(1, life)
    syncing = start_syncing(behind, {1: answering(peer)})
    syncing.drain()
    rebuilt = with_history(1, [*reversed(life[1:]), only_there])
    assert log_length(rebuilt) == log_length(peer)
    syncing.answers[1] = answering(rebuilt)
    asked = len(syncing.asked)
    for _ in range(int(STUCK_S) - 1):
        hear(syncing, 1, rebuilt)
        tick(syncing)
    assert len(syncing.asked) == asked
    for _ in range(4):
        hear(syncing, 1, rebuilt)
        tick(syncing)
    assert log_length(behind) == 7
    assert cursor_of(behind, 1) == LogCursor(6, rebuilt.machine.ledger.globals.chain)


def test_peer_that_only_lags_is_compared_and_not_read_anew() -> None:
    behind, peer = with_history(0), with_history(1, HISTORY[:12])
    syncing = start_syncing(behind, {1: answering(peer)})
    syncing.drain()
    for _ in range(60):
        hear(syncing, 1, peer)
        tick(syncing)
    assert {index for _, index in syncing.logs_asked[1:]} == {12}
    assert len(syncing.asked) <= 2 + 60 / STUCK_S


def test_peer_with_a_shorter_log_than_was_read_is_read_anew() -> None:
    behind = fresh(0)
    syncing = start_syncing(behind, {1: answering(with_history(1, HISTORY[:12]))})
    syncing.drain()
    restored = with_history(1, HISTORY[:6])
    syncing.answers[1] = answering(restored)
    hear(syncing, 1, restored)
    tick(syncing, 3)
    hear(syncing, 1, restored)
    assert syncing.logs_asked[-1] == (1, 0)
    assert cursor_of(behind, 1) == LogCursor(6, restored.machine.ledger.globals.chain)


# --- Parked certificates ----------------------------------------------------------------------------------------------------------------------------


def test_durable_cursor_stops_at_what_is_parked() -> None:
    """A log that is not causally closed, as only a liar's is: its first entry is missing. A crash forgets what is parked, so it must be read again."""
    behind, honest = fresh(0), with_history(1)
    open_log = [HISTORY[6], *HISTORY[1:6]]
    syncing = start_syncing(behind, {1: lying_log(open_log)})
    syncing.drain()
    assert behind.machine.parked_count == 1
    assert log_length(behind) == 5
    assert cursor_of(behind, 1) is None
    # It goes on when what was missing comes, from wherever.
    behind.settle(HISTORY[0])
    tick(syncing)
    assert behind.machine.parked_count == 0
    cursor = cursor_of(behind, 1)
    assert cursor is not None
    assert cursor.index == 6
    assert log_length(honest) == len(HISTORY)


def test_what_is_parked_for_long_is_asked_for_by_account_and_by_id_from_all() -> None:
    cluster = Cluster(GENESIS)
    payer, receiver = cluster.account(NAMES[0]), cluster.account("eve")
    first, second = (cluster.pay_unproven(payer, (receiver, amount)) for amount in (5, 6))
    claim = cluster.claim_unproven(receiver, second)
    behind, peer = fresh(0), with_history(1, [first, second, claim])
    deaf = {2: silent, 3: silent}
    syncing = start_syncing(behind, {1: only_by_name(peer), **deaf})
    behind.settle(claim)
    tick(syncing, 0.5)
    assert not named(syncing)
    for _ in range(6):
        tick(syncing)
    assert digest(behind) == digest(peer)
    assert {ask.peer for ask in named(syncing)} == {1, 2, 3}
    assert {type(ask.message.mode) for ask in named(syncing) if ask.peer == 1} == {SyncCertificates, SyncAccount}
    asked = len(named(syncing))
    for _ in range(6):
        tick(syncing)
    assert len(named(syncing)) == asked


def named(syncing: Syncing) -> list[AskPeer]:
    """Questions for certificates by name."""
    return [ask for ask in syncing.asked if not isinstance(ask.message.mode, SyncFromLog)]


def only_by_name(peer: Validator) -> Answer:
    """A peer whose log cannot be read."""
    return lambda request: None if isinstance(request.mode, SyncFromLog) else answering(peer)(request)


def silent(request: SyncRequest) -> SyncResponse | None:
    """A peer that does not answer."""
    return None


# --- Liars ------------------------------------------------------------------------------------------------------------------------------------------


def lying_log(certificates: list[Certificate], *, length: int | None = None, more: bool = False, page: int = 64) -> Answer:
    """A peer whose log is this list, whatever chain it is asked for."""
    data = [CERTIFICATE.encode(one) for one in certificates]

    def answer(request: SyncRequest) -> SyncResponse:
        if not isinstance(request.mode, SyncFromLog):
            return SyncResponse(request.request_id, len(data), 0, (), False)
        start = request.mode.from_index
        items = tuple(SyncItem(index, one) for index, one in islice(enumerate(data), start, start + page))
        return SyncResponse(request.request_id, len(data) if length is None else length, start + len(items), items, more)

    return answer


def other_votes(certificate: Certificate) -> Certificate:
    """The certificate with a broken vote."""
    votes = certificate.votes
    return replace(certificate, votes=(*votes[:-1], replace(votes[-1], signature=votes[0].signature)))


def test_peer_that_sends_an_invalid_certificate_is_asked_nothing_more_and_what_came_before_counts() -> None:
    behind = fresh(0)
    syncing = start_syncing(behind, {1: lying_log([*HISTORY[:5], other_votes(HISTORY[5]), *HISTORY[6:]]), 2: answering(with_history(2, HISTORY[:2]))})
    syncing.drain()
    assert log_length(behind) == 5
    assert cursor_of(behind, 1) is not None
    asked = [ask for ask in syncing.asked if ask.peer == 1]
    for _ in range(30):
        syncing.pong(1, 99, Hash32(bytes(32)))
        tick(syncing)
    assert [ask for ask in syncing.asked if ask.peer == 1] == asked
    assert [one.is_excluded for one in syncing.machine.progress().peers] == [True, False, False]


def test_excluded_peer_is_asked_again_after_a_new_connection_and_a_pause_that_grows() -> None:
    behind = fresh(0)
    syncing = start_syncing(behind, {1: lying_log([other_votes(HISTORY[0])])})
    syncing.drain()
    for number in range(1, 11):
        assert syncing.machine.progress().peers[0].is_excluded
        asked, since = len(syncing.asked), behind.now
        syncing.perform(syncing.machine.on_peer_down(1))
        syncing.perform(syncing.machine.on_peer_up(1, behind.now))
        while len(syncing.asked) == asked:
            syncing.pong(1, 1, Hash32(bytes(32)))
            tick(syncing)
        assert behind.now - since == min(2**number, LONGEST_EXCLUSION_S)


@pytest.mark.parametrize("data", [b"", b"\0" * 500, CERTIFICATE.encode(HISTORY[0])[:-1]])
def test_garbage_excludes_and_changes_nothing(data: bytes) -> None:
    behind = fresh(0)
    before = behind.state()
    syncing = start_syncing(behind, {1: lambda request: SyncResponse(request.request_id, 1, 1, (SyncItem(0, data),), False)})
    syncing.drain()
    assert [one.is_excluded for one in syncing.machine.progress().peers] == [True, False, False]
    assert behind.state() == before


def test_items_of_other_places_exclude() -> None:
    behind, peer = fresh(0), with_history(1)

    def shifted(request: SyncRequest) -> SyncResponse:
        response = answering(peer)(request)
        return replace(response, items=tuple(replace(item, index=item.index + 1) for item in response.items))

    syncing = start_syncing(behind, {1: shifted})
    syncing.drain()
    assert log_length(behind) == 0
    assert len(syncing.asked) == 1
    assert syncing.machine.progress().peers[0].is_excluded


def test_endless_more_without_anything_new_ends() -> None:
    behind = fresh(0)
    syncing = start_syncing(behind, {1: lying_log(HISTORY[:6], length=10**9, more=True)})
    syncing.drain()
    assert log_length(behind) == 6
    asked = len(syncing.asked)
    assert asked == 2
    # Each PONG may renew the lie: a question in two seconds is all that it gets.
    for _ in range(60):
        syncing.pong(1, 10**9, Hash32(bytes(32)))
        tick(syncing)
    assert len(syncing.asked) - asked <= 31


def test_log_that_repeats_itself_excludes() -> None:
    """Every certificate is valid and applied: look-ups without end. But a log of distinct certificates cannot be longer than what is applied here."""
    behind = fresh(0)
    syncing = start_syncing(behind, {1: lying_log(HISTORY[:6] * 1000, page=12)})
    syncing.drain()
    assert log_length(behind) == 6
    assert len(syncing.asked) == 1
    assert syncing.machine.progress().peers[0].is_excluded
    # What was believed of this log is forgotten.
    assert cursor_of(behind, 1) == LogCursor(0, GENESIS.network_id)


def test_parked_certificate_again_and_again_is_verified_once_and_reading_ends() -> None:
    behind = fresh(0)
    syncing = start_syncing(behind, {1: lying_log([HISTORY[6]] * 10_000, page=256)})
    syncing.drain()
    assert behind.machine.parked_count == 1
    assert len(syncing.asked) <= MAX_HELD // 64 + 2


def test_peer_that_always_claims_another_chain_is_read_anew_once_a_minute() -> None:
    behind, peer = with_history(0, HISTORY[:6]), with_history(1, HISTORY[:6])

    def forgetful(request: SyncRequest) -> SyncResponse:
        is_start = isinstance(request.mode, SyncFromLog) and request.mode.from_index == 0
        return answering(peer)(request) if is_start else SyncResponse(request.request_id, 6, 0, (), True)

    syncing = start_syncing(behind, {1: forgetful})
    syncing.drain()
    minutes = 5
    for second in range(minutes * int(RESET_INTERVAL_S)):
        syncing.pong(1, 100 + second, Hash32(bytes(32)))
        tick(syncing)
    assert syncing.logs_asked.count((1, 0)) <= minutes + 2


def test_omission_by_one_peer_is_made_good_by_another() -> None:
    behind, honest = fresh(0), with_history(2)
    syncing = start_syncing(behind, {1: lying_log(HISTORY[6:]), 2: answering(honest)})
    syncing.drain()
    assert digest(behind) == digest(honest)


# --- Totality ---------------------------------------------------------------------------------------------------------------------------------------


def test_certificate_at_one_correct_validator_reaches_all() -> None:
    """No wallet, and a peer that is silent: from one to its neighbour and on to the third."""
    validators = {index: fresh(index) for index in range(3)}
    mesh = Mesh(validators)
    mesh.cut = {frozenset((0, 2))}
    for certificate in HISTORY:
        validators[0].settle(certificate)
    mesh.run(12)
    assert len(mesh.digests()) == 1
    assert all(log_length(one) == len(HISTORY) for one in validators.values())


def test_validators_that_heard_different_halves_end_equal() -> None:
    validators = {index: fresh(index) for index in range(4)}
    mesh = Mesh(validators)
    for number, certificate in enumerate(HISTORY):
        validators[number % len(NAMES) % 4].settle(certificate)
    mesh.run(12)
    assert len(mesh.digests()) == 1
    assert all(one.machine.parked_count == 0 for one in validators.values())
    # Quiet afterwards.
    asked = [len(node.asked) for node in mesh.nodes.values()]
    mesh.run(20)
    assert [len(node.asked) for node in mesh.nodes.values()] == asked


def test_validator_in_quarantine_and_one_that_has_halted_catch_up_all_the_same() -> None:
    peer = with_history(1)
    lost = start_validator(GENESIS, validator_keys()[0], MemoryStore(), JournalContents(JournalCondition.MISSING))
    assert lost.machine.quarantine is not None
    halted = fresh(0)
    first, second = (certify_by_hand(rival) for rival in rivals())
    assert halted.settle(first).status is AckStatus.APPLIED
    assert halted.settle(second).status is AckStatus.CONFLICT
    for behind in (lost, halted):
        start_syncing(behind, {1: answering(peer)}).drain()
        assert log_length(behind) == len(HISTORY) + (behind is halted)


def rivals() -> tuple[Transition, Transition]:
    """Two transitions for the first slot of an account that is not in the history."""
    cluster = Cluster(GENESIS)
    keys = cluster.account(STRANGER).keys
    first, second = (cluster.draft_send(cluster.account(STRANGER), (cluster.account("eve"), amount)) for amount in (1, 2))
    return sign_core(first.core, keys), sign_core(second.core, keys)
