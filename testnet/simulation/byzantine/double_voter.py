"""Votes at once for whatever it is asked to vote for, as often as it is asked."""

from typing_extensions import override

from mesh_core.errors import Rejected
from mesh_core.protocol.validation import validate_format
from mesh_core.types.messages import Message, VoteRequest, VoteResponse
from mesh_core.validator.ports import Session
from testnet.attacks.forgeries import vote_regardless
from testnet.simulation.byzantine.behaviour import Behaviour


class DoubleVoter(Behaviour):
    """Keeps no votes and checks nothing but that there is something to sign."""

    name = "double-voter"

    @override
    def handle(self, session: Session, message: Message) -> None:
        if not isinstance(message, VoteRequest):
            super().handle(session, message)
            return
        machine = self.runner.machine
        try:
            candidate = validate_format(message.transition, machine.genesis)
        except Rejected:
            super().handle(session, message)
            return
        session.send(VoteResponse(message.request_id, vote_regardless(machine.identity, candidate)))
