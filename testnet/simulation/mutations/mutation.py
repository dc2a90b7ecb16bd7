"""One defence that can be switched off."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """`apply` switches the defence off in this process, for good."""

    text: str
    apply: Callable[[], None]
