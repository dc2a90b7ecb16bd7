"""A network with a past that the tests of the rules share, made once: nothing in it changes, each test works on copies.

    faucet    pays Dave 17 outputs in three payments (7, 7 and 3)
    alice 0   pays Bob 500 and 300, and Carol 200
    bob 0     claims the 500: his account exists through this claim alone

Bob's 300 and Carol's 200 wait to be claimed. Carol, Dave and Eve have no account.
"""

from dataclasses import dataclass, field

from mesh_core.protocol.construction import Payment, draft_receive, draft_send, sign_draft
from mesh_core.types.certificate import Certificate
from mesh_core.types.messages import AckStatus, VoteReject, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, Claim, Transition
from tests.cluster import Account, Cluster, Validator, any_proof_holds, certify_by_hand, make_genesis, sign_core

FEE_BASE = 1
FEE_PER_OUTPUT = 2


@dataclass(frozen=True)
class Attempt:
    """A transition, or bytes in its place, and what the validator has seen before: transitions that it voted for, then certificates that it applied."""

    transition: Transition | bytes
    voted: tuple[Transition, ...] = ()
    certified: tuple[Certificate, ...] = ()

    @property
    def data(self) -> bytes:
        """What stands in the request."""
        return self.transition if isinstance(self.transition, bytes) else TRANSITION.encode(self.transition)

    def prepare(self, validator: Validator) -> None:
        """Show the validator what comes before."""
        for transition in self.voted:
            assert isinstance(validator.vote(transition), VoteResponse)
        for certificate in self.certified:
            assert validator.settle(certificate).status is AckStatus.APPLIED

    def make(self, validator: Validator) -> VoteResponse | VoteReject:
        """Ask for the vote."""
        answer = validator.ask(VoteRequest(7, (), self.data))
        assert isinstance(answer, VoteResponse | VoteReject)
        return answer


@dataclass
class World:
    """The past, the people as they stand after it, and transitions that continue it. `send` and `rival` have real proofs."""

    cluster: Cluster = field(default_factory=lambda: Cluster(make_genesis(fee_base=FEE_BASE, fee_per_output=FEE_PER_OUTPUT), entropy_seed="world"))

    def __post_init__(self) -> None:
        cluster = self.cluster
        self.genesis = cluster.genesis
        self.alice, self.bob, self.carol, self.dave, self.eve, self.faucet = (
            cluster.account(name) for name in ("alice", "bob", "carol", "dave", "eve", "faucet")
        )
        self.gifts = tuple(cluster.pay_unproven(self.faucet, *[(self.dave, 10 + count)] * count) for count in (7, 7, 3))
        self.payout = cluster.pay_unproven(self.alice, (self.bob, 500), (self.bob, 300), (self.carol, 200))
        self.first_claim = certify_by_hand(self.claim(self.bob, (self.payout, 0)))
        self.past = (*self.gifts, self.payout, self.first_claim)
        self._base = cluster.validators[0]
        for certificate in self.past:
            self._base.settle(certificate)
        for account in (self.alice, self.bob, self.faucet):
            account.state = self._base.machine.ledger.account_or_zero(account.keys.owner)
        self.bob.opening = cluster.open_outputs(self.bob, self.payout)[0].opening
        self.send, self.send_opening = cluster.build_send(self.alice, (self.bob, 100))
        self.rival, _ = cluster.build_send(self.alice, (self.carol, 101))
        self.receive = self.claim(self.carol, (self.payout, 2))

    def validator(self, *, real_proofs: bool = True) -> Validator:
        """A validator with this past, for one test."""
        validator = self._base.copy()
        if not real_proofs:
            validator.check_proof = any_proof_holds
        return validator

    def claim(self, receiver: Account, *taken: tuple[Certificate, int]) -> Transition:
        """A signed RECEIVE of these outputs, certificate and index each."""
        found = [next(output for output in self.cluster.open_outputs(receiver, certificate) if output.key.index == index) for certificate, index in taken]
        draft = draft_receive(receiver.keys, self.genesis, receiver.state, receiver.opening, found)
        return sign_draft(draft, b"", receiver.keys.signing_key)

    def claims_of(self, receiver: Account, certificate: Certificate) -> list[Claim]:
        """Claims of all of a certificate's outputs for the receiver."""
        return [Claim(output.key.cert_id, output.key.index, output.commitment) for output in self.cluster.open_outputs(receiver, certificate)]

    def pay(self, sender: Account, *payments: tuple[Account, int], text: str = "") -> Transition:
        """A SEND that balances, signed, with bytes of a proof's size for a proof."""
        to = [Payment(receiver.keys.address, amount, text) for receiver, amount in payments]
        draft = draft_send(sender.keys, self.genesis, sender.state, sender.opening, to, self.cluster.entropy)
        return sign_core(draft.core, sender.keys)
