"""The validators' logs."""

from dataclasses import dataclass


@dataclass(slots=True)
class LogsView:
    """The validators' logs."""
