"""What a reducer gives back besides the changed state: lines for the event stream."""

from collections.abc import Callable
from dataclasses import dataclass

from mesh_app.event_fields import Fields
from mesh_app.spans import Tone, validator_name, validator_tone
from mesh_app.state import State


@dataclass(frozen=True, slots=True)
class Note:
    """One line for the event stream: who says it, what kind of thing it is, and the words. Control characters are made harmless later, for all lines alike."""

    source: str
    kind: str
    text: str
    tone: Tone = "text"
    source_tone: Tone = "label"
    payment: int | None = None


Notes = tuple[Note, ...]
Reducer = Callable[[State, Fields, int], Notes]
"""`reducer(state, fields, t_ns)`: reads every field before it changes anything. Raises MalformedEventError."""


def validator_note(index: int, kind: str, text: str, *, tone: Tone = "text", payment: int | None = None) -> Note:
    """A line that a validator, or its supervisor, says."""
    return Note(validator_name(index), kind, text, tone, validator_tone(index), payment)


def who(state: State, owner: str) -> str:
    """A wallet's name where the key is one of ours, else the beginning of the key."""
    return state.owner_name(owner) or owner[:8] + "…"
