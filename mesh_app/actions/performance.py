"""Actions of the performance screen."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("performance", "traffic", "t", "Traffic", "Start traffic as the form says, or stop it"),
    Action("performance", "measure", "m", "Measure", "Measure as many payments as the form says"),
    Action("performance", "form", "f", "Form", "Into the traffic's form; again, into that of the measurement"),
    Action("performance", "export", "e", "Export", "Write the measurement in sight as JSON and CSV into the home"),
    Action("performance", "back", "escape", "Back", "Out of a form; stop a measurement, which is asked first; back", in_bar=False),
    Action("load_form", "submit", "enter", "Start", "Start what this form describes"),
    Action("load_form", "app.focus_next", "tab", "Next field", "Next field"),
)
