"""Key derivation, X25519, and what a view key gives and does not give."""

import pytest

from mesh_core.crypto.keys import ViewKey, WalletKeys, WeakViewKeyError, x25519, x25519_public_key
from mesh_core.errors import ErrorCode, LocalFault
from tests.vectors import schoolbook
from tests.vectors.key_vectors import CASES, Case, hexed
from tests.vectors.public_suites import load_public_suite

SEED = bytes(range(32))


@pytest.mark.parametrize("case", CASES["keys"], ids=lambda case: case["name"])
def test_keys_from_seed_match_the_vectors(case: Case) -> None:
    expected = case["expected"]
    keys = WalletKeys.from_seed(hexed(case["input"]["seed"]))
    assert keys.owner == keys.signing_key.public_key == hexed(expected["owner"])
    assert keys.view_key.secret == hexed(expected["view_sk"])
    assert keys.view_key.public_key == hexed(expected["view_pk"])
    assert keys.view_key.self_key == hexed(expected["self_key"])
    assert str(keys.address) == expected["address"]


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_secrets_of_another_length_are_refused(size: int) -> None:
    for make in (WalletKeys.from_seed, ViewKey):
        with pytest.raises(LocalFault) as caught:
            make(bytes(size))
        assert caught.value.code == ErrorCode.KEY_FILE


def test_repr_shows_no_secret() -> None:
    keys = WalletKeys.from_seed(SEED)
    shown = repr(keys) + repr(keys.view_key) + repr(keys.signing_key)
    for secret in (SEED, keys.view_key.secret, keys.view_key.self_key, schoolbook.xof("MESH/v1/kdf/sign", SEED, 32)):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert keys.owner.hex() in shown


def test_view_key_from_its_secret_reads_the_same_and_cannot_sign() -> None:
    keys = WalletKeys.from_seed(SEED)
    disclosed = ViewKey(keys.view_key.secret)
    assert (disclosed.public_key, disclosed.self_key) == (keys.view_key.public_key, keys.view_key.self_key)
    assert not hasattr(disclosed, "sign")
    assert not hasattr(disclosed, "signing_key")


def test_both_sides_get_the_same_shared_secret() -> None:
    one, other = bytes(range(32)), bytes(range(32, 64))
    shared = x25519(one, x25519_public_key(other))
    assert shared == x25519(other, x25519_public_key(one)) == schoolbook.x25519(one, schoolbook.x25519(other, schoolbook.X25519_BASE))


# The u coordinates of order 1, 2, 4 and 8 on the curve and its twist, and their second encodings: RFC 7748, section 7, and its discussion.
SMALL_ORDER = [
    bytes(32),
    (1).to_bytes(32, "little"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    (schoolbook.P - 1).to_bytes(32, "little"),
    schoolbook.P.to_bytes(32, "little"),
    (schoolbook.P + 1).to_bytes(32, "little"),
]


@pytest.mark.parametrize("public", [encoding for key in SMALL_ORDER for encoding in (key, key[:31] + bytes([key[31] | 0x80]))], ids=bytes.hex)
def test_small_order_keys_are_refused(public: bytes) -> None:
    assert schoolbook.x25519(SEED, public) == bytes(32)
    with pytest.raises(WeakViewKeyError) as caught:
        x25519(SEED, public)
    assert caught.value.code == ErrorCode.ADDRESS_INVALID


def test_an_all_zero_secret_is_refused_even_if_the_library_returns_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_core.crypto.keys.crypto_scalarmult", lambda *_: bytes(32))
    with pytest.raises(WeakViewKeyError):
        x25519(SEED, bytes(32))


def test_wycheproof_x25519() -> None:
    suite = load_public_suite("x25519_test.json")
    wrong, refused, cases = [], 0, [case for group in suite["testGroups"] for case in group["tests"]]
    for case in cases:
        try:
            result = x25519(bytes.fromhex(case["private"]), bytes.fromhex(case["public"]))
        except WeakViewKeyError:
            refused += 1
            if "ZeroSharedSecret" not in case["flags"]:
                wrong.append(case["tcId"])
        else:
            if result.hex() != case["shared"] or "ZeroSharedSecret" in case["flags"]:
                wrong.append(case["tcId"])
    assert (len(cases), refused, wrong) == (518, 31, [])
