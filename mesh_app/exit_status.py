"""Exit statuses of `mesh-app`."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a shell is told."""

    GOOD = 0
    FAILED = 1
    USAGE = 2
    NO_VALIDATOR = 3
    """A validator could not be started."""
