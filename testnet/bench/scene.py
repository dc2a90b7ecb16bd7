"""Networks that are measured: real keys, genesis document and configurations, and as many accounts as a benchmark wants, without a wallet for each.

An account's keys follow from its number, so whoever measures can sign for it; the money is worth nothing.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mesh_core.crypto import domains
from mesh_core.crypto.hashing import tagged_xof
from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening, commit_public
from mesh_core.crypto.signatures import SEED_BYTES, SigningKey
from mesh_core.protocol.construction import Payment, draft_send, prove_draft, sign_draft
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.storage.files import make_private_directory, write_atomically
from mesh_core.types.account import AccountState
from mesh_core.types.basic import ZERO_HASH, PublicKey
from mesh_core.types.genesis import GENESIS_DOC, Allocation, GenesisDoc
from mesh_core.types.transition import Transition
from mesh_core.validator.identity import init_identity
from testnet.genesis import configure, free_ports
from testnet.layout import NetworkFolder
from testnet.machine import usable_cores

BALANCE: Final = 1_000_000
"""What each account has at the start, and its number besides: each has a commitment of its own, as in a network that has been used."""
FEE: Final = 1
"""Of a payment."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A network's files, and its validators' secret keys, in the order of the committee."""

    folder: NetworkFolder
    genesis: Genesis
    validators: tuple[SigningKey, ...]


def account_keys(number: int) -> WalletKeys:
    """Keys of the account with this number."""
    return WalletKeys.from_seed(_account_seed(number))


def account_owner(number: int) -> PublicKey:
    """Its public key alone, half of the work of all its keys: there may be a million accounts."""
    return SigningKey(tagged_xof(domains.KDF_SIGN, _account_seed(number), SEED_BYTES)).public_key


def _account_seed(number: int) -> bytes:
    return number.to_bytes(32, "big")


def first_balance(number: int) -> int:
    """What the account with this number has at the start."""
    return BALANCE + number


def make_scene(home: Path, *, accounts: int, validators: int = 4, name: str = "bench") -> Scene:
    """A network in a new folder, whose genesis gives money to the accounts 0 to `accounts` - 1. LocalFault."""
    folder = NetworkFolder(home)
    make_private_directory(folder.home)
    seeds = sorted((SigningKey(seed).public_key, seed) for seed in (os.urandom(32) for _ in range(validators)))
    keys = [init_identity(folder.validator(index).path, partial(_given, seed)) for index, (_, seed) in enumerate(seeds)]
    owned = ((account_owner(number), first_balance(number)) for number in range(accounts))
    allocations = tuple(Allocation(owner, amount) for owner, amount in sorted(owned))
    doc = GenesisDoc(name, bytes(32), FEE, 0, tuple(key.public_key for key in keys), allocations)
    genesis = check_genesis(doc)
    write_atomically(folder.genesis_file, GENESIS_DOC.encode(doc), 0o644)
    configure(folder, genesis, free_ports(validators))
    return Scene(folder, genesis, tuple(keys))


def _given(seed: bytes, size: int) -> bytes:
    assert size == len(seed), "an identity takes one seed"
    return seed


def first_state(number: int) -> AccountState:
    """An account as the genesis leaves it."""
    return AccountState(account_owner(number), 0, commit_public(first_balance(number)), ZERO_HASH)


def make_payment(genesis: Genesis, payer: int, payee: int) -> Transition:
    """The first payment of an account, of one unit, proven and signed."""
    keys = account_keys(payer)
    draft = draft_send(keys, genesis, first_state(payer), Opening(first_balance(payer), 0), [Payment(account_keys(payee).address, 1)], os.urandom)
    return sign_draft(draft, prove_draft(draft, os.urandom), keys.signing_key)


def make_payments(genesis: Genesis, payers: Sequence[int], payee: int, tell: Callable[[int], None] = lambda count: None) -> list[Transition]:
    """One payment of each of these accounts to one. Proofs are made by all cores: the group library gives up the interpreter's lock."""
    found = []
    with ThreadPoolExecutor(usable_cores()) as pool:
        for number, payment in enumerate(_in_order(pool, genesis, payers, payee), 1):
            found.append(payment)
            if number % 500 == 0:
                tell(number)
    return found


def _in_order(pool: ThreadPoolExecutor, genesis: Genesis, payers: Sequence[int], payee: int) -> Iterator[Transition]:
    return pool.map(lambda payer: make_payment(genesis, payer, payee), payers)
