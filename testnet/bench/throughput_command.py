"""`mesh-testnet bench throughput`: one validator flooded, then the whole network with many wallets."""

import argparse
from typing import TYPE_CHECKING, Any

from testnet.bench.profile_option import add_profile_argument, chosen_profile, profile_form
from testnet.bench.telling import add_output_arguments, deliver, require_output, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testnet.bench.plots import Figure

NAME = "throughput"
HELP = "flood one validator with vote requests, then let many wallets pay through a whole network"
VOTES_MOST = 100_000
ROUNDS_MOST = 99
WALLETS_MOST = 256
PAYMENTS_MOST = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--votes", type=int, default=2400, metavar="N", help="requests of the flood, each proven beforehand (default 2400)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="floods, of which the middle one is told (default 3)")
    parser.add_argument("--wallets", type=int, default=32, metavar="N", help="wallets that pay each other (default 32; 0: none)")
    parser.add_argument("--payments", type=int, default=1000, metavar="N", help="payments of all wallets together (default 1000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="who pays whom, and how much; proofs are made with fresh randomness")
    add_profile_argument(parser, "lines of the whole network, but never those of the flood, which are direct,")
    add_output_arguments(parser)


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where there would be nothing to measure."""
    if not (2 <= options.votes <= VOTES_MOST and 1 <= options.rounds <= ROUNDS_MOST):
        parser.error(f"2 to {VOTES_MOST:,} votes, in 1 to {ROUNDS_MOST} rounds")
    if options.wallets and not (2 <= options.wallets <= WALLETS_MOST and 1 <= options.payments <= PAYMENTS_MOST):
        parser.error(f"2 to {WALLETS_MOST} wallets and at least one payment, or no wallets")
    if options.profile is not None and not options.wallets:
        parser.error("--profile is of the lines that wallets pay over, and there are no wallets: the flood's are direct")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 if a unit is missing. LocalFault."""
    import asyncio
    import tempfile
    from pathlib import Path

    from mesh_core.crypto.startup import prepare
    from testnet.bench.results import describe_surroundings, make_result
    from testnet.bench.throughput import FloodPlan, measure_flood, middle_round
    from testnet.bench.wallets import WalletPlan, measure_wallets, proof_bound_per_s

    require_output(options)
    profile = chosen_profile(options)
    prepare()
    machine = describe_surroundings()
    rounds, network = [], None
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        for number in range(options.rounds):
            say(options, f"round {number + 1} of {options.rounds}")
            rounds.append(asyncio.run(measure_flood(Path(folder) / f"flood-{number}", FloodPlan(options.votes), lambda text: say(options, text))))
        flood = middle_round(rounds)
        if options.wallets:
            say(options, f"{options.wallets} wallets pay {options.payments} times")
            plan = WalletPlan(options.wallets, options.payments, seed=options.seed, profile=profile)
            network = asyncio.run(measure_wallets(Path(folder) / "network", plan))
            network["proof_bound_per_s"] = round(proof_bound_per_s(network["cores"], network["validators"], flood["parts_us"]["proof"]), 1)
    told = {name: getattr(options, name) for name in ("votes", "rounds", "wallets", "payments")} | profile_form(profile)
    result = make_result(NAME, seed=options.seed, machine=machine, options=told, figures={"flood": flood, "network": network})
    deliver(options, result, figures_of(flood))
    return 0 if network is None or network["is_right"] else 1


def figures_of(flood: dict[str, Any]) -> "Sequence[Figure]":
    """The ratios of all rounds."""
    from testnet.bench.plots import Curve, Figure

    points = tuple((float(number), float(ratio)) for number, ratio in enumerate(flood["ratios"], 1))
    return [Figure("throughput", "One validator flooded", "round", "processor time for a vote, in sums of its parts", (Curve("ratio", points),))]
