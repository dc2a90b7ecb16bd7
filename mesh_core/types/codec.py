"""The canonical binary encoding: one declaration per type drives encoding, decoding and the schema (docs/protocol.md, "Encoding").

A `Codec` writes a value to bytes and reads it back. There is exactly one encoding of each value: `decode(encode(x)) == x`, and for any bytes `b`
`decode(b)` either raises `DecodeError` or `encode(decode(b)) == b`. Hashes and signatures are taken over these bytes, so a second form of one value would
be a second identity of one payment.

    VOTE = Struct(Vote, statement=STATEMENT, validator=PUBLIC_KEY, signature=SIGNATURE)
    VOTE.encode(vote); VOTE.decode(data); VOTE.schema

Lengths and counts are checked against their limit before anything is read or allocated. Decoding takes time and memory in proportion to the bytes that are
there: declarations nest, but never in themselves, so no input makes the decoder recurse, and no item of a list is empty, so no count makes it loop.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields as dataclass_fields
from enum import IntEnum
from itertools import pairwise
from typing import Any, Generic, TypeVar

from typing_extensions import override

from mesh_core.errors import DecodeError, ErrorCode

T = TypeVar("T")
B = TypeVar("B", bound=bytes)
E = TypeVar("E", bound=IntEnum)


class Reader:
    """A position in bytes that are being decoded."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes; DecodeError when fewer are left."""
        end = self.position + size
        if end > len(self.data):
            raise DecodeError(f"{size} bytes expected, {len(self.data) - self.position} left")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    @property
    def left(self) -> int:
        """Number of bytes not read so far."""
        return len(self.data) - self.position


class Codec(Generic[T]):
    """Both directions of one type's encoding. `schema` is a line of text that changes whenever the encoding does."""

    schema: str

    def write(self, value: T, out: bytearray) -> None:
        """Append the encoding of `value`. A value that has no encoding is a bug of the caller: ValueError."""
        raise NotImplementedError

    def read(self, reader: Reader) -> T:
        """Read one value from the front. DecodeError on anything that `write` could not have written."""
        raise NotImplementedError

    def encode(self, value: T) -> bytes:
        """The canonical bytes of `value`."""
        out = bytearray()
        self.write(value, out)
        return bytes(out)

    def decode(self, data: bytes) -> T:
        """The value that `data` encodes; DecodeError unless `data` is exactly one canonical encoding."""
        reader = Reader(data)
        value = self.read(reader)
        if reader.left:
            raise DecodeError(f"{reader.left} bytes left over")
        return value


class UInt(Codec[int]):
    """Unsigned big-endian integer of `size` bytes, optionally restricted to `allowed` values; `code` names a value outside them."""

    def __init__(self, size: int, *, allowed: Iterable[int] | None = None, code: ErrorCode = ErrorCode.MALFORMED) -> None:
        self.size = size
        self.allowed = None if allowed is None else frozenset(allowed)
        self.code = code
        limits = "" if self.allowed is None else "{" + ",".join(str(value) for value in sorted(self.allowed)) + "}"
        self.schema = f"u{8 * size}{limits}"

    @override
    def write(self, value: int, out: bytearray) -> None:
        if self.allowed is not None and value not in self.allowed:
            raise ValueError(f"{value} is none of {sorted(self.allowed)}")
        if value < 0 or value.bit_length() > 8 * self.size:
            raise ValueError(f"{value} where {self.schema} stands")
        out += value.to_bytes(self.size, "big")

    @override
    def read(self, reader: Reader) -> int:
        value = int.from_bytes(reader.take(self.size), "big")
        if self.allowed is not None and value not in self.allowed:
            raise DecodeError(f"{value} is none of {sorted(self.allowed)}", code=self.code)
        return value


U8 = UInt(1)
U16 = UInt(2)
U32 = UInt(4)
U64 = UInt(8)


class Enumerated(Codec[E]):
    """An integer enumeration; unknown numbers are refused with `code`."""

    def __init__(self, kind: type[E], size: int = 1, *, only: Iterable[E] | None = None, code: ErrorCode = ErrorCode.MALFORMED) -> None:
        self.kind = kind
        self.members: dict[int, E] = {int(member): member for member in (kind if only is None else only)}
        self.number = UInt(size, allowed=self.members, code=code)
        names = ",".join(f"{member.name}={number}" for number, member in sorted(self.members.items()))
        self.schema = f"{kind.__name__}:u{8 * size}{{{names}}}"

    @override
    def write(self, value: E, out: bytearray) -> None:
        self.number.write(value, out)

    @override
    def read(self, reader: Reader) -> E:
        return self.members[self.number.read(reader)]


