"""A seed under a passphrase: only the right one opens it, and a file that lies about its cost cannot hang the machine."""

import hashlib
from dataclasses import replace
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from mesh_core.crypto.sealing import LEAST_MEMORY_KIB, MODERATE, MOST, SEALED_SEED, SealedSeed, SealingCost, open_seed, seal_seed
from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from tests.cluster import seeded_entropy

SEED = bytes(range(32))
CHEAP = SealingCost(argon2id.OPSLIMIT_MIN, LEAST_MEMORY_KIB)
PASSPHRASE = "correct horse battery staple"


def sealed(passphrase: str = PASSPHRASE) -> SealedSeed:
    return seal_seed(SEED, passphrase, seeded_entropy("sealing"), CHEAP)


def refusal(box: SealedSeed, passphrase: str = PASSPHRASE) -> LocalFault:
    with pytest.raises(LocalFault) as caught:
        open_seed(box, passphrase)
    return caught.value


def test_right_passphrase_opens_it() -> None:
    assert open_seed(sealed(), PASSPHRASE) == SEED
    assert open_seed(sealed("пароль 🔑"), "пароль 🔑") == SEED


def earlier_file(passphrase: str) -> SealedSeed:
    """As files were sealed before passphrases had a normal form: under the characters as they were typed."""
    salt = bytes(argon2id.SALTBYTES)
    key = argon2id.kdf(SecretBox.KEY_SIZE, passphrase.encode(), salt, opslimit=CHEAP.operations, memlimit=CHEAP.memory_kib * 1024)
    return SealedSeed(CHEAP.operations, CHEAP.memory_kib, salt, bytes(SecretBox(key).encrypt(SEED, bytes(SecretBox.NONCE_SIZE))))


ONE, OTHER = normalize("NFC", "Zoë trinkt süßen Kaffee"), normalize("NFD", "Zoë trinkt süßen Kaffee")
"""The same words from two keyboards."""


@pytest.mark.parametrize(("sealed_with", "typed"), [(ONE, OTHER), (OTHER, ONE), ("\ufb01ne \uff11", "fine 1"), ("한글", normalize("NFD", "한글"))])
def test_the_same_words_open_it_however_a_keyboard_writes_them(sealed_with: str, typed: str) -> None:
    assert sealed_with != typed
    assert open_seed(sealed(sealed_with), typed) == SEED


@pytest.mark.parametrize(("sealed_with", "typed"), [(ONE, ONE), (OTHER, OTHER), (ONE, OTHER), ("\ufb01ne", "\ufb01ne")])
def test_earlier_files_open_as_they_did(sealed_with: str, typed: str) -> None:
    assert open_seed(earlier_file(sealed_with), typed) == SEED
    assert refusal(earlier_file(sealed_with), typed + "x").code is ErrorCode.PASSPHRASE


@pytest.mark.parametrize("other", ["", PASSPHRASE + " ", PASSPHRASE.upper(), "x"])
def test_another_passphrase_does_not(other: str) -> None:
    assert refusal(sealed(), other).code is ErrorCode.PASSPHRASE


def test_there_is_no_sealing_without_a_passphrase() -> None:
    with pytest.raises(LocalFault, match="empty"):
        sealed("")


def test_half_a_surrogate_pair_is_told() -> None:
    with pytest.raises(LocalFault, match="UTF-8"):
        sealed("\ud800")


def test_file_shows_nothing_of_the_seed_and_no_two_are_alike() -> None:
    entropy = seeded_entropy("two")
    first, second = (SEALED_SEED.encode(seal_seed(SEED, PASSPHRASE, entropy, CHEAP)) for _ in range(2))
    assert first != second
    assert SEED not in first
    assert hashlib.sha256(SEED).digest() not in first


def test_default_cost_is_libsodiums_moderate_one() -> None:
    """Once in earnest: sealing with it takes a good part of a second and 256 MiB."""
    assert MODERATE == SealingCost(3, 256 * 1024)
    assert open_seed(seal_seed(SEED, PASSPHRASE, seeded_entropy("moderate")), PASSPHRASE) == SEED


@pytest.mark.parametrize(
    "cost",
    [
        SealingCost(0, CHEAP.memory_kib),
        SealingCost(MOST.operations + 1, CHEAP.memory_kib),
        SealingCost(CHEAP.operations, CHEAP.memory_kib - 1),
        SealingCost(CHEAP.operations, MOST.memory_kib + 1),
        SealingCost(2**32 - 1, 2**32 - 1),
    ],
)
def test_cost_that_no_wallet_writes_is_refused_before_it_is_paid(cost: SealingCost) -> None:
    fault = refusal(replace(sealed(), operations=cost.operations, memory_kib=cost.memory_kib))
    assert fault.code is ErrorCode.KEY_FILE


BYTES = SEALED_SEED.encode(sealed())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8 * len(BYTES) - 1))
def test_no_bit_can_be_flipped(bit: int) -> None:
    data = bytearray(BYTES)
    data[bit // 8] ^= 1 << bit % 8
    try:
        box = SEALED_SEED.decode(bytes(data))
    except DecodeError:
        return
    if box.memory_kib > 1024 or box.operations > 8:
        return  # a cost that is allowed and only slow
    with pytest.raises(LocalFault):
        open_seed(box, PASSPHRASE)
