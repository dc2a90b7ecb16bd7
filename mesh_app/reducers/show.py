"""Reducers of a demonstration's own events."""

from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields
from mesh_app.reducers.note import Notes, Reducer
from mesh_app.state import State


def chapter(state: State, fields: Fields, t_ns: int) -> Notes:
    """A chapter begins."""
    state.show.chapter = fields.text("title")
    return ()


def caption(state: State, fields: Fields, t_ns: int) -> Notes:
    """Other words are told; none where the text is empty."""
    state.show.caption = fields.text("text")
    return ()


def key_shown(state: State, fields: Fields, t_ns: int) -> Notes:
    """A key was pressed."""
    state.show.keys.append((t_ns, fields.text("key")))
    return ()


def poster(state: State, fields: Fields, t_ns: int) -> Notes:
    """This moment stands for the whole: nothing of it is seen on the screen itself."""
    return ()


def simulated(state: State, fields: Fields, t_ns: int) -> Notes:
    """What follows happened in virtual time."""
    state.show.is_simulated = True
    return ()


REDUCERS: Final[Mapping[str, Reducer]] = {"chapter": chapter, "caption": caption, "key_shown": key_shown, "poster": poster, "simulated": simulated}
