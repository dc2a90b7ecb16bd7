"""`mesh_core.validator` with one addition: every byte that it hands to QUIC, on any stream of any connection, is also appended to the file in MESH_TEST_TAP."""

import os
import sys
from pathlib import Path

from aioquic.quic.connection import QuicConnection

from mesh_core.validator.__main__ import main


def tap(path: Path) -> None:
    """Write down what is sent, in front of the encryption: streams, and the words that go with the end of a connection."""
    file = path.open("ab", buffering=0)
    send, close = QuicConnection.send_stream_data, QuicConnection.close

    def send_and_write_down(self: QuicConnection, stream_id: int, data: bytes, end_stream: bool = False) -> None:
        file.write(data)
        send(self, stream_id, data, end_stream)

    def close_and_write_down(self: QuicConnection, error_code: int = 0, frame_type: int | None = None, reason_phrase: str = "") -> None:
        file.write(reason_phrase.encode())
        close(self, error_code, frame_type, reason_phrase)

    QuicConnection.send_stream_data = send_and_write_down  # type: ignore[method-assign]
    QuicConnection.close = close_and_write_down  # type: ignore[method-assign]


if __name__ == "__main__":
    tap(Path(os.environ["MESH_TEST_TAP"]))
    sys.exit(main())
