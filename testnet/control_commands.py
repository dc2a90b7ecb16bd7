"""`mesh-testnet kill V3` and the like: orders to a network that runs, its status, and its logs."""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from typing import Any

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.types.messages import PongFlag
from mesh_core.types.visible_text import visible_text
from mesh_core.validator.lifting import confirmation_sentence
from mesh_core.validator.report import flag_words
from mesh_core.wallet.home_folder import find_home
from testnet.control_arguments import ORDERS, SHAPES, SHARES
from testnet.control_client import connected
from testnet.layout import NetworkFolder
from testnet.lines import parse_validator
from testnet.log_tail import INTERVAL_S, LogTail
from testnet.profiles import profile_reference
from testnet.up_lines import describe_line

EXIT_FAILED = 1
PERCENT = 100
SHOWN_DIGEST_DIGITS = 16


def run(options: argparse.Namespace) -> int:
    """Carry out one subcommand; returns the exit status. LocalFault."""
    folder = NetworkFolder(find_home(options.home))
    if options.command == "logs":
        return _show_logs(folder, options)
    try:
        return asyncio.run(_order(folder, options))
    except KeyboardInterrupt:
        return EXIT_FAILED


def order_of(options: argparse.Namespace, folder: NetworkFolder) -> dict[str, Any]:
    """The order that a command line gives, as `control_orders.py` knows it. Asks for what must be typed. LocalFault."""
    command = options.command
    if command == "restart" and options.all:
        return {"order": "restart-all"}
    if command in ORDERS:
        return {"order": command, "validator": options.validator}
    if command in {"wipe", "lift"}:
        confirm = options.confirm if options.confirm is not None else _ask(command, options.validator, folder)
        return {"order": command, "validator": options.validator, "confirm": confirm}
    if command == "status" or options.line_order == "show":
        return {"order": "status"}
    if options.line_order == "heal" and options.all:
        return {"order": "heal"}
    if options.line_order == "profile":
        return {"order": "profile", "profile": profile_reference(options.profile)}
    if options.line_order == "shape":
        given = {name: getattr(options, name) for name in SHAPES if getattr(options, name) is not None}
        shape = {name: value / PERCENT if name in SHARES else value for name, value in given.items()}
        return {"order": "shape", "line": [options.one, options.other], **shape}
    figures = {name: getattr(options, name) for name in ("ms", "percent") if hasattr(options, name)}
    return {"order": options.line_order, "line": [options.one, options.other], **figures}


async def _order(folder: NetworkFolder, options: argparse.Namespace) -> int:
    async with connected(folder) as client:
        order = order_of(options, folder)
        answer = await client.order(**order)
    if options.json:
        _say(json.dumps(answer["status"] if "status" in answer else {key: value for key, value in answer.items() if key != "answer"}))
    elif options.command == "status":
        _say("\n".join(visible_text(line) for line in status_lines(answer["status"])))
    elif options.command == "link" and options.line_order == "show":
        _say("\n".join(line_lines(answer["status"])))
    else:
        _say(visible_text(_done(options, answer)))
    return 0


def _done(options: argparse.Namespace, answer: dict[str, Any]) -> str:
    validator = answer.get("validator")
    if isinstance(validator, dict):
        process = f", process {validator['pid']}" if validator.get("pid") else ""
        return f"{validator['name']} is {validator['state']}{process}"
    return {
        "wipe": "the data are deleted; at its next start it is in quarantine, catches up, and does not vote until 'mesh-testnet lift'",
        "lift": "the quarantine is lifted",
        "restart": "all have been restarted",
    }.get(options.command, "done")


def status_lines(status: dict[str, Any]) -> list[str]:
    """The status for people, one thing a line."""
    rows = [("", "state", "process", "up", "restarts", "log", "digest", "")]
    for one in status["validators"]:
        up = "–" if one["uptime_s"] is None else time.strftime("%H:%M:%S", time.gmtime(one["uptime_s"]))
        digest = str(one["state_digest"] or "–")[:SHOWN_DIGEST_DIGITS]
        log = "–" if one["log_length"] is None else str(one["log_length"])
        rows.append((one["name"], one["state"], str(one["pid"] or "–"), up, str(one["restarts"]), log, digest, _remark_on(one)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    heading = f"{status['name']} in {status['home']}, run by {status['program']}, process {status['pid']}"
    return [heading, "", *table, "", *line_lines(status)]


def _remark_on(one: dict[str, Any]) -> str:
    flags = one["flags"]
    words = [*flag_words(PongFlag(flags))] if isinstance(flags, int) and one["state"] in {"up", "paused"} else []
    words += [f"runs {one['module']}"] if one["module"] else []
    words += [one["reason"]] if one["reason"] else []
    return ", ".join(words)


def line_lines(status: dict[str, Any]) -> list[str]:
    """Every line that is not direct."""
    return [f"line {line['line']} {describe_line(line)}" for line in status["lines"]] or ["every line is direct"]


def _show_logs(folder: NetworkFolder, options: argparse.Namespace) -> int:
    if not folder.exists:
        raise LocalFault(ErrorCode.NO_NETWORK, f"there is no network in {folder.home}: name its folder with --home")
    size = load_genesis(folder.genesis_file).committee.size
    indices = [parse_validator(name, size) for name in options.validators] or list(range(size))
    tails = {index: LogTail(folder.validator(index).log) for index in indices}
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _print_logs(tails, options, last=options.lines)
        while options.follow:
            time.sleep(INTERVAL_S)
            _print_logs(tails, options)
    return 0


def _print_logs(tails: dict[int, LogTail], options: argparse.Namespace, *, last: int | None = None) -> None:
    for index, tail in tails.items():
        lines, skipped = tail.look()
        if skipped and not options.json:
            _say(f"V{index + 1} | ({skipped} bytes came too fast and are left out)")
        for line in lines if last is None else lines[max(0, len(lines) - last) :]:
            _say(json.dumps({"validator": f"V{index + 1}", "line": line}) if options.json else line if len(tails) == 1 else f"V{index + 1} | {line}")
    sys.stdout.flush()


def _ask(command: str, validator: str, folder: NetworkFolder) -> str:
    """What must be typed, letter by letter. LocalFault (CONFIRMATION_MISSING) where nobody can type."""
    committee = load_genesis(folder.genesis_file).committee
    index = parse_validator(validator, committee.size)
    if command == "wipe":
        wanted, why = f"V{index + 1}", f"This deletes all that V{index + 1} has signed and knows. It comes back in quarantine. Its key stays."
    else:
        wanted = confirmation_sentence(committee.validators[index])
        why = f"If V{index + 1} has forgotten a vote and signs something else now, it has signed twice.\nLift the quarantine only if this is true:"
    if not sys.stdin.isatty():
        raise LocalFault(ErrorCode.CONFIRMATION_MISSING, f"nobody is there to be asked: give --confirm '{wanted}'")
    sys.stdout.write(f"{why}\n\n    {wanted}\n\nType it: ")
    sys.stdout.flush()
    typed = sys.stdin.readline().strip()
    if typed != wanted:
        raise LocalFault(ErrorCode.CONFIRMATION_MISSING, "that is something else: nothing was done")
    return typed


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
