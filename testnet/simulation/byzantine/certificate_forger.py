"""Serves certificates that it has made up from its own vote, and votes like anybody else."""

from dataclasses import replace

from typing_extensions import override

from mesh_core.errors import DecodeError
from mesh_core.protocol.identifiers import identify
from mesh_core.types.certificate import CERTIFICATE
from mesh_core.types.messages import Message, SyncItem, SyncResponse
from mesh_core.validator.ports import Session
from mesh_core.validator.runner import ValidatorRunner
from testnet.attacks.forgeries import forge_certificates
from testnet.simulation.byzantine.behaviour import Behaviour
from testnet.simulation.byzantine.filtering import Filtered
from testnet.simulation.entropy import Stream


class CertificateForger(Behaviour):
    """What it is asked for it really has; what it gives has one vote, repeated, or beside votes that are none."""

    name = "certificate-forger"

    def __init__(self, runner: ValidatorRunner, draw: Stream) -> None:
        super().__init__(runner, draw)
        self._sessions: dict[Session, Filtered] = {}

    @override
    def on_open(self, session: Session) -> None:
        filtered = self._sessions[session] = Filtered(session, self._forge)
        super().on_open(filtered)

    @override
    def handle(self, session: Session, message: Message) -> None:
        super().handle(self._sessions[session], message)

    @override
    def on_close(self, session: Session, reason: str) -> None:
        super().on_close(self._sessions.pop(session), reason)

    def _forge(self, message: Message) -> Message:
        if not isinstance(message, SyncResponse) or self.draw.chance(0.3):
            return message
        return replace(message, items=tuple(SyncItem(item.index, self._forged(item.certificate)) for item in message.items))

    def _forged(self, data: bytes) -> bytes:
        try:
            certificate = CERTIFICATE.decode(data)
        except DecodeError:
            return data
        candidate, signer = identify(certificate.transition), self.draw.choice(certificate.votes)
        return self.draw.choice(forge_certificates(candidate, signer, self.runner.machine.genesis.committee.quorum_threshold, self.draw))
