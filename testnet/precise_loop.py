"""An event loop whose timers are exact to some hundredths of a millisecond, for a process that stands in measured times.

Linux's epoll counts whole milliseconds, and asyncio rounds up: each timer is up to one millisecond late, which a relay would add to every datagram. `select`
counts microseconds, and takes the epoll descriptor itself as one that may be ready. macOS's kqueue is exact as it is.
"""

import asyncio
import select
import selectors

from typing_extensions import override


def new_precise_loop() -> asyncio.AbstractEventLoop:
    """A loop as asyncio's own, with exact timers."""
    return asyncio.SelectorEventLoop(_make_selector())


if hasattr(selectors, "EpollSelector"):

    class _ExactSelector(selectors.EpollSelector):
        """Epoll that waits in `select`. Descriptors of any number can be watched: only epoll's own, made when the loop is, must be below select's 1024."""

        @override
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and timeout > 0:
                select.select((self.fileno(),), (), (), timeout)
                timeout = 0
            return super().select(timeout)

    def _make_selector() -> selectors.BaseSelector:
        return _ExactSelector()

else:

    def _make_selector() -> selectors.BaseSelector:
        return selectors.DefaultSelector()
