"""Makes `ledger.json`: ten certificates applied in several orders, with log, leaves, buckets, branches and state digests.

`python -m tests.vectors.make_all` writes the files anew.
"""

from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_hash
from mesh_core.protocol.digest import DigestTree
from mesh_core.protocol.ledger import Ledger
from mesh_core.types.account import ACCOUNT_STATE, CLAIMABLE_OUTPUT, AccountState, ClaimableOutput
from mesh_core.types.basic import Commitment, Hash32, PublicKey
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import AckStatus
from mesh_core.types.transition import OUTPUT_KEY, OutputKey
from tests.cluster import Validator
from tests.vectors.machines import new_validator
from tests.vectors.story import certificate_hex, genesis_hex, make_genesis, tell
from tests.vectors.vector_file import json_of

NAME = "ledger.json"

STORY_ORDER = ("faucet 0", "faucet 1", "faucet 2", "alice 0", "bob 0", "bob 1", "bob 2", "carol 0", "alice 1", "carol 1")
ORDERS = {
    "the order of the story": STORY_ORDER,
    "Alice first": ("alice 0", "alice 1", "faucet 0", "faucet 1", "faucet 2", "bob 0", "bob 1", "bob 2", "carol 0", "carol 1"),
}
DELIVERIES = {
    "backwards, so that certificates wait for others": tuple(reversed(STORY_ORDER)),
    "each certificate twice": tuple(name for name in STORY_ORDER for _ in range(2)),
}


def numbers(ledger: Ledger) -> dict[str, Any]:
    return {
        "log_length": ledger.globals.log_length,
        "chain": ledger.globals.chain.hex(),
        "fee_pool": ledger.globals.fee_pool,
        "accounts": ledger.accounts_count,
        "outputs": ledger.outputs_count,
        "state_digest": ledger.compute_digest().hex(),
    }


def settle(validator: Validator, name: str) -> AckStatus:
    return validator.settle(tell().steps[name].certificate).status


def order_case(name: str, order: tuple[str, ...]) -> dict[str, Any]:
    """The log and the digest after each certificate."""
    validator = new_validator()
    states = [numbers(validator.machine.ledger)]
    for step in order:
        assert settle(validator, step) is AckStatus.APPLIED
        states.append(numbers(validator.machine.ledger))
    return {"name": name, "input": {"certificates": list(order)}, "expected": {"states": states}}


def delivery_case(name: str, order: tuple[str, ...]) -> dict[str, Any]:
    """Certificates as they may arrive; the order of application, and so the chain, is the validator's own, the digest is not."""
    validator = new_validator()
    for step in order:
        settle(validator, step)
    final = numbers(validator.machine.ledger)
    return {"name": name, "input": {"certificates": list(order)}, "expected": {key: value for key, value in final.items() if key != "chain"}}


def state_case() -> dict[str, Any]:
    """Everything under the digest at the end of the story."""
    validator = new_validator()
    for step in STORY_ORDER:
        settle(validator, step)
    ledger = validator.machine.ledger
    accounts = [ACCOUNT_STATE.encode(state) for _, state in sorted(ledger._accounts.items())]
    outputs = [(OUTPUT_KEY.encode(key), CLAIMABLE_OUTPUT.encode(value)) for key, value in sorted(ledger._outputs.items())]
    leaves = {state[1:33]: tagged_hash(domains.LEAF_ACCOUNT, state) for state in accounts}
    output_leaves = {key: tagged_hash(domains.LEAF_OUTPUT, key + value) for key, value in outputs}
    digest = ledger.compute_digest()
    buckets = {index.to_bytes(2, "big"): ledger._digest._buckets[index] for index in sorted({key[0] << 8 | key[1] for key in (*leaves, *output_leaves)})}
    branches = {first: ledger._digest._branches[first] for first in sorted({name[0] for name in buckets})}
    assert validator.machine.ledger.audit_supply()
    expected = {
        "empty_bucket": tagged_hash(domains.BUCKET, b"").hex(),
        "empty_branch": tagged_hash(domains.BRANCH, tagged_hash(domains.BUCKET, b"") * 256).hex(),
        "account_leaves": [{"account": state.hex(), "leaf": leaves[state[1:33]].hex()} for state in accounts],
        "output_leaves": [{"key": key.hex(), "output": value.hex(), "leaf": output_leaves[key].hex()} for key, value in outputs],
        "buckets": [{"bucket": name.hex(), "hash": value.hex()} for name, value in buckets.items()],
        "branches": [{"branch": f"{first:02x}", "hash": value.hex()} for first, value in branches.items()],
        "supply": json_of(ledger.genesis.doc.supply),
        "fee_pool": ledger.globals.fee_pool,
        "state_digest": digest.hex(),
    }
    return {"name": "the end of the story", "input": {"certificates": list(STORY_ORDER)}, "expected": expected}


