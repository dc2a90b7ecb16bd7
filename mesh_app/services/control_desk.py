"""Orders for validators of a network that another program runs, given through that program's control socket (`testnet/control_orders.py`)."""

from typing import Any

from mesh_app.orders.order import Order
from mesh_app.orders.validators import (
    CutLine,
    HealAllLines,
    HealLine,
    KillValidator,
    LiftQuarantine,
    LoseOnLine,
    MarkLog,
    PauseValidator,
    RestartAll,
    RestartValidator,
    ResumeValidator,
    SlowLine,
    StartValidator,
    StopValidator,
    WatchValidators,
    WipeValidator,
)


def control_order(order: Order) -> tuple[str, dict[str, Any]] | None:
    """The socket's order and its fields; None for an order that the socket does not take."""
    match order:
        case StartValidator() | StopValidator() | KillValidator() | RestartValidator() | PauseValidator() | ResumeValidator():
            return order.VERB, {"validator": order.name}
        case RestartAll():
            return "restart-all", {}
        case WipeValidator():
            return "wipe", {"validator": order.name, "confirm": order.name}
        case LiftQuarantine():
            return "lift", {"validator": order.name, "confirm": order.sentence}
        case CutLine():
            return "cut", {"line": order.line.split()}
        case SlowLine():
            return "slow", {"line": order.line.split(), "ms": order.delay_ms}
        case LoseOnLine():
            return "lose", {"line": order.line.split(), "percent": order.percent}
        case HealLine():
            return "heal", {"line": order.line.split()}
        case HealAllLines():
            return "heal", {}
        case MarkLog():
            return "mark", {"validator": order.name}
        case WatchValidators():
            return "watch", {"on": order.is_watched}
        case _:
            return None
