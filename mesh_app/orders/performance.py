"""Orders for traffic and measurements."""

from dataclasses import dataclass

from typing_extensions import override

from mesh_app.orders.order import Order


@dataclass(frozen=True, slots=True)
class StartTraffic(Order):
    """`rate` payments a second, of `amount_least` to `amount_most` units, by `wallets` wallets of the traffic's own, for `duration_s` seconds or until stopped.

    `arrivals` is "poisson" (as many independent people pay) or "steady". `to` is an address, called `to_name`; empty where the wallets pay each other.
    """

    rate: float = 20.0
    arrivals: str = "poisson"
    amount_least: int = 1
    amount_most: int = 100
    wallets: int = 8
    duration_s: float | None = None
    seed: int = 1
    to: str = ""
    to_name: str = ""

    @override
    def describe(self) -> str:
        how_long = "until it is stopped" if self.duration_s is None else f"for {self.duration_s:g} s"
        to = f" to {self.to_name}" if self.to else ""
        return f"traffic: {self.rate:g} payments a second by {self.wallets} wallets{to}, {how_long}"


@dataclass(frozen=True, slots=True)
class StopTraffic(Order):
    """No more payments; those that are signed go on."""

    @override
    def describe(self) -> str:
        return "stop the traffic"


@dataclass(frozen=True, slots=True)
class StartMeasurement(Order):
    """`payments` of `amount` units, `at_once` at any time, after `warm_up` others; `wallets` of the traffic's own take part."""

    payments: int = 100
    at_once: int = 1
    wallets: int = 2
    warm_up: int = 5
    amount: int = 1

    @override
    def describe(self) -> str:
        return f"measure {self.payments} payments, {self.at_once} at once"


@dataclass(frozen=True, slots=True)
class StopMeasurement(Order):
    """End a measurement before it has all its payments."""

    @override
    def describe(self) -> str:
        return "stop the measurement"


@dataclass(frozen=True, slots=True)
class ExportMeasurement(Order):
    """Write a measurement's record, by its file, as JSON and as a table for whoever wants to take it away."""

    file: str

    @override
    def describe(self) -> str:
        return "export a measurement"
