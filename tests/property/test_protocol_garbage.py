"""Bytes from outside, damaged in every way: each gets its one answer, raises nothing, and changes nothing."""

from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mesh_core.errors import DecodeError, ErrorCode
from mesh_core.protocol.effects import Reply, Source
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import (
    AckStatus,
    CertAck,
    Evidence,
    Message,
    QueryAccount,
    SettlementCertificate,
    SyncAccount,
    SyncFromLog,
    SyncRequest,
    VoteReject,
    VoteRequest,
    decode_message,
    encode_message,
)
from mesh_core.types.transition import TRANSITION
from tests.cluster import Validator, certify_by_hand
from tests.strategies import mutations_of
from tests.unit.protocol.test_evidence import both_proofs
from tests.unit.protocol.world import World


@cache
def world() -> World:
    return World()


@cache
def validator() -> Validator:
    """One for all examples: none of them may leave a trace."""
    made = world().validator()
    made.vote(world().receive)
    return made


@cache
def state() -> dict[str, object]:
    return validator().state()


@given(st.data())
@settings(max_examples=300)
def test_damaged_transitions_get_a_refusal(data: st.DataObject) -> None:
    good = [TRANSITION.encode(one) for one in (world().send, world().receive, world().payout.transition)]
    damaged = data.draw(mutations_of(st.sampled_from(good)) | st.binary(max_size=400))
    assume(damaged not in good)
    before = state()
    answer = validator().ask(VoteRequest(1, (), damaged))
    assert isinstance(answer, VoteReject)
    # A signature covers everything, so damage shows in rule 1 or 2.
    assert answer.code < ErrorCode.UNKNOWN_ACCOUNT
    encode_message(answer)
    assert validator().state() == before


@given(st.data())
@settings(max_examples=300)
def test_damaged_certificates_are_invalid(data: st.DataObject) -> None:
    """Or known: what is damaged in a known certificate's votes alone may be answered before they are checked."""
    good = [CERTIFICATE.encode(certify_by_hand(one)) for one in (world().send, world().receive, world().payout.transition)]
    damaged = data.draw(mutations_of(st.sampled_from(good)) | st.binary(max_size=400))
    assume(damaged not in good)
    before = state()
    answer = validator().ask(SettlementCertificate(1, damaged))
    assert isinstance(answer, CertAck)
    assert answer.status in (AckStatus.INVALID, AckStatus.ALREADY_APPLIED)
    encode_message(answer)
    assert validator().state() == before
    # Attached to a request it is no better.
    attached = validator().ask(VoteRequest(1, (damaged,), TRANSITION.encode(world().payout.transition)))
    assert isinstance(attached, VoteReject)
    assert validator().state() == before


@given(st.data())
@settings(max_examples=200)
def test_damaged_messages_do_not_decode_or_get_an_answer_that_fits_a_frame(data: st.DataObject) -> None:
    owner = world().dave.keys.owner
    good: list[Message] = [
        QueryAccount(1, owner, 7, bytes(33), 10),
        SyncRequest(1, SyncAccount(owner, 0), 10, 10_000),
        SyncRequest(1, SyncFromLog(1, world().genesis.network_id), 10, 10_000),
        *(Evidence(proof) for proof in both_proofs(world())),
    ]
    type_byte, payload = encode_message(data.draw(st.sampled_from(good)))
    try:
        message = decode_message(type_byte, data.draw(mutations_of(st.just(payload))))
    except DecodeError:
        return
    before = state()
    evidence = validator().evidence()
    effects = validator().machine.handle(Source(1), message, 0.0)
    if isinstance(message, Evidence):
        # One that holds is kept: these are the undamaged ones, and they are not performed here.
        assert bool(effects) is (message in good)
        return
    assert [type(effect) for effect in effects] == [Reply]
    assert isinstance(effects[0], Reply)
    encode_message(effects[0].message)
    assert (validator().state(), validator().evidence()) == (before, evidence)
