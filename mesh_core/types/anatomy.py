"""Which byte of an encoding belongs to which field: the declaration that encodes and decodes a type also takes its bytes apart.

For whoever shows bytes to people. `dissect` gives a tree of parts, `leaves` its ends: one after the other they cover every byte exactly once.

    CERTIFICATE      version | transition.length | transition.core.version | transition.core.kind | ... | votes[2].signature
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mesh_core.types.codec import Codec, ListOf, Maybe, Nested, OneOf, Reader, Struct, Text, VarBytes, When


@dataclass(frozen=True, slots=True)
class Part:
    """A field, or a group of fields, and where its bytes are. `value` is the decoded value of a field; a group has `parts`, in the order of their bytes.

    `path` names it from the outermost type: `transition.core.outputs[0].memo.length`.
    """

    path: str
    offset: int
    size: int
    value: Any = None
    parts: tuple["Part", ...] = ()

    @property
    def end(self) -> int:
        """The offset behind its last byte."""
        return self.offset + self.size


def dissect(codec: Codec[Any], data: bytes) -> Part:
    """The parts of an encoding. DecodeError unless `data` is exactly one canonical encoding: what has two meanings has no fields to show."""
    codec.decode(data)
    return _walk(codec, Reader(data), "")


def leaves(part: Part) -> Iterator[Part]:
    """The fields of a tree in the order of their bytes. Fields without bytes are left out."""
    if part.parts:
        for inner in part.parts:
            yield from leaves(inner)
    elif part.size:
        yield part


def divide(leaf: Part, pieces: tuple[tuple[str, int], ...]) -> Part:
    """A field of opaque bytes whose inside is known elsewhere, taken apart: names and sizes, which must add up to the field's own: ValueError."""
    if sum(size for _, size in pieces) != leaf.size:
        raise ValueError(f"{leaf.path} has {leaf.size} bytes, its pieces {sum(size for _, size in pieces)}")
    parts: list[Part] = []
    at = 0
    for name, size in pieces:
        parts.append(Part(f"{leaf.path}.{name}", leaf.offset + at, size, leaf.value[at : at + size]))
        at += size
    return replace(leaf, value=None, parts=tuple(parts))


def _walk(codec: Codec[Any], reader: Reader, path: str) -> Part:
    start = reader.position
    match codec:
        case Struct():
            parts = _walk_struct(codec, reader, path)
        case ListOf():
            count = _leaf(codec.count, reader, f"{path}.count")
            parts = [count, *(_walk(codec.item, reader, f"{path}[{index}]") for index in range(count.value))]
        case Nested():
            parts = [_leaf(codec.data.length, reader, f"{path}.length"), _walk(codec.inner, reader, path)]
        case VarBytes():
            parts = _walk_bytes(codec, reader, path)
        case Text():
            length, *content = _walk_bytes(codec.data, reader, path)
            parts = [length, *(replace(part, value=part.value.decode("utf-8")) for part in content)]
        case Maybe():
            presence = _leaf(codec.presence, reader, f"{path}.presence")
            parts = [presence, *([_walk(codec.inner, reader, path)] if presence.value else [])]
        case OneOf():
            tag = _leaf(codec.tag, reader, f"{path}.tag")
            parts = [tag, _walk(codec.choices[tag.value][1], reader, path)]
        case _:
            return _leaf(codec, reader, path)
    return Part(path, start, reader.position - start, None, tuple(parts))


def _walk_struct(codec: Struct[Any], reader: Reader, path: str) -> list[Part]:
    parts: list[Part] = []
    values: dict[str, Any] = {}
    for name, field in codec.codecs.items():
        inner = f"{path}.{name}" if path else name
        if isinstance(field, When):
            if values[field.name] == field.equals:
                parts.append(_walk(field.inner, reader, inner))
            continue
        part = _walk(field, reader, inner)
        values[name] = part.value
        parts.append(part)
    return parts


def _walk_bytes(codec: VarBytes, reader: Reader, path: str) -> list[Part]:
    length = _leaf(codec.length, reader, f"{path}.length")
    content = Part(path, reader.position, length.value, reader.take(length.value))
    return [length, content] if length.value else [length]


def _leaf(codec: Codec[Any], reader: Reader, path: str) -> Part:
    start = reader.position
    value = codec.read(reader)
    return Part(path, start, reader.position - start, value)
