"""Hypothesis strategies for every type that has a codec, derived from the codec's own declaration by structural recursion.

`values_of(CERTIFICATE)` gives certificates: well-formed in every way that the codec knows, and otherwise arbitrary (keys, points and signatures are random
bytes). Large collections are kept small; their limits have unit tests.
"""

from collections.abc import Callable
from functools import cache, reduce
from typing import Any

from hypothesis import strategies as st

from mesh_core.types.codec import Codec, Constant, Enumerated, Fixed, Flag, ListOf, Maybe, Nested, OneOf, Struct, Text, UInt, VarBytes, When

LONGEST_BYTES = 80
"""Longest byte string, in bytes, where the declaration leaves the length open."""
LONGEST_TEXT = 63
"""Longest text, in characters: at most 252 bytes of UTF-8, so that it fits behind a one-byte length."""
LONGEST_LIST = 16
"""Longest list that is generated in full; one that may be longer gets few items."""
FEW_ITEMS = 4


@cache
def values_of(codec: Codec[Any]) -> st.SearchStrategy[Any]:
    """Values that `codec` can encode."""
    match codec:
        case Enumerated():
            return st.sampled_from(list(codec.members.values()))
        case UInt():
            return _integers(codec)
        case Fixed():
            return st.binary(min_size=codec.size, max_size=codec.size)
        case VarBytes():
            return _var_bytes(codec)
        case Text():
            return st.text(st.characters(codec="utf-8"), max_size=LONGEST_TEXT)
        case Nested():
            return values_of(codec.inner)
        case ListOf():
            return _lists(codec)
        case Maybe():
            return st.none() | values_of(codec.inner)
        case Flag():
            return st.booleans()
        case OneOf():
            return st.one_of([values_of(inner) for _, inner in codec.choices.values()])
        case Struct():
            return _structs(codec)
        case _:
            raise TypeError(f"no strategy for {type(codec).__name__}")


def _integers(codec: UInt) -> st.SearchStrategy[int]:
    if codec.allowed is not None:
        return st.sampled_from(sorted(codec.allowed))
    largest = 256**codec.size - 1
    return st.sampled_from([0, 1, largest // 2, largest // 2 + 1, largest]) | st.integers(0, largest)


def _var_bytes(codec: VarBytes) -> st.SearchStrategy[bytes]:
    if codec.sizes is not None:
        return st.sampled_from(sorted(codec.sizes)).flatmap(lambda size: st.binary(min_size=size, max_size=size))
    return st.binary(max_size=min(codec.most, LONGEST_BYTES))


def _lists(codec: ListOf[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    most = codec.most if codec.most <= LONGEST_LIST else max(codec.least, FEW_ITEMS)
    items = values_of(codec.item)
    key = codec.ascending
    if key is None:
        return st.lists(items, min_size=codec.least, max_size=most).map(tuple)
    return st.lists(items, min_size=codec.least, max_size=most, unique_by=key).map(lambda found: tuple(sorted(found, key=key)))


def _structs(codec: Struct[Any]) -> st.SearchStrategy[Any]:
    fields = {name: values_of(field.inner if isinstance(field, When) else field) for name, field in codec.codecs.items() if not isinstance(field, Constant)}

    @st.composite
    def struct(draw: st.DrawFn) -> Any:
        values: dict[str, Any] = {}
        for name, strategy in fields.items():
            field = codec.codecs[name]
            absent = isinstance(field, When) and values[field.name] != field.equals
            values[name] = () if absent else draw(strategy)
        return codec.kind(**values)

    return struct()


Accident = Callable[[bytes], bytes]


def _flipped(place: int, bit: int) -> Accident:
    return lambda data: _with(data, place, lambda old: bytes([old ^ 1 << bit]))


def _replaced(place: int, byte: int) -> Accident:
    return lambda data: _with(data, place, lambda _: bytes([byte]))


def _inserted(place: int, more: bytes) -> Accident:
    return lambda data: data[: place % (len(data) or 1)] + more + data[place % (len(data) or 1) :]


def _deleted(place: int, count: int) -> Accident:
    return lambda data: data[: place % (len(data) or 1)] + data[place % (len(data) or 1) + count :]


def _truncated(place: int) -> Accident:
    return lambda data: data[: place % (len(data) or 1)]


def _extended(more: bytes) -> Accident:
    return lambda data: data + more


def _with(data: bytes, place: int, change: Callable[[int], bytes]) -> bytes:
    at = place % (len(data) or 1)
    return data[:at] + change(data[at]) + data[at + 1 :] if data else data


# Made once: Hypothesis looks into each strategy that is new to it, which cost more than all that is tested with what it draws.
_PLACES = st.integers(0, 2**16 - 1)
_FEW = st.binary(min_size=1, max_size=9)
_ACCIDENTS: st.SearchStrategy[Accident] = st.one_of(
    st.builds(_flipped, _PLACES, st.integers(0, 7)),
    st.builds(_replaced, _PLACES, st.sampled_from([0x00, 0x01, 0x7F, 0x80, 0xFF])),
    st.builds(_inserted, _PLACES, _FEW),
    st.builds(_deleted, _PLACES, st.integers(1, 9)),
    st.builds(_truncated, _PLACES),
    st.builds(_extended, _FEW),
)
_SEVERAL = st.lists(_ACCIDENTS, min_size=1, max_size=3)


def mutations_of(encodings: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """An encoding after one to three accidents on its way: a bit flipped, bytes replaced, inserted, deleted, cut off or appended."""
    return st.builds(lambda data, accidents: reduce(lambda left, accident: accident(left), accidents, data), encodings, _SEVERAL)
