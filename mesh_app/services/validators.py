"""Orders for the validators' processes, given to the supervisor. What comes of them arrives as `validator_state` events, a failure as a `fault`."""

from collections.abc import Mapping

from mesh_app.orders.order import Order
from mesh_app.orders.validators import KillValidator, RestartValidator, StartValidator, StopValidator
from mesh_app.services.context import Handler, Revealer, WorkContext


class ValidatorDesk:
    """The validators of this home."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {StartValidator: self.start, StopValidator: self.stop, KillValidator: self.kill, RestartValidator: self.restart}

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """No secrets."""
        return {}

    async def close(self) -> None:
        """Nothing of its own runs: the workbench stops the supervisor."""

    async def start(self, order: StartValidator) -> None:
        """Order the start of a validator."""
        self._context.in_background(self._context.supervisor.start(order.index))

    async def stop(self, order: StopValidator) -> None:
        """Order a validator to stop in good order."""
        self._context.in_background(self._context.supervisor.stop(order.index))

    async def kill(self, order: KillValidator) -> None:
        """Kill a validator with SIGKILL."""
        self._context.in_background(self._context.supervisor.kill(order.index))

    async def restart(self, order: RestartValidator) -> None:
        """Order a validator to stop and start again."""
        self._context.in_background(self._context.supervisor.restart(order.index))
