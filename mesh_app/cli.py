"""The `mesh-app` command: the workstation, one validator, or a demonstration without a screen. Textual is imported only for the screen."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

from mesh_app.demo import command as recordings
from mesh_app.exit_status import ExitStatus
from mesh_app.settings.settings import LOG_LEVELS, THEMES, Settings
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.storage.named_path import named_path
from mesh_core.wallet.home_folder import HOME_VARIABLE
from testnet.completion import add_completion

DEMOS = ("first-payment", "crash-recovery", "double-spend")
SLOW_FRAMES_PER_SECOND = 10
DIGITS_MOST = 20
"""Digits of 2^64 - 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 good, 1 failed, 2 wrong usage, 3 a validator could not be started."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--validator" in given:
        from mesh_core.validator.__main__ import main as validator_main

        given.remove("--validator")
        return validator_main(given)
    parser = make_parser()
    options = parser.parse_args(given)
    if options.version:
        return _print_version()
    if options.print_config:
        return _print_config()
    if options.command is not None:
        return _run_command(parser, options)
    problem = recordings.problem_with(options)
    if problem is not None:
        parser.error(problem)
    if options.replay is not None or options.render is not None:
        return recordings.run(options)
    if options.demo is None:
        if options.headless or options.json or options.amount is not None or options.seed is not None:
            parser.error("--headless, --json, --amount and --seed go with --demo")
        return _run_workstation(options)
    if options.amount is not None and options.demo != "first-payment":
        parser.error("--amount goes with --demo first-payment")
    if options.headless and options.demo not in DEMOS:
        parser.error(f"--headless plays {', '.join(DEMOS)}")
    if not options.headless and (options.json or options.amount is not None):
        parser.error("--json and --amount go with --headless")
    return _run_demo(options) if options.headless else recordings.run(options)


def make_parser() -> argparse.ArgumentParser:
    """Every option and subcommand of `mesh-app`; completion is made from it."""
    parser = argparse.ArgumentParser(
        prog="mesh-app",
        description="MESH: confidential payments settled by four validators, on your own machine. Without options: the workstation.",
        epilog="mesh-app --validator --config FILE runs one validator without a screen; mesh-app --validator --init DIR makes its keys.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and the group library in use")
    parser.add_argument(
        "--home", type=named_path, metavar="DIR", help=f"where the network and the wallets are kept (default: ${HOME_VARIABLE}, or a folder of the user's data)"
    )
    screen = parser.add_argument_group("the workstation")
    screen.add_argument("--config", type=named_path, metavar="FILE", help="the configuration file (mesh-app locate says which one is read otherwise)")
    screen.add_argument("--print-config", action="store_true", help="print a configuration file with the defaults, and a word on each")
    screen.add_argument("--theme", choices=THEMES, help="the colours")
    screen.add_argument("--slow", action=argparse.BooleanOptionalAction, help="for remote links: ten pictures a second, no animation")
    screen.add_argument("--mouse", action=argparse.BooleanOptionalAction, help="--no-mouse leaves the mouse to the terminal")
    screen.add_argument("--log-level", choices=LOG_LEVELS, help="what goes into mesh-app.log")
    demo = parser.add_argument_group("demonstrations")
    demo.add_argument(
        "--demo", metavar="NAME", help="play a demonstration against four real validators in a temporary home: a name that --demo list prints, or your own file"
    )
    demo.add_argument("--headless", action="store_true", help="with --demo: no screen, one event a line")
    demo.add_argument("--json", action="store_true", help="with --demo: JSON lines, the last one the summary")
    demo.add_argument("--amount", type=_whole_number, metavar="N", help="with --demo first-payment: how much Alice pays (default 500)")
    demo.add_argument("--seed", type=_whole_number, metavar="N", help="with --demo: fixes the keys of the demonstration, and nothing else")
    recordings.add_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("locate", help="print where everything is kept", description="Prints where everything is kept, one path a line.")
    attach = commands.add_parser(
        "attach",
        help="show a network that runs already",
        description="The workstation on a network that another program runs: mesh-app, mesh-testnet up, or validators anywhere. Orders go through the control "
        "socket of that program; wallets of the home that no other program holds can pay. With a network file alone it only looks.",
    )
    attach.add_argument("--home", type=named_path, metavar="DIR", default=argparse.SUPPRESS, help="the network's folder (default: as without attach)")
    attach.add_argument("--network", type=named_path, metavar="FILE", help="a network.toml, and nothing else: no keys, no orders")
    attach.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="no screen: every event as a JSON line, until Ctrl-C")
    add_completion(commands.add_parser("completion", help="print a script that completes mesh-app in a shell"))
    return parser


