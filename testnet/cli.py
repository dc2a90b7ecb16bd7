"""The `mesh-testnet` command: tools around the protocol."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.committee import MAX_VALIDATORS
from testnet import control_arguments
from testnet.simulation import command as simulation

EXIT_FAILED = 1
EXIT_NO_VALIDATOR = 3
UP_DESCRIPTION = """Runs the validators of a home and its faucet until Ctrl-C or SIGTERM, then stops them in good order.
Where the home has no network, one is made, whose money is all in the wallet 'faucet'. No other wallet is opened, so that mesh-wallet
can use them; one program at a time runs a home's network."""
UP_STATUSES = """Exit status: 0 stopped as asked, 1 failed (the home is in use, or wrong), 2 wrong usage, 3 a validator could not be started."""
BACKENDS = ("native", "libsodium")
LIBRARY_VARIABLE = "MESH_RISTRETTO"
DETAIL_CHARACTERS = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 good, 1 failed, 2 wrong usage, 3 a validator of `up` could not be started."""
    parser = argparse.ArgumentParser(prog="mesh-testnet", description="Tools around the MESH protocol.")
    commands = parser.add_subparsers(dest="command", required=True)
    vectors = commands.add_parser("vectors", help="check range-proof vectors, or make new ones")
    vectors.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a file in the format of tests/vectors/range-proofs.json")
    vectors.add_argument("--backend", choices=BACKENDS, help="the group library to check with (default: the one that programs use)")
    vectors.add_argument("--make", type=Path, metavar="FILE", help="write a new file from this prover, for other implementations")
    vectors.add_argument("--seed", type=int, default=0, metavar="N", help="with --make: other values, blinding factors and nonces")
    bench = commands.add_parser("bench", help="measure")
    bench.add_argument("what", choices=("proofs",))
    bench.add_argument("--json", action="store_true", help="one JSON object a row")
    bench.add_argument("--backend", choices=BACKENDS, help="only this group library (default: all that can be had)")
    torture = commands.add_parser("torture", help="kill validators and wallets of a real network at random while they pay, then count every unit")
    torture.add_argument("--minutes", type=float, default=1.0, metavar="M", help="how long payments and kills go on (default 1)")
    torture.add_argument("--seed", type=int, default=0, metavar="N", help="who pays whom, and who is killed; the timing is the machine's")
    torture.add_argument("--wallets", type=int, default=4, metavar="N", help="how many wallets pay each other (default 4)")
    torture.add_argument("--json", action="store_true", help="the report as one JSON object")
    up = commands.add_parser("up", help="run a network with a faucet in the foreground, for mesh-wallet", description=UP_DESCRIPTION, epilog=UP_STATUSES)
    up.add_argument("home", type=Path, metavar="DIR", help="where network and wallets are kept; made with a new network where there is none")
    up.add_argument("--validators", type=_validators_count, metavar="N", help="with a new network: how many validators (default 4)")
    up.add_argument("--json", action="store_true", help="one JSON object a line")
    simulation.add_arguments(commands.add_parser("simulate", help="the product's own code against seeded faults, in virtual time"))
    control_arguments.add_arguments(commands)
    options = parser.parse_args(arguments)
    if options.command == "torture" and not (options.minutes > 0 and options.wallets >= 2):
        parser.error("torture takes some time and at least two wallets")
    if options.command == "vectors" and (options.file is None) == (options.make is None):
        parser.error("vectors takes either a FILE to check or --make FILE")
    if options.command in control_arguments.COMMANDS:
        control_arguments.check_arguments(options, parser)
    try:
        if options.command in control_arguments.COMMANDS:
            return _control(options)
        if options.command == "up":
            return _up(options.home, options.validators, as_json=options.json)
        if options.command == "torture":
            return _torture(options.minutes, options.seed, options.wallets, as_json=options.json)
        if options.command == "simulate":
            return simulation.run(options)
        if options.command == "bench":
            return _bench_proofs(options.backend, as_json=options.json)
        if options.backend is not None:
            # Read when the group library is first imported, so before anything else is.
            os.environ[LIBRARY_VARIABLE] = options.backend
        return _check(options.file) if options.file is not None else _make(options.make, options.seed)
    except LocalFault as fault:
        sys.stderr.write(f"mesh-testnet: {fault}\n")
        return EXIT_NO_VALIDATOR if fault.code is ErrorCode.VALIDATOR_START else EXIT_FAILED


def _validators_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_VALIDATORS)) and 1 <= int(text) <= MAX_VALIDATORS):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number from 1 to {MAX_VALIDATORS}")
    return int(text)


def _control(options: argparse.Namespace) -> int:
    from testnet.control_commands import run

    return run(options)


def _up(home: Path, validators_count: int | None, *, as_json: bool) -> int:
    from mesh_core.wallet.home_folder import find_home
    from testnet.up import run_up

    try:
        run_up(find_home(home), validators_count, as_json=as_json)
    except KeyboardInterrupt:
        return EXIT_FAILED  # before there was anything to stop in good order
    return 0


def _torture(minutes: float, seed: int, wallets_count: int, *, as_json: bool) -> int:
    import asyncio
    import tempfile

    from testnet.torture import torture

    def tell(text: str) -> None:
        if not as_json:
            print(text, flush=True)

    with tempfile.TemporaryDirectory(prefix="mesh-torture-") as home:
        report = asyncio.run(torture(Path(home) / "home", seconds=minutes * 60, seed=seed, wallets_count=wallets_count, tell=tell))
    if as_json:
        print(json.dumps(report.form(), separators=(",", ":")))
    else:
        for key, value in report.form().items():
            if key != "event":
                print(f"{key.replace('_', ' '):>22}  {value}")
    return 0 if report.is_good else EXIT_FAILED


def _check(path: Path) -> int:
    from mesh_core.crypto import ristretto
    from testnet.conformance import check_vectors, read_vectors

    ristretto.load_library()
    passed = failed = 0
    for outcome in check_vectors(read_vectors(path)):
        if outcome.failure:
            failed += 1
            print(f"FAILED {outcome.section}: {outcome.name}: {outcome.failure[:DETAIL_CHARACTERS]}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return EXIT_FAILED if failed or not passed else 0


def _make(path: Path, seed: int) -> int:
    from testnet.vector_maker import make_vectors

    document = make_vectors(seed)
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"mesh-testnet: {path} cannot be written: {error.strerror or error}\n")
        return EXIT_FAILED
    print(f"{path}: {len(document['valid'])} valid, {len(document['invalid'])} invalid, {len(document['batches'])} batches")
    return 0


def _bench_proofs(backend: str | None, *, as_json: bool) -> int:
    from mesh_core.crypto import ristretto
    from testnet.bench_proofs import format_table, run_all

    available = BACKENDS if ristretto.is_native_built() else ("libsodium",)
    rows = run_all(available if backend is None else (backend,))
    if as_json:
        for row in rows:
            print(json.dumps(asdict(row)))
    else:
        print(format_table(rows))
        if backend is None and len(available) < len(BACKENDS):
            print("native was not built here: install again where there is a C compiler")
    return 0


if __name__ == "__main__":
    sys.exit(main())
