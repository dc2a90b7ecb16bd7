"""The attacks: key, name, and how each ended last."""

from collections.abc import Sequence

from textual import events
from textual.message import Message
from typing_extensions import override

from mesh_app.actions.action import shown_keys
from mesh_app.actions.laboratory import ATTACK_ACTIONS
from mesh_app.proof_words import run_json
from mesh_app.spans import Line, Span, Tone
from mesh_app.state import State
from mesh_app.state.laboratory import AttackRun, AttackView
from mesh_app.widgets.line_view import clipped, padded, wrapped
from mesh_app.widgets.row_list import RowList

NAME_WIDTH = 28
LINE_WIDTH = 50
OUTCOME_WIDTH = 17
NARROW = 40
"""Below so many cells the glyph of the outcome stands alone; its words are in the pane beside."""


class AttackList(RowList[str]):
    """Attacks by their id, in the order of the catalogue."""

    BORDER_TITLE = "Attacks"

    class Chosen(Message):
        """The person wants to make the attack under the cursor."""

    @override
    def row_keys(self, state: State) -> Sequence[str]:
        return [*state.laboratory.attacks]

    @override
    def row_line(self, state: State, key: str, width: int) -> Line:
        attack = state.laboratory.attacks[key]
        outcome = last_outcome(attack, state.laboratory.run_of(key))
        if width < NARROW:
            return (Span(f"{attack_key(state, key)} ", "amount"), Span(padded(attack.name, width - 4)), Span(f" {outcome[0]}", outcome[2]))
        name_width = max(8, min(NAME_WIDTH, width - 2 - OUTCOME_WIDTH))
        line: list[Span] = [Span(f"{attack_key(state, key)} ", "amount"), Span(padded(attack.name, name_width))]
        room = width - 2 - name_width - OUTCOME_WIDTH
        if room > LINE_WIDTH // 2:
            line.append(Span(f" {padded(attack.line, room - 2)} ", "dim"))
        return (*line, Span(" "), Span(f"{outcome[0]} {clipped(outcome[1], OUTCOME_WIDTH - 3)}", outcome[2]))

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return wrapped("No laboratory here. It belongs to the workstation that runs the network.", width, tone="dim")

    @override
    def on_click(self, event: events.Click) -> None:
        """The mouse chooses an attack; a double click makes it."""
        super().on_click(event)
        if event.chain > 1:
            self.post_message(self.Chosen())

    def copy_text(self) -> tuple[str, str] | None:
        """What `y` copies here: the key of the account that attacked last."""
        run = self._state.laboratory.run_of(self.cursor or "") if self._state is not None else None
        return (f"key of {run.account}", run.owner) if run is not None else None

    def copy_json(self) -> tuple[str, str] | None:
        """What `Y` copies here: the last run of the attack under the cursor."""
        run = self._state.laboratory.run_of(self.cursor or "") if self._state is not None else None
        return (f"attack {run.attack}", run_json(run)) if run is not None else None

    def choose(self, attack: str) -> None:
        """Put the cursor on an attack."""
        self._put(attack)


def attack_key(state: State, attack: str) -> str:
    """The key that makes an attack, as it is printed on a keyboard."""
    action = ATTACK_ACTIONS.get(attack)
    return shown_keys(state.about.keys.get(action.id, action.keys))[0] if action is not None else "·"


def last_outcome(attack: AttackView, run: AttackRun | None) -> tuple[str, str, Tone]:
    """Glyph, word and tone: never the colour alone."""
    if run is None:
        return "·", "not made yet", "dim"
    if run.end is not None:
        return ("✔", attack.kind, "up") if run.end.as_specified else ("✖", "NOT so", "down")
    return ("!", "did not run", "wait") if run.failed else ("◐", "running", "wait")