def account(key: bytes, sequence: int) -> AccountState:
    """An account of which only the bytes matter."""
    return AccountState(PublicKey(key), sequence, Commitment(b"\xbb" * 32), Hash32(b"\xaa" * 32))


def output(cert_id: bytes, index: int) -> tuple[OutputKey, ClaimableOutput]:
    return OutputKey(Hash32(cert_id), index), ClaimableOutput(PublicKey(b"\xcc" * 32), Commitment(b"\xdd" * 32))


def digest_states() -> dict[str, tuple[int, list[AccountState], list[tuple[OutputKey, ClaimableOutput]]]]:
    """Accounts and outputs whose keys share buckets, which keys of the story, being hashes, do not; in an order that is none."""
    low, high = b"\x12\x34" + bytes(30), b"\x12\x34" + b"\xff" * 30
    neighbours = [account(b"\x12\x33" + b"\xff" * 30, 9), account(b"\x12\x35" + bytes(30), 2**64 - 1), account(b"\x34\x12" + bytes(30), 3)]
    return {
        "nothing": (0, [], []),
        "two accounts and three outputs in one bucket": (5, [account(high, 1), account(low, 2)], [output(high, 0), output(low, 200), output(low, 3)]),
        "an output below the account in one bucket": (5, [account(high, 1)], [output(low, 0)]),
        "an output above the account in one bucket": (5, [account(low, 1)], [output(high, 0)]),
        "the first and the last bucket": (2**63 - 1, [account(bytes(32), 0), account(b"\xff" * 32, 7)], [output(bytes(32), 0), output(b"\xff" * 32, 255)]),
        "neighbouring buckets and branches": (1, neighbours, [output(low, 0)]),
    }


def digest_case(name: str, fee_pool: int, accounts: list[AccountState], outputs: list[tuple[OutputKey, ClaimableOutput]]) -> dict[str, Any]:
    tree = DigestTree(make_genesis())
    for one in accounts:
        tree.put_account(one)
    for key, value in outputs:
        tree.put_output(key, value)
    given = {
        "fee_pool": json_of(fee_pool),
        "accounts": [ACCOUNT_STATE.encode(one).hex() for one in accounts],
        "outputs": [{"key": OUTPUT_KEY.encode(key).hex(), "output": CLAIMABLE_OUTPUT.encode(value).hex()} for key, value in outputs],
    }
    return {"name": name, "input": given, "expected": {"state_digest": tree.compute(fee_pool).hex()}}


def build() -> dict[str, Any]:
    story = tell()
    certificates = {name: certificate_hex(step.certificate) for name, step in story.steps.items()}
    assert all(CERTIFICATE.decode(bytes.fromhex(data)) == story.steps[name].certificate for name, data in certificates.items())
    return {
        "description": [
            "Ten certificates, and what a ledger is after them. Cases name certificates of the table `certificates`.",
            "orders: applied one after the other; the first state is that of the genesis. deliveries: as they may arrive, waiting for one another or repeated.",
            "states: what the digest is made of; buckets and branches that are not listed are empty_bucket and empty_branch.",
            "digests: of accounts and outputs that are made up, with keys that share buckets.",
        ],
        "source": "tests/vectors/make_ledger.py with mesh_core; recomputed by tests/vectors/second_opinion.py",
        "genesis": genesis_hex(),
        "certificates": certificates,
        "orders": [order_case(name, order) for name, order in ORDERS.items()],
        "deliveries": [delivery_case(name, order) for name, order in DELIVERIES.items()],
        "states": [state_case()],
        "digests": [digest_case(name, *state) for name, state in digest_states().items()],
    }
