"""What a validator answers about accounts and certificates: it proves itself, it comes in pages, and it always fits a frame."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mesh_core.crypto.pedersen import commit_public
from mesh_core.protocol.certificates import read_certificate
from mesh_core.protocol.effects import Reply, Source
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.queries import MAX_CLAIMABLE_LISTED, MAX_SYNC_ITEMS, answer_account, answer_sync
from mesh_core.protocol.records import LOG_ENTRY, LogEntry, certificate_key, log_key
from mesh_core.types.account import ClaimableOutput, zero_account
from mesh_core.types.basic import Commitment, Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.messages import (
    MAX_FRAME_BYTES,
    AccountStateMessage,
    Message,
    QueryAccount,
    SyncAccount,
    SyncCertificates,
    SyncFromLog,
    SyncMode,
    SyncRequest,
    SyncResponse,
    Want,
    encode_message,
)
from mesh_core.types.transition import OUTPUT_KEY, TRANSITION, OutputKey
from tests.cluster import Cluster, MemoryStore, Validator, cert_id_of, certify_by_hand, make_genesis, sign_core, wallet_keys
from tests.unit.protocol.world import World

FIRST = bytes(33)
ALL = Want.HEAD_CERTIFICATE | Want.PENDING_TRANSITION | Want.CLAIMABLE
PLENTY = 2**32 - 1


def frame_bytes(message: Message) -> int:
    return 1 + len(encode_message(message)[1])


def query(validator: Validator, owner: PublicKey, want: int = ALL, after: bytes = FIRST, limit: int = 100) -> AccountStateMessage:
    before = validator.state()
    answer = validator.ask(QueryAccount(3, owner, want, after, limit))
    assert isinstance(answer, AccountStateMessage)
    assert answer.request_id == 3
    assert validator.state() == before
    assert frame_bytes(answer) <= MAX_FRAME_BYTES
    return answer


def sync(validator: Validator, mode: SyncMode, items: int = 1_000, size: int = PLENTY) -> SyncResponse:
    before = validator.state()
    answer = validator.ask(SyncRequest(4, mode, items, size))
    assert isinstance(answer, SyncResponse)
    assert answer.request_id == 4
    assert validator.state() == before
    assert frame_bytes(answer) <= MAX_FRAME_BYTES
    return answer


# --- Accounts --------------------------------------------------------------------------------------------------------------------------------------


def test_head_certificate_proves_the_account(world: World) -> None:
    validator = world.validator()
    for person in (world.alice, world.bob, world.faucet):
        answer = query(validator, person.keys.owner)
        assert answer.exists
        assert answer.head_certificate is not None
        head = read_certificate(answer.head_certificate, world.genesis)
        core = head.core
        assert (core.sender, core.sequence + 1, core.new_balance, head.transition_id) == (
            answer.account.owner,
            answer.account.sequence,
            answer.account.balance,
            answer.account.head,
        )
        assert answer.log_length == len(world.past)


def test_account_at_its_start_has_no_head(world: World) -> None:
    untouched = Cluster(make_genesis(allocations={"alice": 5})).validators[0]
    alice = query(untouched, world.alice.keys.owner)
    assert (alice.exists, alice.account.sequence, alice.head_certificate) == (True, 0, None)
    eve = query(world.validator(), world.eve.keys.owner)
    assert (eve.exists, eve.account, eve.head_certificate, eve.claimable) == (False, zero_account(world.eve.keys.owner), None, ())


def test_account_that_has_outputs_only_does_not_exist_and_lists_them(world: World) -> None:
    carol = query(world.validator(), world.carol.keys.owner)
    assert not carol.exists
    assert [entry.key for entry in carol.claimable] == [world.receive.core.claims[0].key]
    assert [entry.commitment for entry in carol.claimable] == [world.receive.core.claims[0].commitment]


def test_only_what_is_wanted_is_answered(world: World) -> None:
    validator = world.validator()
    validator.vote(world.send)
    owner = world.alice.keys.owner
    for want in range(8):
        answer = query(validator, owner, want)
        assert (answer.head_certificate is not None) is bool(want & Want.HEAD_CERTIFICATE)
        assert (answer.pending_transition is not None) is bool(want & Want.PENDING_TRANSITION)
        bob = query(validator, world.bob.keys.owner, want)
        assert bool(bob.claimable) is bool(want & Want.CLAIMABLE)


def test_pending_transition_is_the_one_that_has_the_vote(world: World) -> None:
    validator = world.validator()
    assert query(validator, world.alice.keys.owner).pending_transition is None
    validator.vote(world.send)
    assert query(validator, world.alice.keys.owner).pending_transition == TRANSITION.encode(world.send)
    assert query(validator.restart(), world.alice.keys.owner).pending_transition == TRANSITION.encode(world.send)
    # Of somebody without an account, too: a wallet that lost its disk must find its first claim.
    validator.vote(world.receive)
    assert query(validator, world.carol.keys.owner).pending_transition == TRANSITION.encode(world.receive)
    validator.settle(certify_by_hand(world.rival))
    assert query(validator, world.alice.keys.owner).pending_transition is None


def test_claimable_outputs_come_in_pages(world: World) -> None:
    validator = world.validator()
    owner = world.dave.keys.owner
    expected = validator.machine.ledger.outputs_of(owner)
    assert len(expected) == 17
    for limit in (1, 5, 16, 17, 18):
        found: list[OutputKey] = []
        after = FIRST
        for _ in range(20):
            page = query(validator, owner, Want.CLAIMABLE, after, limit)
            assert len(page.claimable) <= limit
            found += [entry.key for entry in page.claimable]
            assert page.more is (len(found) < 17)
            if not page.more:
                break
            after = OUTPUT_KEY.encode(page.claimable[-1].key)
        assert found == expected
    assert query(validator, owner, Want.CLAIMABLE, b"\xff" * 33).claimable == ()
    nothing = query(validator, owner, Want.CLAIMABLE, FIRST, 0)
    assert (nothing.claimable, nothing.more) == ((), True)


def test_page_never_outgrows_its_frame(world: World) -> None:
    """An owner with more outputs than a frame could list, a head certificate and a pending transition beside them."""
    validator = world.validator()
    owner = world.alice.keys.owner
    validator.vote(world.send)
    for number in range(MAX_CLAIMABLE_LISTED + 1):
        key = OutputKey(Hash32(number.to_bytes(32, "big")), 6)
        validator.machine.ledger._put_output(key, ClaimableOutput(owner, Commitment(bytes(32))))
    answer = query(validator, owner, limit=65_535)
    assert len(answer.claimable) == MAX_CLAIMABLE_LISTED
    assert answer.more
    rest = query(validator, owner, Want.CLAIMABLE, OUTPUT_KEY.encode(answer.claimable[-1].key), 65_535)
    assert (len(rest.claimable), rest.more) == (1, False)


# --- SYNC ------------------------------------------------------------------------------------------------------------------------------------------


def from_log(world: World, index: int = 0, chain: Hash32 | None = None) -> SyncFromLog:
    return SyncFromLog(index, world.genesis.network_id if chain is None else chain)


def test_log_is_read_in_its_order(world: World) -> None:
    answer = sync(world.validator(), from_log(world))
    assert [item.certificate for item in answer.items] == [CERTIFICATE.encode(one) for one in world.past]
    assert [item.index for item in answer.items] == list(range(len(world.past)))
    assert (answer.log_length, answer.next_cursor, answer.more) == (len(world.past), len(world.past), False)


def catch_up(source: Validator, target: Validator, items: int, size: int) -> int:
    """As a peer would: from cursor to cursor, with the chain hash of what it has read; returns the number of requests."""
    cursor, requests = 0, 0
    while True:
        index = cursor - 1
        record = source.store.get(f"l/{index:016x}")
        chain = source.machine.genesis.network_id if record is None else Hash32(record[32:])
        answer = sync(source, SyncFromLog(cursor, chain), items, size)
        requests += 1
        assert answer.next_cursor > cursor or not answer.more
        for item in answer.items:
            target.settle(CERTIFICATE.decode(item.certificate))
        cursor = answer.next_cursor
        if not answer.more:
            return requests


@pytest.mark.parametrize(("items", "size", "requests"), [(1_000, PLENTY, 1), (2, PLENTY, 3), (1, PLENTY, 5), (0, PLENTY, 5), (1_000, 0, 5), (1_000, 1, 5)])
def test_peer_catches_up_whatever_its_limits(items: int, size: int, requests: int, world: World) -> None:
    """At least one item comes where there is one: a limit too small for a certificate must not stop a peer for ever."""
    target = world.cluster.validators[3].copy()
    assert catch_up(world.validator(), target, items, size) == requests
    assert target.machine.ledger.compute_digest() == world.validator().machine.ledger.compute_digest()


def test_bytes_are_counted_with_their_overhead(world: World) -> None:
    sizes = [len(CERTIFICATE.encode(one)) + 12 for one in world.past]
    for count in (1, 2, 3):
        assert len(sync(world.validator(), from_log(world), size=sum(sizes[:count])).items) == count
        assert len(sync(world.validator(), from_log(world), size=sum(sizes[: count + 1]) - 1).items) == count


def test_wrong_chain_or_a_cursor_beyond_the_end_starts_anew(world: World) -> None:
    """The peer read another log: this one's disk was rebuilt in another order, or is shorter."""
    validator = world.validator()
    right = validator.machine.ledger.globals.chain
    end = len(world.past)
    assert sync(validator, SyncFromLog(end, right)) == SyncResponse(4, end, end, (), False)
    for mode in (
        SyncFromLog(end, Hash32(bytes(32))),
        SyncFromLog(1, world.genesis.network_id),
        SyncFromLog(0, right),
        SyncFromLog(end + 1, right),
        SyncFromLog(2**64 - 1, right),
    ):
        assert sync(validator, mode) == SyncResponse(4, end, 0, (), False)


