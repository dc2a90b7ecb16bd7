"""Addresses in both text forms, and what a person is told about a mistyped one."""

import re

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.address import (
    ADDRESS_CHARACTERS,
    BECH32_ALPHABET,
    Address,
    ParsedAddress,
    decode_bech32m,
    encode_bech32m,
    format_address,
    parse_address,
)
from mesh_core.types.basic import PublicKey, ViewPublicKey
from tests.vectors.key_vectors import CASES, Case, hexed
from tests.vectors.public_suites import load_public_suite

ADDRESS = Address(PublicKey(bytes(range(32))), ViewPublicKey(bytes(range(32, 64))))
TEXT = format_address(ADDRESS)
HEX = bytes(range(64)).hex()


def symbols_of(payload: bytes) -> list[int]:
    """5-bit symbols by way of a bit string, padded with zeros."""
    bits = "".join(f"{byte:08b}" for byte in payload)
    return [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)]


def refusal(text: str) -> str:
    with pytest.raises(LocalFault) as caught:
        parse_address(text)
    assert caught.value.code == ErrorCode.ADDRESS_INVALID
    return caught.value.text


@pytest.mark.parametrize("case", CASES["keys"], ids=lambda case: case["name"])
def test_addresses_match_the_vectors(case: Case) -> None:
    expected = case["expected"]
    address = Address(PublicKey(hexed(expected["owner"])), ViewPublicKey(hexed(expected["view_pk"])))
    assert format_address(address) == str(address) == expected["address"]
    assert parse_address(expected["address"]) == ParsedAddress(address, has_checksum=True)


def test_address_has_115_characters_in_small_letters() -> None:
    assert len(TEXT) == ADDRESS_CHARACTERS == 115
    assert re.fullmatch("mesh1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{110}", TEXT)


def test_address_in_capitals_is_accepted() -> None:
    assert parse_address(TEXT.upper()) == ParsedAddress(ADDRESS, has_checksum=True)


@pytest.mark.parametrize("text", [HEX, HEX.upper()])
def test_hexadecimal_form_is_accepted_and_said_to_have_no_checksum(text: str) -> None:
    assert parse_address(text) == ParsedAddress(ADDRESS, has_checksum=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "does not start with mesh1", id="empty"),
        pytest.param("bc1" + TEXT[5:], "does not start with mesh1", id="another prefix"),
        pytest.param("Bob", "does not start with mesh1", id="a name"),
        pytest.param(TEXT[:-1], "114 characters: there must be 115", id="one character short"),
        pytest.param(TEXT + "q", "116 characters: there must be 115", id="one character long"),
        pytest.param("mesh1", "5 characters: there must be 115", id="prefix alone"),
        pytest.param(TEXT[:5] + TEXT[5:].replace("q", "Q", 1), "mixed", id="one capital"),
        pytest.param("Mesh1" + TEXT[5:], "mixed", id="capital at the start"),
        pytest.param("MESH1" + TEXT[5:], "mixed", id="prefix in capitals"),
        pytest.param(TEXT[:50] + "b" + TEXT[51:], "'b' never occurs", id="a letter outside the alphabet"),
        pytest.param(TEXT[:50] + " " + TEXT[51:], "a space or a character", id="a space inside"),
        pytest.param(TEXT[:50] + "é" + TEXT[51:], "a space or a character", id="not ASCII"),
        pytest.param(TEXT[:50] + ("q" if TEXT[50] != "q" else "p") + TEXT[51:], "checksum", id="one wrong character"),
        pytest.param(TEXT[:-2] + TEXT[-1] + TEXT[-2], "checksum", id="two characters swapped"),
        pytest.param(" " + TEXT, "does not start with mesh1", id="a space before"),
        pytest.param(TEXT + "\n", "116 characters", id="a line break after"),
        pytest.param(HEX[:-1], "127 hexadecimal digits: there must be 128", id="one digit short"),
        pytest.param(HEX + "0", "129 hexadecimal digits: there must be 128", id="one digit long"),
        pytest.param(HEX[:-1] + "g", "does not start with mesh1", id="128 characters, one not a digit"),
        pytest.param(encode_bech32m("mesh", symbols_of(b"\x02" + bytes(64))), "version 2", id="version 2"),
        pytest.param(encode_bech32m("mesh", symbols_of(b"\x00" + bytes(64))), "version 0", id="version 0"),
        pytest.param(encode_bech32m("mesh", symbols_of(b"\x01" + bytes(63))), "there must be 115", id="a byte short, checksum right"),
        pytest.param(encode_bech32m("mesh", symbols_of(b"\x01" + bytes(65))), "there must be 115", id="a byte long, checksum right"),
        pytest.param(encode_bech32m("mesh1q", symbols_of(b"\x01" + bytes(63))[:102]), "its prefix is mesh1q", id="a longer prefix, checksum right"),
    ],
)
def test_refused_text_is_explained(text: str, words: str) -> None:
    assert words in refusal(text)


def test_checksum_of_bech32_instead_of_bech32m_is_refused() -> None:
    """The older checksum differs in its constant only; BIP-350 tells them apart by it."""
    data = [BECH32_ALPHABET.index(character) for character in TEXT[5:]]
    difference = 0x2BC830A3 ^ 1
    older = [symbol ^ difference >> 5 * (5 - i) & 31 for i, symbol in enumerate(data[-6:])]
    assert "checksum" in refusal(TEXT[:-6] + "".join(BECH32_ALPHABET[symbol] for symbol in older))


def test_decode_bech32m_keeps_the_limit_of_bip_350_unless_told() -> None:
    with pytest.raises(LocalFault, match="at most 90"):
        decode_bech32m(TEXT)
    assert decode_bech32m(TEXT, max_characters=115) == ("mesh", tuple(symbols_of(b"\x01" + bytes(range(64)))))


def test_bip350() -> None:
    suite = load_public_suite("bip350.json")
    for text in suite["bech32m_valid"]:
        prefix, symbols = decode_bech32m(text)
        assert encode_bech32m(prefix, symbols) == text.lower()
    for case in suite["bech32m_invalid"]:
        with pytest.raises(LocalFault) as caught:
            decode_bech32m(case["string"])
        assert caught.value.code == ErrorCode.ADDRESS_INVALID
    assert len(suite["bech32m_valid"]) + len(suite["bech32m_invalid"]) == 21
