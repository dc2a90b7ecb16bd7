"""Proofs and verdicts of one group library, for the test that compares two: `python -m tests.unit.crypto.kernel.verdicts SEED`, MESH_RISTRETTO set.

Prints JSON: proofs made with seeded entropy, and for many damaged proofs, the same for a given seed, why each is refused ("" if it is not).
"""

import hashlib
import json
import random
import sys
from collections.abc import Callable

from mesh_core.crypto import ristretto
from mesh_core.crypto.pedersen import Opening, commit
from mesh_core.crypto.range_proof import RangeProofError, RangeStatement, RangeWitness, prove, verify, verify_batch
from mesh_core.crypto.ristretto import GROUP_ORDER

# Bits, number of commitments, number of damaged proofs: most on small statements, which libsodium checks fast.
SHAPES = ((2, 1, 120), (2, 2, 160), (4, 4, 60), (16, 1, 60), (64, 1, 12), (64, 2, 8), (64, 4, 2))
ELEMENT = 32
PRIME = 2**255 - 19


def seeded(label: str) -> Callable[[int], bytes]:
    stream = hashlib.shake_256(label.encode()).digest(4096)
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        return stream[position - size : position]

    return read


def made(source: random.Random, bits: int, count: int) -> tuple[RangeStatement, RangeWitness]:
    values = [source.choice((0, 1, 2**bits - 1, source.randrange(2**bits))) for _ in range(count)]
    blindings = [source.choice((0, 1, GROUP_ORDER - 1, source.randrange(GROUP_ORDER))) for _ in range(count)]
    openings = tuple(Opening(value, blinding) for value, blinding in zip(values, blindings, strict=True))
    return RangeStatement(tuple(map(commit, openings)), source.randbytes(32), bits), RangeWitness(openings)


def damage(source: random.Random, proof: bytes, other: bytes) -> bytes:
    """`proof` with something changed; `other` is a good proof of the same size."""
    place = 1 + ELEMENT * source.randrange((len(proof) - 1) // ELEMENT)
    element = int.from_bytes(proof[place : place + ELEMENT], "little")

    def put(value: int) -> bytes:
        return proof[:place] + (value % 2**256).to_bytes(ELEMENT, "little") + proof[place + ELEMENT :]

    match source.randrange(11):
        case 0:
            position = source.randrange(len(proof))
            return proof[:position] + bytes((proof[position] ^ 1 << source.randrange(8),)) + proof[position + 1 :]
        case 1:
            return put(source.choice((0, 1, PRIME, PRIME + 1, PRIME - 1, GROUP_ORDER, GROUP_ORDER - 1, 2**255 - 1, 2**256 - 1)))
        case 2:
            return put(element + source.choice((1, -1, GROUP_ORDER, PRIME)))
        case 3:
            return put(PRIME - element)
        case 4:
            return put(element | 1 << 255)
        case 5:
            return proof[:place] + ristretto.map_to_group(source.randbytes(64)).encode() + proof[place + ELEMENT :]
        case 6:
            return proof[:place] + other[place : place + ELEMENT] + proof[place + ELEMENT :]
        case 7:
            return put(source.randrange(GROUP_ORDER))
        case 8:
            return source.choice((proof[:-1], proof + b"\0", proof[:place], b"", other))
        case 9:
            return bytes((source.choice((0, 2, 6, 255)),)) + proof[1:]
        case _:
            return proof[:place] + source.randbytes(ELEMENT) + proof[place + ELEMENT :]


def verdict(statement: RangeStatement, proof: bytes) -> str:
    try:
        verify(statement, proof)
    except RangeProofError as error:
        return error.reason.name
    return ""


def main(seed: str) -> None:
    source = random.Random(seed)
    proofs: list[str] = []
    verdicts: list[str] = []
    items: list[tuple[RangeStatement, bytes]] = []
    for bits, count, damaged in SHAPES:
        statement, witness = made(source, bits, count)
        proof, other = (prove(statement, witness, seeded(f"{seed} {bits} {count} {which}")) for which in range(2))
        proofs += [proof.hex(), other.hex()]
        verdicts += [verdict(statement, proof), verdict(statement, other)]
        for _ in range(damaged):
            changed = damage(source, proof, other)
            verdicts.append(verdict(statement, changed))
            items.append((statement, changed))
        items.append((statement, proof))
    sys.stdout.write(json.dumps({"backend": ristretto.BACKEND, "proofs": proofs, "verdicts": verdicts, "batch": verify_batch(items[::4])}))


if __name__ == "__main__":
    main(sys.argv[1])
