"""Events in, state out: `apply(state, event)` is the only way in which what the screens show ever changes.

An event is one JSON object, as `mesh_core.validator.lines`, `mesh_core.wallet.events` and the supervisor write them. No event can raise, and no broken one
changes anything but the count of unreadable lines and the event stream, where it is shown as what it is.
"""

from collections.abc import Mapping
from typing import Any, Final

from mesh_app.event_fields import Fields, MalformedEventError, StaleEventError
from mesh_app.format import short
from mesh_app.reducers import attacks, ledger, logs, network, operation, payments, performance, show, validators, wallets
from mesh_app.reducers.note import Note, Reducer, validator_note
from mesh_app.state import Entry, State
from mesh_core.types.visible_text import visible_text

__all__ = ["State", "apply", "remark"]

REDUCERS: Final[Mapping[str, Reducer]] = {
    **network.REDUCERS,
    **validators.REDUCERS,
    **wallets.REDUCERS,
    **payments.REDUCERS,
    **attacks.REDUCERS,
    **ledger.REDUCERS,
    **performance.REDUCERS,
    **logs.REDUCERS,
    **operation.REDUCERS,
    **show.REDUCERS,
}


def apply(state: State, event: object) -> None:
    """Brings one event into the state, in place."""
    state.events_count += 1
    if not isinstance(event, Mapping):
        return _unreadable(state, {}, f"no object: {short(str(event)[:80], 60)}")
    name = event.get("event")
    reducer = REDUCERS.get(name) if isinstance(name, str) else None
    if reducer is None:
        return _unreadable(state, event, f"unknown event {short(str(name)[:80], 40)}" if name is not None else f"no event: {short(str(dict(event))[:80], 60)}")
    fields = Fields(event)
    try:
        t_ns = fields.integer("t_ns", default=state.now_ns)
        notes = reducer(state, fields, t_ns)
    except MalformedEventError as error:
        return _unreadable(state, event, f"malformed {name}: {error}")
    except StaleEventError:
        return None
    for note in notes:
        _enter(state, t_ns, note)
    return None


def remark(state: State, text: str) -> None:
    """A line of the workstation's own in the event stream: what the person did, or what went wrong in here."""
    _enter(state, state.now_ns, Note("mesh", "note", text, tone="strong"))


def _unreadable(state: State, event: Mapping[Any, Any], text: str) -> None:
    state.unreadable_count += 1
    index, t_ns = event.get("validator"), event.get("t_ns")
    note = Note("?", "garbage", text, tone="down")
    if isinstance(index, int) and 0 <= index < len(state.validators):
        note = validator_note(index, "garbage", text, tone="down")
    _enter(state, t_ns if isinstance(t_ns, int) and t_ns >= 0 else state.now_ns, note)


def _enter(state: State, t_ns: int, note: Note) -> None:
    state.entries_count += 1
    state.entries.append(
        Entry(
            number=state.entries_count,
            t_ns=t_ns,
            source=visible_text(note.source),
            source_tone=note.source_tone,
            kind=note.kind,
            text=visible_text(note.text),
            tone=note.tone,
            payment=note.payment,
        )
    )
