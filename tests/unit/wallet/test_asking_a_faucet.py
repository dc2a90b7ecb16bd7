"""Whoever listens where a faucet should: it may say nothing, everything or nonsense, and is never waited for longer than was asked."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mesh_core.crypto.keys import WalletKeys
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network import local_socket
from mesh_core.types.json_form import json_line
from mesh_core.wallet.faucet import ANSWER_LIMIT_BYTES, TEXT_MOST, ask_faucet

ADDRESS = WalletKeys.from_seed(bytes(range(32))).address
PATIENCE_S = 20.0
GIVEN_UP_S = 0.5


@contextmanager
def listening(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Somebody who takes one request and answers as it likes."""
    listener = local_socket.bind_private(path)
    listener.setblocking(True)
    listener.settimeout(20.0)
    listener.listen(1)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(20.0)
            connection.recv(4096)
            try:
                answer(connection)
            except OSError:
                pass  # the wallet has heard enough

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(20.0)
        listener.close()


def refuse(path: Path, answer: Callable[[socket.socket], None], timeout_s: float = PATIENCE_S) -> LocalFault:
    with listening(path, answer), pytest.raises(LocalFault) as refusal:
        ask_faucet(path, ADDRESS, 5, timeout_s=timeout_s)
    return refusal.value


def saying(value: object) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(json_line(value).encode())


def drip(connection: socket.socket) -> None:
    """A byte now and then, each in time, for longer than a test may take: a time-out for each step alone would never end."""
    for _ in range(10_000):
        connection.sendall(b" ")
        time.sleep(0.02)


def test_answer_in_drops_is_waited_for_no_longer_than_was_asked(tmp_path: Path) -> None:
    refusal = refuse(tmp_path / "socket", drip, GIVEN_UP_S)
    assert (refusal.code, "has not answered within 0.5 s" in refusal.text) == (ErrorCode.NO_FAUCET, True)


def test_endless_answer_is_cut_off(tmp_path: Path) -> None:
    refusal = refuse(tmp_path / "socket", lambda connection: connection.sendall(b"x" * (8 * ANSWER_LIMIT_BYTES)))
    assert refusal.code is ErrorCode.NO_FAUCET


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"null\n",
        b"[" * 60_000 + b"\n",
        b"1" * 60_000 + b"\n",
        b"\xff\xfe\n",
        b'{"ok": true, "cert_id": "AB"}\n',
        b'{"ok": true, "cert_id": 5}\n',
        b'{"ok": false}\n',
    ],
)
def test_nonsense_is_no_answer(tmp_path: Path, answer: bytes) -> None:
    assert refuse(tmp_path / "socket", lambda connection: connection.sendall(answer)).code is ErrorCode.NO_FAUCET


@pytest.mark.parametrize("code", [ErrorCode.ACCOUNT_LOCKED, ErrorCode.ACCOUNT_STUCK, ErrorCode.NO_QUORUM, ErrorCode.DOCUMENT_INVALID])
def test_what_a_faucet_says_of_itself_is_not_said_of_this_wallet(tmp_path: Path, code: ErrorCode) -> None:
    """A script that reads the exit status would take the faucet's locked account for its own."""
    refusal = refuse(tmp_path / "socket", saying({"ok": False, "code": f"{code:04x}", "text": "its own trouble"}))
    assert (refusal.code, refusal.text) == (ErrorCode.NO_FAUCET, "the faucet: its own trouble")


def test_what_it_says_of_the_request_is_passed_on_and_not_at_any_length(tmp_path: Path) -> None:
    refusal = refuse(tmp_path / "socket", saying({"ok": False, "code": "1304", "text": "x" * 9_000}))
    assert (refusal.code, len(refusal.text)) == (ErrorCode.AMOUNT_INVALID, len("the faucet: ") + TEXT_MOST)
