"""`mesh-testnet simulate --latency`: the table of docs/scaling.md, "Committees up to 100"."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from testnet.simulation.modelled.run import ModelOptions

PAYMENTS: Final = 100
EVERY_S: Final = 1.5
EVERY_MOST_S: Final = 60.0
SEEDS: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the model."""
    group = parser.add_argument_group("latency", "modelled, not measured: how long payments take over a profile's lines; every figure is of virtual time")
    group.add_argument("--latency", action="store_true", help="no faults but silence, and a row for each size of --validators")
    group.add_argument("--profile", default="global", metavar="P", help="where validators and wallets are (default: global)")
    group.add_argument("--payments", type=int, default=PAYMENTS, metavar="N", help=f"so many in each run (default: {PAYMENTS})")
    group.add_argument(
        "--every", type=float, default=EVERY_S, metavar="S", help=f"mean seconds between two payments of one of ten wallets (default: {EVERY_S})"
    )
    group.add_argument("--silent", default="0", metavar="N|f", help="so many validators say nothing; f: as many as the committee bears (default: 0)")
    group.add_argument("--cost", action="append", default=[], metavar="NAME=MS", help="another figure for the model's table of costs, such as prove=50")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with status 2 where options contradict each other."""
    if options.silent != "f" and not options.silent.isdecimal():
        parser.error("--silent is a number, or f")
    if options.payments < 1:
        parser.error("--payments is at least 1")
    if not 0.0 < options.every <= EVERY_MOST_S:
        parser.error(f"--every is above 0, and at most {EVERY_MOST_S:g}")
    if options.latency and any((options.trace, options.events, options.replay, options.byzantine, options.mutate, options.real_proofs, options.real_store)):
        parser.error("--latency goes with --seeds, --validators and its own options alone")


def run(told: argparse.Namespace) -> int:
    """Print a row for each size as soon as its runs are done. LocalFault (CONFIG_INVALID): profile, costs, more silent validators than the committee bears."""
    from testnet.simulation.modelled.run import run_model
    from testnet.simulation.modelled.table import heading, line_of, rows_of
    from testnet.simulation.pool import run_each

    several = list(_options(told))
    if told.json:
        _tell(json.dumps({"event": "model", "profile": several[0].profile.name, "source": several[0].profile.source, "costs": asdict(several[0].costs)}))
    else:
        _tell(f"modelled, not measured: {several[0].profile.text}. {several[0].profile.source}\n{heading()}")
    results = run_each(run_model, several)
    for _ in told.validators:
        (row,) = rows_of(next(results) for _ in range(told.seeds or SEEDS))
        _tell(json.dumps({"event": "row", **asdict(row)}) if told.json else line_of(row))
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options(told: argparse.Namespace) -> "Iterator[ModelOptions]":
    from mesh_core.errors import ErrorCode, LocalFault
    from testnet.profiles import load_profile
    from testnet.simulation.modelled.costs import Costs
    from testnet.simulation.modelled.run import ModelOptions

    profile, costs = load_profile(told.profile), Costs().changed(told.cost)
    for size in told.validators:
        options = ModelOptions(0, size, profile)
        bearable = options.committee.faults_tolerated
        silent_count = bearable if told.silent == "f" else int(told.silent)
        if silent_count > bearable:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{size} validators bear {bearable} that are silent: with {silent_count} no payment is ever final")
        for seed in range(told.first, told.first + (told.seeds or SEEDS)):
            yield ModelOptions(seed, size, profile, silent_count, told.payments, told.every, costs)
