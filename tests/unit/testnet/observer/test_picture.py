"""A network as it looks from outside. Goal: what can be seen is told in the words of a supervisor, what cannot is left out, and a lie is told as a lie."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh_app.model import State, apply
from mesh_core.errors import ErrorCode
from mesh_core.protocol.equivocation import build_client_equivocation
from mesh_core.protocol.identifiers import identify
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import Certificate, Vote
from mesh_core.types.events import CertificateApplied, Equivocation, EventBody, PeerChanged, VoteCast, VoteRejected, encode_event_body
from mesh_core.types.messages import Event as WireEvent
from testnet.network_event import network_event
from testnet.observer.client import ValidatorSight
from testnet.observer.log import LogView
from testnet.observer.picture import Picture
from tests.cluster import Cluster, vote_by_hand

Event = dict[str, Any]


class Looking:
    """A picture, its events, and what screens make of them."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        alice, bob = self.cluster.account("alice"), self.cluster.account("bob")
        self.send: Certificate = self.cluster.pay_unproven(alice, (bob, 500))
        self.events: list[Event] = [network_event(self.cluster.genesis, Path("/home"))]
        self.picture = Picture(self.cluster.genesis, self.events.append)

    def hear(self, validator: int, body: EventBody) -> None:
        self.picture.on_event(validator, WireEvent(1, 0, *encode_event_body(body)))

    def applied(self, certificate: Certificate) -> CertificateApplied:
        return CertificateApplied(7, identify(certificate.transition).cert_id, certificate)

    def told(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    def state(self) -> State:
        state = State()
        for event in self.events:
            apply(state, event)
        assert state.unreadable_count == 0, [entry.text for entry in state.entries if entry.kind == "garbage"]
        return state


@pytest.fixture
def looking() -> Looking:
    return Looking()


def test_a_validator_that_answers_is_up_and_one_that_does_not_is_unreachable(looking: Looking) -> None:
    looking.picture.on_sight(ValidatorSight(0, is_up=True, log_length=3, digest=Hash32(b"d" * 32)))
    looking.picture.on_sight(ValidatorSight(1, error="connection refused"))
    state = looking.state()
    assert (state.validators[0].is_up, state.validators[0].log_length, state.validators[0].pid) == (True, 3, None)
    assert state.validators[1].condition == ("✖", "unreachable", "down")
    assert state.validators[1].detail == "connection refused"
    looking.picture.on_sight(ValidatorSight(0, error="silent"))
    assert [event["state"] for event in looking.told("validator_state")] == ["up", "unreachable", "unreachable"]


def test_votes_and_certificates_are_passed_on_without_the_times_that_nobody_can_see(looking: Looking) -> None:
    vote: Vote = vote_by_hand(2, looking.send.transition)
    looking.hear(2, VoteCast(vote))
    looking.hear(2, VoteRejected(vote.statement.sender, 0, Hash32(b"t" * 32), ErrorCode.CONFLICTS_WITH_VOTE))
    looking.hear(2, looking.applied(looking.send))
    looking.hear(2, PeerChanged(looking.cluster.genesis.committee.validators[0], True))
    assert not any("durable_ms" in event for event in looking.events)
    state = looking.state()
    assert (state.validators[2].votes_cast, state.validators[2].votes_refused, state.validators[2].last_commit_ms) == (1, 1, None)
    assert list(state.certificates) == [identify(looking.send.transition).cert_id.hex()]
    assert not looking.told("ledger_lie")


def test_a_certificate_that_is_none_is_a_lie(looking: Looking) -> None:
    votes = (replace(looking.send.votes[0], signature=looking.send.votes[1].signature), *looking.send.votes[1:])
    looking.hear(1, looking.applied(replace(looking.send, votes=votes)))
    looking.hear(1, replace(looking.applied(looking.send), cert_id=Hash32(b"x" * 32)))
    assert not looking.told("certificate_applied")
    assert [event["validator"] for event in looking.told("ledger_lie")] == [1, 1]


def test_evidence_that_does_not_hold_is_a_lie(looking: Looking) -> None:
    identified = identify(looking.send.transition)
    signature = looking.send.transition.owner_signature
    looking.hear(3, Equivocation(build_client_equivocation(identified.statement, signature, Hash32(b"o" * 32), signature)))
    assert not looking.told("equivocation")
    assert looking.told("ledger_lie")[0]["text"] == "its equivocation proof does not hold"


def test_a_malformed_event_is_told(looking: Looking) -> None:
    looking.picture.on_event(0, WireEvent(1, 0, 2, b"\0"))
    looking.picture.on_event(0, WireEvent(1, 0, 99, b""))
    assert [event["validator"] for event in looking.told("ledger_lie")] == [0, 0]
    assert looking.state().ledger.lies


def test_sums_are_told_of_the_log_that_was_read_and_of_no_other(looking: Looking) -> None:
    """Nothing where nobody has read; None where the log is too long to follow; the sums only at the very length that a validator has."""
    sight = ValidatorSight(0, is_up=True, log_length=0, digest=Hash32(b"d" * 32))
    looking.picture.on_sight(sight)
    view = LogView(0, looking.cluster.genesis)
    looking.picture.view = lambda: view
    looking.picture.on_sight(sight)
    looking.picture.on_sight(replace(sight, log_length=1))
    view.replay = None
    looking.picture.on_sight(sight)
    assert [event.get("supply_audit", "not told") for event in looking.told("status")] == ["not told", True, "not told", None]
