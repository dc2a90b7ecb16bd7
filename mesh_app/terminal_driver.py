"""Reads the keyboard as Textual does, and goes on after bytes that are no text.

Textual's own loop ends with a traceback at the first byte that is not UTF-8, so a paste from a file in Latin-1, or noise on a line, would end the
workstation.
"""

import codecs
import os
import selectors
from typing import Final

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from typing_extensions import override

READ_BYTES: Final = 4096
WAIT_SECONDS: Final = 0.1


class TerminalDriver(LinuxDriver):
    """The driver of terminals on Linux and macOS."""

    @override
    def run_input_thread(self) -> None:
        """Reads until the screen is left. Bytes that are no UTF-8 are dropped; what the parser cannot bear is logged, and read on after."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
        parser = XTermParser(self._debug)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                text = decoder.decode(os.read(self.fileno, READ_BYTES)) if selector.select(WAIT_SECONDS) else ""
                try:
                    self._take(parser, text)
                except Exception as error:  # noqa: BLE001 - no sequence of bytes may take the keyboard away
                    self._app.call_later(self._app._handle_exception, error)  # noqa: SLF001 - the one door for exceptions that Textual has
                    parser = XTermParser(self._debug)
        self._finish(parser)

    def _take(self, parser: XTermParser, text: str) -> None:
        if text:
            for message in parser.feed(text):
                self.process_message(message)
        for message in parser.tick():
            self.process_message(message)

    def _finish(self, parser: XTermParser) -> None:
        """An empty feed tells the parser that nothing more comes."""
        try:
            for _ in parser.feed(""):
                pass
        except (EOFError, ParseError):
            pass
