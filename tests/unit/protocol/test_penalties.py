"""Accounts whose range proofs fail: they wait, nobody else does, and no transition is judged by it."""

import pytest

from mesh_core.errors import ErrorCode, Rejected
from mesh_core.protocol.penalties import LONGEST_WAIT_S, MAX_ACCOUNTS, QUIET_S, Penalties
from mesh_core.types.basic import PublicKey
from mesh_core.types.messages import VoteReject, VoteResponse
from mesh_core.types.transition import Transition
from tests.cluster import Validator
from tests.unit.protocol.steps import ask, codes, decide
from tests.unit.protocol.world import World

KEY = PublicKey(bytes(range(32)))


def is_served(penalties: Penalties, now: float, key: PublicKey = KEY) -> bool:
    """Whether the account would be served now."""
    try:
        penalties.require_service(key, now)
    except Rejected:
        return False
    return True


def wait_of(penalties: Penalties, now: float, key: PublicKey = KEY) -> float:
    """Seconds until the account is served, found by trying."""
    return next(wait for wait in (0.0, *(2.0**k for k in range(10))) if is_served(penalties, now + wait, key))


def test_third_failure_is_the_first_that_costs_time_and_each_doubles_it() -> None:
    penalties, now, waits = Penalties(), 100.0, []
    for _ in range(12):
        penalties.count_failure(KEY, now)
        waits.append(wait_of(penalties, now))
        now += waits[-1]
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 64, 64, 64]
    assert max(waits) == LONGEST_WAIT_S
    assert wait_of(penalties, now, PublicKey(bytes(32))) == 0


def test_quiet_time_forgets() -> None:
    penalties = Penalties()
    for _ in range(3):
        penalties.count_failure(KEY, 0.0)
    penalties.count_failure(KEY, 1.0 + QUIET_S - 0.1)
    assert wait_of(penalties, 1.0 + QUIET_S - 0.1) == 2
    penalties.count_failure(KEY, 1_000.0)
    assert wait_of(penalties, 1_000.0) == 0


def test_waiting_out_a_penalty_is_no_quiet_time() -> None:
    """Whoever fails again at each end of its wait stays at the longest."""
    penalties, now = Penalties(), 0.0
    for _ in range(30):
        penalties.count_failure(KEY, now)
        now += wait_of(penalties, now)
    penalties.count_failure(KEY, now)
    assert wait_of(penalties, now) == LONGEST_WAIT_S


def test_memory_is_bounded() -> None:
    penalties = Penalties()
    for number in range(MAX_ACCOUNTS + 100):
        penalties.count_failure(PublicKey(number.to_bytes(32, "big")), 0.0)
    assert len(penalties) == MAX_ACCOUNTS


# --- At a validator -------------------------------------------------------------------------------------------------------------------------------


def bad(world: World, number: int) -> Transition:
    """A SEND of Alice's whose proof will be said not to hold."""
    return world.pay(world.alice, (world.bob, number))


def fail(validator: Validator, transition: Transition) -> None:
    ask(validator, transition)
    assert codes(decide(validator, transition, valid=False)) == [ErrorCode.RANGE_PROOF]


def test_account_waits_is_told_how_long_and_is_served_afterwards(world: World) -> None:
    validator = world.validator()
    for number in range(1, 4):
        fail(validator, bad(world, number))
    refused = validator.vote(world.send)
    assert isinstance(refused, VoteReject)
    assert refused.code is ErrorCode.BUSY
    assert "3 range proofs of this account failed: retry in 1 s" in refused.text
    assert validator.machine.proofs_in_flight_count == 0
    # Nobody else waits, and the very transition gets its vote when the time is over.
    assert isinstance(validator.vote(world.receive), VoteResponse)
    validator.now = 1.0
    assert isinstance(validator.vote(world.send), VoteResponse)


def test_votes_that_were_cast_and_evidence_come_at_once_all_the_same(world: World) -> None:
    validator = world.validator()
    doomed = [bad(world, number) for number in range(1, 4)]
    for transition in doomed:
        ask(validator, transition)
    given = validator.vote(world.send)
    assert isinstance(given, VoteResponse)
    for transition in doomed:
        assert codes(decide(validator, transition, valid=False)) == [ErrorCode.CONFLICTS_WITH_VOTE]
    assert validator.vote(world.send) == given
    refused = validator.vote(world.rival)
    assert isinstance(refused, VoteReject)
    assert refused.code is ErrorCode.CONFLICTS_WITH_VOTE


def test_transition_that_is_being_checked_is_not_disturbed(world: World) -> None:
    validator = world.validator()
    doomed = [bad(world, number) for number in range(1, 4)]
    for transition in (*doomed, world.send):
        ask(validator, transition)
    for transition in doomed:
        decide(validator, transition, valid=False)
    # Another request for it joins, and both get the vote.
    ask(validator, world.send, source=2)
    assert codes(decide(validator, world.send)) == [None, None]


def test_claims_of_a_penalised_account_are_served(world: World) -> None:
    """A RECEIVE has no proof: it costs nothing that the penalty is about."""
    validator = world.validator()
    for number in range(1, 4):
        fail(validator, world.pay(world.bob, (world.alice, number)))
    assert isinstance(validator.vote(world.claim(world.bob, (world.payout, 1))), VoteResponse)


@pytest.mark.parametrize("number", [1, 2])
def test_one_or_two_failures_cost_no_time(number: int, world: World) -> None:
    validator = world.validator()
    for one in range(1, number + 1):
        fail(validator, bad(world, one))
    assert isinstance(validator.vote(world.send), VoteResponse)
