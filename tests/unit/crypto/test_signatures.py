"""Ed25519: the accepted set, the self-test of the library, and what a library with other answers leads to."""

import hashlib
from collections.abc import Callable
from itertools import chain, combinations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.exceptions import BadSignatureError

from mesh_core.crypto import domains, signatures
from mesh_core.crypto.hashing import tagged_prefix
from mesh_core.crypto.signature_cases import KEY_CASES, SIGNATURE_CASES, KeyCase, SignatureCase
from mesh_core.crypto.signatures import SigningKey, is_acceptable_key, run_self_test, verify_signature
from mesh_core.errors import ErrorCode, LocalFault
from tests.vectors import make_ed25519_cases, schoolbook
from tests.vectors.public_suites import load_public_suite

SEED = hashlib.sha256(b"a signing key of the tests").digest()
L = schoolbook.L

# What a verifier must leave out to accept the case: nothing less will do, so each case stands for exactly this.
CHECKS_THAT_REFUSE = {
    "S plus l": {"s-below-l"},
    "small-order key": {"key-not-small"},
    "identity key": {"key-not-small"},
    "non-canonical key": {"key-canonical", "key-not-small"},
    "mixed-order key": {"key-not-mixed"},
    "small-order R": {"r-not-small"},
    "non-canonical R": {"r-canonical", "r-not-small"},
    "valid with the cofactor only": {"without-cofactor"},
}


