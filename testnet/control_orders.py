"""Orders that another program gives to whoever runs a network, and what they do.

{"id": 1, "order": "start"}                                      also stop, kill, restart, pause, resume: all with "validator": "V3"
{"id": 2, "order": "restart-all"}
{"id": 3, "order": "wipe", "validator": "V3", "confirm": "V3"}
{"id": 4, "order": "lift", "validator": "V3", "confirm": "nothing else will ever vote with key …"}
{"id": 5, "order": "cut", "line": ["V1", "V3"]}                  heal alike; heal without a line heals all
{"id": 6, "order": "slow", "line": ["wallets", "V3"], "ms": 50}
{"id": 7, "order": "lose", "line": ["V1", "V3"], "percent": 5}
{"id": 8, "order": "shape", "line": ["V1", "V3"], "delay_ms": 24, "jitter_ms": 1, "loss": 0.001}      the keys of `conditions.py`, all that the line then is
{"id": 9, "order": "profile", "profile": "australia"}             all lines, by a name or a path
{"id": 10, "order": "status"}
"""

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from mesh_core.errors import ErrorCode, LocalFault
from testnet.conditions import FORM_KEYS, GOOD, Conditions, read_conditions
from testnet.control_memory import Memory
from testnet.layout import NetworkFolder
from testnet.lines import Line, parse_end, parse_validator
from testnet.log_marks import user_mark, write_mark
from testnet.profiles import Profile, load_profile
from testnet.supervisor import Supervisor

PERCENT = 100
QUIET = frozenset({"status", "watch", "mark"})
"""Orders that nobody needs to be told of."""

Answer = dict[str, Any]


class Lines(Protocol):
    """The lines of the network."""

    async def set(self, line: Line, conditions: Conditions) -> None:
        """From now on the line is like that."""
        ...

    async def apply(self, profile: Profile) -> None:
        """Every line is from now on as the profile says."""
        ...

    async def heal_all(self) -> None:
        """Every line is direct again."""
        ...


