"""Asking a local network's faucet for money, through the Unix socket in its home. What stands on the other end: `testnet/faucet.py`.

One JSON line there, one back; `code` is that of an error, as four hexadecimal digits:

    {"address": "mesh1…", "amount": 10000}
    {"ok": true, "cert_id": "…64 digits…", "code": null, "text": ""}
"""

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network import local_socket
from mesh_core.types.address import Address, format_address
from mesh_core.types.basic import Hash32
from mesh_core.types.json_form import json_line

ANSWER_TIMEOUT_S = 60.0
"""The faucet answers when its payment is final, and payments for others may come first."""
ANSWER_LIMIT_BYTES = 64 * 1024
LOOK_FIRST = "its payment may still come, so look at the balance before asking again"
TEXT_MOST = 500
_ABOUT_ITSELF = (ErrorCode.ACCOUNT_LOCKED, ErrorCode.ACCOUNT_STUCK, ErrorCode.NO_QUORUM, ErrorCode.RECEIPT_INVALID, ErrorCode.DOCUMENT_INVALID)
CERT_ID = re.compile(r"[0-9a-f]{64}")


def ask_faucet(path: Path, address: Address, amount: int, *, timeout_s: float = ANSWER_TIMEOUT_S) -> Hash32:
    """Let the faucet that listens at `path` pay `amount` units to `address`; returns the certificate's id when the payment is final. Blocks.

    LocalFault: NO_FAUCET where none listens or none answers, else the faucet's own reason with its code.
    """
    try:
        with local_socket.connect(path, timeout_s) as asking:
            asking.sendall(json_line({"address": format_address(address), "amount": amount}).encode())
            line = _read_line(asking, time.monotonic() + timeout_s)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise _no_faucet(f"no faucet listens at {path}: this network has none, or it does not run (start it with 'mesh-testnet up' or mesh-app)") from error
    except TimeoutError as error:
        raise _no_faucet(f"the faucet has not answered within {timeout_s:g} s: {LOOK_FIRST}") from error
    except OSError as error:
        raise _no_faucet(f"the faucet at {path} cannot be asked: {error.strerror or error}") from error
    return _read_answer(line)


def _read_line(asking: socket.socket, deadline: float) -> bytes:
    """One line within the time, however it comes: whoever listens there could give one byte now and then. OSError."""
    data = b""
    while not data.endswith(b"\n") and len(data) <= ANSWER_LIMIT_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        asking.settimeout(left)
        part = asking.recv(4096)
        if not part:
            break
        data += part
    return data


def _read_answer(line: bytes) -> Hash32:
    if not line.endswith(b"\n"):
        raise _no_faucet(f"the faucet ended without an answer: {LOOK_FIRST}")
    try:
        answer: Any = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    match answer:
        case {"ok": True, "cert_id": str(cert_id)} if CERT_ID.fullmatch(cert_id):
            return Hash32(bytes.fromhex(cert_id))
        case {"ok": False, "code": str(code), "text": str(text)}:
            raise LocalFault(_find_code(code), f"the faucet: {text[:TEXT_MOST]}")
        case _:
            raise _no_faucet("what was answered is no faucet's answer: another program listens there, or another version")


def _find_code(code: str) -> ErrorCode:
    """What the faucet says of the request. What it says of its own account or network is not true of this wallet's: to a script it is no faucet."""
    try:
        found = ErrorCode(int(code, 16))
    except ValueError:
        return ErrorCode.INTERNAL
    return ErrorCode.NO_FAUCET if found in _ABOUT_ITSELF else found


def _no_faucet(text: str) -> LocalFault:
    return LocalFault(ErrorCode.NO_FAUCET, text)
