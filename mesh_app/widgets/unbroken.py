"""Goes on after a bug: an exception in a handler ends that handler, and nothing else.

Textual ends the loop of a widget whose handler raised, and with it the application. Here the application is told, logs it and says so on the screen
(`MeshApp._handle_exception`), and the widget takes its next message. `_dispatch_message` is Textual's own; a test pins what is assumed of it.
"""

from textual.message import Message
from textual.message_pump import MessagePump
from typing_extensions import override


class Unbroken(MessagePump):
    """Stands in front of Textual's class in the list of bases: `class LineView(Unbroken, Widget)`."""

    @override
    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - whatever the bug is: payments and validators go on behind this screen
            self.app._handle_exception(error)  # noqa: SLF001 - the one door for exceptions that Textual has
