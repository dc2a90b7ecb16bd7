"""The law of the encoding, for every type, message and event body: one value, one form.

    decode(encode(x)) == x
    for any bytes b: decode(b) raises DecodeError, or encode(decode(b)) == b

A second form of one value would be a second identity of one payment; any other exception would be a way to end a validator from outside.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_core.errors import DecodeError
from mesh_core.types.events import EVENT_BODIES, decode_event_body, encode_event_body
from mesh_core.types.messages import MESSAGES, decode_message, encode_message
from tests.declarations import ALL_CODECS
from tests.strategies import mutations_of, values_of

quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
thorough = settings(quick, max_examples=60)
every_codec = pytest.mark.parametrize("name", sorted(ALL_CODECS))


def assert_refused_or_canonical(data: bytes, decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]) -> None:
    """The second half of the law. Any exception but DecodeError fails the test by itself."""
    try:
        value = decode(data)
    except DecodeError:
        return
    assert encode(value) == data


@every_codec
@quick
@given(data=st.data())
def test_codec_any_value_decodes_to_itself(name: str, data: st.DataObject) -> None:
    codec = ALL_CODECS[name]
    value = data.draw(values_of(codec))
    assert codec.decode(codec.encode(value)) == value


@cache
def damaged(name: str) -> st.SearchStrategy[bytes]:
    codec = ALL_CODECS[name]
    return mutations_of(values_of(codec).map(codec.encode))


@every_codec
@thorough
@given(data=st.data())
def test_codec_damaged_encoding_is_refused_or_canonical(name: str, data: st.DataObject) -> None:
    codec = ALL_CODECS[name]
    assert_refused_or_canonical(data.draw(damaged(name)), codec.decode, codec.encode)


@every_codec
@quick
@given(data=st.binary(max_size=400))
def test_codec_random_bytes_are_refused_or_canonical(name: str, data: bytes) -> None:
    codec = ALL_CODECS[name]
    assert_refused_or_canonical(data, codec.decode, codec.encode)


MOST_PLACES = 1500
OTHER_BYTES = (0x00, 0x01, 0x02, 0x7F, 0xFF)


@every_codec
@settings(quick, max_examples=5)
@given(data=st.data())
def test_codec_any_single_byte_changed_or_missing_is_refused_or_canonical(name: str, data: st.DataObject) -> None:
    # Random damage seldom hits the few bytes that carry structure (counts, tags, presence); this hits every byte of a few values.
    codec = ALL_CODECS[name]
    encoding = codec.encode(data.draw(values_of(codec)))
    for place in range(min(len(encoding), MOST_PLACES)):
        before, after = encoding[:place], encoding[place + 1 :]
        for other in (*OTHER_BYTES, encoding[place] ^ 1):
            assert_refused_or_canonical(before + bytes((other,)) + after, codec.decode, codec.encode)
        assert_refused_or_canonical(before + after, codec.decode, codec.encode)
        assert_refused_or_canonical(before, codec.decode, codec.encode)


@pytest.mark.parametrize("type_byte", sorted(MESSAGES))
@quick
@given(data=st.data())
def test_message_any_value_decodes_to_itself(type_byte: int, data: st.DataObject) -> None:
    message = data.draw(values_of(MESSAGES[type_byte][1]))
    assert encode_message(message)[0] == type_byte
    assert decode_message(*encode_message(message)) == message


messages = st.one_of([values_of(codec) for _, codec in MESSAGES.values()])


@settings(thorough, max_examples=300)
@given(type_byte=st.integers(0, 255), payload=st.binary(max_size=200) | mutations_of(messages.map(lambda message: encode_message(message)[1])))
def test_message_any_payload_under_any_type_is_refused_or_canonical(type_byte: int, payload: bytes) -> None:
    assert_refused_or_canonical(payload, lambda data: decode_message(type_byte, data), lambda message: encode_message(message)[1])


@pytest.mark.parametrize("kind", sorted(EVENT_BODIES), ids=lambda kind: kind.name)
@quick
@given(data=st.data())
def test_event_body_any_value_decodes_to_itself(kind: Any, data: st.DataObject) -> None:
    body = data.draw(values_of(EVENT_BODIES[kind][1]))
    assert encode_event_body(body)[0] == kind
    assert decode_event_body(*encode_event_body(body)) == body


bodies = st.one_of([values_of(codec) for _, codec in EVENT_BODIES.values()])


@settings(thorough, max_examples=300)
@given(kind=st.integers(0, 255), body=st.binary(max_size=200) | mutations_of(bodies.map(lambda body: encode_event_body(body)[1])))
def test_event_body_any_bytes_under_any_kind_are_refused_or_canonical(kind: int, body: bytes) -> None:
    assert_refused_or_canonical(body, lambda data: decode_event_body(kind, data), lambda value: encode_event_body(value)[1])
