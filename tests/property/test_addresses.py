"""Addresses: both text forms give the address back, and up to three wrong characters are always noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.address import BECH32_ALPHABET, Address, ParsedAddress, decode_bech32m, encode_bech32m, format_address, parse_address
from mesh_core.types.basic import PublicKey, ViewPublicKey

KEYS = st.binary(min_size=32, max_size=32)
ADDRESSES = st.builds(Address, KEYS.map(PublicKey), KEYS.map(ViewPublicKey))
PREFIXES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20).map(str.lower)


@given(ADDRESSES)
def test_both_forms_give_the_address_back(address: Address) -> None:
    text = format_address(address)
    assert parse_address(text) == parse_address(text.upper()) == ParsedAddress(address, has_checksum=True)
    assert parse_address((address.owner + address.view_pk).hex()) == ParsedAddress(address, has_checksum=False)


@given(ADDRESSES, st.dictionaries(st.integers(5, 114), st.integers(1, 31), min_size=1, max_size=3))
def test_up_to_three_wrong_characters_are_noticed(address: Address, errors: dict[int, int]) -> None:
    characters = list(format_address(address))
    for position, difference in errors.items():
        characters[position] = BECH32_ALPHABET[BECH32_ALPHABET.index(characters[position]) ^ difference]
    with pytest.raises(LocalFault, match="checksum") as caught:
        parse_address("".join(characters))
    assert caught.value.code == ErrorCode.ADDRESS_INVALID


@given(ADDRESSES, st.integers(5, 113))
def test_swapped_neighbours_are_noticed(address: Address, position: int) -> None:
    text = format_address(address)
    swapped = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
    if swapped != text:
        with pytest.raises(LocalFault, match="checksum"):
            parse_address(swapped)


@given(st.one_of(st.text(max_size=140), st.text(BECH32_ALPHABET, min_size=110, max_size=110).map(lambda tail: "mesh1" + tail)))
def test_any_other_text_is_refused_with_the_one_code(text: str) -> None:
    with pytest.raises(LocalFault) as caught:
        parse_address(text)
    assert caught.value.code == ErrorCode.ADDRESS_INVALID


@given(PREFIXES, st.lists(st.integers(0, 31), max_size=200))
def test_bech32m_gives_prefix_and_symbols_back(prefix: str, symbols: list[int]) -> None:
    assert decode_bech32m(encode_bech32m(prefix, symbols), max_characters=300) == (prefix, tuple(symbols))
