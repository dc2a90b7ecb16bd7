"""Orders for the validators' processes and the lines between them. Each says the command that does the same (`mesh-testnet`)."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from mesh_app.orders.order import Order
from mesh_app.spans import validator_name

COMMAND = "mesh-testnet"
WALLETS = -1
"""The end of a line that is the wallets, beside the validators' indices."""


def line_end(end: int) -> str:
    """`V1`, or `wallets`."""
    return "wallets" if end == WALLETS else validator_name(end)


@dataclass(frozen=True, slots=True)
class ValidatorOrder(Order):
    """An order for one validator, by its index in the committee."""

    VERB: ClassVar[str] = ""
    """The command of `mesh-testnet`, and the word for it."""
    index: int

    @property
    def name(self) -> str:
        """V1 to Vn."""
        return validator_name(self.index)

    @override
    def describe(self) -> str:
        return f"{self.VERB} {self.name}"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} {self.VERB} {self.name}"


class StartValidator(ValidatorOrder):
    """Start one that does not run."""

    VERB = "start"


class StopValidator(ValidatorOrder):
    """Ask one to stop."""

    VERB = "stop"


class KillValidator(ValidatorOrder):
    """SIGKILL: what a crash looks like."""

    VERB = "kill"


class RestartValidator(ValidatorOrder):
    """Stop one, if it runs, and start it."""

    VERB = "restart"


class PauseValidator(ValidatorOrder):
    """SIGSTOP: what a machine that hangs looks like."""

    VERB = "pause"


class ResumeValidator(ValidatorOrder):
    """SIGCONT."""

    VERB = "resume"


class WipeValidator(ValidatorOrder):
    """Delete database and vote journal of one that does not run: what a lost disk looks like."""

    VERB = "wipe"

    @override
    def describe(self) -> str:
        return f"wipe the data of {self.name}"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} wipe {self.name} --confirm {self.name}"


@dataclass(frozen=True, slots=True)
class LiftQuarantine(ValidatorOrder):
    """Let one vote again that may have forgotten votes. `sentence` is what its operator typed."""

    VERB: ClassVar[str] = "lift"
    sentence: str

    @override
    def describe(self) -> str:
        return f"lift the quarantine of {self.name}"

    @override
    def command_line(self) -> str:
        return f'{COMMAND} lift {self.name} --confirm "{self.sentence}"'


@dataclass(frozen=True, slots=True)
class RestartAll(Order):
    """Restart one after the other: the others make a quorum meanwhile."""

    @override
    def describe(self) -> str:
        return "restart all, one after the other"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} restart --all"


@dataclass(frozen=True, slots=True)
class LineOrder(Order):
    """An order for the line between two ends: indices of validators, or WALLETS."""

    one: int
    other: int

    @property
    def line(self) -> str:
        """`V1 V3`, as commands name it."""
        return f"{line_end(self.one)} {line_end(self.other)}"

    @property
    def between(self) -> str:
        """`the line V1–V3`."""
        return f"the line {line_end(self.one)}–{line_end(self.other)}"


class CutLine(LineOrder):
    """Nothing passes any more."""

    @override
    def describe(self) -> str:
        return f"cut {self.between}"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} link cut {self.line}"


@dataclass(frozen=True, slots=True)
class SlowLine(LineOrder):
    """Everything comes so many milliseconds later, each way."""

    delay_ms: float

    @override
    def describe(self) -> str:
        return f"slow {self.between} by {self.delay_ms:g} ms each way"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} link slow {self.line} --ms {self.delay_ms:g}"


@dataclass(frozen=True, slots=True)
class LoseOnLine(LineOrder):
    """So many per cent of the datagrams are lost."""

    percent: float

    @override
    def describe(self) -> str:
        return f"let {self.between} lose {self.percent:g} % of its datagrams"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} link lose {self.line} --percent {self.percent:g}"


class HealLine(LineOrder):
    """The line is direct again."""

    @override
    def describe(self) -> str:
        return f"heal {self.between}"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} link heal {self.line}"


@dataclass(frozen=True, slots=True)
class HealAllLines(Order):
    """Every line is direct again."""

    @override
    def describe(self) -> str:
        return "heal every line"

    @override
    def command_line(self) -> str:
        return f"{COMMAND} link heal --all"


class MarkLog(ValidatorOrder):
    """Write a line into its log, to find the place again."""

    @property
    @override
    def is_told(self) -> bool:
        return False

    @override
    def describe(self) -> str:
        return f"mark the log of {self.name}"

    @override
    def command_line(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class WatchValidators(Order):
    """Somebody looks at figures that are asked for again and again, or does not look any more."""

    is_watched: bool

    @property
    @override
    def is_told(self) -> bool:
        return False

    @override
    def describe(self) -> str:
        return "ask the validators how they are" if self.is_watched else "ask the validators no more"
