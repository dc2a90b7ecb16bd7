"""The three-message handshake: every field that can be refused, and the attacks it exists for (reflection, replay, relay, impersonation)."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.crypto import domains
from mesh_core.crypto.signatures import SigningKey
from mesh_core.errors import DecodeError, ErrorCode, WireErrorCode
from mesh_core.protocol.handshake import HandshakeFault, Initiator, PeerIdentity, Responder
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.messages import HANDSHAKE, Handshake, Hello, Role, decode_message, encode_message

NETWORK = Hash32(b"\x11" * 32)
OTHER_NETWORK = Hash32(b"\x12" * 32)
FINGERPRINT = Hash32(b"\x21" * 32)
OTHER_FINGERPRINT = Hash32(b"\x22" * 32)
VALIDATOR_KEYS = tuple(SigningKey(bytes([index]) * 32) for index in range(1, 5))
RESPONDER_KEY = VALIDATOR_KEYS[0]
WALLET_KEY = SigningKey(b"\x77" * 32)
COMMITTEE = frozenset(key.public_key for key in VALIDATOR_KEYS)
SMALL_ORDER_KEY = PublicKey(b"\x01" + bytes(31))


def entropy(seed: str) -> Callable[[int], bytes]:
    """A reproducible source; each call gives other bytes."""
    counter = 0

    def read(size: int) -> bytes:
        nonlocal counter
        counter += 1
        return hashlib.shake_256(f"{seed}/{counter}".encode()).digest(size)

    return read


def initiator(*, key: SigningKey = WALLET_KEY, role: Role = Role.WALLET, fingerprint: Hash32 = FINGERPRINT, seed: str = "initiator") -> Initiator:
    return Initiator(key=key, role=role, network_id=NETWORK, responder=RESPONDER_KEY.public_key, tls_fingerprint=fingerprint, entropy=entropy(seed))


def responder(*, key: SigningKey = RESPONDER_KEY, fingerprint: Hash32 = FINGERPRINT, seed: str = "responder") -> Responder:
    return Responder(key=key, network_id=NETWORK, tls_fingerprint=fingerprint, validators=COMMITTEE, entropy=entropy(seed))


def resign(handshake: Handshake, key: SigningKey, tag: bytes) -> Handshake:
    """The same message with a signature that is right for its (changed) fields, so that only the field itself can be what is refused."""
    _, payload = encode_message(handshake)
    return replace(handshake, signature=key.sign(tag, payload[:-64]))


# --- It works --------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "role"), [(WALLET_KEY, Role.WALLET), (WALLET_KEY, Role.MONITOR), (VALIDATOR_KEYS[2], Role.VALIDATOR), (VALIDATOR_KEYS[2], Role.WALLET)]
)
def test_handshake_of_each_role_succeeds_and_names_both_sides(key: SigningKey, role: Role) -> None:
    one, other = initiator(key=key, role=role), responder()
    answered = [other.has_answered]
    known = [(one.peer, other.peer)]
    answer = other.receive_hello(one.hello())
    answered.append(other.has_answered)
    known.append((one.peer, other.peer))
    final = one.receive_handshake(answer)
    known.append((one.peer, other.peer))
    peer = other.receive_handshake(final)
    known.append((one.peer, other.peer))
    named = PeerIdentity(Role.VALIDATOR, RESPONDER_KEY.public_key, 0)
    assert answered == [False, True]
    assert known == [(None, None), (None, None), (named, None), (named, peer)], "the responder knows nobody before the third message"
    assert (peer.identity, peer.role) == (key.public_key, role)


def test_messages_survive_the_wire_and_have_the_specified_sizes() -> None:
    one, other = initiator(), responder()
    hello = one.hello()
    answer = other.receive_hello(hello)
    final = one.receive_handshake(answer)
    for message, type_byte, size in ((hello, 0, 66), (answer, 1, 243), (final, 1, 243)):
        encoded_type, payload = encode_message(message)
        assert (encoded_type, len(payload)) == (type_byte, size)
        assert decode_message(encoded_type, payload) == message


def test_nonces_are_fresh_for_each_machine() -> None:
    source = entropy("one source")
    machines = [
        Initiator(key=WALLET_KEY, role=Role.WALLET, network_id=NETWORK, responder=RESPONDER_KEY.public_key, tls_fingerprint=FINGERPRINT, entropy=source)
        for _ in range(3)
    ]
    assert len({machine.hello().nonce for machine in machines}) == 3


def test_signatures_cover_both_nonces_the_network_and_the_certificate() -> None:
    one, other = initiator(), responder()
    hello = one.hello()
    answer = other.receive_hello(hello)
    final = one.receive_handshake(answer)
    assert (answer.peer_nonce, final.peer_nonce, final.own_nonce) == (hello.nonce, answer.own_nonce, hello.nonce)
    assert answer.tls_fingerprint == final.tls_fingerprint == FINGERPRINT
    assert answer.network_id == final.network_id == NETWORK


def test_unknown_feature_bits_are_accepted_and_reported() -> None:
    one, other = initiator(), responder()
    final = one.receive_handshake(other.receive_hello(one.hello()))
    peer = other.receive_handshake(resign(replace(final, features=0x8001), WALLET_KEY, domains.SIG_HANDSHAKE_INITIATOR))
    assert peer.features == 0x8001


# --- HELLO refused ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version_min": 2, "version_max": 3}, WireErrorCode.VERSION),
        ({"version_min": 0, "version_max": 0}, WireErrorCode.VERSION),
        ({"version_min": 2, "version_max": 1}, WireErrorCode.VERSION),
        ({"network_id": OTHER_NETWORK}, WireErrorCode.NETWORK),
        ({"nonce": bytes(32)}, WireErrorCode.IDENTITY),
    ],
)
def test_hello_with_a_wrong_field_is_refused(change: dict[str, object], code: WireErrorCode) -> None:
    hello: Hello = replace(initiator().hello(), **change)  # type: ignore[arg-type]
    machine = responder()
    with pytest.raises(HandshakeFault) as caught:
        machine.receive_hello(hello)
    assert caught.value.wire_code is code
    assert caught.value.code is ErrorCode.PEER_HANDSHAKE
    assert not machine.has_answered


@pytest.mark.parametrize(("low", "high"), [(1, 1), (0, 1), (1, 9), (0, 255)])
def test_hello_whose_versions_include_ours_is_accepted(low: int, high: int) -> None:
    responder().receive_hello(replace(initiator().hello(), version_min=low, version_max=high))


def test_second_hello_is_refused() -> None:
    machine = responder()
    machine.receive_hello(initiator().hello())
    with pytest.raises(HandshakeFault) as caught:
        machine.receive_hello(initiator(seed="again").hello())
    assert caught.value.wire_code is WireErrorCode.BAD_FRAME


# --- HANDSHAKE refused, field by field -------------------------------------------------------------------------------------------------------------

WRONG_FIELDS: list[tuple[dict[str, object], WireErrorCode]] = [
    ({"version": 2}, WireErrorCode.VERSION),
    ({"version": 0}, WireErrorCode.VERSION),
    ({"network_id": OTHER_NETWORK}, WireErrorCode.NETWORK),
    ({"epoch": 1}, WireErrorCode.NETWORK),
    ({"own_nonce": bytes(32)}, WireErrorCode.IDENTITY),
    ({"peer_nonce": bytes(32)}, WireErrorCode.IDENTITY),
    ({"peer_nonce": b"\x99" * 32}, WireErrorCode.IDENTITY),
    ({"tls_fingerprint": OTHER_FINGERPRINT}, WireErrorCode.IDENTITY),
    ({"identity": SMALL_ORDER_KEY}, WireErrorCode.IDENTITY),
]


@pytest.mark.parametrize(("change", "code"), [*WRONG_FIELDS, ({"role": Role.WALLET}, WireErrorCode.ROLE), ({"role": Role.MONITOR}, WireErrorCode.ROLE)])
def test_responder_handshake_with_a_wrong_field_is_refused_even_when_signed(change: dict[str, object], code: WireErrorCode) -> None:
    one, other = initiator(), responder()
    answer = resign(replace(other.receive_hello(one.hello()), **change), RESPONDER_KEY, domains.SIG_HANDSHAKE_RESPONDER)  # type: ignore[arg-type]
    with pytest.raises(HandshakeFault) as caught:
        one.receive_handshake(answer)
    assert caught.value.wire_code is code
    assert one.peer is None


@pytest.mark.parametrize(
    ("change", "code"), [*WRONG_FIELDS, ({"own_nonce": b"\x99" * 32}, WireErrorCode.IDENTITY), ({"role": Role.VALIDATOR}, WireErrorCode.ROLE)]
)
def test_initiator_handshake_with_a_wrong_field_is_refused_even_when_signed(change: dict[str, object], code: WireErrorCode) -> None:
    one, other = initiator(), responder()
    final = one.receive_handshake(other.receive_hello(one.hello()))
    with pytest.raises(HandshakeFault) as caught:
        other.receive_handshake(resign(replace(final, **change), WALLET_KEY, domains.SIG_HANDSHAKE_INITIATOR))  # type: ignore[arg-type]
    assert caught.value.wire_code is code
    assert other.peer is None


@given(position=st.integers(0, 242), flip=st.integers(1, 255))
def test_any_changed_byte_of_a_handshake_is_refused(position: int, flip: int) -> None:
    """Also of the fields that have no single right value (features, signature): nothing in the message is unsigned."""
    one, other = initiator(), responder()
    final = one.receive_handshake(other.receive_hello(one.hello()))
    data = bytearray(HANDSHAKE.encode(final))
    data[position] ^= flip
    with pytest.raises((HandshakeFault, DecodeError)):
        other.receive_handshake(HANDSHAKE.decode(bytes(data)))
    assert other.peer is None


def test_reserved_byte_must_be_zero() -> None:
    data = bytearray(HANDSHAKE.encode(responder().receive_hello(initiator().hello())))
    data[2] = 1
    with pytest.raises(DecodeError) as caught:
        HANDSHAKE.decode(bytes(data))
    assert caught.value.field == "reserved"


def test_messages_out_of_order_are_refused() -> None:
    one, other = initiator(), responder()
    answer = other.receive_hello(one.hello())
    final = one.receive_handshake(answer)
    with pytest.raises(HandshakeFault) as before_hello:
        responder(seed="fresh").receive_handshake(final)
    other.receive_handshake(final)
    with pytest.raises(HandshakeFault) as second_final:
        other.receive_handshake(final)
    with pytest.raises(HandshakeFault) as second_answer:
        one.receive_handshake(answer)
    assert {caught.value.wire_code for caught in (before_hello, second_final, second_answer)} == {WireErrorCode.BAD_FRAME}


# --- Attacks ---------------------------------------------------------------------------------------------------------------------------------------


def test_another_validator_of_the_committee_cannot_stand_in() -> None:
    """A relay or a wrong address that ends at another honest validator must be noticed, although its signature is perfect."""
    one, other = initiator(), responder(key=VALIDATOR_KEYS[1])
    with pytest.raises(HandshakeFault) as caught:
        one.receive_handshake(other.receive_hello(one.hello()))
    assert caught.value.wire_code is WireErrorCode.IDENTITY


def test_identity_claimed_without_its_key_is_refused() -> None:
    one, other = initiator(), responder()
    answer = other.receive_hello(one.hello())
    stranger = SigningKey(b"\x55" * 32)
    with pytest.raises(HandshakeFault) as at_initiator:
        one.receive_handshake(resign(answer, stranger, domains.SIG_HANDSHAKE_RESPONDER))
    assert at_initiator.value.wire_code is WireErrorCode.IDENTITY
    claimed = replace(initiator().receive_handshake(answer), role=Role.VALIDATOR, identity=VALIDATOR_KEYS[2].public_key)
    with pytest.raises(HandshakeFault) as at_responder:
        other.receive_handshake(resign(claimed, stranger, domains.SIG_HANDSHAKE_INITIATOR))
    assert at_responder.value.wire_code is WireErrorCode.IDENTITY


def test_responders_message_reflected_to_it_is_refused() -> None:
    """The responder's own HANDSHAKE, with the nonces swapped so that every field fits, carries the signature of the other role."""
    one, other = initiator(), responder()
    answer = other.receive_hello(one.hello())
    reflected = replace(answer, own_nonce=answer.peer_nonce, peer_nonce=answer.own_nonce)
    with pytest.raises(HandshakeFault) as swapped:
        other.receive_handshake(reflected)
    assert swapped.value.wire_code is WireErrorCode.IDENTITY
    with pytest.raises(HandshakeFault) as wrong_tag:
        other.receive_handshake(resign(reflected, RESPONDER_KEY, domains.SIG_HANDSHAKE_RESPONDER))
    assert wrong_tag.value.wire_code is WireErrorCode.IDENTITY
    assert other.peer is None


