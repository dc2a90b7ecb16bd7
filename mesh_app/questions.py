"""What is asked before an order that cannot be undone, or that stops everybody's payments. Nothing else is asked."""

from dataclasses import dataclass

from mesh_app.orders.order import Order
from mesh_app.orders.performance import StartMeasurement, StartTraffic, StopMeasurement, StopTraffic
from mesh_app.orders.validators import KillValidator, StartValidator, StopValidator
from mesh_app.state import State


@dataclass(frozen=True, slots=True)
class Question:
    """`text` is asked, `yes` is the word on the button. `typed` must be typed letter by letter where it is not empty: for what destroys data."""

    text: str
    yes: str
    typed: str = ""


def question_before(state: State, order: Order) -> Question | None:
    """The question that must be answered with yes before the order is given; None where it can be given at once."""
    match order:
        case KillValidator() | StopValidator() if state.validators[order.index].is_up and state.validators_up == state.quorum:
            word = "Kill" if isinstance(order, KillValidator) else "Stop"
            return Question(f"{word} {order.name}? The quorum is lost then: payments wait until it is back.", word)
        case StopMeasurement():
            return Question("Stop the measurement? What it has measured by now is kept.", "Stop")
        case _:
            return None


def why_not(state: State, order: Order) -> str | None:
    """Why an order makes no sense as things are, in words; None where it does."""
    match order:
        case StartValidator() if state.validators[order.index].is_running:
            return f"{order.name} runs already"
        case StopValidator() | KillValidator() if not state.validators[order.index].is_running:
            return f"{order.name} does not run"
        case StartTraffic() | StartMeasurement() if state.performance.running is not None:
            what = "traffic" if state.performance.traffic is not None else "a measurement"
            return f"{what} runs already: stop it first, one would spoil the times of the other"
        case StopTraffic() if state.performance.traffic is None:
            return "no traffic runs"
        case StopMeasurement() if state.performance.running is None:
            return "no measurement runs"
        case _:
            return None