def verify_as_validators_do(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """The accepted set for a message without a tag, which published cases have."""
    return is_acceptable_key(public_key) and signatures._is_valid_under(public_key, message, signature)


def opener(verify: Callable[[bytes, bytes, bytes], bool]) -> Callable[[bytes, bytes], bytes]:
    """A replacement for PyNaCl's `crypto_sign_open` that answers as `verify(public_key, message, signature)` does."""

    def crypto_sign_open(signed: bytes, public_key: bytes) -> bytes:
        if not verify(public_key, signed[64:], signed[:64]):
            raise BadSignatureError
        return signed[64:]

    return crypto_sign_open


def openssl_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_signing_key_signs_as_rfc_8032_says() -> None:
    key = SigningKey(SEED)
    assert key.public_key == schoolbook.ed25519_public_key(SEED)
    assert key.sign(domains.SIG_OWNER, b"body") == schoolbook.ed25519_sign(SEED, bytes([len(domains.SIG_OWNER)]) + domains.SIG_OWNER + b"body")
    assert verify_signature(domains.SIG_OWNER, key.public_key, b"body", key.sign(domains.SIG_OWNER, b"body"))
    assert is_acceptable_key(key.public_key)


def test_signing_key_repr_hides_the_seed() -> None:
    assert SEED.hex() not in repr(SigningKey(SEED))
    assert repr(SEED)[2:-1] not in repr(SigningKey(SEED))
    assert SigningKey(SEED).public_key.hex() in repr(SigningKey(SEED))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_signing_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(LocalFault) as caught:
        SigningKey(bytes(size))
    assert caught.value.code == ErrorCode.KEY_FILE


def test_no_signature_verifies_under_another_tag() -> None:
    key = SigningKey(SEED)
    for tag in domains.SIGNATURE_TAGS:
        signature = key.sign(tag, b"body")
        assert [other for other in domains.SIGNATURE_TAGS if verify_signature(other, key.public_key, b"body", signature)] == [tag]


def test_tag_and_body_cannot_trade_bytes() -> None:
    key = SigningKey(SEED)
    signature = key.sign(b"MESH/v1/sig/a", b"bc")
    assert verify_signature(b"MESH/v1/sig/a", key.public_key, b"bc", signature)
    assert not verify_signature(b"MESH/v1/sig/ab", key.public_key, b"c", signature)


@pytest.mark.parametrize("size", [0, 31, 33, 63, 65, 128])
def test_wrong_lengths_are_refused_without_an_error(size: int) -> None:
    key = SigningKey(SEED)
    signature = key.sign(domains.SIG_VOTE, b"body")
    assert not verify_signature(domains.SIG_VOTE, key.public_key, b"body", (signature + bytes(64))[:size])
    assert not verify_signature(domains.SIG_VOTE, (key.public_key + bytes(96))[:size], b"body", signature)
    assert not is_acceptable_key((key.public_key + bytes(96))[:size])


def test_a_longer_signature_cannot_borrow_from_the_message() -> None:
    """PyNaCl takes signature and message glued together, so that only the length check keeps the seam in its place."""
    key = SigningKey(SEED)
    signature = key.sign(domains.SIG_VOTE, b"body")
    prefix = tagged_prefix(domains.SIG_VOTE)
    assert signatures._is_valid_under(key.public_key, prefix + b"body", signature)
    assert not signatures._is_valid_under(key.public_key, prefix[1:] + b"body", signature + prefix[:1])
    assert not signatures._is_valid_under(key.public_key, signature[-1:] + prefix + b"body", signature[:-1])


def test_every_flipped_bit_of_a_signature_or_key_is_refused() -> None:
    key = SigningKey(SEED)
    signature = key.sign(domains.SIG_VOTE, b"body")
    for bit in range(512):
        flipped = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")
        assert not verify_signature(domains.SIG_VOTE, key.public_key, b"body", flipped)
    for bit in range(256):
        other_key = (int.from_bytes(key.public_key, "big") ^ 1 << bit).to_bytes(32, "big")
        assert not verify_signature(domains.SIG_VOTE, other_key, b"body", signature)


@pytest.mark.parametrize("order", [1, 2, 4, 8])
def test_key_with_a_torsion_part_is_refused_although_its_signature_fits(order: int) -> None:
    """A key plus a point of that order, and a body for which the equation holds all the same: only the key rule tells them apart."""
    secret = schoolbook.expand_seed(SEED)[0]
    key_point = secret * schoolbook.BASE + 8 // order * schoolbook.torsion_point()
    key, encoded_r = schoolbook.encode(key_point), schoolbook.encode(5 * schoolbook.BASE)
    prefix = tagged_prefix(domains.SIG_OWNER)
    body = next(body for body in (bytes([i]) for i in range(256)) if schoolbook.hash_to_scalar(encoded_r, key, prefix, body) % 8 == 0)
    response = (5 + schoolbook.hash_to_scalar(encoded_r, key, prefix, body) * secret) % L
    signature = encoded_r + response.to_bytes(32, "little")
    assert signatures._is_valid_under(key, prefix + body, signature)
    assert verify_signature(domains.SIG_OWNER, key, body, signature) == (order == 1)


def test_cases_are_those_that_schoolbook_arithmetic_makes() -> None:
    assert tuple(KeyCase(name, key, acceptable) for name, key, acceptable in make_ed25519_cases.key_cases()) == KEY_CASES
    assert tuple(SignatureCase(*case) for case in make_ed25519_cases.signature_cases()) == SIGNATURE_CASES


@pytest.mark.parametrize("case", KEY_CASES, ids=lambda case: case.name)
def test_key_cases(case: KeyCase) -> None:
    assert is_acceptable_key(case.public_key) == case.acceptable
    point = schoolbook.decode_lax(case.public_key)
    by_definition = schoolbook.is_canonical(case.public_key) and point is not None and L * point == schoolbook.IDENTITY != point
    assert by_definition == case.acceptable


@pytest.mark.parametrize("case", SIGNATURE_CASES, ids=lambda case: case.name)
def test_signature_cases(case: SignatureCase) -> None:
    assert verify_as_validators_do(case.public_key, case.message, case.signature) == case.valid
    assert schoolbook.ed25519_verify(case.public_key, case.message, case.signature) == case.valid


@pytest.mark.parametrize("case", [case for case in SIGNATURE_CASES if case.name in CHECKS_THAT_REFUSE], ids=lambda case: case.name)
def test_each_refused_case_is_refused_by_its_own_checks_alone(case: SignatureCase) -> None:
    """A verifier without these checks accepts the case, and one that has any of them does not."""
    dropped = CHECKS_THAT_REFUSE[case.name]

    def accepts_without(checks: set[str]) -> bool:
        return schoolbook.ed25519_verify(case.public_key, case.message, case.signature, schoolbook.ED25519_CHECKS - checks)

    assert accepts_without(dropped)
    for fewer in chain.from_iterable(combinations(dropped, size) for size in range(len(dropped))):
        assert not accepts_without(set(fewer))


def test_every_check_of_the_accepted_set_has_a_case() -> None:
    assert set().union(*CHECKS_THAT_REFUSE.values()) == schoolbook.ED25519_CHECKS
    refused = {case.name for case in SIGNATURE_CASES if not case.valid}
    assert set(CHECKS_THAT_REFUSE) | {"good signature of another message"} == refused


def test_messages_of_the_cases_can_never_be_tagged_messages() -> None:
    assert all(case.message == b"" or case.message[0] > 63 for case in SIGNATURE_CASES)


def test_self_test_passes_with_the_installed_library() -> None:
    run_self_test()


@pytest.mark.parametrize(
    ("verify", "named"),
    [
        pytest.param(openssl_verify, "accepts a signature (small-order R)", id="OpenSSL"),
        pytest.param(lambda *_: True, "accepts a signature (good signature of another message)", id="accepts everything"),
        pytest.param(lambda *_: False, "refuses a signature (good signature)", id="refuses everything"),
        *(
            pytest.param(
                lambda key, message, signature, check=check: schoolbook.ed25519_verify(key, message, signature, schoolbook.ED25519_CHECKS - check),
                f"accepts a signature ({name})",
                id=f"without {' and '.join(sorted(check))}",
            )
            for name, check in [
                ("S plus l", {"s-below-l"}),
                ("small-order R", {"r-not-small"}),
                ("valid with the cofactor only", {"without-cofactor"}),
            ]
        ),
    ],
)
def test_self_test_refuses_a_library_with_another_accepted_set(
    monkeypatch: pytest.MonkeyPatch, verify: Callable[[bytes, bytes, bytes], bool], named: str
) -> None:
    monkeypatch.setattr(signatures, "crypto_sign_open", opener(verify))
    with pytest.raises(LocalFault) as caught:
        run_self_test()
    assert caught.value.code == ErrorCode.CRYPTO_SELF_TEST
    assert named in caught.value.text


def test_self_test_passes_with_a_second_implementation_of_the_same_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way round: what is refused is the other answer, not the other library."""
    monkeypatch.setattr(signatures, "crypto_sign_open", opener(schoolbook.ed25519_verify))
    run_self_test()


@pytest.mark.parametrize(
    ("accepts", "named"),
    [
        pytest.param(lambda _: True, "accepts a key (identity)", id="every encoding"),
        pytest.param(lambda _: False, "refuses a key (base point)", id="none"),
        pytest.param(
            lambda key: schoolbook.is_canonical(key) and 8 * (schoolbook.decode_lax(key) or schoolbook.IDENTITY) != schoolbook.IDENTITY,
            "accepts a key (mixed order: ordinary key plus a point of order 8)",
            id="all but small orders",
        ),
    ],
)
def test_self_test_refuses_a_library_with_other_keys(monkeypatch: pytest.MonkeyPatch, accepts: Callable[[bytes], bool], named: str) -> None:
    for case in KEY_CASES:  # a warm cache must not hide the library's answers
        is_acceptable_key(case.public_key)
    monkeypatch.setattr(signatures, "crypto_core_ed25519_is_valid_point", accepts)
    with pytest.raises(LocalFault) as caught:
        run_self_test()
    assert caught.value.code == ErrorCode.CRYPTO_SELF_TEST
    assert named in caught.value.text


def test_a_key_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    key = SigningKey(hashlib.sha256(b"a key that only this test asks about").digest()).public_key
    asked: list[bytes] = []

    def is_valid_point(encoding: bytes) -> bool:
        asked.append(encoding)
        return True

    monkeypatch.setattr(signatures, "crypto_core_ed25519_is_valid_point", is_valid_point)
    assert [is_acceptable_key(key) for _ in range(3)] == [True] * 3
    assert asked == [key]


def test_wycheproof_ed25519() -> None:
    suite = load_public_suite("ed25519_test.json")
    wrong, count = [], 0
    for group in suite["testGroups"]:
        for case in group["tests"]:
            count += 1
            verdict = verify_as_validators_do(bytes.fromhex(group["publicKey"]["pk"]), bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            if verdict != (case["result"] == "valid"):
                wrong.append(case["tcId"])
    assert (count, wrong) == (151, [])


def test_ed25519_speccheck() -> None:
    """libsodium's row, and with the key rule on top nothing is left of it: no case has both an acceptable key and an accepted signature."""
    suite = load_public_suite("ed25519-speccheck.json")
    cases = [tuple(bytes.fromhex(case[field]) for field in ("pub_key", "message", "signature")) for case in suite]
    plain = "".join("V" if signatures._is_valid_under(*case) else "X" for case in cases)
    assert plain == "XXXVXXXXXXXX"
    with_key_rule = "".join("V" if verify_as_validators_do(*case) else "X" for case in cases)
    assert with_key_rule == "X" * 12
    acceptable = [number for number, (key, _, _) in enumerate(cases) if is_acceptable_key(key)]
    by_definition = [
        number
        for number, (key, _, _) in enumerate(cases)
        if schoolbook.is_canonical(key) and (point := schoolbook.decode_lax(key)) is not None and L * point == schoolbook.IDENTITY != point
    ]
    assert acceptable == by_definition
