"""What screens ask of the application. They never call the workbench themselves: a screen says what the person wants, the application has it done."""

from enum import Enum

from textual.message import Message

from mesh_app.draft import Order


class ValidatorCommand(Enum):
    """What can be done to a validator's process; the value is the word for it."""

    START = "start"
    STOP = "stop"
    KILL = "kill"
    RESTART = "restart"


class PaymentRequested(Message):
    """The person pressed Pay and the form had no problem."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order


class ValidatorCommandRequested(Message):
    """The person wants something done to a validator."""

    def __init__(self, index: int, command: ValidatorCommand) -> None:
        super().__init__()
        self.index = index
        self.command = command


class WalletRequested(Message):
    """The person wants a new wallet."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class StateWanted(Message):
    """A screen came back into sight, and what it shows is out of date."""
