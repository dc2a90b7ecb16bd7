"""A session that changes, or swallows, what a runner answers."""

from collections.abc import Callable

from mesh_core.errors import WireErrorCode
from mesh_core.types.messages import Message
from mesh_core.validator.ports import Session


class Filtered:
    """`change` sees every answer; None keeps it back."""

    def __init__(self, session: Session, change: Callable[[Message], Message | None]) -> None:
        self._session = session
        self._change = change

    @property
    def source(self) -> str:
        """As the session has it."""
        return self._session.source

    @property
    def queued_bytes(self) -> int:
        """As the session has it."""
        return self._session.queued_bytes

    def send(self, message: Message) -> None:
        """Send what is left of it."""
        changed = self._change(message)
        if changed is not None:
            self._session.send(changed)

    def close(self, code: WireErrorCode, text: str) -> None:
        """Close the session."""
        self._session.close(code, text)
