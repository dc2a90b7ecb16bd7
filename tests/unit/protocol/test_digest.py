"""The state digest in pieces: the same as in one go, whatever changes in between, and no piece is long."""

from random import Random

import pytest

from mesh_core.crypto.hashing import tagged_hash
from mesh_core.protocol.digest import BRANCHES_PER_PIECE, BUCKETS_PER_PIECE, DigestTree
from mesh_core.types.account import AccountState, ClaimableOutput
from mesh_core.types.basic import Commitment, Hash32, PublicKey
from mesh_core.types.transition import OutputKey
from tests.cluster import make_genesis

GENESIS = make_genesis()


def states(count: int, sequence: int = 0) -> list[AccountState]:
    """So many accounts, the same ones each time."""
    random = Random(1)
    return [AccountState(PublicKey(random.randbytes(32)), sequence, Commitment(random.randbytes(32)), Hash32(random.randbytes(32))) for _ in range(count)]


def digest_of(*several: list[AccountState]) -> Hash32:
    tree = DigestTree(GENESIS)
    for some in several:
        for one in some:
            tree.put_account(one)
    return tree.compute(0)


def test_pieces_give_the_digest_that_one_go_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = DigestTree(GENESIS)
    for one in states(3000):
        tree.put_account(one)
    counted: list[bytes] = []

    def count(tag: bytes, data: bytes) -> Hash32:
        counted.append(tag)
        return tagged_hash(tag, data)

    monkeypatch.setattr("mesh_core.protocol.digest.tagged_hash", count)
    pieces: list[int] = []
    is_done = False
    while not is_done:
        is_done = tree.prepare()
        pieces.append(len(counted))
        counted.clear()
    assert max(pieces) <= BUCKETS_PER_PIECE + BRANCHES_PER_PIECE
    assert len(pieces) > 3000 / BUCKETS_PER_PIECE - 1
    prepared = tree.compute(0)
    assert len(counted) == 1, "what is prepared costs one hash"
    monkeypatch.undo()
    assert prepared == digest_of(states(3000))


def test_changes_between_two_pieces_count() -> None:
    tree = DigestTree(GENESIS)
    first, second = states(1000), states(1000, sequence=1)
    for one in first:
        tree.put_account(one)
    for one in second:
        tree.put_account(one)
        tree.prepare()
    assert tree.compute(0) == digest_of(first, second) == digest_of(second)
    assert tree.compute(0) != digest_of(first)


def test_outputs_that_were_claimed_leave_nothing_in_memory() -> None:
    """Each was in a bucket of its own: a validator that has served a million payments must not hold a table for each bucket there is."""
    random = Random(2)
    tree, keys = DigestTree(GENESIS), [OutputKey(Hash32(random.randbytes(32)), 0) for _ in range(500)]
    before = tree.compute(0)
    for key in keys:
        tree.put_output(key, ClaimableOutput(PublicKey(bytes(32)), Commitment(bytes(32))))
    assert tree.compute(0) != before
    for key in keys:
        tree.delete_output(key)
    assert tree.compute(0) == before
    assert not tree._outputs
    assert not tree._accounts
    assert len(set(map(id, tree._buckets))) == 1, "one empty bucket stands for all"
