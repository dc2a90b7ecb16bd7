"""A client that breaks each of the nine rules in turn, as cleverly as its own key allows. No correct validator may vote for any of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mesh_core.crypto.keys import WalletKeys
from mesh_core.crypto.pedersen import Opening, add_commitments, commit, commit_public
from mesh_core.crypto.ristretto import GROUP_ORDER
from mesh_core.errors import PeerFault
from mesh_core.protocol.certificates import build_certificate, verify_vote
from mesh_core.protocol.construction import Draft, Payment, draft_send, sign_draft
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.types.account import AccountState
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey, Signature
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import Role, SettlementCertificate, VoteRequest, VoteResponse
from mesh_core.types.transition import TRANSITION, Claim, Kind, OutputKey
from testnet.simulation.entropy import Stream
from testnet.simulation.life import Life
from testnet.simulation.link import Link
from testnet.simulation.proofs import prove_any
from testnet.simulation.world import SUPPLY_EACH, World

ANSWER_TIMEOUT_S = 4.0
STOLEN = 1_000
"""What is to be had from nothing."""


class RuleBreaker:
    """One attempt after the other, each to all validators, until all were made or the run ends."""

    def __init__(self, world: World, keys: WalletKeys, draw: Stream) -> None:
        self._world = world
        self._keys = keys
        self._draw = draw
        self._state = AccountState(keys.owner, 0, commit_public(SUPPLY_EACH), ZERO_HASH)
        self._links: list[Link] = []
        self._attempts: dict[str, Callable[[], Identified | None]] = {
            "another network": self._in_another_network,
            "somebody else's key": self._with_a_stolen_name,
            "a later slot": self._ahead,
            "another predecessor": self._on_another_head,
            "somebody else's output": self._claiming_what_is_not_ours,
            "an output that does not exist": self._claiming_nothing,
            "a lower fee": self._with_another_fee,
            "more than there is": self._unbalanced,
            "a negative amount": self._with_a_negative_amount,
            "a proof of another transition": self._with_a_used_proof,
        }

    def start(self, name: str) -> None:
        """Begin, as a node of this name."""
        life = Life(name, 1)
        self._world.loop.enter(life)
        life.spawn(self._run(life))

    async def _run(self, life: Life) -> None:
        identity = PublicKey(self._draw(32))
        self._links = [Link(self._world.network, life, node.name, Role.WALLET, identity, self._draw.fork(node.name)) for node in self._world.validators]
        for link in self._links:
            link.start()
        for name in self._draw.sample(list(self._attempts), len(self._attempts)):
            await asyncio.sleep(self._draw.between(0.2, 1.5))
            candidate = self._attempts[name]()
            if candidate is None:
                continue
            self._world.fault("rule broken", name)
            self._world.ghost.forbidden[candidate.transition_id] = name
            await self._try(candidate)

    async def _try(self, candidate: Identified) -> None:
        """Ask everybody for a vote. Should there be enough of them, use them."""
        votes: dict[PublicKey, Signature] = {}
        await asyncio.gather(*(self._ask(link, candidate, votes) for link in self._links))
        if len(votes) < self._world.genesis.committee.quorum_threshold:
            return
        certificate = CERTIFICATE.encode(build_certificate(candidate.transition, votes, self._world.genesis.committee))
        for link in self._links:
            try:
                await link.request(SettlementCertificate(0, certificate), ANSWER_TIMEOUT_S)
            except PeerFault:
                continue

    async def _ask(self, link: Link, candidate: Identified, votes: dict[PublicKey, Signature]) -> None:
        try:
            answer = await link.request(VoteRequest(0, (), TRANSITION.encode(candidate.transition)), ANSWER_TIMEOUT_S)
        except PeerFault:
            return
        if isinstance(answer, VoteResponse) and verify_vote(answer.vote, candidate.statement, self._world.genesis.committee):
            votes[answer.vote.validator] = answer.vote.signature

    # --- The attempts

    def _draft(self) -> Draft:
        payee = self._draw.choice(self._world.wallets)
        payments = [Payment(payee.keys.address, self._draw.whole(1, STOLEN))]
        draft = draft_send(self._keys, self._world.genesis, self._state, Opening(SUPPLY_EACH, 0), payments, self._draw)
        self._world.ghost.on_draft(draft)
        return draft

    def _signed(self, draft: Draft, proof: bytes | None = None) -> Identified:
        made = prove_any(draft, self._world.proofs, self._draw) if proof is None else proof
        return identify(sign_draft(draft, made, self._keys.signing_key))

    def _in_another_network(self) -> Identified:
        draft = self._draft()
        return self._signed(replace(draft, core=replace(draft.core, network_id=Hash32(self._draw(32)))))

    def _with_a_stolen_name(self) -> Identified:
        draft = self._draft()
        victim = self._draw.choice(self._world.wallets)
        return self._signed(replace(draft, core=replace(draft.core, sender=victim.keys.owner)))

    def _ahead(self) -> Identified:
        draft = self._draft()
        return self._signed(replace(draft, core=replace(draft.core, sequence=draft.core.sequence + 1)))

    def _on_another_head(self) -> Identified:
        draft = self._draft()
        return self._signed(replace(draft, core=replace(draft.core, prev=Hash32(self._draw(32)))))

    def _with_another_fee(self) -> Identified:
        """Balanced all the same."""
        draft = self._draft()
        fee = draft.core.fee + (1 if draft.core.fee == 0 else -1)
        opening = Opening(draft.new_opening.value + draft.core.fee - fee, draft.new_opening.blinding)
        return self._signed(Draft(replace(draft.core, fee=fee, new_balance=commit(opening)), opening, draft.output_openings))

    def _unbalanced(self) -> Identified:
        draft = self._draft()
        opening = Opening(draft.new_opening.value + STOLEN, draft.new_opening.blinding)
        return self._signed(Draft(replace(draft.core, new_balance=commit(opening)), opening, draft.output_openings))

    def _with_a_negative_amount(self) -> Identified:
        """An output below zero, and as much more for ourselves: the commitments add up."""
        draft = self._draft()
        paid, amount = draft.output_openings[0], draft.output_openings[0].value
        negative = Opening(-amount % GROUP_ORDER, paid.blinding)
        ours = Opening(draft.new_opening.value + 2 * amount, draft.new_opening.blinding)
        output = replace(draft.core.outputs[0], commitment=commit(negative))
        return self._signed(Draft(replace(draft.core, outputs=(output,), new_balance=commit(ours)), ours, (negative,)))

    def _with_a_used_proof(self) -> Identified:
        """The same commitments in another transition."""
        draft = self._draft()
        proof = prove_any(draft, self._world.proofs, self._draw)
        memo = self._draw(len(draft.core.self_memo))
        return self._signed(replace(draft, core=replace(draft.core, self_memo=memo)), proof)

    def _claiming_what_is_not_ours(self) -> Identified | None:
        """An output that waits for somebody else: its commitment is public, and the sum of commitments needs no opening."""
        for node in self._world.correct_validators:
            if node.runner is None:
                continue
            ledger = node.runner.machine.ledger
            for wallet in self._world.wallets:
                for key in ledger.outputs_of(wallet.keys.owner):
                    output = ledger.output(key)
                    if output is not None:
                        return self._claim(Claim(key.cert_id, key.index, output.commitment))
        return None

    def _claiming_nothing(self) -> Identified:
        key = OutputKey(Hash32(self._draw(32)), 0)
        return self._claim(Claim(key.cert_id, key.index, commit(Opening(STOLEN, 7))))

    def _claim(self, claim: Claim) -> Identified:
        draft = self._draft()
        core = replace(draft.core, kind=Kind.RECEIVE, fee=0, outputs=(), claims=(claim,), new_balance=add_commitments((self._state.balance, claim.commitment)))
        return self._signed(Draft(core, Opening(0, 0), ()), b"")
