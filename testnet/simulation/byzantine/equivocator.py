"""A client that signs two transitions for one slot and splits the validators between them."""

import asyncio

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening, commit_public
from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import build_certificate, verify_vote
from mesh_core.protocol.construction import Payment, draft_send, sign_draft
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.types.account import AccountState
from mesh_core.types.basic import ZERO_HASH, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import Role, SettlementCertificate, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.link import Link
from testnet.simulation.proofs import prove_any
from testnet.simulation.world import SUPPLY_EACH, World

ROUNDS_MOST = 4
ANSWER_TIMEOUT_S = 4.0
SPLITS = (1, 2, 3)
"""How many of four are asked for the first transition first."""
DELAYS_S = (0.0, 0.02, 2.0)


class Equivocator:
    """Double spends as long as its account moves on. Validators that are with it vote for both; the others are asked all the same."""

    def __init__(self, world: World, keys: WalletKeys, draw: Stream) -> None:
        self._world = world
        self._keys = keys
        self._draw = draw
        self._state = AccountState(keys.owner, 0, commit_public(SUPPLY_EACH), ZERO_HASH)
        self._opening = Opening(SUPPLY_EACH, 0)
        self._links: list[Link] = []

    def start(self, name: str) -> None:
        """Begin, as a node of this name."""
        life = Life(name, 1)
        self._world.loop.enter(life)
        life.spawn(self._run(life))

    async def _run(self, life: Life) -> None:
        names = [node.name for node in self._world.validators]
        identity = PublicKey(self._draw(32))
        self._links = [Link(self._world.network, life, name, Role.WALLET, identity, self._draw.fork(name)) for name in names]
        for link in self._links:
            link.start()
        for _ in range(ROUNDS_MOST):
            await asyncio.sleep(self._draw.between(0.5, 3.0))
            if not await self._spend_twice():
                return

    async def _spend_twice(self) -> bool:
        """One slot, two transitions. Whether one of them was certified, so that the account goes on."""
        rivals = [self._sign(), self._sign()]
        self._world.fault("client-equivocation", "equivocator")
        votes: list[dict[PublicKey, Signature]] = [{}, {}]
        await asyncio.gather(*(self._ask(validator, rivals[which][0], votes[which], delay) for validator, which, delay in self._questions()))
        certified = False
        for (candidate, opening), gathered in zip(rivals, votes, strict=True):
            if len(gathered) < self._world.genesis.committee.quorum_threshold:
                continue
            certificate = CERTIFICATE.encode(build_certificate(candidate.transition, gathered, self._world.genesis.committee))
            await self._deliver(certificate)
            self._state = AccountState(self._state.owner, candidate.core.sequence + 1, candidate.core.new_balance, candidate.transition_id)
            self._opening = opening
            certified = True
        return certified

    def _sign(self) -> tuple[Identified, Opening]:
        payee = self._draw.choice(self._world.wallets)
        payments = [Payment(payee.keys.address, self._draw.whole(1, self._opening.value // 8))]
        draft = draft_send(self._keys, self._world.genesis, self._state, self._opening, payments, self._draw)
        self._world.ghost.on_draft(draft)
        proof = prove_any(draft, self._world.proofs, self._draw)
        return identify(sign_draft(draft, proof, self._keys.signing_key)), draft.new_opening

    def _questions(self) -> list[tuple[int, int, float]]:
        """Which validator is asked for which of the two, and when: first some for the one and the others for the other, then each for what it was not asked."""
        first = self._draw.choice(SPLITS)
        order = self._draw.sample(range(len(self._links)), len(self._links))
        split = [(validator, 0 if position < first else 1) for position, validator in enumerate(order)]
        again = self._draw.choice(DELAYS_S)
        return [(validator, which, 0.0) for validator, which in split] + [(validator, 1 - which, self._draw.between(0.0, again)) for validator, which in split]

    async def _ask(self, validator: int, candidate: Identified, votes: dict[PublicKey, Signature], delay: float) -> None:
        await asyncio.sleep(delay)
        try:
            answer = await self._links[validator].request(VoteRequest(0, (), TRANSITION.encode(candidate.transition)), ANSWER_TIMEOUT_S)
        except PeerFault:
            return
        if isinstance(answer, VoteResponse) and verify_vote(answer.vote, candidate.statement, self._world.genesis.committee):
            votes[answer.vote.validator] = answer.vote.signature

    async def _deliver(self, certificate: bytes) -> None:
        """To one validator only: the others must learn of it from that one."""
        validator = self._draw.choice([node.index for node in self._world.correct_validators])
        for _ in range(ROUNDS_MOST):
            try:
                await self._links[validator].request(SettlementCertificate(0, certificate), ANSWER_TIMEOUT_S)
            except PeerFault:
                continue
            return
