"""A validator that misbehaves: something in front of an honest runner, which it uses as far as it suits it."""

from mesh_core.types.basic import Hash32
from mesh_core.types.messages import Message
from mesh_core.validator.ports import Session
from mesh_core.validator.runner import ValidatorRunner
from testnet.simulation.entropy import Stream


class Behaviour:
    """Honest, until something is overridden. Made anew for each life of its node."""

    name = ""

    def __init__(self, runner: ValidatorRunner, draw: Stream) -> None:
        self.runner = runner
        self.draw = draw

    def on_open(self, session: Session) -> None:
        """Somebody has connected."""
        self.runner.on_open(session)

    def handle(self, session: Session, message: Message) -> None:
        """A request has arrived."""
        self.runner.handle(session, message)

    def on_close(self, session: Session, reason: str) -> None:
        """The connection is over."""
        self.runner.on_close(session, reason)

    def pong(self) -> tuple[int, Hash32, int]:
        """What it says of its state."""
        return self.runner.pong()
