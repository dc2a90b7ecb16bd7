"""A simulation told in the events that the workstation knows, as a journal: the same screens show it, labelled as simulated (docs/demo.md)."""

from collections.abc import Callable
from typing import Any, Final

from mesh_core.protocol.genesis import Genesis
from mesh_core.types.json_form import json_form
from testnet.child import Event
from testnet.journal import JournalWriter
from testnet.network_event import network_event
from testnet.supervisor import ValidatorState

KILLED: Final = -9
PROOFS: Final = {True: "simulated, real range proofs", False: "simulated, stand-in range proofs"}


class Teller:
    """Told what happens in a world, writes what supervisor, validators and wallets would have written. Virtual time; nothing is drawn from the seed."""

    def __init__(self, journal: JournalWriter, genesis: Genesis, indices: dict[str, int], now_s: Callable[[], float], *, real_proofs: bool) -> None:
        """`indices`: the validators' by the names of their nodes."""
        self._journal = journal
        self._genesis = genesis
        self._indices = indices
        self._now_s = now_s
        self._backend = PROOFS[real_proofs]
        self._lives = dict.fromkeys(indices, 0)
        self._tell(**network_event(genesis, home=None, t_ns=self._now_ns))

    def chapter(self, title: str) -> None:
        """Another part of the run begins."""
        self._tell(event="chapter", title=title)
        self.caption("")

    def caption(self, text: str) -> None:
        """What is being done to the network."""
        self._tell(event="caption", text=text)

    def on_line(self, name: str, line: Any) -> None:
        """A node wrote a line: a validator's is told with its index, as its supervisor would, a wallet's as it is."""
        index = self._indices.get(name)
        self._tell(**json_form(line), **({} if index is None else {"validator": index}))

    def on_node_event(self, name: str, what: str, detail: str) -> None:
        """A node started, answers, or ended; what wallets do they tell themselves."""
        if name not in self._indices:
            return
        match what:
            case "start":
                self._lives[name] += 1
                self._state(name, ValidatorState.STARTING)
            case "ready":
                self._state(name, ValidatorState.UP)
            case "crash":
                self._state(name, ValidatorState.EXITED, exit_status=KILLED, detail=detail)
            case _:
                pass

    def on_ready(self, name: str, log_length: int, state_digest: bytes) -> None:
        """The `ready` line, which a validator's process writes and not its runner. There is no process: no id, no address."""
        self._tell(
            event="ready",
            validator=self._indices[name],
            pid=0,
            host="simulated",
            port=0,
            backend=self._backend,
            log_length=log_length,
            state_digest=state_digest.hex(),
            network_id=self._genesis.network_id.hex(),
        )

    def end(self) -> None:
        """Nothing more is told."""
        self._journal.end(self._now_ns // 1_000_000)

    def _state(self, name: str, state: ValidatorState, *, exit_status: int | None = None, detail: str = "") -> None:
        restarts = max(0, self._lives[name] - 1)
        self._tell(event="validator_state", validator=self._indices[name], state=str(state), pid=None, exit=exit_status, restarts=restarts, detail=detail)

    @property
    def _now_ns(self) -> int:
        return int(self._now_s() * 1e9)

    def _tell(self, **event: Any) -> None:
        told: Event = {"t_ns": self._now_ns, **event}
        self._journal.event(self._now_ns // 1_000_000, told)