def _run_command(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.command == "locate":
        return _print_locations(options)
    if options.command == "attach":
        return _tell_events(options) if options.json else _run_workstation(options)
    sys.stdout.write(make_completion(options.shell, parser))
    return ExitStatus.GOOD


def make_completion(shell: str, parser: argparse.ArgumentParser) -> str:
    """The script that completes `mesh-app` in a shell."""
    from mesh_app.demo.scenario import shipped_scenarios
    from testnet.completion import completion_script

    return completion_script(shell, parser, {"--demo": ("list", *shipped_scenarios())})


def _print_locations(options: argparse.Namespace) -> int:
    from mesh_app.locations import find_locations

    try:
        rows = find_locations(home=options.home, config=options.config).rows()
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app: {fault}\n")
        return ExitStatus.FAILED
    width = max(len(name) for name, _ in rows)
    sys.stdout.write("".join(f"{name:<{width}}  {path}\n" for name, path in rows))
    return ExitStatus.GOOD


def _print_config() -> int:
    from mesh_app.settings.writing import default_config

    sys.stdout.write(default_config())
    return ExitStatus.GOOD


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MOST and int(text) < 2**64):
        raise argparse.ArgumentTypeError(f"{text[:DIGITS_MOST]!r} is no whole number from 0 to 2^64 - 1")
    return int(text)


def _print_version() -> int:
    import importlib.metadata

    from mesh_core.crypto import ristretto

    try:
        ristretto.load_library()
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app: {fault}\n")
        return ExitStatus.FAILED
    sys.stdout.write(f"mesh-app {importlib.metadata.version('mesh-protocol')} (group library: {ristretto.BACKEND})\n")
    return 0


def _run_demo(options: argparse.Namespace) -> int:
    import asyncio

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
    from mesh_app.locations import find_locations
    from mesh_app.settings.reading import read_settings
    from mesh_app.terminal import terminal_problem

    problem = terminal_problem()
    if options.config is not None and not options.config.exists():
        problem = problem or f"there is no configuration {options.config}; mesh-app --print-config prints one to begin with"
    if problem:
        sys.stderr.write(f"mesh-app: {problem}\n")
        return ExitStatus.USAGE
    try:
        locations = find_locations(home=options.home, config=options.config)
        read = read_settings(locations.config)
        settings = _with_options(read.settings, options)
        _tell_textual(settings)
        problems = (read.problem,) if read.problem else ()
        from mesh_app.workstation import run_attached, run_workstation

        if options.command == "attach":
            return run_attached(locations, settings, options.network, problems=problems)
        with recordings.session(options) as recorded_to:
            return run_workstation(locations, settings, problems=problems, record=recorded_to)
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app: {fault}\n")
        return ExitStatus.NO_VALIDATOR if fault.code is ErrorCode.VALIDATOR_START else ExitStatus.FAILED


def _tell_events(options: argparse.Namespace) -> int:
    from mesh_app.attached_lines import tell_events
    from mesh_app.locations import find_locations

    try:
        return tell_events(find_locations(home=options.home, config=options.config).home, options.network)
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app: {fault}\n")
        return ExitStatus.FAILED


def _with_options(settings: Settings, options: argparse.Namespace) -> Settings:
    """What was typed counts more than the configuration; what was not typed counts nothing."""
    typed: dict[str, Any] = {name: getattr(options, name) for name in ("theme", "slow", "mouse", "log_level") if getattr(options, name) is not None}
    return dataclasses.replace(settings, **typed)


def _tell_textual(settings: Settings) -> None:
    """Textual reads these once, when it is imported. A size that a shell exported would hold for ever, whatever becomes of the window."""
    os.environ.pop("COLUMNS", None)
    os.environ.pop("LINES", None)
    if settings.slow:
        os.environ["TEXTUAL_FPS"] = str(SLOW_FRAMES_PER_SECOND)
    if settings.slow or not settings.animations:
        os.environ["TEXTUAL_ANIMATIONS"] = "none"


if __name__ == "__main__":
    sys.exit(main())
