"""Reads `keys-and-memos.json` for the tests."""

import json
from pathlib import Path
from typing import Any

Case = dict[str, Any]


def with_numbers(members: Case) -> Case:
    """An object of the file whose numbers are numbers: those above 2^53 are strings of digits."""
    return {name: int(value) if name in ("value", "sequence") else value for name, value in members.items()}


CASES: dict[str, list[Case]] = json.loads(Path(__file__).with_name("keys-and-memos.json").read_text(encoding="utf-8"), object_hook=with_numbers)


def hexed(text: str) -> bytes:
    """The bytes that a hexadecimal string of the file stands for."""
    return bytes.fromhex(text)


def scalar(text: str) -> int:
    """A scalar of the file: 32 bytes, little-endian."""
    return int.from_bytes(hexed(text), "little")
