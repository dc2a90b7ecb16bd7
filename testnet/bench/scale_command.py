"""`mesh-testnet bench scale`: what grows with accounts, certificates, validators and wallets."""

import argparse
from typing import TYPE_CHECKING, Any

from testnet.bench.profile_option import add_profile_argument, chosen_profile, profile_form
from testnet.bench.telling import add_output_arguments, deliver, require_output, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testnet.bench.plots import Figure

NAME = "scale"
HELP = "times, memory and files with more and more accounts, certificates, validators and wallets"
PARTS = ("accounts", "log", "committee", "wallets")
PARTS_WITH_LINES = ("committee", "wallets")
ACCOUNTS = (1_000, 10_000, 100_000, 1_000_000)
CERTIFICATES = (0, 1_000, 10_000, 50_000)
VALIDATORS = (4, 7, 10, 16)
WALLETS = (2, 8, 32)
MOST = 2_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given more than once (default: all)")
    parser.add_argument("--most-accounts", type=int, default=max(ACCOUNTS), metavar="N", help="leave larger steps out (default 1000000, which takes minutes)")
    parser.add_argument("--most-certificates", type=int, default=max(CERTIFICATES), metavar="N", help="leave longer logs out (default 50000)")
    parser.add_argument("--asked", type=int, default=200, metavar="N", help="votes and certificates of each step (default 200)")
    parser.add_argument("--payments", type=int, default=200, metavar="N", help="payments of each committee and of each number of wallets (default 200)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="who pays whom, and how much")
    parser.add_argument("--quick", action="store_true", help="every step with next to nothing in it, to see that it works")
    add_profile_argument(parser, f"lines of the parts {' and '.join(PARTS_WITH_LINES)}, but never those of the others, which are direct,")
    add_output_arguments(parser)


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 where there would be nothing to measure."""
    if not (min(ACCOUNTS) <= options.most_accounts <= MOST and 0 <= options.most_certificates <= MOST):
        parser.error(f"at least {min(ACCOUNTS):,} accounts, and at most {MOST:,} of anything")
    if not (1 <= options.asked <= 1000 and 1 <= options.payments <= 100_000):
        parser.error("1 to 1,000 votes of each step, and at least one payment")
    if options.profile is not None and options.only is not None and not set(options.only) & set(PARTS_WITH_LINES):
        parser.error(f"--profile is of the lines of {' and '.join(PARTS_WITH_LINES)}: the other parts ask one validator directly")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 if a unit is missing. LocalFault."""
    import asyncio
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    from mesh_core.crypto.startup import prepare
    from testnet.bench import scale
    from testnet.bench.results import describe_surroundings, make_result

    require_output(options)
    profile = chosen_profile(options)
    prepare()
    machine = describe_surroundings()
    plan = scale.QUICK
    if not options.quick:
        accounts = tuple(count for count in ACCOUNTS if count <= options.most_accounts)
        certificates = tuple(count for count in CERTIFICATES if count <= options.most_certificates)
        plan = scale.ScalePlan(accounts, certificates, VALIDATORS, WALLETS, options.asked, options.payments, options.seed)
    plan = replace(plan, profile=profile)
    measures = {"accounts": scale.measure_accounts, "log": scale.measure_log, "committee": scale.measure_committees, "wallets": scale.measure_many_wallets}
    figures: dict[str, Any] = {}
    for part, measure in measures.items():
        figures[part] = None
        if options.only is None or part in options.only:
            with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
                figures[part] = asyncio.run(measure(Path(folder), plan, lambda text: say(options, text)))
    told = {"quick": options.quick, "asked": plan.asked, "payments": plan.payments} | profile_form(profile)
    deliver(options, make_result(NAME, seed=options.seed, machine=machine, options=told, figures=figures), figures_of(figures))
    return 0 if all(row["is_right"] for part in PARTS_WITH_LINES for row in figures[part] or ()) else 1


def figures_of(figures: dict[str, Any]) -> "Sequence[Figure]":
    """Times over accounts, and over certificates."""
    from testnet.bench.plots import Curve, Figure

    found = []
    for part, what in (("accounts", "accounts"), ("log", "certificates")):
        if figures[part] is not None:
            curves = tuple(
                Curve(name, tuple((float(max(1, row[what])), float(row[name]["median_ms"])) for row in figures[part]["rows"]))
                for name in ("vote", "certificate")
            )
            found.append(Figure(f"scale-{part}", f"Times of one validator and the number of {what}", what, "ms, median", curves, is_log=True))
    return found
