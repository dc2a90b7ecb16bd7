"""One validator process, as its supervisor and its own lines describe it."""

from dataclasses import dataclass, field
from typing import Final

from mesh_app.spans import Tone, validator_name

VOTE_RATE_SECONDS: Final = 60
DEFAULT_VALIDATORS_COUNT: Final = 4
KILLED: Final = -9

AWAITED: Final = "awaited"
"""Of a validator that is seen from outside: whether anybody is there is not known yet."""
FLAG_SYNCING: Final = 1
FLAG_QUARANTINE: Final = 2
FLAG_HALTED: Final = 4


@dataclass(slots=True)
class ValidatorView:
    """One validator process as its supervisor and its own lines describe it."""

    index: int
    state: str = "stopped"
    since_ns: int = 0
    pid: int | None = None
    exit: int | None = None
    restarts: int = 0
    detail: str = ""
    reason: str = ""
    """Why the last process ended, in words."""
    public_key: str = ""
    address: str = ""
    backend: str = ""
    ready_ns: int | None = None
    last_line_ns: int = 0
    votes_cast: int = 0
    votes_refused: int = 0
    log_length: int = 0
    state_digest: str = ""
    accounts_count: int = 0
    outputs_count: int = 0
    fee_pool: int = 0
    held_sum: str = ""
    """The sum of all commitments that it holds: one group element."""
    public_sum: str = ""
    """What that sum must be: the supply less the fees, committed to with no blinding."""
    connections_count: int = 0
    peers_up: tuple[int, ...] = ()
    proofs_waiting: int = 0
    parked_count: int = 0
    last_commit_ms: float | None = None
    flags: int = 0
    last_error: str = ""
    catching_up: str = ""
    """How far the catch-up was when it last said so."""
    votes_by_second: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """V1 to V4."""
        return validator_name(self.index)

    @property
    def is_up(self) -> bool:
        """It answers: the supervisor saw its `ready` line and it has not halted."""
        return self.state == "up" and not self.flags & FLAG_HALTED

    @property
    def is_running(self) -> bool:
        """A process exists."""
        return self.state in {"starting", "up", "stopping", "paused"}

    @property
    def condition(self) -> tuple[str, str, Tone]:
        """Glyph, word and tone: never the colour alone."""
        if self.state == "up":
            if self.flags & FLAG_HALTED:
                return "⚑", "halted", "proof"
            if self.flags & FLAG_QUARANTINE:
                return "◐", "quarantine", "wait"
            return ("◐", "syncing", "wait") if self.flags & FLAG_SYNCING else ("●", "up", "up")
        if self.state == "exited":
            return "✖", "killed" if self.exit == KILLED else f"exited {self.exit}" if self.exit is not None else "exited", "down"
        if self.state == "unreachable":
            return "✖", "unreachable", "down"
        if self.state == AWAITED:
            return "◌", "awaited", "wait"
        if self.state == "paused":
            return "‖", "paused", "wait"
        return ("◐", self.state, "wait") if self.state in {"starting", "stopping", "restarting"} else ("○", "stopped", "dim")

    def votes_per_second(self, now_ns: int, seconds: int) -> tuple[int, ...]:
        """Votes in each of the last full seconds, oldest first."""
        last = now_ns // 1_000_000_000
        return tuple(self.votes_by_second.get(second, 0) for second in range(last - seconds, last))
