"""What a person can ask of the workbench: the base of all orders."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """Something that is to be done. A value: who gave it, and by which key, does not matter. Fields that are secret have `repr=False`."""

    @property
    def is_told(self) -> bool:
        """Whether the event stream is told that it was given: what only looks, and is asked for by moving a cursor, would flood it."""
        return True

    def describe(self) -> str:
        """What is ordered, for the event stream: "kill V3". Never holds a secret."""
        raise NotImplementedError

    def command_line(self) -> str:
        """The command that does the same without a screen; empty where there is none."""
        return ""
