"""Makes `genesis.json`: genesis documents, their network ids and committees, and documents that are refused.

`python -m tests.vectors.make_all` writes the files anew.
"""

from typing import Any

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.genesis import check_genesis
from mesh_core.types.basic import PublicKey
from mesh_core.types.genesis import GENESIS_DOC, Allocation, GenesisDoc
from tests.vectors import schoolbook
from tests.vectors.story import ALLOCATIONS, ASSET_ID, make_genesis, seed_of, validator_seeds
from tests.vectors.vector_file import json_of

NAME = "genesis.json"

SMALL_ORDER = PublicKey(schoolbook.encode(schoolbook.torsion_point()))


def keys(count: int) -> tuple[PublicKey, ...]:
    return tuple(sorted(SigningKey(seed_of(f"validator {number} of many")).public_key for number in range(count)))


def allocations(**amounts: int) -> tuple[Allocation, ...]:
    return tuple(sorted((Allocation(WalletKeys.from_seed(seed_of(name)).owner, amount) for name, amount in amounts.items()), key=lambda one: one.owner))


def valid_documents() -> dict[str, GenesisDoc]:
    return {
        "the network of these files": make_genesis().doc,
        "one validator, one account, no fee, no name": GenesisDoc("", bytes(32), 0, 0, keys(1), allocations(Alice=1)),
        "seven validators, a name in UTF-8": GenesisDoc("Größe 🍜", b"\xff" * 32, 1, 0, keys(7), allocations(Alice=5, Bob=6, Carol=7)),
        "the largest supply and the largest fee": GenesisDoc("large", bytes(32), 2**63 - 8, 1, keys(4), allocations(Alice=2**63 - 2, Bob=1)),
    }


def refused_documents() -> dict[str, tuple[bytes, str]]:
    """Documents that the encoding or the checks behind it refuse, and why."""
    data = GENESIS_DOC.encode(make_genesis().doc)
    name_end = 1 + 2 + len("MESH vectors")
    limits_at = name_end + 32 + 16
    validators_at = limits_at + 3
    swapped = data[:validators_at] + data[validators_at + 32 : validators_at + 64] + data[validators_at : validators_at + 32] + data[validators_at + 64 :]
    repeated = data[: validators_at + 32] + data[validators_at : validators_at + 32] + data[validators_at + 64 :]
    doc = GenesisDoc("bad", ASSET_ID, 2, 3, keys(4), allocations(Alice=10))

    def changed(**changes: Any) -> bytes:
        values = {name: getattr(doc, name) for name in ("name", "asset_id", "fee_base", "fee_per_output", "validators", "allocations")}
        return GENESIS_DOC.encode(GenesisDoc(**(values | changes)))

    return {
        "no bytes": (b"", "ENCODING"),
        "version 2": (b"\2" + data[1:], "ENCODING"),
        "last byte missing": (data[:-1], "ENCODING"),
        "one byte too many": (data + b"\0", "ENCODING"),
        "a name that is not UTF-8": (data[:3] + b"\xff" + data[4:], "ENCODING"),
        "8 outputs at most": (data[:limits_at] + b"\x08" + data[limits_at + 1 :], "ENCODING"),
        "15 claims at most": (data[: limits_at + 1] + b"\x0f" + data[limits_at + 2 :], "ENCODING"),
        "validators descending": (swapped, "ENCODING"),
        "a validator twice": (repeated, "ENCODING"),
        "no validator": (data[: validators_at - 1] + b"\0" + data[validators_at + 128 :], "ENCODING"),
        "no allocation": (data[: validators_at + 128] + bytes(4), "ENCODING"),
        "an allocation of nothing": (changed(allocations=allocations(Alice=10, Bob=0)), "AMOUNT"),
        "a supply of 2^63": (changed(allocations=allocations(Alice=2**63 - 1, Bob=1)), "SUPPLY"),
        "a supply above 2^64": (changed(allocations=allocations(Alice=2**64 - 1, Bob=2**64 - 1)), "SUPPLY"),
        "a largest fee of 2^63": (changed(fee_base=2**63 - 7, fee_per_output=1), "FEES"),
        "a validator's key of order 8": (changed(validators=tuple(sorted((*keys(3), SMALL_ORDER)))), "KEY"),
        "an owner's key of order 8": (
            changed(allocations=tuple(sorted((*allocations(Alice=10), Allocation(SMALL_ORDER, 1)), key=lambda one: one.owner))),
            "KEY",
        ),
    }


def case(name: str, doc: GenesisDoc) -> dict[str, Any]:
    genesis = check_genesis(doc)
    expected = {
        "document": GENESIS_DOC.encode(doc).hex(),
        "network_id": genesis.network_id.hex(),
        "supply": json_of(doc.supply),
        "max_faulty": (genesis.committee.size - 1) // 3,
        "quorum": genesis.committee.quorum_threshold,
        "fees": [json_of(doc.fee_of_send(count)) for count in range(1, 8)],
    }
    return {"name": name, "input": json_of(doc), "expected": expected}


def build() -> dict[str, Any]:
    validators = [
        {"name": f"validator {index}", "input": {"seed": seed.hex()}, "expected": {"public_key": SigningKey(seed).public_key.hex()}}
        for index, seed in enumerate(validator_seeds())
    ]
    people = []
    for name in (*ALLOCATIONS, "Bob", "Carol", "Dave", "Eve"):
        wallet = WalletKeys.from_seed(seed_of(name))
        expected = {"owner": wallet.owner.hex(), "view_pk": wallet.view_key.public_key.hex(), "address": str(wallet.address)}
        people.append({"name": name, "input": {"seed": seed_of(name).hex()}, "expected": expected})
    refused = [{"name": name, "input": {"document": data.hex()}, "expected": {"reason": reason}} for name, (data, reason) in refused_documents().items()]
    return {
        "description": [
            "Genesis documents. valid: the fields, their encoding, and what follows from them; fees are those of a SEND with 1 to 7 outputs.",
            "refused: encodings that are no genesis document. validators and people: who acts in the files of this folder.",
        ],
        "source": "tests/vectors/make_genesis.py with mesh_core; recomputed by tests/vectors/second_opinion.py",
        "validators": validators,
        "people": people,
        "valid": [case(name, doc) for name, doc in valid_documents().items()],
        "refused": refused,
    }
