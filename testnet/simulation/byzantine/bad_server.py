"""Answers questions for certificates with garbage, with nothing, or without end."""

from typing_extensions import override

from mesh_core.types.messages import Message, SyncItem, SyncRequest, SyncResponse
from mesh_core.validator.ports import Session
from testnet.simulation.byzantine.behaviour import Behaviour

LENGTH_MOST = 2**32


class BadServer(Behaviour):
    """Certificates that are none, holes, cursors that lead nowhere, and always more to come."""

    name = "bad-server"

    @override
    def handle(self, session: Session, message: Message) -> None:
        if not isinstance(message, SyncRequest):
            super().handle(session, message)
            return
        kind = self.draw.whole(0, 4)
        number = message.request_id
        match kind:
            case 0:
                session.send(SyncResponse(number, self.draw.whole(0, LENGTH_MOST), self.draw.whole(0, LENGTH_MOST), (), True))
            case 1:
                items = tuple(SyncItem(index, self.draw(self.draw.whole(0, 900))) for index in range(self.draw.whole(1, 8)))
                session.send(SyncResponse(number, LENGTH_MOST, len(items), items, True))
            case 2:
                session.send(SyncResponse(number, 0, 0, (), False))
            case 3:
                return
            case _:
                super().handle(session, message)
