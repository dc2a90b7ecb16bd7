"""The genesis document: everybody reads the same network from the same bytes, and a document that would break a promise is refused."""

from dataclasses import replace

import pytest

from mesh_core.crypto.signature_cases import KEY_CASES
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.protocol.genesis import check_genesis, read_genesis
from mesh_core.types.basic import PublicKey
from mesh_core.types.genesis import GENESIS_DOC, Allocation, GenesisDoc
from tests.cluster import make_genesis, validator_keys, wallet_keys


def doc() -> GenesisDoc:
    return make_genesis().doc


def refused(document: GenesisDoc) -> str:
    with pytest.raises(LocalFault) as caught:
        check_genesis(document)
    assert caught.value.code is ErrorCode.GENESIS_INVALID
    return caught.value.text


def test_document_is_read_from_its_bytes() -> None:
    genesis = read_genesis(GENESIS_DOC.encode(doc()))
    assert genesis == make_genesis()
    assert genesis.committee.validators == tuple(key.public_key for key in validator_keys())
    assert (genesis.committee.epoch, genesis.committee.quorum_threshold, genesis.committee.faults_tolerated) == (0, 3, 1)
    assert genesis.doc.supply == 1_010_000


def test_network_id_depends_on_every_field() -> None:
    first = doc()
    changed = [
        replace(first, name="other"),
        replace(first, asset_id=b"a" * 32),
        replace(first, fee_base=2),
        replace(first, fee_per_output=1),
        replace(first, validators=first.validators[:3]),
        replace(first, allocations=first.allocations[:1]),
        replace(first, allocations=tuple(replace(one, amount=one.amount + 1) for one in first.allocations)),
    ]
    assert len({check_genesis(one).network_id for one in (first, *changed)}) == 8


def test_bytes_that_are_no_document_are_refused() -> None:
    data = GENESIS_DOC.encode(doc())
    keys = validator_keys()
    swapped = data.replace(keys[0].public_key + keys[1].public_key, keys[1].public_key + keys[0].public_key)
    doubled = data.replace(keys[0].public_key + keys[1].public_key, keys[0].public_key * 2)
    assert swapped != data != doubled
    for bad in (b"", data[:-1], data + b"\0", b"\x02" + data[1:], swapped, doubled):
        with pytest.raises(LocalFault) as caught:
            read_genesis(bad)
        assert caught.value.code is ErrorCode.GENESIS_INVALID


def test_supply_stays_below_2_to_the_63() -> None:
    """So that no sum of amounts passes 2^64, and a range proof is only needed where money is spent."""
    owners = sorted(wallet_keys(name).owner for name in ("a", "b"))
    largest = replace(doc(), allocations=(Allocation(owners[0], 2**63 - 2), Allocation(owners[1], 1)))
    assert check_genesis(largest).doc.supply == 2**63 - 1
    assert "2^63" in refused(replace(largest, allocations=(Allocation(owners[0], 2**63 - 2), Allocation(owners[1], 2))))
    assert "2^63" in refused(replace(largest, allocations=(Allocation(owners[0], 2**64 - 1), Allocation(owners[1], 2**64 - 1))))


def test_largest_fee_stays_below_2_to_the_63() -> None:
    assert check_genesis(replace(doc(), fee_base=2**63 - 8, fee_per_output=1)).doc.fee_of_send(7) == 2**63 - 1
    assert "fee" in refused(replace(doc(), fee_base=2**63 - 7, fee_per_output=1))
    assert "fee" in refused(replace(doc(), fee_base=0, fee_per_output=2**63 // 7 + 1))


def test_allocation_of_nothing_is_refused() -> None:
    first = doc()
    assert "amount 0" in refused(replace(first, allocations=(replace(first.allocations[0], amount=0), first.allocations[1])))


@pytest.mark.parametrize("key", [case.public_key for case in KEY_CASES if not case.acceptable], ids=[c.name for c in KEY_CASES if not c.acceptable])
def test_keys_that_nobody_can_rely_on_are_refused(key: bytes) -> None:
    first = doc()
    bad = PublicKey(key)
    assert "validator" in refused(replace(first, validators=tuple(sorted((*first.validators[:3], bad)))))
    assert "allocation" in refused(replace(first, allocations=tuple(sorted((first.allocations[0], Allocation(bad, 5)), key=lambda one: one.owner))))


@pytest.mark.parametrize(("count", "faults", "quorum"), [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 3), (7, 2, 5), (10, 3, 7), (100, 33, 67)])
def test_committees_of_every_size(count: int, faults: int, quorum: int) -> None:
    committee = make_genesis(validators=count).committee
    assert (committee.faults_tolerated, committee.quorum_threshold) == (faults, quorum)
    # Two quorums share a correct validator, and the correct ones alone make a quorum.
    assert 2 * quorum - count >= faults + 1
    assert count - faults >= quorum
