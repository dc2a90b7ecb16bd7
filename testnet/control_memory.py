"""What somebody who comes later must be told first: the last of each kind of event that describes a state, and the ends of the logs. Bounded."""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from testnet.child import Event

LOG_LINES_KEPT: Final = 200
"""Of each validator."""
_OF_NETWORK: Final = ("network", "network_ready", "profile", "audit")
_OF_VALIDATOR: Final = ("validator_state", "ready", "status")
_OF_WALLET: Final = ("wallet",)
_OF_LINE: Final = "line_state"
MAX_KEYS: Final = 4096


class Memory:
    """Takes every event, and gives those that describe how things are now, in an order in which they make sense."""

    def __init__(self) -> None:
        self._last: dict[tuple[Any, ...], Event] = {}
        self._logs: dict[int, deque[str]] = {}

    def take(self, event: Event) -> None:
        """One more event."""
        name, validator = event["event"], event.get("validator")
        if name in _OF_NETWORK:
            self._keep((0, name), event)
        elif name in _OF_VALIDATOR and isinstance(validator, int):
            if name == "validator_state" and event.get("state") == "starting":
                # What the process before has said holds no more.
                for of_last in ("ready", "status"):
                    self._last.pop((1, validator, _OF_VALIDATOR.index(of_last)), None)
            self._keep((1, validator, _OF_VALIDATOR.index(name)), event)
        elif name in _OF_WALLET:
            self._keep((2, str(event.get("wallet"))), event)
        elif name == _OF_LINE:
            self._keep((3, str(event.get("line"))), event)
        elif name == "log_line" and isinstance(validator, int):
            self._logs.setdefault(validator, deque(maxlen=LOG_LINES_KEPT)).extend(event.get("lines", ()))

    def recall(self) -> Iterator[Event]:
        """The events that describe the present, network first."""
        for _, event in sorted(self._last.items(), key=lambda item: tuple(map(str, item[0]))):
            yield event
        for validator, lines in sorted(self._logs.items()):
            if lines:
                yield {"event": "log_line", "t_ns": self._t_ns(validator), "validator": validator, "lines": list(lines), "skipped": 0}

    def last(self, name: str, validator: int) -> Event | None:
        """The last event of a kind about a validator: `validator_state`, `ready` or `status`."""
        return self._last.get((1, validator, _OF_VALIDATOR.index(name)))

    @property
    def network(self) -> Event | None:
        """The `network` event."""
        return self._last.get((0, "network"))

    @property
    def lines(self) -> list[Event]:
        """The last `line_state` of each line."""
        return [event for key, event in self._last.items() if key[0] == 3]

    def _keep(self, key: tuple[Any, ...], event: Event) -> None:
        if key in self._last or len(self._last) < MAX_KEYS:
            self._last[key] = event

    def _t_ns(self, validator: int) -> int:
        state = self.last("validator_state", validator)
        return int(state["t_ns"]) if state is not None else 0
