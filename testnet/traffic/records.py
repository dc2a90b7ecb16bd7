"""Records of measurements: HOME/measurements/measure-DATE-TIME.json, one a run, with every payment; and the same as a table (CSV).

A record is a JSON object with `format`, `date`, the summary as the event `measure_over` tells it, and `payments`: one object each, times in milliseconds.
"""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.storage.files import make_private_directory, write_atomically

FORMAT: Final = "mesh-measurement-1"
FOLDER_NAME: Final = "measurements"
SAME_SECOND_MOST: Final = 100
FILE_LIMIT_BYTES: Final = 256 * 1024 * 1024
"""Half a million payments."""


def write_record(folder: Path, summary: dict[str, Any], payments: list[dict[str, Any]]) -> dict[str, str]:
    """Write a run's record under a new name; returns `date` and `file` for its summary. LocalFault (STORE_UNAVAILABLE)."""
    now = datetime.now(UTC)
    date = now.isoformat(timespec="seconds")
    try:
        make_private_directory(folder)
        for number in range(1, SAME_SECOND_MOST):
            path = folder / f"measure-{now:%Y%m%d-%H%M%S}{'' if number == 1 else f'-{number:02}'}.json"
            told = {"date": date, "file": str(path)}
            record = {"format": FORMAT, **summary, **told, "payments": payments}
            try:
                write_atomically(path, json.dumps(record, indent=1).encode())
            except FileExistsError:
                continue
            return told
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the record cannot be written to {folder}: {error.strerror or error}") from error
    except LocalFault as fault:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, fault.text) from fault
    raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{folder} holds too many records of this second")


def read_record(path: Path) -> dict[str, Any] | None:
    """A record with its payments; None for a file that is none."""
    try:
        record = json.loads(read_plain_file(path, FILE_LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and record.get("format") == FORMAT else None


def latest_summaries(folder: Path, most: int) -> list[dict[str, Any]]:
    """The summaries of the last runs, the oldest first, without their payments. What is no record is left out."""
    try:
        paths = sorted(folder.glob("measure-*.json"), key=lambda path: path.stem)
    except OSError:
        return []
    found = (read_record(path) for path in paths[-most:])
    return [{name: value for name, value in record.items() if name != "payments"} for record in found if record is not None]


def as_table(record: dict[str, Any]) -> str:
    """The payments of a record as CSV, one a line, with a heading."""
    rows = record.get("payments")
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, [*rows[0]], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
