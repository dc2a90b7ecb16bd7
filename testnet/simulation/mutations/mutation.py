"""One defence that can be switched off."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """`apply` switches the defence off in this process, for good. `needs_real_proofs` where the stand-in cannot show it."""

    text: str
    apply: Callable[[], None]
    needs_real_proofs: bool = False
    byzantine: int | None = None
