"""What is asked before an order that cannot be undone, or that stops everybody's payments. Nothing else is asked."""

from dataclasses import dataclass

from mesh_app.orders.order import Order
from mesh_app.orders.performance import StartMeasurement, StartTraffic, StopMeasurement, StopTraffic
from mesh_app.orders.validators import (
    HealLine,
    KillValidator,
    LiftQuarantine,
    PauseValidator,
    ResumeValidator,
    StartValidator,
    StopValidator,
    WipeValidator,
)
from mesh_app.state import FLAG_QUARANTINE, State


@dataclass(frozen=True, slots=True)
class Question:
    """`text` is asked, `yes` is the word on the button. `typed` must be typed letter by letter where it is not empty: for what destroys data."""

    text: str
    yes: str
    typed: str = ""


def question_before(state: State, order: Order) -> Question | None:
    """The question that must be answered with yes before the order is given; None where it can be given at once."""
    match order:
        case KillValidator() | StopValidator() | PauseValidator() if state.validators[order.index].is_up and state.validators_up == state.quorum:
            word = order.VERB.capitalize()
            return Question(f"{word} {order.name}? The quorum is lost then: payments wait until it is back.", word)
        case WipeValidator():
            text = (
                f"Wipe the data of {order.name}: its database and its vote journal, everything that it has signed and knows? Its key stays. "
                "It comes back in quarantine, catches up from the others, and does not vote until you lift that."
            )
            return Question(text, "Wipe", typed=order.name)
        case LiftQuarantine():
            faulty = state.network.committee.faults_tolerated if state.network is not None else 0
            text = (
                f"Let {order.name} vote again? If it has forgotten a vote and signs something else, it has signed twice and is one of the faulty validators, "
                f"of which this network survives {faulty}. Only if it has caught up, and no other machine, copy or backup will ever vote with its key.\n\n"
                f"Type: {order.sentence}"
            )
            return Question(text, "Lift", typed=order.sentence)
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
        case PauseValidator() if state.validators[order.index].state != "up":
            return f"{order.name} is not up: there is nothing to pause"
        case ResumeValidator() if state.validators[order.index].state != "paused":
            return f"{order.name} is not paused"
        case WipeValidator() if state.validators[order.index].is_running or state.validators[order.index].state == "restarting":
            return f"{order.name} runs: its data can be wiped only when it is stopped (x)"
        case LiftQuarantine() if not state.validators[order.index].flags & FLAG_QUARANTINE:
            return f"{order.name} is in no quarantine: there is nothing to lift"
        case HealLine() if state.operation.condition(order.one, order.other) is None:
            return f"{order.between} is direct: there is nothing to heal"
        case StartTraffic() | StartMeasurement() if state.performance.running is not None:
            what = "traffic" if state.performance.traffic is not None else "a measurement"
            return f"{what} runs already: stop it first, one would spoil the times of the other"
        case StopTraffic() if state.performance.traffic is None:
            return "no traffic runs"
        case StopMeasurement() if state.performance.running is None:
            return "no measurement runs"
        case _:
            return None
