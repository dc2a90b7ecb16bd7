"""Random histories of payments and claims: whatever the order in which certificates arrive, the same set gives the same state, and no money is made or lost.

Certificates are made by hand with bytes in place of range proofs: their votes stand for what voters have checked.
"""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_core.crypto.pedersen import Opening, add_commitments, commit
from mesh_core.protocol.identifiers import identify
from mesh_core.protocol.queries import find_slot
from mesh_core.types.basic import ZERO_HASH
from mesh_core.types.certificate import Certificate
from mesh_core.types.messages import AckStatus
from tests.cluster import Account, Cluster, Validator, cert_id_of, make_genesis
from tests.unit.protocol.test_ledger import naive_digest

NAMES = ("alice", "bob", "carol", "faucet")
FEE_BASE, FEE_PER_OUTPUT = 2, 1


@dataclass
class History:
    """Certificates in an order in which each comes behind what it needs, and every opening that their makers know."""

    cluster: Cluster
    people: dict[str, Account]
    certificates: list[Certificate] = field(default_factory=list)
    needs: list[set[int]] = field(default_factory=list)
    unclaimed: list[tuple[int, str]] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, certificate: Certificate, needs: set[int]) -> int:
        if name in self.last:
            needs = needs | {self.last[name]}
        self.certificates.append(certificate)
        self.needs.append(needs)
        self.last[name] = len(self.certificates) - 1
        return self.last[name]

    def pay(self, name: str, payments: list[tuple[str, int]]) -> None:
        account = self.people[name]
        fee = FEE_BASE + FEE_PER_OUTPUT * len(payments)
        if account.opening.value < fee + sum(amount for _, amount in payments):
            return
        number = self.add(name, self.cluster.pay_unproven(account, *[(self.people[to], amount) for to, amount in payments]), set())
        self.unclaimed += [(number, to) for to in dict.fromkeys(to for to, _ in payments)]

    def claim(self, name: str, most: int) -> None:
        sources = [number for number, to in self.unclaimed if to == name][:most]
        if not sources:
            return
        self.unclaimed = [(number, to) for number, to in self.unclaimed if to != name or number not in sources]
        claimed = self.cluster.claim_unproven(self.people[name], *[self.certificates[number] for number in sources])
        self.add(name, claimed, set(sources))


@st.composite
def histories(draw: st.DrawFn, length: int = 10) -> History:
    cluster = Cluster(make_genesis(fee_base=FEE_BASE, fee_per_output=FEE_PER_OUTPUT, allocations={"alice": 1_000, "faucet": 2**62}))
    history = History(cluster, {name: cluster.account(name) for name in NAMES})
    history.pay("faucet", [("bob", 500), ("carol", 1)])
    for _ in range(3 * length):
        if len(history.certificates) >= length:
            break
        name = draw(st.sampled_from(NAMES))
        if draw(st.booleans()):
            history.claim(name, draw(st.integers(1, 3)))
        else:
            amounts = st.integers(1, 300) | st.integers(1, 2**40)
            history.pay(name, draw(st.lists(st.tuples(st.sampled_from(NAMES), amounts), min_size=1, max_size=3)))
    return history


def fresh(history: History) -> Validator:
    return history.cluster.validators[0].copy()


def deliver(history: History, order: list[int]) -> tuple[Validator, list[AckStatus]]:
    validator = fresh(history)
    return validator, [validator.settle(history.certificates[number]).status for number in order]


@st.composite
def causal_orders(draw: st.DrawFn, history: History) -> list[int]:
    """An order in which nothing comes before what it needs."""
    left, order = set(range(len(history.certificates))), list[int]()
    while left:
        ready = sorted(number for number in left if not history.needs[number] & left)
        order.append(draw(st.sampled_from(ready)))
        left.discard(order[-1])
    return order


@given(st.data())
@settings(max_examples=25)
def test_every_causal_order_applies_everything_at_once_and_ends_in_the_same_state(data: st.DataObject) -> None:
    history = data.draw(histories())
    expected, _ = deliver(history, list(range(len(history.certificates))))
    for _ in range(2):
        validator, statuses = deliver(history, data.draw(causal_orders(history)))
        assert set(statuses) == {AckStatus.APPLIED}
        assert validator.machine.ledger.compute_digest() == expected.machine.ledger.compute_digest()
    assert naive_digest(expected) == expected.machine.ledger.compute_digest()


