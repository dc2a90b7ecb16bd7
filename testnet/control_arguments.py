"""The command line of `mesh-testnet kill V3` and the like. Apart from what the commands do: it imports nothing that chooses a group library."""

import argparse
from collections.abc import Mapping

from testnet.commands.home_option import add_home
from testnet.commands.profile_option import PROFILES

ORDERS = {
    "start": "start a validator of a running network",
    "stop": "ask a validator to stop",
    "kill": "kill a validator (SIGKILL), as a crash would",
    "restart": "restart a validator, or all, one after the other",
    "pause": "stop a validator in its tracks (SIGSTOP), as a machine that hangs",
    "resume": "let a paused validator go on (SIGCONT)",
}
LINE_ORDERS = {
    "cut": "nothing passes any more",
    "slow": "everything comes later",
    "lose": "some of the datagrams are lost",
    "shape": "delay, jitter, loss, reordering, duplication and bandwidth at once; what is not named is good again",
    "heal": "direct again",
}
COMMANDS: Mapping[str, str] = {
    **ORDERS,
    "wipe": "delete database and vote journal of a validator that does not run; it comes back in quarantine",
    "lift": "let a validator vote again that is in quarantine; it is restarted for that",
    "status": "how the network is that runs in a home",
    "logs": "the validators' logs, also of a network that does not run",
    "link": "cut, slow and heal lines of a running network",
}
"""Each command with its help."""
SHAPES = {
    "delay_ms": ("--ms", "MS", "milliseconds more, in each direction"),
    "jitter_ms": ("--jitter-ms", "MS", "mean of what comes on top, exponentially distributed"),
    "loss": ("--percent", "P", "so many of a hundred datagrams are lost"),
    "reordering": ("--reorder-percent", "P", "so many are held back while later ones pass"),
    "duplication": ("--duplicate-percent", "P", "so many arrive twice"),
    "bandwidth_kbit_s": ("--kbit", "K", "kilobits a second, in each direction; what finds a quarter of a second in front of it is lost"),
}
"""Options of `link shape`, by what they set (`conditions.py`)."""
SHARES = frozenset({"loss", "reordering", "duplication"})
"""Shares, given in per cent."""
LINES_SHOWN = 40
PROFILE_TEXT = "every line as in a profile: cities, and the ways between them"
LINK_DESCRIPTION = """A line between two validators, or between the wallets of the running program and a validator. Commands of mesh-wallet dial by themselves,
and go over these lines with --network HOME/relayed.toml alone."""


def add_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    """The options of one of COMMANDS."""
    if name == "link":
        _add_link_orders(parser)
        return
    _common(parser, COMMANDS[name])
    if name == "logs":
        parser.add_argument("validators", metavar="V3", nargs="*", help="V1 to Vn (default: all)")
        parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines, until Ctrl-C")
        parser.add_argument("-n", "--lines", type=_count, default=LINES_SHOWN, metavar="N", help=f"how many of the last lines of each (default {LINES_SHOWN})")
    elif name != "status":
        parser.add_argument("validator", metavar="V3", nargs="?" if name == "restart" else None, help="V1 to Vn")
    if name == "restart":
        parser.add_argument("--all", action="store_true", help="all, one after the other: the others make a quorum meanwhile")
    if name == "wipe":
        parser.add_argument("--confirm", metavar="NAME", help="the validator's name once more, which is otherwise asked for")
    if name == "lift":
        parser.add_argument("--confirm", metavar="SENTENCE", help="the sentence that is otherwise asked for")


def _add_link_orders(parser: argparse.ArgumentParser) -> None:
    parser.description = LINK_DESCRIPTION
    lines = parser.add_subparsers(dest="line_order", required=True, metavar="{show,cut,slow,lose,shape,heal,profile}")
    for name, text in {"show": "every line that is not direct", **LINE_ORDERS, "profile": PROFILE_TEXT}.items():
        order = lines.add_parser(name, help=text)
        _common(order, text)
        if name == "profile":
            order.add_argument("profile", metavar="PROFILE", help=PROFILES)
        if name in {"show", "profile"}:
            continue
        for end in ("one", "other"):
            order.add_argument(end, metavar="END", nargs="?" if name == "heal" else None, help="V1 to Vn, or wallets")
        if name == "slow":
            order.add_argument("--ms", type=_number, required=True, metavar="MS", help="milliseconds more, in each direction")
        if name == "lose":
            order.add_argument("--percent", type=_number, required=True, metavar="P", help="so many of a hundred datagrams, in each direction")
        if name == "shape":
            for key, (option, metavar, help_text) in SHAPES.items():
                order.add_argument(option, dest=key, type=_number, metavar=metavar, help=help_text)
        if name == "heal":
            order.add_argument("--all", action="store_true", help="every line")


def check_arguments(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends the program with status 2 where options contradict each other."""
    is_heal = options.command == "link" and options.line_order == "heal"
    if (options.command == "restart" and bool(options.validator) == options.all) or (is_heal and bool(options.one) == options.all):
        parser.error(f"{options.command} takes either names or --all")
    if options.command == "link" and options.line_order == "shape" and all(getattr(options, key) is None for key in SHAPES):
        parser.error("shape takes at least one of its options; heal makes a line good again")
    if is_heal and options.one and not options.other:
        parser.error("a line has two ends")


def _common(parser: argparse.ArgumentParser, text: str) -> None:
    parser.description = text[0].upper() + text[1:] + "."
    add_home(parser)
    parser.add_argument("--json", action="store_true", help="JSON")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of lines")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1e9:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 0 up")
    return number
