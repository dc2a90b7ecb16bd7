"""The trace of a simulation: one JSON line for each thing that happened, and a hash over all of them.

Two runs of one seed with equal hashes did the same, step by step. The first line says which run it was, so that a trace can be run again from itself.
"""

import hashlib
import json
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Self

from mesh_core.errors import ErrorCode, LocalFault

HEADER_LIMIT_BYTES: Final = 64 * 1024
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


class Trace:
    """Collects lines. Without a file only the hash and the counts stay."""

    def __init__(self, header: dict[str, Any], path: Path | None = None) -> None:
        """OSError if the file cannot be written."""
        self._hash = hashlib.sha3_256()
        self._file: IO[str] | None = None if path is None else path.open("w", encoding="utf-8")
        self.counts: dict[str, int] = {}
        """How often each kind of event happened."""
        self.events_count = 0
        self._is_over = False
        self._write({"mesh-simulation": 1, **header})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, now: float, event: str, /, **fields: Any) -> None:
        """Something happened at `now`. Without effect after `end`."""
        if self._is_over:
            return
        self.events_count += 1
        self.counts[event] = self.counts.get(event, 0) + 1
        self._write({"t": round(now, 9), "n": self.events_count, "e": event, **fields})

    def digest_of(self, data: bytes) -> str:
        """Enough of a hash to tell messages apart in a trace; nothing after `end`."""
        return "" if self._is_over else hashlib.blake2b(data, digest_size=6).hexdigest()

    def _write(self, line: dict[str, Any]) -> None:
        text = _ENCODER.encode(line) + "\n"
        self._hash.update(text.encode())
        if self._file is not None:
            self._file.write(text)

    def end(self) -> None:
        """What happens from now on is no part of the run."""
        self._is_over = True

    def digest(self) -> str:
        """Hash of all lines so far, hexadecimal."""
        return self._hash.hexdigest()


def read_header(file: BinaryIO) -> dict[str, Any]:
    """The first line of a trace, which anybody may have written; the file stands at its beginning afterwards. LocalFault (CONFIG_INVALID), OSError."""
    line = file.readline(HEADER_LIMIT_BYTES)
    file.seek(0)
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("mesh-simulation") != 1 or not isinstance(header.get("options"), dict):
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{file.name} is no trace of a simulation")
    return header
