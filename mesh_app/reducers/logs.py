"""The validators' logs, as they are followed (`testnet/log_tail.py`)."""

import re
from collections.abc import Mapping
from typing import Final

from mesh_app.event_fields import Fields
from mesh_app.format import size
from mesh_app.reducers.network import find_validator
from mesh_app.reducers.note import Notes, Reducer
from mesh_app.spans import Tone
from mesh_app.state import State

MARK: Final = "── "
"""Begins the supervisor's own lines: launches and ends."""
_LEVEL: Final = re.compile(r"\S+ \S+ (DEBUG|WARNING|ERROR|CRITICAL) ")
"""After the date and the time."""
_TONES: Final[Mapping[str, Tone]] = {"DEBUG": "dim", "WARNING": "wait", "ERROR": "down", "CRITICAL": "down"}


def log_line(state: State, fields: Fields, t_ns: int) -> Notes:
    """New lines of a log. Too many for the event stream."""
    validator = find_validator(state, fields)
    texts, skipped = fields.texts("lines"), fields.integer("skipped", default=0)
    log = state.logs.of(validator.index)
    if skipped:
        log.add(f"{MARK}{size(skipped)} came faster than they can be shown; the file has them ──", "wait")
    for text in texts:
        log.add(text, line_tone(text))
    return ()


def line_tone(text: str) -> Tone:
    """What a line of a log is about."""
    if text.startswith(MARK):
        return "strong"
    level = _LEVEL.match(text)
    return "text" if level is None else _TONES[level[1]]


REDUCERS: Final[Mapping[str, Reducer]] = {"log_line": log_line}