def test_account_range(world: World) -> None:
    validator = world.validator()
    owner = world.faucet.keys.owner
    expected = [CERTIFICATE.encode(one) for one in world.gifts]
    for start in range(4):
        answer = sync(validator, SyncAccount(owner, start))
        assert [item.certificate for item in answer.items] == expected[start:]
        assert (answer.next_cursor, answer.more) == (3, False)
    part = sync(validator, SyncAccount(owner, 0), items=2)
    assert (len(part.items), part.next_cursor, part.more) == (2, 2, True)
    assert sync(validator, SyncAccount(world.alice.keys.owner, 0)).items[0].index == world.past.index(world.payout)
    for mode in (SyncAccount(world.eve.keys.owner, 0), SyncAccount(owner, 2**64 - 1)):
        answer = sync(validator, mode)
        assert (answer.items, answer.more) == ((), False)


def test_certificates_by_id(world: World) -> None:
    validator = world.validator()
    absent = Hash32(b"x" * 32)
    ids = tuple(Hash32(cert_id_of(one)) for one in world.past)
    wanted = (absent, ids[3], absent, ids[0], ids[0], absent)
    answer = sync(validator, SyncCertificates(wanted))
    assert [item.certificate for item in answer.items] == [CERTIFICATE.encode(world.past[index]) for index in (3, 0, 0)]
    assert [item.index for item in answer.items] == [3, 0, 0]
    assert (answer.next_cursor, answer.more) == (6, False)
    part = sync(validator, SyncCertificates(wanted), items=1)
    assert (len(part.items), part.more) == (1, True)
    rest = sync(validator, SyncCertificates(wanted[part.next_cursor :]))
    assert [item.index for item in rest.items] == [0, 0]
    assert sync(validator, SyncCertificates(())) == SyncResponse(4, len(world.past), 0, (), False)
    assert sync(validator, SyncCertificates((absent,))) == SyncResponse(4, len(world.past), 1, (), False)


