"""Prints the events of a demonstration that has no screen: as JSON lines, or as the lines of the workstation's event stream."""

import json
import sys

from mesh_app.model import State, apply
from mesh_app.ports import Event


class Narrator:
    """One event a line; the summary comes last."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._state = State()
        self._printed_count = 0
        self._start_ns: int | None = None

    def tell(self, event: Event) -> None:
        """Print one event."""
        if self._as_json:
            _print(json.dumps(event, separators=(",", ":")))
            return
        apply(self._state, event)
        for entry in [entry for entry in self._state.entries if entry.number > self._printed_count]:
            self._start_ns = entry.t_ns if self._start_ns is None else self._start_ns
            _print(f"{(entry.t_ns - self._start_ns) / 1e9:8.3f} s  {entry.source:<8}  {entry.text}")
        self._printed_count = self._state.entries_count

    def conclude(self, summary: Event) -> None:
        """Print the summary."""
        if self._as_json:
            _print(json.dumps(summary, separators=(",", ":")))
            return
        _print("")
        width = max(len(key) for key in summary)
        for key, value in summary.items():
            if key != "event":
                _print(f"{key:>{width}}  {value}")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