def test_two_connections_cannot_be_played_against_each_other() -> None:
    """Validator B dials validator A through an attacker, who dials B at the same time and hopes to use each one's messages on the other connection."""
    a_key, b_key = RESPONDER_KEY, VALIDATOR_KEYS[1]
    b_dials_a = initiator(key=b_key, role=Role.VALIDATOR, seed="b")
    a_accepts = responder(key=a_key, seed="a")
    final_of_b = b_dials_a.receive_handshake(a_accepts.receive_hello(b_dials_a.hello()))
    b_accepts = responder(key=b_key, seed="b accepts")
    b_accepts.receive_hello(b_dials_a.hello())
    with pytest.raises(HandshakeFault) as caught:
        b_accepts.receive_handshake(final_of_b)
    assert caught.value.wire_code is WireErrorCode.IDENTITY


def test_handshake_recorded_on_an_earlier_connection_is_refused() -> None:
    one, other = initiator(), responder()
    answer = other.receive_hello(one.hello())
    final = one.receive_handshake(answer)
    other.receive_handshake(final)

    later_responder = responder(seed="later")
    later_responder.receive_hello(one.hello())
    with pytest.raises(HandshakeFault) as replayed_final:
        later_responder.receive_handshake(final)
    assert replayed_final.value.wire_code is WireErrorCode.IDENTITY

    later_initiator = initiator(seed="later")
    with pytest.raises(HandshakeFault) as replayed_answer:
        later_initiator.receive_handshake(answer)
    assert replayed_answer.value.wire_code is WireErrorCode.IDENTITY


