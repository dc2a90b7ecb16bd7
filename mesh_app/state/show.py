"""What a demonstration tells those who watch: a chapter, a caption, and the keys that are pressed."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

MAX_SHOWN_KEYS: Final = 8
KEY_SHOWN_NS: Final = 2_000_000_000


@dataclass(slots=True)
class ShowView:
    """Nothing of it is there unless a demonstration plays, or a recording shows keys. `keys` are (when, as printed on a keyboard)."""

    chapter: str = ""
    caption: str = ""
    is_recording: bool = False
    is_simulated: bool = False
    """Whether all times are virtual: then every duration on the screen says so."""
    is_utc: bool = False
    """Whether dates are shown in UTC: a recording that is played again is the same everywhere."""
    keys: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=MAX_SHOWN_KEYS))

    def keys_at(self, now_ns: int) -> tuple[str, ...]:
        """Keys that were pressed lately, the newest last."""
        return tuple(key for t_ns, key in self.keys if 0 <= now_ns - t_ns < KEY_SHOWN_NS)

    def is_seen(self, now_ns: int) -> bool:
        """Whether there is anything to show."""
        return bool(self.is_simulated or self.is_told(now_ns))

    def is_told(self, now_ns: int) -> bool:
        """Whether a demonstration says something."""
        return bool(self.caption or self.chapter or self.keys_at(now_ns))