@given(st.data())
@settings(max_examples=25)
def test_any_order_with_repetitions_ends_in_the_same_state(data: st.DataObject) -> None:
    """Parked, released, sent again: the set decides, and the same set is never applied twice."""
    history = data.draw(histories())
    numbers = list(range(len(history.certificates)))
    expected, _ = deliver(history, numbers)
    order = data.draw(st.permutations(numbers + data.draw(st.lists(st.sampled_from(numbers), max_size=5))))
    validator, _ = deliver(history, order)
    ledger = validator.machine.ledger
    assert ledger.compute_digest() == expected.machine.ledger.compute_digest()
    assert (ledger.globals.log_length, ledger.globals.fee_pool) == (len(numbers), expected.machine.ledger.globals.fee_pool)
    assert validator.machine.parked_count == 0
    assert not validator.machine.halted
    assert validator.evidence() == {}
    # Everything once more, after a restart: nothing changes any more.
    again = validator.restart()
    before = again.state()
    assert {again.settle(history.certificates[number]).status for number in numbers} == {AckStatus.ALREADY_APPLIED}
    assert again.state() == before == validator.state()


@given(st.data())
@settings(max_examples=20)
def test_equal_sets_equal_digests_and_other_sets_others(data: st.DataObject) -> None:
    """Along the way, too: each prefix of two orders that holds the same certificates has the same digest, and no other prefix has it."""
    history = data.draw(histories(8))
    seen: dict[bytes, frozenset[int]] = {}
    for _ in range(2):
        validator, applied = fresh(history), frozenset[int]()
        for number in data.draw(causal_orders(history)):
            validator.settle(history.certificates[number])
            applied |= {number}
            assert seen.setdefault(validator.machine.ledger.compute_digest(), applied) == applied
            assert validator.machine.ledger.audit_supply()
    assert len(set(seen.values())) == len(seen)


@given(histories())
@settings(max_examples=25)
def test_money_is_conserved_in_commitments_and_in_plain(history: History) -> None:
    """INV-1 and INV-2: with all openings at hand, the commitments are those of the amounts, and the amounts add up."""
    validator, _ = deliver(history, list(range(len(history.certificates))))
    ledger = validator.machine.ledger
    assert ledger.audit_supply()
    openings: list[Opening] = []
    for account in history.people.values():
        state = ledger.account_or_zero(account.keys.owner)
        assert state.balance == commit(account.opening)
        openings.append(account.opening)
        waiting = [
            output
            for number, to in history.unclaimed
            if to == next(name for name, one in history.people.items() if one is account)
            for output in history.cluster.open_outputs(account, history.certificates[number])
        ]
        assert sorted(output.key for output in waiting) == ledger.outputs_of(account.keys.owner)
        openings += [output.opening for output in waiting]
    supply = history.cluster.genesis.doc.supply
    assert all(0 <= opening.value <= supply for opening in openings)
    assert sum(opening.value for opening in openings) + ledger.globals.fee_pool == supply
    assert add_commitments(commit(opening) for opening in openings) == commit(Opening(supply - ledger.globals.fee_pool, 0))


@given(st.data())
@settings(max_examples=15)
def test_accounts_are_unbroken_chains_and_outputs_are_taken_once(data: st.DataObject) -> None:
    """INV-6, INV-7 and INV-15."""
    history = data.draw(histories())
    validator = fresh(history)
    ledger = validator.machine.ledger
    for number in data.draw(causal_orders(history)):
        before = {account.keys.owner: ledger.account_or_zero(account.keys.owner) for account in history.people.values()}
        validator.settle(history.certificates[number])
        sender = history.certificates[number].transition.core.sender
        for owner, state in before.items():
            assert (ledger.account_or_zero(owner) == state) is (owner != sender)
    takers: dict[tuple[bytes, int], bytes] = {}
    for account in history.people.values():
        head = ZERO_HASH
        state = ledger.account_or_zero(account.keys.owner)
        for sequence in range(state.sequence):
            slot = find_slot(validator.store, state.owner, sequence)
            assert slot is not None
            certificate = next(one for one in history.certificates if cert_id_of(one) == slot.cert_id)
            assert certificate.transition.core.prev == head
            head = identify(certificate.transition).transition_id
            for claim in certificate.transition.core.claims:
                assert takers.setdefault((claim.cert_id, claim.index), slot.cert_id) == slot.cert_id
                assert ledger.claimed_by(claim.key) == slot.cert_id
                assert ledger.output(claim.key) is None
        assert state.head == head
    assert len(takers) == sum(len(one.transition.core.claims) for one in history.certificates)
