"""`mesh-testnet vectors`: range-proof vectors of other implementations checked, or new ones made for them."""

import argparse
import json
import os
import sys
from pathlib import Path

from mesh_core.storage.named_path import named_path
from testnet.commands.registry import EXIT_FAILED

NAME = "vectors"
HELP = "check range-proof vectors, or make new ones"
BACKENDS = ("native", "libsodium")
LIBRARY_VARIABLE = "MESH_RISTRETTO"
DETAIL_CHARACTERS = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("file", type=named_path, nargs="?", metavar="FILE", help="a file in the format of tests/vectors/range-proofs.json")
    parser.add_argument("--backend", choices=BACKENDS, help="the group library to check with (default: the one that programs use)")
    parser.add_argument("--make", type=named_path, metavar="FILE", help="write a new file from this prover, for other implementations")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="with --make: other values, blinding factors and nonces")


def check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with status 2 unless there is one thing to do."""
    if (options.file is None) == (options.make is None):
        parser.error("vectors takes either a FILE to check or --make FILE")


def run(options: argparse.Namespace) -> int:
    """Exit status 1 if a vector fails. LocalFault."""
    if options.backend is not None:
        # Read when the group library is first imported, so before anything else is.
        os.environ[LIBRARY_VARIABLE] = options.backend
    return _check_file(options.file) if options.file is not None else _make(options.make, options.seed)


def _check_file(path: Path) -> int:
    from mesh_core.crypto import ristretto
    from mesh_core.types.visible_text import visible_text
    from testnet.conformance import check_vectors, read_vectors

    ristretto.load_library()
    passed = failed = 0
    for outcome in check_vectors(read_vectors(path)):
        if outcome.failure:
            failed += 1
            # The file is somebody else's, names and all.
            sys.stdout.write(visible_text(f"FAILED {outcome.section}: {outcome.name[:DETAIL_CHARACTERS]}: {outcome.failure[:DETAIL_CHARACTERS]}") + "\n")
        else:
            passed += 1
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return EXIT_FAILED if failed or not passed else 0


def _make(path: Path, seed: int) -> int:
    from mesh_core.types.visible_text import visible_text
    from testnet.vector_maker import make_vectors

    document = make_vectors(seed)
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"mesh-testnet: {visible_text(str(path))} cannot be written: {error.strerror or error}\n")
        return EXIT_FAILED
    sys.stdout.write(f"{visible_text(str(path))}: {len(document['valid'])} valid, {len(document['invalid'])} invalid, {len(document['batches'])} batches\n")
    return 0