class Constant(Codec[int]):
    """A number that must have one value, such as a version. It is not an attribute of the value."""

    def __init__(self, number: UInt, value: int, *, code: ErrorCode = ErrorCode.MALFORMED) -> None:
        self.number = UInt(number.size, allowed=[value], code=code)
        self.value = value
        self.schema = self.number.schema

    @override
    def write(self, value: int, out: bytearray) -> None:
        self.number.write(value, out)

    @override
    def read(self, reader: Reader) -> int:
        return self.number.read(reader)


class Fixed(Codec[B]):
    """Exactly `size` opaque bytes. Whether they are a key, a point or a signature is for the validation rules to judge."""

    def __init__(self, size: int, name: str = "bytes") -> None:
        self.size = size
        self.schema = f"{name}[{size}]"

    @override
    def write(self, value: B, out: bytearray) -> None:
        if len(value) != self.size:
            raise ValueError(f"{len(value)} bytes where {self.schema} stands")
        out += value

    @override
    def read(self, reader: Reader) -> B:
        return reader.take(self.size)  # type: ignore[return-value]


class VarBytes(Codec[bytes]):
    """Bytes behind their length. `sizes` restricts the lengths that exist; `code` names a length outside them."""

    def __init__(self, length: UInt, *, most: int | None = None, sizes: Iterable[int] | None = None, code: ErrorCode = ErrorCode.MALFORMED) -> None:
        self.length = length
        self.most = 256**length.size - 1 if most is None else most
        self.sizes = None if sizes is None else frozenset(sizes)
        self.code = code
        limits = f"<={self.most}" if self.sizes is None else "{" + ",".join(str(size) for size in sorted(self.sizes)) + "}"
        self.schema = f"var{8 * length.size}{limits}"

    def _allows(self, size: int) -> bool:
        return size <= self.most and (self.sizes is None or size in self.sizes)

    @override
    def write(self, value: bytes, out: bytearray) -> None:
        if not self._allows(len(value)):
            raise ValueError(f"{len(value)} bytes where {self.schema} stands")
        self.length.write(len(value), out)
        out += value

    @override
    def read(self, reader: Reader) -> bytes:
        size = self.length.read(reader)
        if not self._allows(size):
            raise DecodeError(f"length {size} is outside {self.schema}", code=self.code)
        return reader.take(size)


class Text(Codec[str]):
    """UTF-8 text behind its length in bytes."""

    def __init__(self, length: UInt) -> None:
        self.data = VarBytes(length)
        self.schema = f"text:{self.data.schema}"

    @override
    def write(self, value: str, out: bytearray) -> None:
        self.data.write(value.encode("utf-8"), out)

    @override
    def read(self, reader: Reader) -> str:
        try:
            return self.data.read(reader).decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            raise DecodeError("not UTF-8") from error


class Nested(Codec[T]):
    """A value behind the length of its own encoding, which it must fill exactly."""

    def __init__(self, length: UInt, inner: Codec[T]) -> None:
        self.data = VarBytes(length)
        self.inner = inner
        self.schema = f"var{8 * length.size}({inner.schema})"

    @override
    def write(self, value: T, out: bytearray) -> None:
        self.data.write(self.inner.encode(value), out)

    @override
    def read(self, reader: Reader) -> T:
        return self.inner.decode(self.data.read(reader))


class ListOf(Codec[tuple[T, ...]]):
    """A count and that many items. With `ascending` the items' keys must rise strictly, so that a set has one encoding and no duplicates.

    `most` bounds the work that one frame can ask for: give it the largest list that has a meaning, not what the count could hold.
    """

    def __init__(
        self,
        item: Codec[T],
        *,
        count: UInt = U8,
        least: int = 0,
        most: int,
        ascending: Callable[[T], Any] | None = None,
        code: ErrorCode = ErrorCode.MALFORMED,
    ) -> None:
        self.item = item
        self.count = count
        self.least = least
        self.most = most
        self.ascending = ascending
        self.code = code
        order = "" if ascending is None else " ascending"
        self.schema = f"u{8 * count.size}[{least}..{most}]{order}({item.schema})"

    def _in_order(self, items: tuple[T, ...]) -> bool:
        key = self.ascending
        return key is None or all(key(one) < key(other) for one, other in pairwise(items))

    @override
    def write(self, value: tuple[T, ...], out: bytearray) -> None:
        if not self.least <= len(value) <= self.most or not self._in_order(value):
            raise ValueError(f"{len(value)} items, or their order, where {self.schema} stands")
        self.count.write(len(value), out)
        for item in value:
            self.item.write(item, out)

    @override
    def read(self, reader: Reader) -> tuple[T, ...]:
        count = self.count.read(reader)
        if not self.least <= count <= self.most:
            raise DecodeError(f"{count} items where {self.least} to {self.most} may stand", code=self.code)
        items: list[T] = []
        for index in range(count):
            try:
                items.append(self.item.read(reader))
            except DecodeError as error:
                raise error.within(f"[{index}]") from error
        value = tuple(items)
        if not self._in_order(value):
            raise DecodeError("items are not strictly ascending", code=self.code)
        return value


