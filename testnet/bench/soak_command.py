"""`mesh-testnet bench soak`: payments for an hour, and whether memory stays flat."""

import argparse
from typing import TYPE_CHECKING, Any

from testnet.bench.profile_option import add_profile_argument, chosen_profile, profile_form
from testnet.bench.telling import add_output_arguments, deliver, require_output, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testnet.bench.plots import Figure

NAME = "soak"
HELP = "payments at a steady rate, memory of every process, and whether it grows"
MINUTES_MOST = 7 * 24 * 60
RATE_MOST = 1000
WALLETS_MOST = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--minutes", type=float, default=60.0, metavar="M", help="how long payments go on (default 60); Ctrl-C ends it early")
    parser.add_argument("--rate", type=float, default=5.0, metavar="R", help="payments a second (default 5)")
    parser.add_argument("--wallets", type=int, default=4, metavar="N", help="wallets that pay each other (default 4)")
    parser.add_argument("--every", type=float, default=5.0, metavar="S", help="seconds between two samples of memory (default 5)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="when who pays whom, and how much")
    add_profile_argument(parser, "lines between validators, and the wallets' lines to them,")
    add_output_arguments(parser)


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where there would be nothing to measure."""
    if not (0 < options.minutes <= MINUTES_MOST and 0.05 <= options.every <= 600):
        parser.error(f"up to {MINUTES_MOST:,} minutes, and a sample each 0.05 to 600 seconds")
    if not (0.01 <= options.rate <= RATE_MOST and 2 <= options.wallets <= WALLETS_MOST):
        parser.error(f"0.01 to {RATE_MOST:,} payments a second, of 2 to {WALLETS_MOST} wallets")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 if memory grows, or a unit is missing. LocalFault."""
    import asyncio
    import tempfile
    from pathlib import Path

    from mesh_core.crypto.startup import prepare
    from testnet.bench.results import describe_surroundings, make_result
    from testnet.bench.soak import SoakPlan, run_soak

    require_output(options)
    profile = chosen_profile(options)
    prepare()
    machine = describe_surroundings()
    plan = SoakPlan(options.minutes * 60, options.rate, options.wallets, every_s=options.every, seed=options.seed, profile=profile)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        figures = asyncio.run(run_soak(Path(folder) / "home", plan, lambda text: say(options, text)))
    told = {"minutes": options.minutes, "rate": options.rate, "wallets": options.wallets, "every": options.every} | profile_form(profile)
    deliver(options, make_result(NAME, seed=options.seed, machine=machine, options=told, figures=figures), figures_of(figures))
    return 0 if figures["is_right"] and figures["verdict"] != "grows" else 1


def figures_of(figures: dict[str, Any]) -> "Sequence[Figure]":
    """Memory over time."""
    from testnet.bench.plots import Curve, Figure

    curves = tuple(Curve(name, tuple((at_s / 60, rss / 2**20) for at_s, rss in points)) for name, points in figures["curves"].items())
    return [Figure("soak", "Memory", "minutes", "RSS, MiB", curves, has_dots=False)]
