"""INV-5: what a validator says is on its disk."""

from typing_extensions import override

from mesh_core.protocol.records import VOTE_LOCK, certificate_key, slot_key, vote_key
from mesh_core.types.basic import Hash32, PublicKey
from mesh_core.types.certificate import Vote
from mesh_core.types.events import CertificateApplied
from mesh_core.types.messages import AckStatus, CertAck
from mesh_core.types.transition import STATEMENT
from testnet.simulation.checkers.checker import Checker
from testnet.simulation.network import Sent, Way
from testnet.simulation.validator_node import ValidatorNode


class DurableBeforeVisible(Checker):
    """Were the power lost this very moment, every vote and every applied certificate that was ever told would be there after the restart."""

    name = "INV-5"

    @override
    def on_sent(self, sent: Sent) -> None:
        if sent.way is not Way.ANSWER or not self.world.is_correct(sent.sender.name):
            return
        node = self.world.validator(sent.sender.name)
        if sent.vote is not None:
            self._check_vote(node, sent.vote)
        elif isinstance(sent.message, CertAck) and sent.message.status in (AckStatus.APPLIED, AckStatus.ALREADY_APPLIED):
            self._check_applied(node, sent.message.cert_id)
        elif isinstance(sent.event, CertificateApplied):
            self._check_applied(node, sent.event.cert_id)

    def _check_vote(self, node: ValidatorNode, vote: Vote) -> None:
        statement = vote.statement
        if not self._is_in_database(node, statement.sender, statement.sequence, statement.transition_id):
            self.violated(f"{node.name} sent a vote for slot {statement.sequence} of {statement.sender.hex()[:16]} that its database has not kept")
        told = STATEMENT.encode(statement)
        if not any(entry.startswith(told) for entry in reversed(node.disk.content.journal or ())):
            self.violated(f"{node.name} sent a vote for slot {statement.sequence} of {statement.sender.hex()[:16]} that its vote journal has not kept")

    @staticmethod
    def _is_in_database(node: ValidatorNode, sender: PublicKey, sequence: int, transition_id: Hash32) -> bool:
        """As a vote, or decided meanwhile by a certificate, whichever."""
        records = node.disk.content.records
        if slot_key(sender, sequence) in records:
            return True
        vote = records.get(vote_key(sender, sequence))
        return vote is not None and VOTE_LOCK.decode(vote).transition_id == transition_id

    def _check_applied(self, node: ValidatorNode, cert_id: Hash32) -> None:
        if certificate_key(cert_id) not in node.disk.content.records:
            self.violated(f"{node.name} told that certificate {cert_id.hex()[:16]} is applied, and its disk has not kept it")
