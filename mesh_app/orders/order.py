"""What a person can ask of the workbench: the base of all orders."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """Something that is to be done. A value: who gave it, and by which key, does not matter. Fields that are secret have `repr=False`."""

    def describe(self) -> str:
        """What is ordered, for the event stream: "kill V3". Never holds a secret."""
        raise NotImplementedError

    def command_line(self) -> str:
        """The command that does the same without a screen; empty where there is none."""
        return ""
