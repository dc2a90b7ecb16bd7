"""Orders for traffic and measurements. What they measure arrives as traffic_* and measure_* events."""

from collections.abc import Mapping

from mesh_app.orders.order import Order
from mesh_app.services.context import Handler, Revealer, WorkContext


class PerformanceDesk:
    """Its process is started when it is first needed."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context

    def handlers(self) -> Mapping[type[Order], Handler]:
        """Which orders it takes."""
        return {}

    def revealers(self) -> Mapping[type[Order], Revealer]:
        """No secrets."""
        return {}

    async def close(self) -> None:
        """Ends its process."""
