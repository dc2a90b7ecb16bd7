"""One defence that can be switched off."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """`apply` switches the defence off in this process, for good. Some can be seen with real range proofs only."""

    text: str
    apply: Callable[[], None]
    needs_real_proofs: bool = False
