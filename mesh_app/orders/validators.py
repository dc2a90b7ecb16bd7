"""Orders for the validators' processes."""

from dataclasses import dataclass

from typing_extensions import override

from mesh_app.orders.order import Order
from mesh_app.spans import validator_name


@dataclass(frozen=True, slots=True)
class ValidatorOrder(Order):
    """An order for one validator, by its index in the committee."""

    index: int

    @property
    def name(self) -> str:
        """V1 to Vn."""
        return validator_name(self.index)


class StartValidator(ValidatorOrder):
    """Start one that does not run."""

    @override
    def describe(self) -> str:
        return f"start {self.name}"


class StopValidator(ValidatorOrder):
    """Ask one to stop."""

    @override
    def describe(self) -> str:
        return f"stop {self.name}"


class KillValidator(ValidatorOrder):
    """SIGKILL: what a crash looks like."""

    @override
    def describe(self) -> str:
        return f"kill {self.name}"


class RestartValidator(ValidatorOrder):
    """Stop one, if it runs, and start it."""

    @override
    def describe(self) -> str:
        return f"restart {self.name}"
