"""Reading the genesis document: who the validators are, what exists at the start (docs/protocol.md, "GenesisDoc")."""

from dataclasses import dataclass

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_hash
from mesh_core.crypto.signatures import is_acceptable_key
from mesh_core.errors import DecodeError, ErrorCode, LocalFault
from mesh_core.types.basic import EPOCH_0, Hash32
from mesh_core.types.committee import Committee
from mesh_core.types.genesis import GENESIS_DOC, SUPPLY_LIMIT, GenesisDoc
from mesh_core.types.transition import MAX_OUTPUTS


@dataclass(frozen=True, slots=True)
class Genesis:
    """A checked genesis document with the network id that follows from it."""

    doc: GenesisDoc
    network_id: Hash32
    committee: Committee


def read_genesis(data: bytes) -> Genesis:
    """Decode and check a genesis document. LocalFault (GENESIS_INVALID) says what is wrong with it."""
    try:
        doc = GENESIS_DOC.decode(data)
    except DecodeError as error:
        raise LocalFault(ErrorCode.GENESIS_INVALID, f"the genesis document does not decode: {error.field}: {error.reason}") from error
    return check_genesis(doc)


def check_genesis(doc: GenesisDoc) -> Genesis:
    """Check what the encoding cannot: amounts, fees and keys. LocalFault (GENESIS_INVALID)."""
    if doc.supply >= SUPPLY_LIMIT:
        raise _invalid(f"the supply is {doc.supply}, which is not below 2^63")
    if doc.fee_of_send(MAX_OUTPUTS) >= SUPPLY_LIMIT:
        raise _invalid("the largest fee, fee_base + 7 * fee_per_output, is not below 2^63")
    if any(allocation.amount == 0 for allocation in doc.allocations):
        raise _invalid("an allocation has the amount 0")
    for role, keys in (("validator", doc.validators), ("allocation", tuple(allocation.owner for allocation in doc.allocations))):
        for key in keys:
            if not is_acceptable_key(key):
                raise _invalid(f"the key {key.hex()} of a {role} is not an acceptable Ed25519 key")
    return Genesis(doc, tagged_hash(domains.GENESIS, GENESIS_DOC.encode(doc)), Committee(EPOCH_0, doc.validators))


def _invalid(text: str) -> LocalFault:
    return LocalFault(ErrorCode.GENESIS_INVALID, f"genesis document: {text}")
