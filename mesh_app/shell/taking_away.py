"""What a person takes away from the screen: to the clipboard, into files, as pictures, as a recording.

Nothing of a journal that is played: it may be a stranger's, it says itself which folder is the home, and presses keys.
"""

from pathlib import Path

from textual.binding import Binding
from typing_extensions import override

from mesh_app.exports import free_export, write_export
from mesh_app.ports import Workbench
from mesh_app.recording.screen import take_frame
from mesh_app.recording.session import SessionRecording
from mesh_app.screens.live_modal import LiveModal
from mesh_app.setup import Setup
from mesh_app.shell.surviving import Surviving
from mesh_core.errors import LocalFault


class TakingAway(Surviving):
    """Copies, files, pictures and recordings. Secrets are in none of them."""

    def __init__(self, workbench: Workbench, setup: Setup) -> None:
        super().__init__(workbench, setup)
        self._recording: SessionRecording | None = None

    def action_copy(self) -> None:
        """What the pane in focus offers to copy, through the terminal (OSC 52)."""
        self._copy(self._offered("copy_text"))

    def action_copy_json(self) -> None:
        """What the pane in focus offers as JSON."""
        self._copy(self._offered("copy_json"))

    def _copy(self, offered: tuple[str, str] | None) -> None:
        if offered is None:
            self.toast("nothing to copy here")
            return
        what, text = offered
        self.copy_to_clipboard(text)
        self.toast(f"copied: {what}")

    @override
    def copy_to_clipboard(self, text: str) -> None:
        if not self.setup.is_played:
            super().copy_to_clipboard(text)

    def action_write_file(self) -> None:
        """What the pane in focus offers for a file, else as JSON, else as text: a file of the home, also where the terminal gives nothing to the clipboard."""
        network = self.state.network
        offers = ((self._offered(method), ending) for method, ending in (("copy_file", "hex"), ("copy_json", "json"), ("copy_text", "txt")))
        offered, ending = next(((offer, ending) for offer, ending in offers if offer is not None), (None, ""))
        if offered is None or network is None or not network.home:
            self.toast("nothing to write here")
            return
        if self._is_played():
            return
        what, text = offered
        try:
            path = write_export(Path(network.home), what, text, ending)
        except OSError as error:
            self.toast(f"{what} cannot be written: {error.strerror or error}", error=True)
            return
        self.toast(f"{what} written: {path}")

    def _offered(self, method: str) -> tuple[str, str] | None:
        """(what, text) of the pane in focus."""
        offer = getattr(self.screen.focused, method, None)
        return offer() if offer is not None else None

    def action_screenshot_file(self) -> None:
        """A picture of the screen in the network's home, which is there and can be written to. None while a secret is on it."""
        if any(isinstance(screen, LiveModal) and screen.HOLDS_SECRET for screen in self.screen_stack):
            self.toast("no picture while a secret is on the screen")
            return
        if self._is_played():
            return
        network = self.state.network
        self.deliver_screenshot(path=network.home if network is not None and network.home else None)

    def action_record(self) -> None:
        """Begins a recording of the screen in the home's exports, or ends the one that runs."""
        if self._recording is not None:
            self.end_recording()
            return
        network = self.state.network
        if network is None or not network.home:
            self.toast("no home to record into")
            return
        if self._is_played():
            return
        try:
            self.begin_recording(free_export(Path(network.home), "recording", "cast"))
        except OSError as error:
            self.tell_error(f"cannot record: {error.strerror or error}")

    def _is_played(self) -> bool:
        """Whether this is a replay; it then says that it writes nothing."""
        if self.setup.is_played:
            self.toast("a replay writes no file")
        return self.setup.is_played

    def begin_recording(self, path: Path) -> None:
        """Pictures go into this file from now on, one a tick."""
        try:
            self._recording = SessionRecording(path, self.size, self.workbench.now_ns())
        except LocalFault as fault:
            self.tell_error(fault.text)
            return
        self.state.show.is_recording = self.is_out_of_date = True
        self.toast(f"recording; {self.get_key_display(Binding('ctrl+r', 'record'))} ends it. Secrets are covered.")

    def take_picture(self) -> None:
        """One more picture, where a recording runs; a dialog that holds a secret is covered."""
        if self._recording is None:
            return
        is_secret = any(isinstance(screen, LiveModal) and screen.HOLDS_SECRET for screen in self.screen_stack)
        try:
            self._recording.take(self.workbench.now_ns(), take_frame(self), is_secret=is_secret)
        except LocalFault as fault:
            self._recording.abandon()
            self._recording = None
            self.state.show.is_recording = False
            self.tell_error(f"the recording ended: {fault.text}")

    def end_recording(self) -> None:
        """The file is whole, where a recording ran."""
        recording, self._recording = self._recording, None
        self.state.show.is_recording, self.is_out_of_date = False, True
        if recording is None:
            return
        try:
            recording.end()
        except LocalFault as fault:
            self.tell_error(fault.text)
        else:
            self.toast(f"recorded: {recording.path}")

    def on_unmount(self) -> None:
        """A recording that still runs is whole as it is."""
        self.end_recording()