def largest_certificates(cluster: Cluster, count: int) -> list[Certificate]:
    """Of a committee of 100: seven outputs with the longest memos, and everybody's vote."""
    alice = cluster.account("alice")
    draft = cluster.draft_send(alice, *[(cluster.account("bob"), 1)] * 7)
    outputs = tuple(replace(output, memo=bytes(272)) for output in draft.core.outputs)
    prev = draft.core.prev
    certificates = []
    for sequence in range(count):
        transition = sign_core(replace(draft.core, outputs=outputs, sequence=sequence, prev=prev), alice.keys)
        prev = identify(transition).transition_id
        certificates.append(certify_by_hand(transition, tuple(range(100)), validators=100))
    return certificates


def test_largest_certificates_fill_a_frame_and_never_outgrow_it() -> None:
    cluster = Cluster(make_genesis(validators=100, fee_base=0))
    certificates = largest_certificates(cluster, 30)
    size = len(CERTIFICATE.encode(certificates[0]))
    assert size == 10_398
    validator = cluster.validators[0]
    # Only their size matters here: they are put where applied certificates stand.
    ledger = validator.machine.ledger
    for certificate in certificates:
        validator.store.persist(tuple(ledger.apply(read_certificate(CERTIFICATE.encode(certificate), cluster.genesis))))
    answer = sync(validator, SyncFromLog(0, cluster.genesis.network_id))
    assert len(answer.items) == (MAX_FRAME_BYTES - 1_024) // (size + 12)
    assert frame_bytes(answer) > MAX_FRAME_BYTES - 2 * size
    assert (answer.next_cursor, answer.more) == (len(answer.items), True)


