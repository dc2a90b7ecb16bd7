"""The network that the vectors are about, and ten certificates in it, made with `mesh_core` from fixed labels: every run gives the same bytes.

    faucet 0    pays Bob 7 outputs                bob 1      claims the 500
    faucet 1    pays Bob 7 outputs                bob 2      pays Carol and Alice
    faucet 2    pays Bob 2 outputs, Carol 1       carol 0    claims what the faucet and Bob paid her
    alice 0     pays Bob 500                      alice 1    pays herself, Bob, Carol and Dave
    bob 0       claims 16 outputs of the faucet   carol 1    pays Dave

At the end six outputs wait: two for Alice, two for Dave, who has no account, and one each for Bob and Carol. Every range proof is real.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mesh_core.crypto import domains
from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening, commit_public
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol.construction import Draft, OpenedOutput, Payment, draft_receive, draft_send, prove_draft, sign_draft
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.protocol.identifiers import identify
from mesh_core.types.account import ACCOUNT_STATE, AccountState
from mesh_core.types.basic import ZERO_HASH, Signature
from mesh_core.types.certificate import CERTIFICATE, Certificate, Signer, Vote
from mesh_core.types.genesis import GENESIS_DOC, Allocation, GenesisDoc
from mesh_core.types.transition import STATEMENT, TRANSITION, OutputKey, Transition
from tests.vectors.vector_file import json_of

ASSET_ID = hashlib.sha3_256(b"MESH vectors: an asset").digest()
FEE_BASE = 2
FEE_PER_OUTPUT = 3
ALLOCATIONS = {"Alice": 10_000, "Faucet": 1_000_000}
STREAM_BYTES = 1 << 14


def seed_of(name: str) -> bytes:
    """The seed of a person's wallet, or of a validator's identity. These secrets were made for testing: everybody knows them."""
    return hashlib.sha3_256(f"MESH vectors: {name}".encode()).digest()


def seeded_entropy(rng_seed: str) -> Callable[[int], bytes]:
    """One SHAKE256 stream of "MESH/v1/test-rng" || rng_seed, read from its start: as in range-proofs.json."""
    stream = hashlib.shake_256(b"MESH/v1/test-rng" + rng_seed.encode()).digest(STREAM_BYTES)
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        assert position <= len(stream)
        return stream[position - size : position]

    return read


@cache
def validator_seeds() -> tuple[bytes, ...]:
    """Seeds of the four validators, in committee order."""
    return tuple(sorted((seed_of(f"validator {letter}") for letter in "ABCD"), key=lambda seed: SigningKey(seed).public_key))


@cache
def make_genesis() -> Genesis:
    owned = [Allocation(WalletKeys.from_seed(seed_of(name)).owner, amount) for name, amount in ALLOCATIONS.items()]
    validators = tuple(SigningKey(seed).public_key for seed in validator_seeds())
    return check_genesis(GenesisDoc("MESH vectors", ASSET_ID, FEE_BASE, FEE_PER_OUTPUT, validators, tuple(sorted(owned, key=lambda one: one.owner))))


def genesis_hex() -> str:
    return GENESIS_DOC.encode(make_genesis().doc).hex()


@dataclass
class Person:
    """A wallet: keys, account, the opening of its balance, and the outputs that it can claim, by name of the SEND and index."""

    name: str
    seed: bytes
    state: AccountState
    opening: Opening
    outputs: dict[tuple[str, int], OpenedOutput] = field(default_factory=dict)

    @property
    def keys(self) -> WalletKeys:
        return WalletKeys.from_seed(self.seed)


@dataclass(frozen=True)
class Step:
    """One transition of the story: what its wallet knew, what it made, and the certificate."""

    name: str
    sender: Person
    account: AccountState
    opening: Opening
    request: dict[str, Any]
    draft: Draft
    transition: Transition
    certificate: Certificate


class Story:
    """People and what they do. `steps` are in the order in which they happen."""

    def __init__(self) -> None:
        self.genesis = make_genesis()
        self.people = {name: self._join(name) for name in ("Alice", "Bob", "Carol", "Dave", "Eve", "Faucet")}
        self.steps: dict[str, Step] = {}

    def _join(self, name: str) -> Person:
        keys, amount = WalletKeys.from_seed(seed_of(name)), ALLOCATIONS.get(name, 0)
        return Person(name, seed_of(name), AccountState(keys.owner, 0, commit_public(amount), ZERO_HASH), Opening(amount, 0))

    def pay(self, name: str, sender: str, *payments: tuple[str, int, str]) -> Step:
        """A settled SEND: recipients, amounts, texts."""
        person, entropy = self.people[sender], seeded_entropy(name)
        to = [Payment(self.people[recipient].keys.address, amount, text) for recipient, amount, text in payments]
        draft = draft_send(person.keys, self.genesis, person.state, person.opening, to, entropy)
        request = {"payments": [{"address": str(payment.address), "amount": payment.amount, "text": payment.text} for payment in to], "rng_seed": name}
        step = self._settle(name, person, request, draft, prove_draft(draft, entropy))
        cert_id = identify(step.transition).cert_id
        for index, (recipient, _, _) in enumerate(payments):
            key, commitment = OutputKey(cert_id, index), draft.core.outputs[index].commitment
            self.people[recipient].outputs[name, index] = OpenedOutput(key, commitment, draft.output_openings[index])
        return step

    def claim(self, name: str, receiver: str, *outputs: tuple[str, int]) -> Step:
        """A settled RECEIVE of outputs, by name of the SEND and index."""
        person = self.people[receiver]
        taken = [person.outputs.pop(output) for output in outputs]
        draft = draft_receive(person.keys, self.genesis, person.state, person.opening, taken)
        request = {"outputs": [json_of(one) for one in taken]}
        return self._settle(name, person, request, draft, b"")

    def _settle(self, name: str, person: Person, request: dict[str, Any], draft: Draft, range_proof: bytes) -> Step:
        transition = sign_draft(draft, range_proof, person.keys.signing_key)
        step = Step(name, person, person.state, person.opening, request, draft, transition, certify(transition))
        person.state = AccountState(person.state.owner, person.state.sequence + 1, draft.core.new_balance, identify(transition).transition_id)
        person.opening = draft.new_opening
        self.steps[name] = step
        return step


@cache
def tell() -> Story:
    """The whole story, told once. Its people stand where it leaves them; nobody may move them."""
    story = Story()
    story.pay("faucet 0", "Faucet", *(("Bob", 100 + index, "") for index in range(7)))
    story.pay("faucet 1", "Faucet", *(("Bob", 200 + index, "") for index in range(7)))
    story.pay("faucet 2", "Faucet", ("Bob", 300, "one of three"), ("Bob", 301, "two of three, in a memo of the middle size"), ("Carol", 302, "m" * 215))
    story.pay("alice 0", "Alice", ("Bob", 500, "Lunch 🍜"))
    story.claim("bob 0", "Bob", *(("faucet 0", index) for index in range(7)), *(("faucet 1", index) for index in range(7)), ("faucet 2", 0), ("faucet 2", 1))
    story.claim("bob 1", "Bob", ("alice 0", 0))
    story.pay("bob 2", "Bob", ("Carol", 1_000, "rent"), ("Alice", 1, ""))
    story.claim("carol 0", "Carol", ("faucet 2", 2), ("bob 2", 0))
    story.pay("alice 1", "Alice", ("Alice", 4_000, "to myself"), ("Bob", 3, ""), ("Carol", 4, ""), ("Dave", 5, "welcome"))
    story.pay("carol 1", "Carol", ("Dave", 1_297, "all but the fee"))
    return story


def vote_of(index: int, transition: Transition) -> Vote:
    """The vote of a validator."""
    key, statement = SigningKey(validator_seeds()[index]), identify(transition).statement
    return Vote(statement, key.public_key, key.sign(domains.SIG_VOTE, STATEMENT.encode(statement)))


def certify(transition: Transition, signers: Sequence[int] = (0, 1, 2)) -> Certificate:
    """A certificate with the votes of these validators."""
    return Certificate(transition, tuple(Signer(index, Signature(vote_of(index, transition).signature)) for index in signers))


def transition_hex(transition: Transition) -> str:
    return TRANSITION.encode(transition).hex()


def certificate_hex(certificate: Certificate) -> str:
    return CERTIFICATE.encode(certificate).hex()


def account_hex(account: AccountState) -> str:
    return ACCOUNT_STATE.encode(account).hex()


def people_seeds() -> dict[str, str]:
    """The seeds of all wallets, for the files."""
    return {name: person.seed.hex() for name, person in tell().people.items()}


@cache
def rival() -> Transition:
    """A second transition of Alice for the slot of "alice 0": what an owner must never sign."""
    story, entropy = tell(), seeded_entropy("alice 0, a rival")
    step = story.steps["alice 0"]
    to = [Payment(story.people["Carol"].keys.address, 501, "")]
    draft = draft_send(step.sender.keys, story.genesis, step.account, step.opening, to, entropy)
    return sign_draft(draft, prove_draft(draft, entropy), step.sender.keys.signing_key)
