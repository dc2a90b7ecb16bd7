"""Somebody who has everything that happened in another network, or another epoch, with the same validators' and owners' keys, and offers it here."""

from dataclasses import replace

from typing_extensions import override

from mesh_core.crypto import domains
from mesh_core.crypto.pedersen import Opening, commit_public
from mesh_core.errors import MeshError
from mesh_core.protocol.certificates import CheckedCertificate, decode_certificate
from mesh_core.protocol.construction import Payment, draft_send, sign_draft
from mesh_core.protocol.equivocation import build_client_equivocation, build_validator_equivocation
from mesh_core.protocol.genesis import Genesis, check_genesis
from mesh_core.protocol.identifiers import Identified, identify
from mesh_core.types.account import AccountState
from mesh_core.types.certificate import Signer, Vote
from mesh_core.types.evidence import EquivocationProof
from mesh_core.types.messages import Evidence, SettlementCertificate
from mesh_core.types.transition import STATEMENT
from testnet.attacks.forgeries import encode_certificate
from testnet.simulation.byzantine.client import Client
from testnet.simulation.proofs import prove_any
from testnet.simulation.wallet_node import WalletNode
from testnet.simulation.world import SUPPLY_EACH

ROUNDS_MOST = 8
ACCUSED_MOST = 8


class Replayer(Client):
    """What owners and validators signed elsewhere, honestly, is nothing here: no vote, no certificate, and no proof that they signed twice."""

    name = "replayer"

    @override
    async def run(self) -> None:
        doc = self.world.genesis.doc
        elsewhere = check_genesis(replace(doc, name="another network"))
        for _ in range(ROUNDS_MOST):
            await self.pause(0.5, 2.5)
            here = self._something_applied()
            if here is None:
                continue
            wallet, checked = here
            genesis, epoch = (elsewhere, 0) if self.draw.chance(0.7) else (self.world.genesis, 1)
            self.count("replay from another network" if epoch == 0 else "replay from another epoch")
            foreign = self._what_happened_there(wallet, checked, genesis, epoch)
            await self._offer(foreign)
            self._accuse(checked, foreign)

    def _something_applied(self) -> tuple[WalletNode, CheckedCertificate] | None:
        """A certificate of an honest wallet. Certificates are public; where this one was seen does not matter."""
        owners = {wallet.keys.owner: wallet for wallet in self.world.wallets}
        node = self.draw.choice(self.world.correct_validators)
        records = node.disk.content.records
        for key in self.draw.sample(found := sorted(key for key in records if key.startswith("c/")), len(found)):
            try:
                checked = decode_certificate(records[key], self.world.genesis)
            except MeshError:
                continue
            if checked.core.sender in owners:
                return owners[checked.core.sender], checked
        return None

    def _what_happened_there(self, wallet: WalletNode, checked: CheckedCertificate, genesis: Genesis, epoch: int) -> Identified:
        """The owner's payment in the same slot over there."""
        core = checked.core
        state = AccountState(core.sender, core.sequence, commit_public(SUPPLY_EACH), core.prev)
        payments = [Payment(self.keys.address, self.draw.whole(1, SUPPLY_EACH // 2))]
        draft = draft_send(wallet.keys, genesis, state, Opening(SUPPLY_EACH, 0), payments, self.draw)
        draft = replace(draft, core=replace(draft.core, epoch=epoch))
        return identify(sign_draft(draft, prove_any(draft, self.world.proofs, self.draw), wallet.keys.signing_key))

    def _votes_there(self, foreign: Identified) -> list[Signer]:
        body = STATEMENT.encode(foreign.statement)
        return [Signer(node.index, node.identity.sign(domains.SIG_VOTE, body)) for node in self.world.validators]

    async def _offer(self, foreign: Identified) -> None:
        self.forbid(foreign, "another network or epoch")
        await self.ask_for_votes(foreign)
        certificate = encode_certificate(foreign, self._votes_there(foreign))
        for index in range(len(self.links)):
            await self.ask(index, SettlementCertificate(0, certificate))

    def _accuse(self, checked: CheckedCertificate, foreign: Identified) -> None:
        """Two signatures of one key for one slot, one from here and one from there: framing, of the owner and of some of those that voted."""
        statement = checked.identified.statement
        there = foreign.transition_id
        proofs: list[EquivocationProof] = [
            build_client_equivocation(statement, checked.certificate.transition.owner_signature, there, foreign.transition.owner_signature)
        ]
        signatures = {signer.validator_index: signer.signature for signer in self._votes_there(foreign)}
        for signer in checked.certificate.votes[:ACCUSED_MOST]:
            vote = Vote(statement, self.world.genesis.committee.validators[signer.validator_index], signer.signature)
            proofs.append(build_validator_equivocation(vote, there, signatures[signer.validator_index]))
        for proof in proofs:
            for link in self.links:
                link.send(Evidence(proof))