def test_items_are_limited_whatever_is_asked_for() -> None:
    """Small certificates: 300 of a RECEIVE's size would fit a frame."""
    cluster = Cluster()
    validator = cluster.validators[0]
    store = validator.store
    alice = cluster.account("alice")
    claim = cluster.claim_unproven(alice, cluster.pay_unproven(alice, (alice, 1)))
    data, chain, count = CERTIFICATE.encode(claim), cluster.genesis.network_id, MAX_SYNC_ITEMS + 50
    cert_id = Hash32(cert_id_of(claim))
    store[certificate_key(cert_id)] = data
    for index in range(count):
        store[log_key(index)] = LOG_ENTRY.encode(LogEntry(cert_id, chain))
    validator.machine.ledger.globals = replace(validator.machine.ledger.globals, log_length=count)
    assert MAX_SYNC_ITEMS * (len(data) + 12) < MAX_FRAME_BYTES - 1_024
    answer = sync(validator, SyncFromLog(0, chain), items=65_535)
    assert (len(answer.items), answer.next_cursor, answer.more) == (MAX_SYNC_ITEMS, MAX_SYNC_ITEMS, True)
    rest = sync(validator, SyncFromLog(MAX_SYNC_ITEMS, chain), items=65_535)
    assert (len(rest.items), rest.next_cursor, rest.more) == (50, count, False)


def test_queries_reply_to_who_asked_and_ask_for_nothing_else(world: World) -> None:
    machine = world.validator().machine
    for message in (QueryAccount(1, world.alice.keys.owner, 7, FIRST, 5), SyncRequest(1, SyncAccount(world.alice.keys.owner, 0), 5, 5)):
        effects = machine.handle(Source(9), message, 0.0)
        assert [type(effect) for effect in effects] == [Reply]
        assert isinstance(effects[0], Reply)
        assert effects[0].source == 9


def test_page_of_a_dusted_account_reads_and_sorts_no_more_than_it_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sends an account very many outputs. Questions about it must not cost what all of them together cost."""
    ledger = Cluster().validators[0].machine.ledger
    owner = wallet_keys("bob").owner
    keys = [OutputKey(Hash32(hashlib.sha3_256(b"%d" % number).digest()), number % 7) for number in range(3_000)]
    for key in keys:
        ledger._put_output(key, ClaimableOutput(owner, commit_public(1)))
    assert ledger.outputs_of(owner) == sorted(keys)
    read: list[OutputKey] = []
    found = ledger.output

    def counted(key: OutputKey) -> ClaimableOutput | None:
        read.append(key)
        return found(key)

    monkeypatch.setattr(ledger, "output", counted)
    listed: list[OutputKey] = []
    after = bytes(33)
    while True:
        read.clear()
        answer = answer_account(QueryAccount(1, owner, Want.CLAIMABLE, after, 700), ledger, MemoryStore(), None)
        assert len(read) == len(answer.claimable) <= 700
        listed += [entry.key for entry in answer.claimable]
        if not answer.more:
            break
        after = OUTPUT_KEY.encode(listed[-1])
    assert listed == sorted(keys)
    for key in keys[::2]:
        ledger._take_output(key)
    assert ledger.outputs_of(owner) == sorted(keys[1::2])
    for key in keys[1::2]:
        ledger._take_output(key)
    assert ledger.owners_count == 0


def test_page_of_the_log_reads_no_certificate_that_it_does_not_hold(world: World) -> None:
    validator = world.validator()
    reads: list[str] = []

    class Counting:
        def get(self, key: str) -> bytes | None:
            reads.append(key[:2])
            return validator.store.get(key)

        def records(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
            return validator.store.records(prefix)

    store = Counting()
    request = SyncRequest(1, SyncFromLog(0, world.genesis.network_id), 2, 64 * 1024)
    assert len(answer_sync(request, validator.machine.ledger, store).items) == 2
    assert reads.count("c/") <= 3
    assert reads.count("l/") <= 3
