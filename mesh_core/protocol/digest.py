"""The state digest: equal at two validators exactly when they applied equal sets of certificates (docs/protocol.md, "State digest").

    leaf(account) = H("leaf/account", AccountState)        leaf(output) = H("leaf/output", key || value)
    bucket_ij     = H("bucket", leaves whose key starts with the bytes i j: accounts, then outputs, each sorted by key)
    branch_i      = H("branch", bucket_i0 .. bucket_i255)
    state_digest  = H("state", network_id || epoch || supply || fee_pool || #accounts || #outputs || branch_0 .. branch_255)

Only buckets that changed are hashed again, and while many have, a piece at a time (`prepare`). Votes, evidence, log order and peers are no part of it.
"""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_hash
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.account import ACCOUNT_STATE, CLAIMABLE_OUTPUT, AccountState, ClaimableOutput
from mesh_core.types.basic import Hash32
from mesh_core.types.codec import U64
from mesh_core.types.transition import OUTPUT_KEY, OutputKey

_FAN_OUT = 256
_EMPTY: Mapping[bytes, Hash32] = MappingProxyType({})
BUCKETS_PER_PIECE = 128
BRANCHES_PER_PIECE = 32
"""A piece is both, about half a millisecond: a branch has 8 KiB to hash."""


def _bucket_of(key: bytes) -> int:
    """Number of the bucket of a key: its first two bytes."""
    return int.from_bytes(key[:2], "big")


class DigestTree:
    """Leaves of all accounts and outputs, hashed bucket by bucket on demand."""

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._accounts: defaultdict[int, dict[bytes, Hash32]] = defaultdict(dict)
        self._outputs: defaultdict[int, dict[bytes, Hash32]] = defaultdict(dict)
        self._changed: set[int] = set()
        """Buckets that are to be hashed again."""
        self._stale: set[int] = set()
        """Branches that are, because of a bucket that was."""
        self._empty_bucket = tagged_hash(domains.BUCKET, b"")
        self._buckets = [self._empty_bucket] * (_FAN_OUT * _FAN_OUT)
        self._branches = [tagged_hash(domains.BRANCH, self._empty_bucket * _FAN_OUT)] * _FAN_OUT
        self._accounts_count = 0
        self._outputs_count = 0

    def put_account(self, account: AccountState) -> None:
        """Add an account or replace its state."""
        bucket = _bucket_of(account.owner)
        self._accounts_count += account.owner not in self._accounts[bucket]
        self._accounts[bucket][account.owner] = tagged_hash(domains.LEAF_ACCOUNT, ACCOUNT_STATE.encode(account))
        self._changed.add(bucket)

    def put_output(self, key: OutputKey, output: ClaimableOutput) -> None:
        """Add an output."""
        name = OUTPUT_KEY.encode(key)
        bucket = _bucket_of(name)
        self._outputs_count += name not in self._outputs[bucket]
        self._outputs[bucket][name] = tagged_hash(domains.LEAF_OUTPUT, name + CLAIMABLE_OUTPUT.encode(output))
        self._changed.add(bucket)

    def delete_output(self, key: OutputKey) -> None:
        """Take an output away. It must be there: KeyError is a bug of the caller."""
        name = OUTPUT_KEY.encode(key)
        bucket = _bucket_of(name)
        outputs = self._outputs[bucket]
        del outputs[name]
        if not outputs:
            # Most outputs are claimed soon, each in a bucket of its own: 65,536 empty tables would be 20 MB that only ever grow.
            del self._outputs[bucket]
        self._outputs_count -= 1
        self._changed.add(bucket)

    def prepare(self) -> bool:
        """Hash some of what has changed; True when nothing is left, and `compute` costs one hash."""
        for _ in range(min(BUCKETS_PER_PIECE, len(self._changed))):
            self._hash_bucket(self._changed.pop())
        if len(self._changed) < BUCKETS_PER_PIECE:
            # Not as long as many buckets are waiting: each would make its branch stale again.
            for _ in range(min(BRANCHES_PER_PIECE, len(self._stale))):
                self._hash_branch(self._stale.pop())
        return not self._changed and not self._stale

    def _hash_bucket(self, bucket: int) -> None:
        tables = (self._accounts.get(bucket, _EMPTY), self._outputs.get(bucket, _EMPTY))
        leaves = [leaf for table in tables for _, leaf in sorted(table.items())]
        self._buckets[bucket] = tagged_hash(domains.BUCKET, b"".join(leaves)) if leaves else self._empty_bucket
        self._stale.add(bucket // _FAN_OUT)

    def _hash_branch(self, branch: int) -> None:
        first = branch * _FAN_OUT
        self._branches[branch] = tagged_hash(domains.BRANCH, b"".join(self._buckets[first : first + _FAN_OUT]))

    def compute(self, fee_pool: int) -> Hash32:
        """The state digest."""
        while not self.prepare():
            pass
        numbers = (self._genesis.committee.epoch, self._genesis.doc.supply, fee_pool, self._accounts_count, self._outputs_count)
        return tagged_hash(domains.STATE, self._genesis.network_id + b"".join(U64.encode(number) for number in numbers) + b"".join(self._branches))
