"""Addresses: what an owner gives to a payer, and its two text forms (docs/protocol.md, "Keys, addresses").

    bech32m("mesh", 0x01 || owner(32) || view_pk(32))     115 characters, with a checksum
    hex(owner || view_pk)                                 128 digits, without one: a typing error would send money to nobody

BIP-350 limits a string to 90 characters; here exactly one longer length is allowed. At 115 characters the checksum still finds every error
of up to three characters, and any other with a probability of 1 - 2^-30; a changed length, version or prefix is found without it.
Whether the owner's key is acceptable is for `crypto.signatures` to say, and whether it is the right one for the two people.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.basic import PublicKey, ViewPublicKey

ADDRESS_PREFIX: Final = "mesh"
ADDRESS_VERSION: Final = 1
ADDRESS_CHARACTERS: Final = 115
"""`mesh`, the separator `1`, 104 symbols for 65 bytes without padding, 6 symbols of checksum."""
HEX_DIGITS: Final = 128

BECH32_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BIP350_MAX_CHARACTERS: Final = 90
BIP350_MAX_PREFIX_CHARACTERS: Final = 83

_KEY_BYTES: Final = 32
_SEPARATOR: Final = "1"
_CHECKSUM_SYMBOLS: Final = 6
_CHECKSUM_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32M_CONSTANT: Final = 0x2BC830A3
_HEX: Final = re.compile(r"[0-9a-fA-F]+")

assert len(ADDRESS_PREFIX) + 1 + (1 + 2 * _KEY_BYTES) * 8 // 5 + _CHECKSUM_SYMBOLS == ADDRESS_CHARACTERS


@dataclass(frozen=True, slots=True)
class Address:
    """Owner of an account and the key that memos to it are encrypted to. Both 32 bytes, public. `str` gives the bech32m form."""

    owner: PublicKey
    view_pk: ViewPublicKey

    def __post_init__(self) -> None:
        assert len(self.owner) == len(self.view_pk) == _KEY_BYTES

    @override
    def __str__(self) -> str:
        return format_address(self)


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    """An address that somebody typed or pasted. Without a checksum the user must be warned: a wrong digit is not noticed."""

    address: Address
    has_checksum: bool


def format_address(address: Address) -> str:
    """The bech32m form, 115 characters in lower case."""
    payload = bytes((ADDRESS_VERSION,)) + address.owner + address.view_pk
    return encode_bech32m(ADDRESS_PREFIX, _bytes_to_symbols(payload))


def parse_address(text: str) -> ParsedAddress:
    """The address that `text` stands for, in either form. Raises LocalFault(ADDRESS_INVALID) with words for the person who typed it."""
    if len(text) == HEX_DIGITS and _HEX.fullmatch(text):
        keys = bytes.fromhex(text)
        return ParsedAddress(Address(PublicKey(keys[:_KEY_BYTES]), ViewPublicKey(keys[_KEY_BYTES:])), has_checksum=False)
    _check_shape(text)
    prefix, symbols = decode_bech32m(text, max_characters=ADDRESS_CHARACTERS)
    if prefix != ADDRESS_PREFIX:
        raise _invalid(f"its prefix is {prefix}, not {ADDRESS_PREFIX}")
    payload = _symbols_to_bytes(symbols)
    if payload[0] != ADDRESS_VERSION:
        raise _invalid(f"this is an address of version {payload[0]}, and this program knows version {ADDRESS_VERSION}: it may be too old")
    owner, view_pk = payload[1 : 1 + _KEY_BYTES], payload[1 + _KEY_BYTES :]
    return ParsedAddress(Address(PublicKey(owner), ViewPublicKey(view_pk)), has_checksum=True)


def encode_bech32m(prefix: str, symbols: Sequence[int]) -> str:
    """The bech32m string of 5-bit symbols under a lower-case prefix (BIP-350), without a limit on its length."""
    checksum = _polymod((*_expand_prefix(prefix), *symbols, *[0] * _CHECKSUM_SYMBOLS)) ^ _BECH32M_CONSTANT
    tail = [checksum >> 5 * (_CHECKSUM_SYMBOLS - 1 - i) & 31 for i in range(_CHECKSUM_SYMBOLS)]
    return prefix + _SEPARATOR + "".join(BECH32_ALPHABET[symbol] for symbol in (*symbols, *tail))


def decode_bech32m(text: str, *, max_characters: int = BIP350_MAX_CHARACTERS) -> tuple[str, tuple[int, ...]]:
    """Prefix (lower case) and 5-bit symbols, without the checksum, of a bech32m string (BIP-350). Raises LocalFault(ADDRESS_INVALID)."""
    if len(text) > max_characters:
        raise _invalid(f"{len(text)} characters are too many: at most {max_characters}")
    if not all("!" <= character <= "~" for character in text):
        raise _invalid("it holds a space or a character that no address has")
    if text != text.lower() and text != text.upper():
        raise _invalid("capital and small letters are mixed: write all in small letters")
    prefix, separator, data = text.lower().rpartition(_SEPARATOR)
    if not separator or not 1 <= len(prefix) <= BIP350_MAX_PREFIX_CHARACTERS:
        raise _invalid("it does not start with a prefix and the digit 1")
    strange = next((character for character in data if character not in BECH32_ALPHABET), None)
    if strange is not None:
        raise _invalid(f"the character {strange!r} never occurs in an address (nor do 1, b, i and o)")
    symbols = tuple(BECH32_ALPHABET.index(character) for character in data)
    if len(symbols) < _CHECKSUM_SYMBOLS or _polymod((*_expand_prefix(prefix), *symbols)) != _BECH32M_CONSTANT:
        raise _invalid("the checksum does not fit: at least one character is wrong")
    return prefix, symbols[:-_CHECKSUM_SYMBOLS]


def _check_shape(text: str) -> None:
    """Prefix and length, before the checksum: their messages say more to the person who typed it."""
    if not text.lower().startswith(ADDRESS_PREFIX + _SEPARATOR):
        if _HEX.fullmatch(text):
            raise _invalid(f"{len(text)} hexadecimal digits: there must be {HEX_DIGITS}")
        raise _invalid(f"it does not start with {ADDRESS_PREFIX}{_SEPARATOR}: it is no address of this network")
    if len(text) != ADDRESS_CHARACTERS:
        raise _invalid(f"{len(text)} characters: there must be {ADDRESS_CHARACTERS}, so something is missing or was added")


def _expand_prefix(prefix: str) -> list[int]:
    return [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]


def _polymod(symbols: Sequence[int]) -> int:
    """The remainder of BIP-173's BCH code over GF(32)."""
    remainder = 1
    for symbol in symbols:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ symbol
        for i, generator in enumerate(_CHECKSUM_GENERATOR):
            remainder ^= generator if top >> i & 1 else 0
    return remainder


def _bytes_to_symbols(data: bytes) -> tuple[int, ...]:
    """The bits of `data`, 5 at a time. Its length is a multiple of 5 bytes: no padding bits, so no second form."""
    assert len(data) % 5 == 0
    number = int.from_bytes(data, "big")
    return tuple(number >> shift & 31 for shift in range(len(data) * 8 - 5, -1, -5))


def _symbols_to_bytes(symbols: Sequence[int]) -> bytes:
    """The reverse of `_bytes_to_symbols`, for a multiple of 8 symbols."""
    assert len(symbols) % 8 == 0
    number = 0
    for symbol in symbols:
        number = number << 5 | symbol
    return number.to_bytes(len(symbols) * 5 // 8, "big")


def _invalid(text: str) -> LocalFault:
    return LocalFault(ErrorCode.ADDRESS_INVALID, f"not an address: {text}")
