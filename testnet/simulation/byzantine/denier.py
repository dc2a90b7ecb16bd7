"""Votes, and denies it when it is asked again; acknowledges certificates, and never applies them."""

from typing_extensions import override

from mesh_core.errors import ErrorCode
from mesh_core.protocol.certificates import InvalidCertificate, decode_certificate
from mesh_core.types.basic import ZERO_HASH
from mesh_core.types.messages import AckStatus, CertAck, Message, NoDetail, SettlementCertificate, VoteReject, VoteRequest
from mesh_core.validator.ports import Session
from testnet.simulation.byzantine.behaviour import Behaviour

FALSE_CODES = (ErrorCode.STALE_SEQUENCE, ErrorCode.UNKNOWN_ACCOUNT, ErrorCode.RANGE_PROOF, ErrorCode.ALREADY_CLAIMED, ErrorCode.CONFLICTS_WITH_VOTE)


class Denier(Behaviour):
    """Every other answer about a vote is a refusal for a reason that is not true."""

    name = "denier"

    @override
    def handle(self, session: Session, message: Message) -> None:
        if isinstance(message, VoteRequest) and self.draw.chance(0.5):
            session.send(VoteReject(message.request_id, self.draw.choice(FALSE_CODES), ZERO_HASH, self.draw.whole(0, 5), NoDetail(), "not true"))
        elif isinstance(message, SettlementCertificate):
            self._acknowledge(session, message)
        else:
            super().handle(session, message)

    def _acknowledge(self, session: Session, message: SettlementCertificate) -> None:
        try:
            checked = decode_certificate(message.certificate, self.runner.machine.genesis)
        except InvalidCertificate:
            super().handle(session, message)
            return
        session.send(CertAck(message.request_id, checked.cert_id, AckStatus.APPLIED, checked.core.sequence + 1, 0, ()))
