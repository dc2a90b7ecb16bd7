"""`mesh-testnet bench latency`: from the wallet's call to the certificate, and to its acknowledgement by a quorum, beside what the ways alone would take."""

import argparse

from testnet.bench.telling import add_output_arguments
from testnet.commands.numbers import validators_count
from testnet.commands.profile_option import PROFILES

NAME = "latency"
HELP = "a payment's time, and its parts, on the lines of a profile"
DESCRIPTION = """Real validators, a real wallet and real QUIC, each in a process of its own on this machine, with a relay in every line that the profile makes
longer, lossy or narrow. The lines are a model; all else is measured. One payment at a time: the next begins when every validator has applied the one before."""
PAYMENTS_MOST = 100_000
WARM_UP = 10
"""Payments before the first that counts: connections know their round trips then, and caches are filled."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = DESCRIPTION
    parser.add_argument("--profile", default="local", metavar="PROFILE", help=f"{PROFILES} (default local)")
    parser.add_argument("--payments", type=int, default=100, metavar="N", help="how many are measured (default 100)")
    parser.add_argument("--validators", type=validators_count, default=4, metavar="N", help="how many (default 4)")
    parser.add_argument("--loss", type=float, metavar="PERCENT", help="so many of a hundred datagrams are lost between cities, instead of the profile's share")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which datagrams are lost and late (default 1)")
    add_output_arguments(parser)


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 for numbers that cannot be."""
    if not 1 <= options.payments <= PAYMENTS_MOST:
        parser.error(f"1 to {PAYMENTS_MOST:,} payments are measured")
    if options.loss is not None and not 0 <= options.loss < 100:
        parser.error("--loss is from 0 to less than 100 per cent")


def run(options: argparse.Namespace) -> int:
    """Measure and tell. LocalFault."""
    import asyncio
    import tempfile
    from pathlib import Path

    from testnet.bench.latency_network import measure
    from testnet.bench.latency_plots import draw_latency
    from testnet.bench.latency_samples import figures_of
    from testnet.bench.profile_option import profile_form
    from testnet.bench.results import describe_surroundings, make_result
    from testnet.bench.telling import deliver, require_output, say
    from testnet.profiles import load_profile
    from testnet.traffic.latencies import TARGET_MS

    require_output(options)
    profile = load_profile(options.profile)
    if options.loss is not None:
        profile = profile.with_loss(options.loss / 100)
    machine = describe_surroundings()
    say(options, f"{profile.name}: {profile.text}; {options.payments} payments, {profile.line.loss * 100:g} % of the datagrams lost")

    def tell(number: int) -> None:
        if number % 25 == 0:
            say(options, f"{number} payments")

    with tempfile.TemporaryDirectory(prefix="mesh-latency-") as home:
        measured = measure(
            Path(home) / "home",
            profile,
            payments=options.payments,
            warm_up=min(WARM_UP, options.payments),
            validators_count=options.validators,
            seed=options.seed,
            tell=tell,
        )
        samples, cost = asyncio.run(measured)
    floor_ms = profile.floor_ms(options.validators, cost["quorum"])
    figures = {**figures_of(samples, floor_ms, TARGET_MS), **cost, "target_ms": TARGET_MS}
    told = {**profile_form(profile), "payments": options.payments, "validators": options.validators}
    result = make_result(NAME, seed=options.seed, machine=machine, options=told, figures=figures)
    deliver(options, result)
    if options.plot is not None:
        for path in draw_latency(options.plot, result, options.name or f"latency-{profile.name}"):
            say(options, f"written: {path}")
    return 0
