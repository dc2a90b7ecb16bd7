"""The ledger: the digest as the specification writes it, the audit of the supply, and a restart that changes nothing."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from mesh_core.crypto.pedersen import add_commitments, commit_public, subtract_commitments
from mesh_core.protocol.digest import DigestTree
from mesh_core.protocol.records import GLOBALS_KEY, IDENTITY_KEY, NETWORK_KEY, account_key, output_key, parse_output, parse_owner, parse_sequence, vote_key
from mesh_core.types.account import ACCOUNT_STATE, AccountState, ClaimableOutput
from mesh_core.types.basic import ZERO_HASH, Commitment, Hash32, PublicKey
from mesh_core.types.genesis import GENESIS_DOC, GenesisDoc
from mesh_core.types.transition import OutputKey
from tests.cluster import Cluster, Validator, cert_id_of, certify_by_hand, make_genesis
from tests.unit.protocol.world import World


def sha3(tag: str, data: bytes) -> bytes:
    """The tagged hash of the specification, written out."""
    name = b"MESH/v1/" + tag.encode()
    return hashlib.sha3_256(bytes((len(name),)) + name + data).digest()


def naive_digest(validator: Validator) -> bytes:
    """The state digest of spec 8.2 from nothing but the genesis and the records on the disk, all 65,536 buckets hashed anew."""
    doc = validator.machine.genesis.doc
    accounts = {allocation.owner: bytes((1,)) + allocation.owner + bytes(8) + commit_public(allocation.amount) + bytes(32) for allocation in doc.allocations}
    outputs: dict[bytes, bytes] = {}
    fee_pool = 0
    for key, value in validator.store.items():
        prefix, _, name = key.partition("/")
        if prefix == "a":
            accounts[PublicKey(bytes.fromhex(name))] = value
        elif prefix == "o":
            outputs[bytes.fromhex(name.replace("/", ""))] = value
        elif key == GLOBALS_KEY:
            fee_pool = int.from_bytes(value[:8], "big")
    return naive_state_digest(doc, accounts, outputs, fee_pool)


def naive_state_digest(doc: GenesisDoc, accounts: Mapping[PublicKey, bytes], outputs: Mapping[bytes, bytes], fee_pool: int) -> bytes:
    """Spec 8.2 over encoded accounts by owner, and encoded outputs by their 33-byte keys."""
    buckets: dict[bytes, bytes] = {}
    for owner in sorted(accounts):
        buckets[owner[:2]] = buckets.get(owner[:2], b"") + sha3("leaf/account", accounts[owner])
    for output in sorted(outputs):
        buckets[output[:2]] = buckets.get(output[:2], b"") + sha3("leaf/output", output + outputs[output])
    branches = b"".join(sha3("branch", b"".join(sha3("bucket", buckets.get(bytes((i, j)), b"")) for j in range(256))) for i in range(256))
    numbers = (0, sum(allocation.amount for allocation in doc.allocations), fee_pool, len(accounts), len(outputs))
    network_id = sha3("genesis", GENESIS_DOC.encode(doc))
    return sha3("state", network_id + b"".join(number.to_bytes(8, "big") for number in numbers) + branches)


# --- Digest ----------------------------------------------------------------------------------------------------------------------------------------


def test_digest_is_that_of_the_specification(world: World) -> None:
    validator = world.validator()
    assert validator.machine.ledger.compute_digest() == naive_digest(validator)
    for transition in (world.send, world.receive, world.claim(world.bob, (world.payout, 1))):
        validator.settle(certify_by_hand(transition))
    assert validator.machine.ledger.compute_digest() == naive_digest(validator)


def test_digest_of_the_genesis_is_that_of_the_specification() -> None:
    validator = Cluster().validators[0]
    assert set(validator.store) == {NETWORK_KEY, IDENTITY_KEY}
    assert validator.machine.ledger.compute_digest() == naive_digest(validator)


def account(first: int, *, sequence: int = 0) -> AccountState:
    return AccountState(PublicKey(bytes((first, 1)) + bytes(30)), sequence, Commitment(bytes(32)), ZERO_HASH)


def test_bucket_holds_accounts_before_outputs_each_sorted_by_key() -> None:
    """Several of both in one bucket, put in from the last to the first."""
    genesis = make_genesis()
    tree = DigestTree(genesis)
    owners = [PublicKey(bytes((1, 1, number)) + bytes(29)) for number in (9, 5, 1)]
    accounts = {owner: AccountState(owner, number, Commitment(bytes(32)), ZERO_HASH) for number, owner in enumerate(owners)}
    keys = [OutputKey(Hash32(bytes((1, 1, number)) + bytes(29)), index) for number in (8, 4, 0) for index in (6, 0)]
    outputs = {key: ClaimableOutput(owners[0], Commitment(bytes((key.index,)) * 32)) for key in keys}
    for key, output in outputs.items():
        tree.put_output(key, output)
    for state in accounts.values():
        tree.put_account(state)
    encoded_accounts = {owner: ACCOUNT_STATE.encode(state) for owner, state in accounts.items()}
    encoded_outputs = {key.cert_id + bytes((key.index,)): output.owner + output.commitment for key, output in outputs.items()}
    assert tree.compute(77) == naive_state_digest(genesis.doc, encoded_accounts, encoded_outputs, 77)


def test_digest_sees_every_field_and_nothing_of_the_order() -> None:
    genesis = make_genesis()
    one, other = account(1), account(2)
    key, output = OutputKey(Hash32(bytes((1, 1)) + b"o" * 30), 0), ClaimableOutput(one.owner, Commitment(bytes(32)))

    def digest(*accounts: AccountState, outputs: dict[OutputKey, ClaimableOutput] | None = None, fee_pool: int = 0) -> bytes:
        tree = DigestTree(genesis)
        for state in accounts:
            tree.put_account(state)
        for name, value in (outputs or {}).items():
            tree.put_output(name, value)
        return tree.compute(fee_pool)

    assert digest(one, other) == digest(other, one)
    different = {
        digest(),
        digest(one),
        digest(one, other),
        digest(replace(one, sequence=1), other),
        digest(replace(one, head=Hash32(b"h" * 32)), other),
        digest(replace(one, balance=Commitment(b"b" * 32)), other),
        digest(one, other, fee_pool=1),
        digest(one, other, outputs={key: output}),
        digest(one, other, outputs={replace(key, index=1): output}),
        digest(one, other, outputs={key: replace(output, owner=other.owner)}),
        digest(one, other, outputs={key: replace(output, commitment=Commitment(b"c" * 32))}),
    }
    assert len(different) == 11


def test_digest_forgets_what_was_taken_away() -> None:
    genesis = make_genesis()
    key, output = OutputKey(Hash32(b"o" * 32), 3), ClaimableOutput(account(1).owner, Commitment(bytes(32)))
    tree, fresh = DigestTree(genesis), DigestTree(genesis)
    empty = fresh.compute(0)
    tree.put_output(key, output)
    assert tree.compute(0) != empty
    tree.delete_output(key)
    assert tree.compute(0) == empty
    # An account that changes is one account.
    tree.put_account(account(1))
    tree.put_account(account(1, sequence=1))
    fresh.put_account(account(1, sequence=1))
    assert tree.compute(0) == fresh.compute(0)


def test_votes_evidence_and_parked_certificates_are_no_part_of_the_digest(world: World) -> None:
    validator = world.validator()
    before = validator.machine.ledger.compute_digest()
    validator.vote(world.send)
    validator.vote(world.rival)
    follower = replace(world.alice, state=replace(world.alice.state, sequence=5))
    validator.settle(certify_by_hand(world.pay(follower, (world.bob, 1))))
    assert validator.evidence() != {}
    assert validator.machine.parked_count == 1
    assert validator.machine.ledger.compute_digest() == before


# --- Supply ----------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["alice", "bob", "faucet"])
def test_audit_notices_a_unit_that_was_added_or_taken(who: str, world: World) -> None:
    owner = getattr(world, who).keys.owner
    for change in (add_commitments, lambda pair: subtract_commitments(*pair)):
        validator = world.validator()
        ledger = validator.machine.ledger
        assert ledger.audit_supply()
        state = ledger.account_or_zero(owner)
        ledger._put_account(replace(state, balance=change((state.balance, commit_public(1)))))
        assert not ledger.audit_supply()
        # Also where only the disk was tampered with.
        tampered = world.validator()
        tampered.store[account_key(owner)] = ACCOUNT_STATE.encode(ledger.account_or_zero(owner))
        assert not tampered.restart().machine.ledger.audit_supply()


def test_audit_notices_outputs_and_fees(world: World) -> None:
    key = world.receive.core.claims[0].key
    dropped = world.validator()
    del dropped.store[output_key(key)]
    assert not dropped.restart().machine.ledger.audit_supply()
    doubled = world.validator()
    doubled.store[output_key(replace(key, index=9))] = doubled.store[output_key(key)]
    assert not doubled.restart().machine.ledger.audit_supply()
    richer = world.validator()
    ledger = richer.machine.ledger
    ledger.globals = replace(ledger.globals, fee_pool=ledger.globals.fee_pool + 1)
    assert not ledger.audit_supply()


# --- Restore and look-ups ---------------------------------------------------------------------------------------------------------------------------


def test_restored_ledger_is_the_live_one(world: World) -> None:
    validator = world.validator()
    for step in (world.send, world.receive):
        validator.vote(step)
        assert validator.restart().state() == validator.state()
        validator.settle(certify_by_hand(step))
        assert validator.restart().state() == validator.state()
    again = validator.restart().machine.ledger
    for owner in (world.alice.keys.owner, world.bob.keys.owner, world.dave.keys.owner):
        assert again.outputs_of(owner) == validator.machine.ledger.outputs_of(owner)
    assert again.accounts_count == validator.machine.ledger.accounts_count
    assert again.outputs_count == validator.machine.ledger.outputs_count == 17 + 1 + 1


def test_log_is_a_hash_chain_from_the_network_id(world: World) -> None:
    chain: bytes = world.genesis.network_id
    for certificate in world.past:
        chain = sha3("log", chain + cert_id_of(certificate))
    assert world.validator().machine.ledger.globals.chain == chain


def test_unknown_account_is_the_zero_account_and_is_not_counted(world: World) -> None:
    ledger = world.validator().machine.ledger
    count = ledger.accounts_count
    stranger = world.eve.keys.owner
    assert ledger.account(stranger) is None
    assert ledger.account_or_zero(stranger) == AccountState(stranger, 0, Commitment(bytes(32)), ZERO_HASH)
    assert ledger.outputs_of(stranger) == []
    assert ledger.accounts_count == count


def test_keys_of_records_name_what_they_hold() -> None:
    owner, key = PublicKey(bytes(range(32))), OutputKey(Hash32(bytes(range(32, 64))), 255)
    assert parse_owner(account_key(owner)) == owner
    assert parse_output(output_key(key)) == key
    assert parse_owner(vote_key(owner, 2**64 - 1)) == owner
    assert parse_sequence(vote_key(owner, 2**64 - 1)) == 2**64 - 1
    # Keys sort as the numbers do.
    assert vote_key(owner, 255) < vote_key(owner, 256) < vote_key(owner, 2**40)
