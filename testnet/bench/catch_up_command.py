"""`mesh-testnet bench catch-up`: how fast certificates are fetched, and how long a vote takes meanwhile."""

import argparse
from typing import TYPE_CHECKING, Any

from testnet.bench.profile_option import add_profile_argument, chosen_profile, profile_form
from testnet.bench.telling import add_output_arguments, deliver, require_output, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testnet.bench.plots import Figure

NAME = "catch-up"
HELP = "certificates a second of a validator that has none, and how long a vote takes meanwhile"
CERTIFICATES_MOST = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--certificates", type=int, default=10_000, metavar="N", help="what is fetched (default 10000)")
    parser.add_argument("--idle-votes", type=int, default=60, metavar="N", help="votes of each validator while nothing is fetched (default 60)")
    parser.add_argument("--payments", type=int, default=4000, metavar="N", help="payments that are proven beforehand, for all votes together (default 4000)")
    parser.add_argument("--silent", action="store_true", help="ask for no votes meanwhile: how fast it is with nobody there")
    add_profile_argument(parser, "lines between the validators, and those over which votes are asked for (another network's is direct),")
    add_output_arguments(parser)


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where there would be nothing to measure, or too few payments for the idle votes."""
    if not 1 <= options.certificates <= CERTIFICATES_MOST:
        parser.error(f"1 to {CERTIFICATES_MOST:,} certificates")
    if not (options.idle_votes >= 1 and options.payments >= 9 * options.idle_votes):
        parser.error("at least one idle vote, and nine payments for each: three for each validator, and as many for the time between")


def run(options: argparse.Namespace) -> int:
    """Measure. LocalFault."""
    import asyncio
    import tempfile
    from pathlib import Path

    from mesh_core.crypto.startup import prepare
    from testnet.bench.catch_up import CatchUpPlan, measure_catch_up
    from testnet.bench.results import describe_surroundings, make_result

    require_output(options)
    profile = chosen_profile(options)
    prepare()
    machine = describe_surroundings()
    plan = CatchUpPlan(options.certificates, options.idle_votes, options.payments, options.silent, profile)
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        figures = asyncio.run(measure_catch_up(Path(folder), plan, lambda text: say(options, text)))
    told = {"certificates": plan.certificates, "idle_votes": plan.idle_votes, "payments": plan.payments, "silent": plan.silent} | profile_form(profile)
    deliver(options, make_result(NAME, seed=0, machine=machine, options=told, figures=figures), figures_of(figures))
    return 0


def figures_of(figures: dict[str, Any]) -> "Sequence[Figure]":
    """Percentiles of votes meanwhile."""
    from testnet.bench.plots import Curve, Figure

    names = ((50, "median_ms"), (90, "p90_ms"), (99, "p99_ms"))
    found = ("fetching", "serving", "another")
    curves = tuple(Curve(name, tuple((float(part), float(figures[name]["busy"][key])) for part, key in names)) for name in found)
    return [Figure("catch-up", "Votes while certificates are fetched", "percentile", "ms", curves)]
