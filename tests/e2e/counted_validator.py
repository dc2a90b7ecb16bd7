"""`mesh_core.validator` that also writes down, among the system calls that a preloaded library notes (system_calls.c), each answer that it hands to QUIC.

MESH_TEST_WITHOUT takes one protection away, from outside, to show that the test which reads the calls sees it: `database` opens it with
`synchronous=OFF`, `journal` leaves out the journal's fsync, `waiting` acknowledges each vote when it is queued.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

import pytest
from aioquic.quic.connection import QuicConnection

from mesh_core.network.quic import MESSAGE_STREAM
from mesh_core.storage import database, vote_journal
from mesh_core.storage.pending import Record
from mesh_core.storage.validator_store import ValidatorStore
from mesh_core.types.messages import MESSAGES
from mesh_core.validator.__main__ import main

persist = ValidatorStore.persist


def note_answers(path: str) -> None:
    """A line `answer 0 TYPE` before a message is given to QUIC. A validator hands over whole frames (length, type, payload)."""
    calls = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    send = QuicConnection.send_stream_data

    def send_and_note(self: QuicConnection, stream_id: int, data: bytes, end_stream: bool = False) -> None:
        if stream_id == MESSAGE_STREAM:
            rest = data
            while rest:
                size = 4 + int.from_bytes(rest[:4], "big")
                assert len(rest) >= size, "a part of a frame"
                os.write(calls, b"answer 0 %s\n" % MESSAGES[rest[4]][0].__name__.encode())
                rest = rest[size:]
        send(self, stream_id, data, end_stream)

    pytest.MonkeyPatch().setattr(QuicConnection, "send_stream_data", send_and_note)


def acknowledge_at_once(self: ValidatorStore, records: Sequence[Record], journal: Sequence[bytes] = ()) -> "asyncio.Future[None]":
    """In the place of `ValidatorStore.persist`, for votes."""
    durable = persist(self, records, journal)
    if not journal:
        return durable
    acknowledged = asyncio.get_running_loop().create_future()
    acknowledged.set_result(None)
    return acknowledged


def take_away(protection: str) -> None:
    """Break what the test must notice."""
    patch = pytest.MonkeyPatch()
    match protection:
        case "":
            pass
        case "database":
            patch.setattr(database, "DURABILITY_PRAGMAS", (("journal_mode", "WAL", "wal"), ("synchronous", "OFF", 0)))
        case "journal":
            patch.setattr(vote_journal, "flush_file", lambda _: None)
        case "waiting":
            patch.setattr(ValidatorStore, "persist", acknowledge_at_once)
        case _:
            raise ValueError(protection)


if __name__ == "__main__":
    note_answers(os.environ["MESH_TEST_CALLS"])
    take_away(os.environ.get("MESH_TEST_WITHOUT", ""))
    sys.exit(main())
