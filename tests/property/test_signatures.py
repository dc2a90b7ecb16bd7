"""Ed25519: what is signed verifies, as another library makes it and as the schoolbook checks it, and nothing else does."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_prefix
from mesh_core.crypto.signatures import SigningKey, is_acceptable_key, verify_signature
from tests.vectors import schoolbook

SEEDS = st.binary(min_size=32, max_size=32)
TAGS = st.sampled_from(domains.SIGNATURE_TAGS)
BODIES = st.binary(max_size=400)
TORSION = schoolbook.torsion_point()


@given(SEEDS, TAGS, BODIES)
def test_signatures_are_those_of_another_library(seed: bytes, tag: bytes, body: bytes) -> None:
    key = SigningKey(seed)
    signature = key.sign(tag, body)
    assert signature == Ed25519PrivateKey.from_private_bytes(seed).sign(tagged_prefix(tag) + body)
    assert verify_signature(tag, key.public_key, body, signature)
    assert is_acceptable_key(key.public_key)


@given(SEEDS, SEEDS, TAGS, TAGS, BODIES, BODIES)
def test_signature_fits_one_key_one_tag_and_one_body(seed: bytes, other_seed: bytes, tag: bytes, other_tag: bytes, body: bytes, other_body: bytes) -> None:
    key = SigningKey(seed)
    signature = key.sign(tag, body)
    assert verify_signature(tag, key.public_key, other_body, signature) == (other_body == body)
    assert verify_signature(other_tag, key.public_key, body, signature) == (other_tag == tag)
    assert verify_signature(tag, SigningKey(other_seed).public_key, body, signature) == (other_seed == seed)


@given(SEEDS, BODIES)
def test_second_form_of_s_is_refused(seed: bytes, body: bytes) -> None:
    key = SigningKey(seed)
    signature = key.sign(domains.SIG_OWNER, body)
    response = int.from_bytes(signature[32:], "little")
    for multiple in (1, 2, 7, 14):
        second = signature[:32] + (response + multiple * schoolbook.L).to_bytes(32, "little")
        assert not verify_signature(domains.SIG_OWNER, key.public_key, body, second)


@settings(max_examples=20)
@given(st.binary(min_size=32, max_size=32))
def test_acceptable_keys_are_those_of_the_definition(encoding: bytes) -> None:
    point = schoolbook.decode_lax(encoding)
    assume(point is not None)
    assert point is not None
    for candidate in (point, 8 * point, schoolbook.L * point, 8 * point + 4 * TORSION):
        by_definition = schoolbook.L * candidate == schoolbook.IDENTITY != candidate
        assert is_acceptable_key(schoolbook.encode(candidate)) == by_definition


@given(st.binary(max_size=40), BODIES, st.binary(max_size=70))
def test_arbitrary_bytes_are_refused_without_an_error(public_key: bytes, body: bytes, signature: bytes) -> None:
    assert not verify_signature(domains.SIG_OWNER, public_key, body, signature)
    assert not verify_signature(domains.SIG_OWNER, SigningKey(bytes(32)).public_key, body, signature)
