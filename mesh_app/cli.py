"""The `mesh-app` command: the workstation, one validator, or a demonstration without a screen. Textual is imported only for the screen."""

import argparse
import asyncio
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mesh_app.exit_status import ExitStatus
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.home_folder import HOME_VARIABLE, find_home

DEMOS = ("first-payment", "crash-recovery", "double-spend")
DIGITS_MOST = 20
"""Digits of 2^64 - 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 good, 1 failed, 2 wrong usage, 3 a validator could not be started."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--validator" in given:
        from mesh_core.validator.__main__ import main as validator_main

        given.remove("--validator")
        return validator_main(given)
    parser = _parser()
    options = parser.parse_args(given)
    if options.version:
        return _print_version()
    if options.demo is None:
        if options.headless or options.json or options.amount is not None or options.seed is not None:
            parser.error("--headless, --json, --amount and --seed go with --demo")
        return _run_workstation(options)
    if options.amount is not None and options.demo != "first-payment":
        parser.error("--amount goes with --demo first-payment")
    if not options.headless:
        parser.error(f"this version plays --demo {options.demo} with --headless")
    return _run_demo(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mesh-app",
        description="MESH: confidential payments settled by four validators, on your own machine. Without options: the workstation.",
        epilog="mesh-app --validator --config FILE runs one validator without a screen; mesh-app --validator --init DIR makes its keys.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and the group library in use")
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help=f"where the network and the wallets are kept (default: ${HOME_VARIABLE}, or a folder of the user's data)"
    )
    parser.add_argument("--demo", choices=DEMOS, help="play a demonstration against four real validators in a temporary home")
    parser.add_argument("--headless", action="store_true", help="with --demo: no screen, one event a line")
    parser.add_argument("--json", action="store_true", help="with --demo: JSON lines, the last one the summary")
    parser.add_argument("--amount", type=_whole_number, metavar="N", help="with --demo first-payment: how much Alice pays (default 500)")
    parser.add_argument("--seed", type=_whole_number, metavar="N", help="with --demo: fixes the keys of the demonstration, and nothing else")
    return parser


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MOST and int(text) < 2**64):
        raise argparse.ArgumentTypeError(f"{text[:DIGITS_MOST]!r} is no whole number from 0 to 2^64 - 1")
    return int(text)


def _print_version() -> int:
    from mesh_core.crypto import ristretto

    try:
        ristretto.load_library()
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app: {fault}\n")
        return ExitStatus.FAILED
    sys.stdout.write(f"mesh-app {importlib.metadata.version('mesh-protocol')} (group library: {ristretto.BACKEND})\n")
    return 0


def _run_demo(options: argparse.Namespace) -> int:
    from mesh_app.demo.crash_recovery import CrashRecovery
    from mesh_app.demo.double_spend import DoubleSpend
    from mesh_app.demo.first_payment import DEFAULT_AMOUNT, FirstPayment
    from mesh_app.demo.narrator import Narrator
    from mesh_app.demo.stage import Play, perform

    play: Play
    match options.demo:
        case "crash-recovery":
            play = CrashRecovery()
        case "double-spend":
            play = DoubleSpend()
        case _:
            play = FirstPayment(DEFAULT_AMOUNT if options.amount is None else options.amount)
    try:
        return asyncio.run(perform(play, Narrator(as_json=options.json), seed=options.seed))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return ExitStatus.FAILED
    except BrokenPipeError:
        # Whoever read has gone. Python flushes once more at the end and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.FAILED


def _run_workstation(options: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write("mesh-app: the workstation needs a terminal; without one: mesh-app --demo first-payment --headless\n")
        return ExitStatus.USAGE
    from mesh_app.workstation import run_workstation

    try:
        return run_workstation(find_home(options.home))
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app: {fault}\n")
        return ExitStatus.NO_VALIDATOR if fault.code is ErrorCode.VALIDATOR_START else ExitStatus.FAILED


if __name__ == "__main__":
    sys.exit(main())
