"""Traffic and measurements."""

from dataclasses import dataclass


@dataclass(slots=True)
class PerformanceView:
    """Traffic and measurements."""
