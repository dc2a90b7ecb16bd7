"""The laboratory: attacks that ran, and the evidence that they left."""

from dataclasses import dataclass


@dataclass(slots=True)
class LaboratoryView:
    """The laboratory: attacks that ran, and the evidence that they left."""
