"""Everything that a simulation leaves to chance, from one seed.

Each actor draws from a stream of its own, named after it, so that one more draw in one place does not move what happens everywhere else.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

BLOCK_BYTES = 2048
_UNIT = 2.0**-53


class Stream:
    """Reproducible draws. Calling a stream gives bytes, so it stands in wherever the product takes entropy."""

    def __init__(self, name: str) -> None:
        """`name` decides everything; equal names give equal streams."""
        self._name = name
        self._blocks_count = 0
        self._block = b""
        self._position = 0

    def fork(self, name: str) -> "Stream":
        """An independent stream, named below this one. What was drawn here does not matter."""
        return Stream(f"{self._name}/{name}")

    def __call__(self, size: int) -> bytes:
        """The next `size` bytes."""
        if self._position + size > len(self._block):
            self._refill(size)
        start = self._position
        self._position += size
        return self._block[start : self._position]

    def _refill(self, least: int) -> None:
        block = hashlib.shake_256(f"mesh simulation\0{self._name}\0{self._blocks_count}".encode()).digest(max(BLOCK_BYTES, least))
        self._blocks_count += 1
        self._block, self._position = block, 0

    def unit(self) -> float:
        """A number in [0, 1)."""
        return (int.from_bytes(self(8), "big") >> 11) * _UNIT

    def between(self, least: float, most: float) -> float:
        """A number in [least, most)."""
        return least + (most - least) * self.unit()

    def whole(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""
        return least + int.from_bytes(self(8), "big") % (most - least + 1)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return probability > 0 and self.unit() < probability

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.whole(0, len(options) - 1)]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different ones, in a drawn order."""
        left = list(options)
        return [left.pop(self.whole(0, len(left) - 1)) for _ in range(count)]
