"""A client with an account of its own that does not keep to the protocol: what all of them need to reach the validators."""

import asyncio
from collections.abc import Mapping, Sequence

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening, commit_public
from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import verify_vote
from mesh_core.protocol.construction import Draft, Payment, draft_send, sign_draft
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.types.account import AccountState
from mesh_core.types.basic import ZERO_HASH, PublicKey, Signature
from mesh_core.types.certificate import Signer
from mesh_core.types.messages import Role, SettlementCertificate, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION
from mesh_core.wallet.ports import Question, Reply
from testnet.attacks.forgeries import encode_certificate
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.link import Link
from testnet.simulation.proofs import prove_any
from testnet.simulation.world import SUPPLY_EACH, World

ANSWER_TIMEOUT_S = 4.0
ATTEMPTS_MOST = 5
MOST_SHARE = 8
"""A payment is at most this part of the balance."""


class Client:
    """`run` is what it does, in a life that never crashes. `state` and `opening` are its account as it last saw it certified."""

    name = ""
    """As the settings and the trace call it."""

    def __init__(self, world: World, keys: WalletKeys, draw: Stream) -> None:
        self.world = world
        self.keys = keys
        self.draw = draw
        self.state = AccountState(keys.owner, 0, commit_public(SUPPLY_EACH), ZERO_HASH)
        self.opening = Opening(SUPPLY_EACH, 0)
        self.links: list[Link] = []

    def start(self) -> None:
        """Begin."""
        life = Life(self.name, 1)
        self.world.loop.enter(life)
        life.spawn(self._begin(life))

    async def run(self) -> None:
        """Misbehave, until there is nothing left to do or the simulation ends."""
        raise NotImplementedError

    async def _begin(self, life: Life) -> None:
        identity = PublicKey(self.draw(32))
        machine = self.world.machine_of(self.name)
        self.links = [Link(self.world.network, life, node.name, Role.WALLET, identity, self.draw.fork(node.name), machine) for node in self.world.validators]
        for link in self.links:
            link.start()
        await self.run()

    def count(self, fault: str) -> None:
        """A fault of this kind is put in now."""
        self.world.fault(fault, self.name)

    def forbid(self, candidate: Identified, why: str) -> None:
        """Tell the ghost that no correct validator may vote for this."""
        self.world.ghost.forbidden[candidate.transition_id] = why

    async def pause(self, least: float, most: float) -> None:
        """Let some time pass."""
        await asyncio.sleep(self.draw.between(least, most))

    # --- Transitions

    def draft_payment(self, payments: Sequence[Payment] = ()) -> Draft:
        """A payment as a wallet drafts it, to anybody unless it is said to whom."""
        chosen = payments or [Payment(self.draw.choice(self.world.wallets).keys.address, self.draw.whole(1, self.opening.value // MOST_SHARE))]
        draft = draft_send(self.keys, self.world.genesis, self.state, self.opening, chosen, self.draw)
        self.world.ghost.on_draft(draft)
        return draft

    def sign(self, draft: Draft, proof: bytes | None = None) -> Identified:
        """Prove, unless a proof is given, and sign."""
        made = prove_any(draft, self.world.proofs, self.draw) if proof is None else proof
        return identify(sign_draft(draft, made, self.keys.signing_key))

    def advance(self, candidate: Identified, opening: Opening) -> None:
        """The account stands behind this transition from now on."""
        self.state = AccountState(self.state.owner, candidate.core.sequence + 1, candidate.core.new_balance, candidate.transition_id)
        self.opening = opening

    # --- Validators

    async def ask(self, validator: int, message: Question) -> Reply | None:
        """One question; None without an answer in time."""
        try:
            return await self.links[validator].request(message, ANSWER_TIMEOUT_S)
        except PeerFault:
            return None

    async def ask_for_vote(self, validator: int, candidate: Identified, votes: dict[PublicKey, Signature]) -> None:
        """Ask for a vote, and put it to the others if it comes and holds."""
        answer = await self.ask(validator, VoteRequest(0, (), TRANSITION.encode(candidate.transition)))
        if isinstance(answer, VoteResponse) and verify_vote(answer.vote, candidate.statement, self.world.genesis.committee):
            votes[answer.vote.validator] = answer.vote.signature

    async def ask_for_votes(self, candidate: Identified, validators: Sequence[int] | None = None) -> dict[PublicKey, Signature]:
        """Ask several at once, all unless told otherwise, and wait for each."""
        votes: dict[PublicKey, Signature] = {}
        await asyncio.gather(*(self.ask_for_vote(index, candidate, votes) for index in (range(len(self.links)) if validators is None else validators)))
        return votes

    async def insist(self, candidate: Identified) -> list[Signer]:
        """Ask again and again until there is a quorum; all votes that came, by index. Too few, if validators do not answer for long."""
        votes: dict[PublicKey, Signature] = {}
        for _ in range(ATTEMPTS_MOST):
            votes.update(await self.ask_for_votes(candidate))
            if len(votes) >= self.world.genesis.committee.quorum_threshold:
                break
            await self.pause(0.5, 2.0)
        return self._signers(votes)

    async def try_forbidden(self, candidate: Identified, why: str) -> None:
        """Ask everybody for a vote that no correct validator may give. Should there be enough of them, use them."""
        self.forbid(candidate, why)
        signers = self._signers(await self.ask_for_votes(candidate))
        if self.is_quorum(signers):
            await self.deliver_to_all(candidate, signers)

    def _signers(self, votes: Mapping[PublicKey, Signature]) -> list[Signer]:
        validators = self.world.genesis.committee.validators
        return sorted((Signer(validators.index(one), signature) for one, signature in votes.items()), key=lambda signer: signer.validator_index)

    def is_quorum(self, signers: Sequence[Signer]) -> bool:
        """Whether so many different votes make a certificate."""
        return len(signers) >= self.world.genesis.committee.quorum_threshold

    async def deliver(self, validator: int, certificate: bytes) -> None:
        """Hand a certificate to one validator; again if nothing comes back."""
        for _ in range(ATTEMPTS_MOST):
            if await self.ask(validator, SettlementCertificate(0, certificate)) is not None:
                return

    async def deliver_to_all(self, candidate: Identified, signers: Sequence[Signer]) -> None:
        """Hand the same certificate to everybody."""
        data = encode_certificate(candidate, signers)
        await asyncio.gather(*(self.deliver(index, data) for index in range(len(self.links))))