def test_relay_with_its_own_certificate_is_noticed_on_both_sides() -> None:
    """The initiator sees the relay's certificate, the responder holds its own: each signs what it sees, and neither accepts the other's."""
    one = initiator(fingerprint=OTHER_FINGERPRINT)
    other = responder(fingerprint=FINGERPRINT)
    answer = other.receive_hello(one.hello())
    with pytest.raises(HandshakeFault) as at_initiator:
        one.receive_handshake(answer)
    assert at_initiator.value.wire_code is WireErrorCode.IDENTITY
    careless = initiator()  # one that did not look
    final = replace(careless.receive_handshake(answer), tls_fingerprint=OTHER_FINGERPRINT)
    with pytest.raises(HandshakeFault) as at_responder:
        other.receive_handshake(resign(final, WALLET_KEY, domains.SIG_HANDSHAKE_INITIATOR))
    assert at_responder.value.wire_code is WireErrorCode.IDENTITY


@pytest.mark.parametrize("tag", [domains.SIG_VOTE, domains.SIG_OWNER, domains.SIG_RECEIPT, domains.SIG_HANDSHAKE_RESPONDER])
def test_signature_under_another_tag_is_refused(tag: bytes) -> None:
    one, other = initiator(), responder()
    final = one.receive_handshake(other.receive_hello(one.hello()))
    with pytest.raises(HandshakeFault) as caught:
        other.receive_handshake(resign(final, WALLET_KEY, tag))
    assert caught.value.wire_code is WireErrorCode.IDENTITY


def test_identity_of_small_order_is_refused_although_its_signature_verifies_in_careless_libraries() -> None:
    """With the identity as the key A, S*B = R + k*A holds for S = 0 and R = identity whatever the message: no secret is needed."""
    one, other = initiator(), responder()
    final = one.receive_handshake(other.receive_hello(one.hello()))
    forged = replace(final, identity=SMALL_ORDER_KEY, signature=type(final.signature)(b"\x01" + bytes(63)))
    with pytest.raises(HandshakeFault) as caught:
        other.receive_handshake(forged)
    assert caught.value.wire_code is WireErrorCode.IDENTITY
