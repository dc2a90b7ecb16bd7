"""Which line is meant: between two validators, or between this home's wallets and a validator. A line has no direction: what is done to it is done to both."""

import re
from dataclasses import dataclass

from mesh_core.errors import ErrorCode, LocalFault

WALLETS = -1
"""The end of a line that is the wallets' process and no validator."""
WALLETS_NAME = "wallets"
_END = re.compile(r"[Vv]?([1-9][0-9]?)")
DIRECTION = ">"


def end_name(end: int) -> str:
    """`V1` for the validator with index 0, `wallets` for the wallets."""
    return WALLETS_NAME if end == WALLETS else f"V{end + 1}"


def parse_end(text: str, validators_count: int) -> int:
    """The end that a person names: `V3`, `v3`, `3` or `wallets`. LocalFault (CONFIG_INVALID)."""
    if text.lower() == WALLETS_NAME:
        return WALLETS
    return parse_validator(text, validators_count, or_else=f" or {WALLETS_NAME}")


def parse_validator(text: str, validators_count: int, *, or_else: str = "") -> int:
    """The index of the validator that a person names: `V3`, `v3` or `3`. LocalFault (CONFIG_INVALID)."""
    found = _END.fullmatch(text)
    if found is None or int(found[1]) > validators_count:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{text[:20]!r} is none of V1 to V{validators_count}{or_else}")
    return int(found[1]) - 1


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A line by its two ends, the lower one first."""

    low: int
    high: int

    @classmethod
    def between(cls, one: int, other: int) -> "Line":
        """The line between two ends. LocalFault (CONFIG_INVALID) where that is one and the same."""
        if one == other:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no line from {end_name(one)} to itself")
        return cls(min(one, other), max(one, other))

    @property
    def name(self) -> str:
        """`V1-V3`, `wallets-V3`."""
        return f"{end_name(self.low)}-{end_name(self.high)}"

    @property
    def directions(self) -> tuple[tuple[int, int], ...]:
        """(who dials, who listens): validators dial each other, wallets are not dialled."""
        if self.low == WALLETS:
            return ((WALLETS, self.high),)
        return ((self.low, self.high), (self.high, self.low))


def direction_name(dialler: int, listener: int) -> str:
    """`V1>V3`: the relay that V1 dials to reach V3."""
    return f"{end_name(dialler)}{DIRECTION}{end_name(listener)}"
