"""What a validator holds of an account and of outputs that wait to be claimed."""

from dataclasses import dataclass

from mesh_core.types.basic import COMMITMENT, HASH, IDENTITY_COMMITMENT, PUBLIC_KEY, ZERO_HASH, Commitment, Hash32, PublicKey
from mesh_core.types.codec import U8, U64, Constant, Struct

ACCOUNT_VERSION = 1


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account after `sequence` applied transitions (105 bytes). `head` is the transition_id of the last one, zeros if there is none."""

    owner: PublicKey
    sequence: int
    balance: Commitment
    head: Hash32


@dataclass(frozen=True, slots=True)
class ClaimableOutput:
    """An output of an applied SEND that its owner has not claimed so far (64 bytes)."""

    owner: PublicKey
    commitment: Commitment


def zero_account(owner: PublicKey) -> AccountState:
    """The state of an account that never existed. It is neither stored nor counted."""
    return AccountState(owner, 0, IDENTITY_COMMITMENT, ZERO_HASH)


ACCOUNT_STATE = Struct(AccountState, version=Constant(U8, ACCOUNT_VERSION), owner=PUBLIC_KEY, sequence=U64, balance=COMMITMENT, head=HASH)
CLAIMABLE_OUTPUT = Struct(ClaimableOutput, owner=PUBLIC_KEY, commitment=COMMITMENT)
