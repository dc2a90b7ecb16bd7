"""Catch-up under whatever happens: deliveries, cuts, crashes, rebuilt disks and one liar. In the end all correct validators have applied the same."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.protocol.catch_up import ITEMS_PER_SLICE, NEW_PER_SLICE
from mesh_core.protocol.records import CURSOR
from mesh_core.protocol.vote_journal import JournalCondition, JournalContents
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.messages import AckStatus, SyncFromLog, SyncItem, SyncRequest, SyncResponse
from tests.cluster import Answer, Cluster, MemoryStore, Mesh, Validator, make_genesis, start_syncing, start_validator, validator_keys

NAMES = ("alice", "bob", "carol")
GENESIS = make_genesis(allocations=dict.fromkeys(NAMES, 1_000))
CORRECT = (0, 1, 2)
LIAR = 3


def make_history() -> list[Certificate]:
    """Payments and claims among three people, in an order in which nothing comes before what it needs."""
    cluster = Cluster(GENESIS)
    people = [cluster.account(name) for name in NAMES]
    history: list[Certificate] = []
    for turn in range(4):
        paid = [cluster.pay_unproven(one, (people[(number + 1 + turn % 2) % 3], 3)) for number, one in enumerate(people)]
        history += paid
        history += [cluster.claim_unproven(people[(number + 1 + turn % 2) % 3], certificate) for number, certificate in enumerate(paid)]
    return history


HISTORY = make_history()
DATA = [CERTIFICATE.encode(one) for one in HISTORY]


def start(index: int, store: MemoryStore | None = None, journal: JournalContents | None = None) -> Validator:
    return start_validator(GENESIS, validator_keys()[index], MemoryStore() if store is None else store, journal)


def applied(validator: Validator) -> set[bytes]:
    return {bytes.fromhex(key[2:]) for key in validator.store if key.startswith("c/")}


def make_liar(seed: int) -> Answer:
    """A peer that answers with whatever it likes."""
    random = Random(seed)

    def answer(request: SyncRequest) -> SyncResponse | None:
        start_at = request.mode.from_index if isinstance(request.mode, SyncFromLog) else 0
        length, more = random.choice((0, start_at, start_at + 100, 2**64 - 1)), random.random() < 0.5

        def page(several: Sequence[bytes], cursor: int | None = None) -> SyncResponse:
            items = tuple(SyncItem(start_at + place, one) for place, one in enumerate(several))
            return SyncResponse(request.request_id, length, start_at + len(items) if cursor is None else cursor, items, more)

        good = random.choice(HISTORY)
        forged = replace(good, votes=(replace(good.votes[0], signature=good.votes[1].signature), *good.votes[1:]))
        return random.choice(
            (
                None,
                page([random.randbytes(40)]),
                page([CERTIFICATE.encode(forged)]),
                page(random.sample(DATA, 9)),
                page(random.sample(DATA, 9)),
                page(list(islice(DATA * 2, 40))),
                page([], cursor=0),
                page([], cursor=start_at),
            )
        )

    return answer


@given(st.integers(0, 2**32))
@settings(max_examples=40)
def test_all_correct_validators_end_with_the_same_whatever_happens_on_the_way(seed: int) -> None:
    random = Random(seed)
    mesh = Mesh({index: start(index) for index in CORRECT})
    liar = make_liar(seed)
    for index in CORRECT:
        reach_liar(mesh, index, liar)
    pairs = [frozenset(pair) for pair in ((0, 1), (0, 2), (1, 2))]
    for _ in range(random.randint(1, 12)):
        index = random.choice(CORRECT)
        node = mesh.nodes[index]
        match random.choice(("deliver", "deliver", "deliver", "cut", "crash", "lie", "lie", "run")):
            case "deliver":
                for certificate in random.sample(HISTORY, 6):
                    node.validator.settle(certificate)
            case "cut":
                mesh.cut = set(random.sample(pairs, random.randint(0, 3)))
            case "crash":
                restarted = node.validator.restart()
                assert restarted.state()["digest"] == node.validator.state()["digest"]
                mesh.replace(index, restarted)
                reach_liar(mesh, index, liar)
            case "lie":
                node.pong(LIAR, random.choice((0, 9, 10**9, 2**64 - 1)), Hash32(random.randbytes(32)))
                node.drain(random.randint(0, 30))
            case _:
                mesh.run(random.randint(1, 4))
        for one in mesh.nodes.values():
            check_cursors(one.validator)
    before = set().union(*(applied(node.validator) for node in mesh.nodes.values()))
    mesh.cut = set()
    mesh.run(75)
    assert len(mesh.digests()) == 1
    for node in mesh.nodes.values():
        assert applied(node.validator) >= before
        assert not node.validator.machine.halted
        assert node.validator.machine.quarantine is None
        assert node.validator.machine.ledger.audit_supply()


def reach_liar(mesh: Mesh, index: int, liar: Answer) -> None:
    node = mesh.nodes[index]
    node.answers[LIAR] = liar
    node.perform(node.machine.on_peer_up(LIAR, mesh.now))


def check_cursors(validator: Validator) -> None:
    """No durable cursor lies behind more certificates than are durably applied."""
    for _, record in validator.store.records("m/cursor/"):
        assert CURSOR.decode(record).index <= len(applied(validator))


@given(st.permutations(range(len(HISTORY))), st.integers(0, len(HISTORY)), st.data())
@settings(max_examples=30)
def test_peer_that_rebuilt_its_log_in_any_order_hides_nothing(order: list[int], known: int, data: st.DataObject) -> None:
    """The peer was read, lost its disk, and got certificates again in another order, and more or fewer of them."""
    behind, peer = start(0), start(1)
    for certificate in HISTORY[:known]:
        peer.settle(certificate)
    mesh = Mesh({0: behind, 1: peer})
    mesh.run(2)
    assert applied(behind) == applied(peer)
    rebuilt = start(1, journal=JournalContents(JournalCondition.MISSING))
    for number in order[: data.draw(st.integers(0, len(HISTORY)))]:
        rebuilt.settle(HISTORY[number])
    if data.draw(st.booleans(), "new connection"):
        mesh.replace(1, rebuilt)
    else:
        mesh.nodes[1].validator = rebuilt
        mesh.nodes[0].answers[1] = lambda request: rebuilt_answer(rebuilt, request)
    wanted = applied(rebuilt) | applied(behind)
    mesh.run(20)
    assert applied(behind) >= wanted


def rebuilt_answer(rebuilt: Validator, request: SyncRequest) -> SyncResponse:
    response = rebuilt.ask(request)
    assert isinstance(response, SyncResponse)
    return response


@given(st.lists(st.integers(0, len(HISTORY) - 1), max_size=40))
@settings(max_examples=40)
def test_slices_are_bounded_and_leave_the_state_that_single_certificates_leave(numbers: list[int]) -> None:
    one, other = start(0), start(0)
    for number in numbers:
        one.settle(HISTORY[number])
    pages = [numbers]

    def answer(request: SyncRequest) -> SyncResponse:
        page = pages.pop() if pages and isinstance(request.mode, SyncFromLog) else []
        return SyncResponse(request.request_id, len(page), len(page), tuple(SyncItem(place, DATA[number]) for place, number in enumerate(page)), False)

    syncing = start_syncing(other, {1: answer})
    while syncing.machine.has_work:
        length = other.machine.ledger.globals.log_length
        left = other.machine.parked_count
        syncing.perform(syncing.machine.step(0.0))
        grown = other.machine.ledger.globals.log_length - length
        assert grown <= NEW_PER_SLICE + left + ITEMS_PER_SLICE
        statuses = {AckStatus.APPLIED} if grown else set()
        assert statuses <= {AckStatus.APPLIED}
    if not syncing.machine.progress().peers[0].is_excluded:
        assert applied(one) == applied(other)
        assert one.machine.ledger.compute_digest() == other.machine.ledger.compute_digest()
