"""A real run, kept small: the scenario `first-payment` as four validators settled it, and the beginning of it as a file of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

REAL = Path(__file__).with_name("first-payment.events.jsonl")
"""Made by `mesh-app --demo first-payment --seed 7 --events FILE --record x.cast`; what it shows was measured. Without log lines and QR codes, to be small."""


def first_seconds(path: Path, seconds: float) -> Path:
    """The first seconds of the real run, as a whole journal."""
    header, *lines = REAL.read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["at_ms"] < seconds * 1000]
    end = json.dumps({"at_ms": int(seconds * 1000), "end": True})
    path.write_text("\n".join([header, *kept, end, ""]))
    return path


def mesh_app(*arguments: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """`mesh-app` in a process of its own, with nothing of this one's terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "mesh_app.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
