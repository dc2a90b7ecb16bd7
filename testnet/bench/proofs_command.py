"""`mesh-testnet bench proofs`: times of the range proofs. What measures is `proofs.py`, a process of its own for each group library."""

import argparse
import sys
from dataclasses import asdict

from testnet.bench.profile_option import chosen_profile, profile_form
from testnet.bench.telling import add_output_arguments, deliver, require_output

NAME = "proofs"
HELP = "prove and verify range proofs, one by one and in batches"
BACKENDS = ("native", "libsodium")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--backend", choices=BACKENDS, help="only this group library (default: all that can be had)")
    parser.add_argument("--profile", metavar="PROFILE", help="as of the other benchmarks; kept with the result, and without effect: a proof crosses no line")
    add_output_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measure each group library, and tell all rows. LocalFault (CRYPTO_LIBRARY, CONFIG_INVALID)."""
    from mesh_core.crypto import ristretto
    from testnet.bench.plots import Curve, Figure
    from testnet.bench.proofs import run_all
    from testnet.bench.results import describe_surroundings, make_result

    require_output(options)
    profile = chosen_profile(options)
    machine = describe_surroundings()
    available = BACKENDS if ristretto.is_native_built() else ("libsodium",)
    rows = run_all(available if options.backend is None else (options.backend,))
    figures = {"rows": [asdict(row) for row in rows]}
    batches = [row for row in rows if row.operation in ("verify", "batch") and row.commitments == 2]
    curves = tuple(
        Curve(backend, tuple((float(row.batch), row.median_ms / row.batch) for row in batches if row.backend == backend))
        for backend in dict.fromkeys(row.backend for row in rows)
    )
    figure = Figure("proofs", "Verification of a range proof, m = 2", "proofs in a batch", "ms each", curves, is_log=True)
    told = {"backend": options.backend} | profile_form(profile)
    deliver(options, make_result(NAME, seed=0, machine=machine, options=told, figures=figures), [figure])
    if not options.json and profile is not None:
        sys.stdout.write(f"a proof crosses no line: the profile {profile.name} changes none of this\n")
    if not options.json and options.backend is None and len(available) < len(BACKENDS):
        sys.stdout.write("native was not built here: install again where there is a C compiler\n")
    return 0
