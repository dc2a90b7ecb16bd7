"""INV-6, INV-7, INV-10, INV-11 and INV-15: each validator's ledger, built a second time from its log.

The second building is deliberately simple, and shares no code with the first. It is made anew after each start, so a certificate that a crash has torn apart
shows.
"""

from dataclasses import dataclass, field

from typing_extensions import override

from mesh_core.crypto import domains
from mesh_core.crypto.pedersen import commit_public
from mesh_core.crypto.signatures import verify_signature
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.types.basic import ZERO_HASH, Commitment, Hash32, PublicKey
from mesh_core.types.transition import STATEMENT, Kind, OutputKey
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.validator_node import ValidatorNode
from testnet.simulation.world import World


@dataclass(slots=True)
class _Shadow:
    """What one validator's log amounts to."""

    heads: dict[PublicKey, tuple[int, Hash32, Commitment]] = field(default_factory=dict)
    outputs: dict[OutputKey, tuple[PublicKey, Commitment]] = field(default_factory=dict)
    claimed: dict[OutputKey, Hash32] = field(default_factory=dict)
    length: int = 0
    fees: int = 0


class Chains(Checker):
    """The log explains the ledger, certificate by certificate."""

    name = "INV-6"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._shadows: dict[str, _Shadow] = {}
        self._verified: set[Hash32] = set()

    @override
    def on_start(self, node: ValidatorNode) -> None:
        shadow = self._shadows[node.name] = _Shadow()
        for allocation in self.world.genesis.doc.allocations:
            shadow.heads[allocation.owner] = 0, ZERO_HASH, commit_public(allocation.amount)

    @override
    def on_applied(self, node: ValidatorNode, index: int, checked: CheckedCertificate) -> None:
        shadow = self._shadows[node.name]
        core = checked.core
        sequence, head, _ = shadow.heads.get(core.sender, (0, ZERO_HASH, commit_public(0)))
        if index != shadow.length:
            self.violated(f"{node.name}'s log goes on with index {index} after {shadow.length} certificates")
        if core.sequence != sequence or core.prev != head:
            self.violated(f"{node.name} applied slot {core.sequence} of {core.sender.hex()[:16]} where slot {sequence} was next, or on another head")
        self._check_owner(node, checked)
        self._check_claims(node, shadow, checked)
        shadow.length += 1
        shadow.fees += core.fee
        shadow.heads[core.sender] = core.sequence + 1, checked.transition_id, core.new_balance
        if core.kind is Kind.SEND:
            for number, output in enumerate(core.outputs):
                shadow.outputs[OutputKey(checked.cert_id, number)] = output.owner, output.commitment

    def _check_owner(self, node: ValidatorNode, checked: CheckedCertificate) -> None:
        if checked.transition_id in self._verified:
            return
        candidate = checked.identified
        if not verify_signature(domains.SIG_OWNER, checked.core.sender, STATEMENT.encode(candidate.statement), candidate.transition.owner_signature):
            self.violated(f"{node.name} applied {checked.transition_id.hex()[:16]}, which its owner has not signed", "INV-11")
        self._verified.add(checked.transition_id)

    def _check_claims(self, node: ValidatorNode, shadow: _Shadow, checked: CheckedCertificate) -> None:
        for claim in checked.core.claims:
            taker = shadow.claimed.get(claim.key)
            output = shadow.outputs.pop(claim.key, None)
            if taker is not None:
                self.violated(f"{node.name} let {claim.cert_id.hex()[:16]}.{claim.index} be claimed twice", "INV-7")
            elif output is None:
                self.violated(f"{node.name} let {claim.cert_id.hex()[:16]}.{claim.index} be claimed, which no applied certificate has made", "INV-7")
            elif output != (checked.core.sender, claim.commitment):
                self.violated(f"{node.name} let {claim.cert_id.hex()[:16]}.{claim.index} be claimed by a stranger, or for another amount", "INV-7")
            shadow.claimed[claim.key] = checked.cert_id

    @override
    def on_ledger(self, node: ValidatorNode) -> None:
        """The ledger holds what the log says, and nothing else: not half a certificate (INV-10), and nobody's account moved but the senders' (INV-15)."""
        if node.runner is None:
            return
        ledger, shadow = node.runner.machine.ledger, self._shadows[node.name]
        if (ledger.globals.log_length, ledger.globals.fee_pool) != (shadow.length, shadow.fees):
            self.violated(f"{node.name}'s ledger counts {ledger.globals.log_length} certificates, its log has {shadow.length}", "INV-10")
        for owner in self.world.owners:
            account = ledger.account_or_zero(owner)
            expected = shadow.heads.get(owner, (0, ZERO_HASH, account.balance))
            if (account.sequence, account.head, account.balance) != expected:
                self.violated(f"at {node.name} the account {owner.hex()[:16]} is not what its certificates have made it", "INV-15")
        if ledger.outputs_count != len(shadow.outputs) or any(ledger.output(key) is None for key in shadow.outputs):
            self.violated(f"{node.name} holds {ledger.outputs_count} outputs, its log leaves {len(shadow.outputs)}", "INV-10")
