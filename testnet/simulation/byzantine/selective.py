"""Is an honest validator for some, and not there for others."""

from typing_extensions import override

from mesh_core.types.messages import Message
from mesh_core.validator.ports import Session
from mesh_core.validator.runner import ValidatorRunner
from testnet.simulation.byzantine.behaviour import Behaviour
from testnet.simulation.entropy import Stream


class Selective(Behaviour):
    """Votes for some owners' wallets only, takes certificates and gives them to some of its peers only, and promises everybody all it has."""

    name = "selective"

    def __init__(self, runner: ValidatorRunner, draw: Stream) -> None:
        super().__init__(runner, draw)
        self._served: dict[str, bool] = {}

    @override
    def handle(self, session: Session, message: Message) -> None:
        if self._is_served(session.source):
            super().handle(session, message)

    def _is_served(self, source: str) -> bool:
        """The same answer for a node as long as this validator lives."""
        if source not in self._served:
            self._served[source] = self.draw.chance(0.5)
        return self._served[source]
