"""`mesh-testnet bench proofs`: times of the range proofs. What measures is `proofs.py`, a process of its own for each group library."""

import argparse
import json
import sys
from dataclasses import asdict

NAME = "proofs"
HELP = "prove and verify range proofs, one by one and in batches"
BACKENDS = ("native", "libsodium")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    parser.add_argument("--backend", choices=BACKENDS, help="only this group library (default: all that can be had)")


def run(options: argparse.Namespace) -> int:
    """Measure each group library, and tell all rows. LocalFault (CRYPTO_LIBRARY)."""
    from mesh_core.crypto import ristretto
    from testnet.bench.proofs import format_table, run_all

    available = BACKENDS if ristretto.is_native_built() else ("libsodium",)
    rows = run_all(available if options.backend is None else (options.backend,))
    if options.json:
        sys.stdout.write("".join(json.dumps(asdict(row)) + "\n" for row in rows))
        return 0
    sys.stdout.write(format_table(rows) + "\n")
    if options.backend is None and len(available) < len(BACKENDS):
        sys.stdout.write("native was not built here: install again where there is a C compiler\n")
    return 0
