"""Takes everything in and says nothing."""

from typing_extensions import override

from mesh_core.types.messages import Message
from mesh_core.validator.ports import Session
from testnet.simulation.byzantine.behaviour import Behaviour


class Silent(Behaviour):
    """Connections stay open, and no request is ever answered."""

    name = "silent"

    @override
    def handle(self, session: Session, message: Message) -> None:
        """Nothing."""
