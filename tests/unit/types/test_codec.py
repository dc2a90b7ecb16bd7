"""The codec's building blocks one by one, the decoder's part of rule 1, and what hostile bytes cost."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import pytest

from mesh_core.errors import DecodeError, ErrorCode
from mesh_core.types.basic import Hash32
from mesh_core.types.certificate import CERTIFICATE, SIGNERS, Signer
from mesh_core.types.codec import (
    U8,
    U16,
    U32,
    U64,
    Codec,
    Constant,
    Enumerated,
    Fixed,
    Flag,
    ListOf,
    Maybe,
    Nested,
    OneOf,
    Struct,
    Text,
    UInt,
    VarBytes,
    When,
)
from mesh_core.types.events import decode_event_body
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, AccountabilityReport, ValidatorEquivocation
from mesh_core.types.messages import MAX_FRAME_BYTES, MESSAGES, decode_message, encode_message
from mesh_core.types.transition import TRANSITION, TRANSITION_CORE
from tests.declarations import ALL_CODECS
from tests.samples import SENDER, SIGNATURE, sample_certificate, sample_claims, sample_receive, sample_send


class Colour(IntEnum):
    RED = 1
    BLUE = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers, the second of which may be absent."""

    first: int
    second: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A colour, and notes where it is blue."""

    colour: Colour
    notes: tuple[int, ...]


PAIR = Struct(Pair, version=Constant(U8, 3, code=ErrorCode.VERSION), first=U16, second=Maybe(U8))
CHOICE = Struct(Choice, colour=Enumerated(Colour), notes=When("colour", Colour.BLUE, ListOf(U8, most=2)))


@pytest.mark.parametrize(
    ("codec", "value", "encoding"),
    [
        (U8, 255, "ff"),
        (U16, 258, "0102"),
        (U32, 1, "00000001"),
        (U64, 2**64 - 1, "ffffffffffffffff"),
        (Fixed(3), b"abc", "616263"),
        (VarBytes(U16), b"ab", "00026162"),
        (VarBytes(U32), b"", "00000000"),
        (Text(U8), "ä€", "05c3a4e282ac"),
        (Flag(), True, "01"),
        (Maybe(U8), None, "00"),
        (Maybe(U8), 0, "0100"),
        (ListOf(U8, most=3), (2, 1, 2), "03020102"),
        (Nested(U16, U8), 9, "000109"),
        (Enumerated(Colour), Colour.BLUE, "04"),
        (PAIR, Pair(1, None), "03000100"),
        (PAIR, Pair(1, 7), "0300010107"),
        (CHOICE, Choice(Colour.RED, ()), "01"),
        (CHOICE, Choice(Colour.BLUE, ()), "0400"),
        (CHOICE, Choice(Colour.BLUE, (5, 6)), "04020506"),
        (OneOf({2: (int, U8), 5: (bytes, VarBytes(U8))}), b"x", "050178"),
    ],
)
def test_encoding_is_exactly(codec: Codec[Any], value: Any, encoding: str) -> None:
    assert codec.encode(value).hex() == encoding
    assert codec.decode(bytes.fromhex(encoding)) == value


@pytest.mark.parametrize(
    ("codec", "encoding", "found"),
    [
        (U16, "01", "2 bytes expected, 1 left"),
        (U8, "0102", "1 bytes left over"),
        (UInt(1, allowed=[1, 2]), "03", "3 is none of [1, 2]"),
        (Fixed(3), "6162", "3 bytes expected, 2 left"),
        (VarBytes(U16), "000361", "3 bytes expected, 1 left"),
        (VarBytes(U16, most=1), "00026161", "length 2 is outside var16<=1"),
        (VarBytes(U8, sizes=[1, 3]), "026161", "length 2 is outside var8{1,3}"),
        (Text(U8), "01ff", "not UTF-8"),
        (Text(U8), "02c080", "not UTF-8"),  # an overlong form of NUL
        (Text(U8), "03eda080", "not UTF-8"),  # a surrogate
        (Flag(), "02", "2 is none of [0, 1]"),
        (Maybe(U8), "0201", "2 is none of [0, 1]"),
        (ListOf(U8, least=1, most=3), "00", "0 items where 1 to 3 may stand"),
        (ListOf(U8, most=3), "0401020304", "4 items where 0 to 3 may stand"),
        (ListOf(U8, most=3, ascending=int), "020101", "items are not strictly ascending"),
        (ListOf(U8, most=3, ascending=int), "03010302", "items are not strictly ascending"),
        (ListOf(U16, most=3), "02000100", "[1]: 2 bytes expected, 1 left"),
        (Nested(U8, U8), "020102", "1 bytes left over"),
        (Nested(U8, U16), "0101", "2 bytes expected, 1 left"),
        (Enumerated(Colour), "02", "2 is none of [1, 4]"),
        (Enumerated(Colour, only=[Colour.RED]), "04", "4 is none of [1]"),
        (PAIR, "040001", "version: 4 is none of [3]"),
        (PAIR, "0300", "first: 2 bytes expected, 1 left"),
        (PAIR, "03000101", "second: 1 bytes expected, 0 left"),
        (CHOICE, "0100", "1 bytes left over"),
        (CHOICE, "0403010203", "notes: 3 items where 0 to 2 may stand"),
        (OneOf({2: (int, U8)}), "0101", "1 is none of [2]"),
    ],
)
def test_refusal_says_what_was_found(codec: Codec[Any], encoding: str, found: str) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(bytes.fromhex(encoding))
    assert caught.value.text == found


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        (U8, 256),
        (U8, -1),
        (U64, 2**64),
        (UInt(1, allowed=[1]), 2),
        (Enumerated(Colour, only=[Colour.RED]), Colour.BLUE),
        (Fixed(3), b"ab"),
        (VarBytes(U8), bytes(256)),
        (VarBytes(U8, sizes=[1]), b""),
        (Text(U8), "x" * 256),
        (Text(U8), "\ud800"),
        (Nested(U8, VarBytes(U16)), bytes(254)),
        (ListOf(U8, least=1, most=2), ()),
        (ListOf(U8, most=2), (1, 2, 3)),
        (ListOf(U8, most=2, ascending=int), (2, 1)),
        (CHOICE, Choice(Colour.RED, (1,))),
        (CHOICE, Choice(Colour.BLUE, (1, 2, 3))),
        (OneOf({2: (int, U8)}), "text"),
        (PAIR, Pair(1, 256)),
    ],
)
def test_value_without_an_encoding_is_a_value_error(codec: Codec[Any], value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec.encode(value)


def test_declaration_that_does_not_fit_its_dataclass_is_refused() -> None:
    with pytest.raises(TypeError, match="second"):
        Struct(Pair, first=U16)


# --- The decoder's part of rule 1 ------------------------------------------------------------------------------------------------------------------

SEND = TRANSITION.encode(sample_send(2))
RECEIVE = TRANSITION.encode(sample_receive(2))
COUNT_AT = len(TRANSITION_CORE.encode(sample_receive(1).core)) - 56 - 65 - 1
"""Where the count of outputs or claims stands, in bytes from the front."""
FIRST_MEMO_LENGTH_AT = COUNT_AT + 1 + 4 * 32
SECOND_MEMO_LENGTH_AT = FIRST_MEMO_LENGTH_AT + 2 + 80 + 4 * 32


def put(data: bytes, at: int, replacement: bytes) -> bytes:
    return data[:at] + replacement + data[at + len(replacement) :]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        # Shorter than version and kind: malformed, also where the only byte is a wrong version.
        (b"", ErrorCode.MALFORMED),
        (b"\x01", ErrorCode.MALFORMED),
        (b"\x02", ErrorCode.MALFORMED),
        # Version before kind, kind before everything else.
        (b"\x02\x09", ErrorCode.VERSION),
        (put(SEND, 0, b"\x00"), ErrorCode.VERSION),
        (put(SEND, 0, b"\x02\x00"), ErrorCode.VERSION),
        (b"\x01\x00", ErrorCode.KIND),
        (put(SEND, 1, b"\x00"), ErrorCode.KIND),
        (put(SEND, 1, b"\x03"), ErrorCode.KIND),
        (put(SEND, 1, b"\x04"), ErrorCode.KIND),
        (put(SEND, 1, b"\xff") + b"more", ErrorCode.KIND),
        (b"\x01\x01", ErrorCode.MALFORMED),
        (SEND[:COUNT_AT], ErrorCode.MALFORMED),
        # Counts: named as soon as they are read, whatever follows.
        (put(SEND, COUNT_AT, b"\x00"), ErrorCode.COUNT_OR_ORDER),
        (put(SEND, COUNT_AT, b"\x08"), ErrorCode.COUNT_OR_ORDER),
        (put(SEND, COUNT_AT, b"\xff"), ErrorCode.COUNT_OR_ORDER),
        (SEND[:COUNT_AT] + b"\x08", ErrorCode.COUNT_OR_ORDER),
        (put(RECEIVE, COUNT_AT, b"\x00"), ErrorCode.COUNT_OR_ORDER),
        (put(RECEIVE, COUNT_AT, b"\x11"), ErrorCode.COUNT_OR_ORDER),
        (RECEIVE[:COUNT_AT] + b"\x11", ErrorCode.COUNT_OR_ORDER),
        # Memo lengths, from left to right with the bytes that are missing.
        (put(SEND, FIRST_MEMO_LENGTH_AT, b"\x00\x00"), ErrorCode.MEMO_SIZE),
        (put(SEND, FIRST_MEMO_LENGTH_AT, b"\x00\x51"), ErrorCode.MEMO_SIZE),
        (put(SEND, FIRST_MEMO_LENGTH_AT, b"\xff\xff"), ErrorCode.MEMO_SIZE),
        (put(SEND, SECOND_MEMO_LENGTH_AT, b"\x00\x4f"), ErrorCode.MEMO_SIZE),
        (put(SEND, SECOND_MEMO_LENGTH_AT, b"\x00\x4f")[: SECOND_MEMO_LENGTH_AT + 2], ErrorCode.MEMO_SIZE),
        (put(SEND, SECOND_MEMO_LENGTH_AT, b"\x00\x4f") + b"more", ErrorCode.MEMO_SIZE),
        (SEND[:SECOND_MEMO_LENGTH_AT], ErrorCode.MALFORMED),
        (SEND[: SECOND_MEMO_LENGTH_AT + 1], ErrorCode.MALFORMED),
        # A memo of another permitted size eats into what follows, and bytes are missing at the end.
        (put(SEND, SECOND_MEMO_LENGTH_AT, b"\x01\x10"), ErrorCode.MALFORMED),
        # Missing and left over at the end.
        (SEND[:-1], ErrorCode.MALFORMED),
        (SEND + b"\x00", ErrorCode.MALFORMED),
        (RECEIVE[:-1], ErrorCode.MALFORMED),
        (RECEIVE + b"\x00", ErrorCode.MALFORMED),
        (put(RECEIVE, 1, b"\x01"), ErrorCode.MEMO_SIZE),  # a RECEIVE that calls itself SEND: its second claim is read as the first memo's length
    ],
)
def test_transition_malformed_gives_the_leftmost_code(data: bytes, code: ErrorCode) -> None:
    with pytest.raises(DecodeError) as caught:
        TRANSITION.decode(data)
    assert caught.value.code == code


def test_transition_cut_off_anywhere_is_malformed() -> None:
    for data in (SEND, RECEIVE):
        for size in range(len(data)):
            with pytest.raises(DecodeError) as caught:
                TRANSITION.decode(data[:size])
            assert caught.value.code == ErrorCode.MALFORMED


@pytest.mark.parametrize("count", [1, 7])
def test_send_at_the_limits_of_its_count_decodes(count: int) -> None:
    send = sample_send(count)
    assert TRANSITION.decode(TRANSITION.encode(send)) == send


@pytest.mark.parametrize("count", [1, 16])
def test_receive_at_the_limits_of_its_count_decodes(count: int) -> None:
    receive = sample_receive(count)
    assert TRANSITION.decode(TRANSITION.encode(receive)) == receive


def test_order_of_claims_is_left_to_the_rules_that_come_later() -> None:
    # Were it refused here, a transition of another network would be called "order" by one validator and "network" by another.
    receive = sample_receive(2)
    backwards = replace(receive, core=replace(receive.core, claims=tuple(reversed(sample_claims(2)))))
    assert TRANSITION.decode(TRANSITION.encode(backwards)) == backwards


@pytest.mark.parametrize("proof", [b"", b"p" * 640, b"p" * 65535])
def test_size_of_the_proof_is_left_to_the_rules_that_come_later(proof: bytes) -> None:
    send = replace(sample_send(), range_proof=proof)
    assert TRANSITION.decode(TRANSITION.encode(send)) == send


# --- Sets ------------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indices", [(), (1, 1), (2, 1), (0, 1, 1)])
def test_signers_that_are_no_ascending_set_are_refused(indices: tuple[int, ...]) -> None:
    # A signer that counts twice would make a quorum out of two validators.
    encoding = bytes([len(indices)]) + b"".join(bytes([index]) + SIGNATURE for index in indices)
    with pytest.raises(DecodeError):
        SIGNERS.decode(encoding)
    with pytest.raises(ValueError, match="items"):
        SIGNERS.encode(tuple(Signer(index, SIGNATURE) for index in indices))


def test_report_that_names_a_validator_twice_is_refused() -> None:
    proof = ValidatorEquivocation(Hash32(bytes(32)), 0, SENDER, SENDER, 0, Hash32(b"a" * 32), SIGNATURE, Hash32(b"b" * 32), SIGNATURE)
    once = ACCOUNTABILITY_REPORT.encode(AccountabilityReport((proof,)))
    with pytest.raises(DecodeError, match="ascending"):
        ACCOUNTABILITY_REPORT.decode(b"\x02" + once[1:] + once[1:])


# --- Messages and events ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_byte", [0x05, 0x0F, 0x16, 0x22, 0x32, 0x42, 0xFF])
def test_message_of_unknown_type_names_the_type(type_byte: int) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_message(type_byte, b"")
    assert caught.value.field == "type"


def test_message_error_names_the_path_to_the_field() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_message(0x40, bytes(12) + b"\x02" + bytes(33))
    assert caught.value.field == "Subscribe.owners.[1]"


def test_event_of_unknown_kind_names_the_kind() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_event_body(11, b"")
    assert caught.value.field == "kind"


def test_event_error_names_the_path_to_the_field() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_event_body(8, bytes(32) + b"\x02")
    assert caught.value.field == "PEER.up"


def test_every_message_type_has_its_own_byte_and_name() -> None:
    kinds = [kind for kind, _ in MESSAGES.values()]
    assert len(set(kinds)) == len(kinds) == 17


# --- What hostile bytes cost -----------------------------------------------------------------------------------------------------------------------


def peak_bytes_of(action: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refuse(codec: Codec[Any], data: bytes) -> None:
    with pytest.raises(DecodeError):
        codec.decode(data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("SETTLEMENT_CERTIFICATE", bytes(8) + b"\xff\xff\xff\xff"),
        ("VOTE_REQUEST", bytes(8) + b"\x10" + b"\xff\xff\xff\xff"),
        ("GENESIS_DOC", b"\x01\x00\x00" + bytes(32 + 16) + b"\x07\x10\x01" + bytes(32) + b"\x00\x1e\x84\x80"),
        ("SYNC_RESPONSE", bytes(24) + b"\xff\xff"),
        ("CERTIFICATE", b"\x01\xff\xff\xff\xff"),
    ],
)
def test_announced_sizes_reserve_no_memory(name: str, data: bytes) -> None:
    assert peak_bytes_of(lambda: refuse(ALL_CODECS[name], data)) < 64 * 1024


@pytest.mark.parametrize("type_byte", sorted(MESSAGES), ids=lambda type_byte: f"0x{type_byte:02x}")
@pytest.mark.parametrize("filler", [b"\x00", b"\x01", b"\x10", b"\xff"], ids=lambda filler: filler.hex())
def test_largest_frame_of_any_type_costs_little_memory(type_byte: int, filler: bytes) -> None:
    payload = filler * (MAX_FRAME_BYTES - 1)

    def decode() -> None:
        try:
            message = decode_message(type_byte, payload)
        except DecodeError:
            return
        assert encode_message(message) == (type_byte, payload)

    assert peak_bytes_of(decode) < 4 * MAX_FRAME_BYTES


def smallest_size(codec: Codec[Any]) -> int:
    """Fewest bytes that a value of `codec` takes."""
    match codec:
        case Enumerated() | Constant() | Flag():
            return codec.number.size
        case UInt() | Fixed():
            return codec.size
        case VarBytes():
            return codec.length.size + min(codec.sizes or {0})
        case Text():
            return codec.data.length.size
        case Nested():
            return codec.data.length.size + smallest_size(codec.inner)
        case ListOf():
            return codec.count.size + codec.least * smallest_size(codec.item)
        case Maybe() | OneOf():
            return 1
        case Struct():
            return sum(smallest_size(field) for field in codec.codecs.values() if not isinstance(field, When))
        case _:
            raise TypeError(type(codec).__name__)


def lists_in(codec: Codec[Any]) -> list[ListOf[Any]]:
    """All lists inside a declaration. It ends, because declarations do not contain themselves."""
    match codec:
        case ListOf():
            return [codec, *lists_in(codec.item)]
        case Nested() | Maybe() | When():
            return lists_in(codec.inner)
        case OneOf():
            return [found for _, choice in codec.choices.values() for found in lists_in(choice)]
        case Struct():
            return [found for field in codec.codecs.values() for found in lists_in(field)]
        case _:
            return []


@pytest.mark.parametrize("name", sorted(ALL_CODECS))
def test_no_list_has_empty_items(name: str) -> None:
    # Otherwise a count of four bytes could ask for millions of values without sending any.
    assert all(smallest_size(found.item) > 0 for found in lists_in(ALL_CODECS[name]))


def test_certificate_nested_transition_must_fill_its_length() -> None:
    encoding = CERTIFICATE.encode(sample_certificate(sample_receive(1)))
    longer = encoding[:1] + (374 + 1).to_bytes(4, "big") + encoding[5 : 5 + 374] + b"\x00" + encoding[5 + 374 :]
    with pytest.raises(DecodeError, match="1 bytes left over"):
        CERTIFICATE.decode(longer)
