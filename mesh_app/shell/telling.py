"""How a person is told: toasts in the corner, and errors that stay above the keys until they are dismissed."""

from collections import deque
from typing import Final

from textual.notifications import Notification, SeverityLevel
from typing_extensions import override

from mesh_app.model import remark
from mesh_app.ports import Workbench
from mesh_app.setup import Setup
from mesh_app.shell.shell import Shell

MAX_ERRORS: Final = 20
MAX_TOASTS: Final = 2
TOAST_SECONDS: Final = 4.0
ERROR_TOAST_SECONDS: Final = 8.0
ENDLESS_SECONDS: Final = 1e6
_NANOSECONDS_PER_SECOND: Final = 1_000_000_000


class Telling(Shell):
    """Toasts and errors."""

    def __init__(self, workbench: Workbench, setup: Setup) -> None:
        super().__init__(workbench, setup)
        self.errors: deque[str] = deque(maxlen=MAX_ERRORS)
        """Told above the keys until somebody dismisses them."""
        self._toast_ends: list[tuple[int, str]] = []

    def tell_error(self, text: str, *, entered: bool = False) -> None:
        """An error: a toast, a line above the keys until it is dismissed, and a line in the event stream where it has not been entered there already."""
        if not entered:
            remark(self.state, text)
        if text not in self.errors:
            self.errors.append(text)
        self.is_out_of_date = True
        self.toast(text, error=True)

    def toast(self, text: str, *, error: bool = False) -> None:
        """A short message in the corner."""
        self.notify(text, severity="error" if error else "information", timeout=ERROR_TOAST_SECONDS if error else TOAST_SECONDS, markup=False)

    @override
    def notify(self, message: str, *, title: str = "", severity: SeverityLevel = "information", timeout: float | None = None, markup: bool = True) -> None:
        """At most two toasts at a time, and never the same twice; whoever asks for them.

        They end by the clock of the events and not by a timer, so that a recording that is played again shows the same ones.
        """
        shown = [*self._notifications]
        if any(notification.message == message for notification in shown):
            return
        for notification in shown[: max(0, len(shown) - MAX_TOASTS + 1)]:
            self._unnotify(notification, refresh=False)
        self._notifications.add(Notification(message, title, severity, ENDLESS_SECONDS, markup=markup))
        self._refresh_notifications()
        seconds = TOAST_SECONDS if timeout is None else timeout
        self._toast_ends = [(end_ns, ending) for end_ns, ending in self._toast_ends if ending != message]
        self._toast_ends.append((self.state.now_ns + int(seconds * _NANOSECONDS_PER_SECOND), message))

    def end_toasts(self) -> bool:
        """Takes away the toasts whose time is over. Whether there were any."""
        over = {message for end_ns, message in self._toast_ends if end_ns <= self.state.now_ns}
        if not over:
            return False
        self._toast_ends = [(end_ns, message) for end_ns, message in self._toast_ends if end_ns > self.state.now_ns]
        for notification in [*self._notifications]:
            if notification.message in over:
                self._unnotify(notification)
        return True
