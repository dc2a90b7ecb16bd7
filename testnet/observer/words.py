"""A certificate's fields in words, each with the bytes that it has: what a hex view needs to name the byte under the cursor.

The declaration of the encoding gives the fields (mesh_core/types/anatomy.py). Three kinds of opaque bytes have an inside that is fixed elsewhere and is shown,
too: signatures (RFC 8032), range proofs (docs/range-proofs.md) and encrypted memos.
"""

from collections.abc import Iterator
from typing import Final

from mesh_core.crypto.range_proof import PROOF_SIZE
from mesh_core.types.anatomy import Part, dissect, divide, leaves
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.transition import Kind

TAG_BYTES: Final = 16
ELEMENT_BYTES: Final = 32
_PROOF_HEAD: Final = (("degree", 1), ("d1", 32), ("A", 32), ("A1", 32), ("B", 32), ("r1", 32), ("s1", 32))

Field = tuple[str, int, int, str]
"""Path, offset, size in bytes, value in words."""


def describe_fields(data: bytes) -> list[Field]:
    """Every field of a certificate, in the order of the bytes, which they cover exactly. DecodeError."""
    return [(part.path, part.offset, part.size, describe_value(part)) for whole in leaves(dissect(CERTIFICATE, data)) for part in _inside(whole)]


def describe_value(part: Part) -> str:
    """The value of a field in words."""
    value, name = part.value, part.path.rsplit(".", 1)[-1]
    if isinstance(value, Kind):
        return f"{value.name} ({int(value)})"
    if isinstance(value, bytes):
        return value.hex() if any(value) else f"{len(value)} zero bytes"
    match name:
        case "validator_index":
            return f"{value}: V{value + 1}"
        case "length":
            return f"{value:,} byte{'' if value == 1 else 's'}"
        case "fee":
            return f"{value:,} unit{'' if value == 1 else 's'}"
        case _:
            return f"{value:,}" if isinstance(value, int) else str(value)


def _inside(leaf: Part) -> Iterator[Part]:
    """A field, or what it consists of."""
    name = leaf.path.rsplit(".", 1)[-1]
    if name in {"signature", "owner_signature"}:
        yield from leaves(divide(leaf, (("R", 32), ("S", 32))))
    elif name in {"memo", "self_memo"}:
        yield from leaves(divide(leaf, (("sealed", leaf.size - TAG_BYTES), ("tag", TAG_BYTES))))
    elif name == "range_proof" and leaf.size in PROOF_SIZE.values():
        rounds = (leaf.size - sum(size for _, size in _PROOF_HEAD)) // (2 * ELEMENT_BYTES)
        pairs = tuple((f"{side}[{number}]", ELEMENT_BYTES) for number in range(rounds) for side in "LR")
        yield from leaves(divide(leaf, (*_PROOF_HEAD, *pairs)))
    else:
        yield leaf