class Maybe(Codec[T | None]):
    """A presence byte, exactly 0 or 1, and the value where it is 1."""

    def __init__(self, inner: Codec[T]) -> None:
        self.inner = inner
        self.presence = UInt(1, allowed=[0, 1])
        self.schema = f"maybe({inner.schema})"

    @override
    def write(self, value: T | None, out: bytearray) -> None:
        self.presence.write(value is not None, out)
        if value is not None:
            self.inner.write(value, out)

    @override
    def read(self, reader: Reader) -> T | None:
        return self.inner.read(reader) if self.presence.read(reader) else None


class Flag(Codec[bool]):
    """One byte, exactly 0 or 1."""

    def __init__(self) -> None:
        self.number = UInt(1, allowed=[0, 1])
        self.schema = "flag"

    @override
    def write(self, value: bool, out: bytearray) -> None:
        self.number.write(int(value), out)

    @override
    def read(self, reader: Reader) -> bool:
        return bool(self.number.read(reader))


class When(Codec[tuple[T, ...]]):
    """A field that exists only where the earlier field `name` has the value `equals`; elsewhere nothing is written and the attribute is ()."""

    def __init__(self, name: str, equals: int, inner: Codec[tuple[T, ...]]) -> None:
        self.name = name
        self.equals = equals
        self.inner = inner
        self.schema = f"when {name}={int(equals)} {inner.schema}"


class OneOf(Codec[Any]):
    """A tag byte that says which of several types follows. The type of the value decides the tag."""

    def __init__(self, choices: Mapping[int, tuple[type, Codec[Any]]]) -> None:
        self.choices = dict(choices)
        self.tags = {kind: tag for tag, (kind, _) in choices.items()}
        self.tag = UInt(1, allowed=self.choices)
        self.schema = "oneof(" + "; ".join(f"{tag}:{codec.schema}" for tag, (_, codec) in sorted(choices.items())) + ")"

    @override
    def write(self, value: Any, out: bytearray) -> None:
        tag = self.tags.get(type(value))
        if tag is None:
            raise ValueError(f"{type(value).__name__} where {self.schema} stands")
        self.tag.write(tag, out)
        self.choices[tag][1].write(value, out)

    @override
    def read(self, reader: Reader) -> Any:
        return self.choices[self.tag.read(reader)][1].read(reader)


class Struct(Codec[T]):
    """The fields of a dataclass, in the order in which they are declared here. `Constant` fields are written and checked, but are no attributes."""

    def __init__(self, kind: type[T], /, **codecs: Codec[Any]) -> None:
        attributes = {name for name, codec in codecs.items() if not isinstance(codec, Constant)}
        declared = {field.name for field in dataclass_fields(kind) if field.init}  # type: ignore[arg-type]
        if attributes != declared:
            raise TypeError(f"{kind.__name__}: declaration and dataclass differ in {sorted(attributes ^ declared)}")
        self.kind = kind
        self.codecs = codecs
        self.schema = kind.__name__ + "{" + ", ".join(f"{name}:{codec.schema}" for name, codec in codecs.items()) + "}"

    @override
    def write(self, value: T, out: bytearray) -> None:
        for name, codec in self.codecs.items():
            if isinstance(codec, Constant):
                codec.write(codec.value, out)
            elif isinstance(codec, When):
                items = getattr(value, name)
                if getattr(value, codec.name) == codec.equals:
                    codec.inner.write(items, out)
                elif items:
                    raise ValueError(f"{name} stands only where {codec.name} is {codec.equals}")
            else:
                codec.write(getattr(value, name), out)

    @override
    def read(self, reader: Reader) -> T:
        values: dict[str, Any] = {}
        for name, codec in self.codecs.items():
            try:
                if isinstance(codec, Constant):
                    codec.read(reader)
                elif isinstance(codec, When):
                    values[name] = codec.inner.read(reader) if values[codec.name] == codec.equals else ()
                else:
                    values[name] = codec.read(reader)
            except DecodeError as error:
                raise error.within(name) from error
        return self.kind(**values)
