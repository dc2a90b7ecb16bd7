"""INV-12 and INV-13: nobody correct can be convicted, and whoever is caught is.

Above f faulty validators two certificates of one slot can exist. Then whoever sees both halts, and its report names at least f + 1 validators, all of them
faulty.
"""

from typing_extensions import override

from mesh_core.errors import ErrorCode
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.equivocation import verify_equivocation
from mesh_core.protocol.records import EVIDENCE_PREFIX, HALTED_KEY, evidence_key
from mesh_core.types.basic import Hash32
from mesh_core.types.evidence import ACCOUNTABILITY_REPORT, EQUIVOCATION_PROOF, ClientEquivocation, EquivocationProof
from mesh_core.types.messages import ConflictDetail, Evidence, VoteReject
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.ghost import Slot
from testnet.simulation.network import Sent
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World


class NoFraming(Checker):
    """No proof that holds names a correct validator, or an owner who signed one transition for each slot."""

    name = "INV-12"

    @override
    def on_sent(self, sent: Sent) -> None:
        match sent.message:
            case Evidence(proof):
                self._check(proof, f"{sent.sender.name} tells")
            case VoteReject(detail=ConflictDetail(proof)):
                self._check(proof, f"{sent.sender.name} refuses with")
            case _:
                pass

    @override
    def at_end(self) -> None:
        for node in self.world.validators:
            for key, value in sorted(node.disk.content.records.items()):
                if key.startswith(EVIDENCE_PREFIX):
                    self._check(EQUIVOCATION_PROOF.decode(value), f"{node.name} keeps")

    def _check(self, proof: EquivocationProof, who: str) -> None:
        if not verify_equivocation(proof, self.world.genesis):
            return
        if isinstance(proof, ClientEquivocation):
            if proof.owner in self.world.ghost.honest_owners:
                self.violated(f"{who} a proof against the honest owner {proof.owner.hex()[:16]}")
        elif any(node.identity.public_key == proof.validator for node in self.world.correct_validators):
            self.violated(f"{who} a proof against the correct validator {proof.validator.hex()[:16]}")


class Evident(Checker):
    """A refusal over a conflict carries a proof that holds and is on the disk. Conflicting certificates lead to a halt, and a report that names the guilty."""

    name = "INV-13"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._applied: dict[str, dict[Slot, Hash32]] = {}

    @override
    def on_start(self, node: ValidatorNode) -> None:
        self._applied[node.name] = {}

    @override
    def on_applied(self, node: ValidatorNode, index: int, checked: CheckedCertificate) -> None:
        self._applied[node.name][checked.core.sender, checked.core.sequence] = checked.transition_id

    def _has_conflict(self) -> bool:
        """Whether correct validators have applied different transitions of one slot, and still know it."""
        decided: dict[Slot, Hash32] = {}
        logs = [self._applied.get(node.name, {}) for node in self.world.correct_validators]
        return any(decided.setdefault(slot, transition_id) != transition_id for log in logs for slot, transition_id in log.items())

    @override
    def on_sent(self, sent: Sent) -> None:
        message = sent.message
        if not isinstance(message, VoteReject) or not self.world.is_correct(sent.sender.name):
            return
        if message.code not in (ErrorCode.CONFLICTS_WITH_VOTE, ErrorCode.CONFLICTS_WITH_CERTIFICATE):
            return
        if not isinstance(message.detail, ConflictDetail) or not verify_equivocation(message.detail.proof, self.world.genesis):
            self.violated(f"{sent.sender.name} speaks of a conflict and does not prove it")
        elif evidence_key(message.detail.proof) not in self.world.validator(sent.sender.name).disk.content.records:
            self.violated(f"{sent.sender.name} shows a proof of a conflict that its disk has not kept")

    @override
    def is_satisfied(self) -> bool:
        return not self._has_conflict() or all(node.runner is not None and node.runner.machine.halted for node in self.world.correct_validators)

    @override
    def at_end(self) -> None:
        """Totality brings both certificates to everybody."""
        if not self.is_satisfied():
            self.violated("two certificates of one slot were applied, and somebody correct has not halted")
        for node in self.world.correct_validators:
            data = node.disk.content.records.get(HALTED_KEY)
            if data is not None:
                self._check_report(node, data)

    def _check_report(self, node: ValidatorNode, data: bytes) -> None:
        proofs = ACCOUNTABILITY_REPORT.decode(data).proofs
        named = {proof.validator for proof in proofs if verify_equivocation(proof, self.world.genesis)}
        faulty = {validator.identity.public_key for validator in self.world.validators if validator.is_faulty}
        if len(named) <= self.world.genesis.committee.faults_tolerated or not named <= faulty:
            self.violated(f"{node.name}'s report names {len(named)} validators, {len(named - faulty)} of them correct")
