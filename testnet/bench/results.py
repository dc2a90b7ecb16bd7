"""What a benchmark leaves: one JSON file, with the figures and all that they depend on. `report.py` makes the tables of docs/benchmarks.md from such files.

    {"format": "mesh-benchmark-1", "benchmark": "throughput", "date": "2026-11-23", "command": "mesh-testnet bench throughput --seed 1",
     "seed": 1, "machine": {...}, "options": {...}, "figures": {...}}

`benchmark` says which module understands `figures`. The file is called after the benchmark, or as `--name` says, so that one benchmark can have a file for
each profile: `latency-australia.json`.
"""

import importlib.metadata
import json
import platform
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.plain_file import read_plain_file
from mesh_core.storage.files import write_atomically
from testnet.machine import load_average, processor_name, usable_cores

FORMAT: Final = "mesh-benchmark-1"
SUFFIX: Final = ".json"
LIMIT_BYTES: Final = 16 * 1024 * 1024
FILE_MODE: Final = 0o644
NAME_PATTERN: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DISTRIBUTION: Final = "mesh-protocol"
LIBRARIES: Final = ("aioquic", "cryptography", "PyNaCl", "pysodium", "sqlitedict")


@dataclass(frozen=True, slots=True)
class Result:
    """One run. `figures` and `options` are JSON; `machine` is what `describe_surroundings` found."""

    benchmark: str
    date: str
    command: str
    seed: int
    machine: dict[str, Any]
    options: dict[str, Any]
    figures: dict[str, Any]


def make_result(benchmark: str, *, seed: int, machine: dict[str, Any], options: Mapping[str, Any], figures: Mapping[str, Any]) -> Result:
    """A result of now, of this process's command. `machine`: taken before the measurement, or its load would be the benchmark's own."""
    return Result(benchmark, f"{datetime.now(UTC):%Y-%m-%d}", _command(sys.argv), seed, machine, dict(options), dict(figures))


def describe_surroundings() -> dict[str, Any]:
    """Processor, cores, load, system, versions and group library: what every figure depends on besides the program."""
    from mesh_core.crypto import ristretto

    ristretto.load_library()
    return {
        "cpu": processor_name(),
        "cores": usable_cores(),
        "load": load_average(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "version": _version(DISTRIBUTION) or "",
        "backend": ristretto.BACKEND,
        "libraries": {name: version for name in LIBRARIES if (version := _version(name)) is not None},
    }


def form(result: Result) -> dict[str, Any]:
    """The result as JSON."""
    return {"format": FORMAT, **asdict(result)}


def write_result(folder: Path, result: Result, name: str | None = None) -> Path:
    """Write a result into a folder, in the place of an earlier one of this name; returns the file. LocalFault (CONFIG_INVALID, STORE_UNAVAILABLE)."""
    require_name(stem := name or result.benchmark)
    path = folder / (stem + SUFFIX)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"the result cannot be written to {folder}: {error.strerror or error}") from error
    write_document(path, json.dumps(form(result), indent=1) + "\n")
    return path


def write_document(path: Path, text: str) -> None:
    """Put a text in the place of a file, or make it; the file is the old one or the new one, also where the disk is full. LocalFault (STORE_UNAVAILABLE)."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else FILE_MODE
        write_atomically(path.resolve(), text.encode("utf-8"), mode, overwrite=True)
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error
    except LocalFault as fault:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, fault.text) from fault


def read_results(folder: Path) -> dict[str, Result]:
    """All results of a folder, by the name of their file. LocalFault (CONFIG_INVALID) names a file that is none; STORE_UNAVAILABLE if one cannot be read."""
    try:
        return {path.stem: read_result(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"results cannot be read from {folder}: {error.strerror or error}") from error


def read_result(path: Path) -> Result:
    """One result. LocalFault (CONFIG_INVALID), OSError."""
    content = read_plain_file(path, LIMIT_BYTES)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is no JSON: {error}") from error
    match found:
        case {
            "format": str(kind),
            "benchmark": str(benchmark),
            "date": str(date),
            "command": str(command),
            "seed": int(seed),
            "machine": dict(machine),
            "options": dict(options),
            "figures": dict(figures),
        } if kind == FORMAT:
            return Result(benchmark, date, command, seed, machine, options, figures)
        case _:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{path} is no result of a benchmark ({FORMAT})")


def require_name(name: str) -> None:
    """LocalFault (CONFIG_INVALID) for a name that could leave its folder, or that no marker in a document could name."""
    if not NAME_PATTERN.fullmatch(name):
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"{name!r} is no name for a result: small letters, digits and single hyphens between them")


def _command(arguments: Sequence[str]) -> str:
    """What was typed, without the options that only say where results go: those are folders of this machine."""
    told: list[str] = []
    skipping = False
    for argument in arguments[1:]:
        if skipping or argument.split("=")[0] in ("--output", "--plot", "--json"):
            skipping = not skipping and argument in ("--output", "--plot")
            continue
        told.append(argument)
    return " ".join(("mesh-testnet", *told))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