class Orders:
    """Carries out the orders of one network."""

    def __init__(
        self, folder: NetworkFolder, supervisor: Supervisor, lines: Lines, memory: Memory, program: str, end: Callable[[str], None] | None = None
    ) -> None:
        """`program` is who runs the network, for people; `end` asks it to end everything, with a reason, if it lets others do that."""
        self._end = end
        self._folder = folder
        self._supervisor = supervisor
        self._lines = lines
        self._memory = memory
        self._program = program
        self._of_validator: dict[str, Callable[[int], Awaitable[None]]] = {
            "start": supervisor.start,
            "stop": supervisor.stop,
            "kill": supervisor.kill,
            "restart": supervisor.restart,
            "pause": supervisor.pause,
            "resume": supervisor.resume,
        }

    def describe(self, order: Answer) -> str:
        """What is ordered, in a few words, for the event stream. Empty for one that changes nothing."""
        name = order.get("order")
        if not isinstance(name, str) or name in QUIET:
            return ""
        line = order.get("line")
        about = [order.get("validator"), order.get("profile"), *(line if isinstance(line, list) else ())]
        return " ".join(str(part)[:20] for part in (name, *about) if part is not None)

    async def perform(self, order: Answer) -> Answer:
        """Do it; returns what the answer holds besides. LocalFault."""
        match order:
            case {"order": str(name), "validator": str(validator)} if name in self._of_validator:
                index = self._index(validator)
                await self._of_validator[name](index)
                return {"validator": self._validator(index)}
            case {"order": "mark", "validator": str(validator)}:
                write_mark(self._folder.validator(self._index(validator)).log, user_mark())
            case {"order": "restart-all"}:
                await self._supervisor.restart_all()
            case {"order": "wipe", "validator": str(validator), "confirm": str(confirm)}:
                await self._wipe(self._index(validator), confirm)
            case {"order": "lift", "validator": str(validator), "confirm": str(sentence)}:
                await self._supervisor.lift(self._index(validator), sentence)
            case {"order": "cut", "line": [str(one), str(other)]}:
                await self._lines.set(self._line(one, other), Conditions(is_cut=True))
            case {"order": "slow", "line": [str(one), str(other)], "ms": int() | float() as delay_ms}:
                await self._lines.set(self._line(one, other), read_conditions({"delay_ms": delay_ms}))
            case {"order": "lose", "line": [str(one), str(other)], "percent": int() | float() as percent}:
                await self._lines.set(self._line(one, other), read_conditions({"loss": _share(percent)}))
            case {"order": "shape", "line": [str(one), str(other)], **form}:
                form.pop("id", None)
                await self._lines.set(self._line(one, other), read_conditions(form))
            case {"order": "heal", "line": [str(one), str(other)]}:
                await self._lines.set(self._line(one, other), GOOD)
            case {"order": "profile", "profile": str(name)}:
                await self._lines.apply(load_profile(name))
            case {"order": "heal"} if "line" not in order:
                await self._lines.heal_all()
            case {"order": "down"}:
                if self._end is None:
                    raise LocalFault(ErrorCode.HOME_IN_USE, f"{self._program}, process {os.getpid()}, runs this network: quit it there")
                self._end("another program asked for it")
            case {"order": "status"}:
                return {"status": self.status()}
            case _:
                raise LocalFault(ErrorCode.CONFIG_INVALID, "an order that is unknown, or whose fields are not those that it has")
        return {}

    def status(self) -> Answer:
        """How the network is: processes, what validators said last, and lines that are not direct."""
        network = self._memory.network or {}
        return {
            "program": self._program,
            "pid": os.getpid(),
            "name": network.get("name"),
            "network_id": network.get("network_id"),
            "home": network.get("home"),
            "validators": [self._validator(index) for index in range(len(self._supervisor.states))],
            "lines": [{name: line[name] for name in ("line", *FORM_KEYS) if name in line} for line in self._memory.lines if line["relayed"]],
        }

    def _validator(self, index: int) -> Answer:
        state, ready, status = (self._memory.last(name, index) or {} for name in ("validator_state", "ready", "status"))
        is_up = state.get("state") in {"up", "paused"}
        ready_ns = ready.get("t_ns")
        return {
            "name": f"V{index + 1}",
            "state": str(self._supervisor.states[index]),
            "pid": self._supervisor.pid(index),
            "uptime_s": round((time.monotonic_ns() - ready_ns) / 1e9, 1) if is_up and isinstance(ready_ns, int) else None,
            "restarts": state.get("restarts", 0),
            "exit": state.get("exit"),
            "reason": state.get("reason", ""),
            "module": self._supervisor.module(index),
            "address": f"{ready.get('host')}:{ready.get('port')}" if ready else None,
            "log_length": status.get("log_length", ready.get("log_length")),
            "state_digest": status.get("state_digest", ready.get("state_digest")),
            "flags": status.get("flags", ready.get("flags")),
            "votes_cast": status.get("votes_cast"),
        }

    async def _wipe(self, index: int, confirm: str) -> None:
        if confirm != f"V{index + 1}":
            raise LocalFault(ErrorCode.CONFIRMATION_MISSING, f"not wiped: the confirmation is the validator's name, V{index + 1}")
        await self._supervisor.wipe(index)

    def _index(self, name: str) -> int:
        return parse_validator(name, len(self._supervisor.states))

    def _line(self, one: str, other: str) -> Line:
        count = len(self._supervisor.states)
        return Line.between(parse_end(one, count), parse_end(other, count))


def _share(percent: float) -> float:
    """A share from per cent. LocalFault (CONFIG_INVALID): a truth value is no number, and JSON knows whole numbers that no division takes."""
    if isinstance(percent, bool) or not 0 <= percent <= PERCENT:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"a line's loss is a share from 0 to {PERCENT} per cent")
    return percent / PERCENT
