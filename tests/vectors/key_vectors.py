"""Reads `keys-and-memos.json` for the tests."""

import json
from pathlib import Path
from typing import Any

Case = dict[str, Any]

CASES: dict[str, list[Case]] = json.loads(Path(__file__).with_name("keys-and-memos.json").read_text(encoding="utf-8"))


def hexed(text: str) -> bytes:
    """The bytes that a hexadecimal string of the file stands for."""
    return bytes.fromhex(text)


def scalar(text: str) -> int:
    """A scalar of the file: 32 bytes, little-endian."""
    return int.from_bytes(hexed(text), "little")
