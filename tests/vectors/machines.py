"""Validator machines of the vectors' network, over stores in memory."""

from mesh_core.crypto.signatures import SigningKey
from tests.cluster import MemoryStore, Validator, start_validator
from tests.vectors.story import make_genesis, validator_seeds

BYSTANDER = 3
"""The validator whose vote is in none of the story's certificates: one that met its own signature and did not remember it would not vote any more."""


def new_validator() -> Validator:
    """The bystander, which has seen the genesis and nothing else. Range proofs are checked for real."""
    return start_validator(make_genesis(), SigningKey(validator_seeds()[BYSTANDER]), MemoryStore())
