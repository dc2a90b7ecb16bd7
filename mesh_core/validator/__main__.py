"""`python -m mesh_core.validator`: runs a validator, makes its keys, asks one how it is, ends a quarantine. `mesh-app --validator` is the same."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mesh_core.errors import LocalFault
from mesh_core.storage.named_path import named_path
from mesh_core.validator.identity import IDENTITY_NAME, TLS_CERTIFICATE_NAME, init_identity
from mesh_core.validator.lifting import run_lifting
from mesh_core.validator.process import run_validator
from mesh_core.validator.status import run_status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a validator or make its keys; returns the exit status."""
    parser = argparse.ArgumentParser(prog="mesh-app --validator", description="Run one MESH validator without a screen, or make its keys.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=named_path, metavar="FILE", help="run the validator that FILE (TOML) describes")
    what.add_argument(
        "--init", type=named_path, metavar="DIR", help="make a new validator's keys and TLS certificate in DIR, before the genesis that names them"
    )
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")
    parser.add_argument("--status", action="store_true", help="do not run it: ask the one that runs how it is")
    parser.add_argument("--json", action="store_true", help="with --status: one JSON object")
    parser.add_argument("--lift-quarantine", action="store_true", help="do not run it: let it vote again from its next start on, after it may have lost votes")
    parser.add_argument("--confirm", metavar="SENTENCE", help="with --lift-quarantine: the sentence that is otherwise asked for")
    options = parser.parse_args(arguments)
    _check_combination(parser, options)
    if options.init is not None:
        return _init(options.init)
    if options.status:
        return run_status(options.config, as_json=options.json)
    if options.lift_quarantine:
        return run_lifting(options.config, options.confirm)
    return run_validator(options.config, supervised=options.supervised)


def _check_combination(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.init is not None and (options.status or options.lift_quarantine or options.supervised):
        parser.error("--init goes with nothing else")
    if options.status + options.lift_quarantine + options.supervised > 1:
        parser.error("--status, --lift-quarantine and --supervised exclude each other")
    if options.json and not options.status:
        parser.error("--json goes with --status")
    if options.confirm is not None and not options.lift_quarantine:
        parser.error("--confirm goes with --lift-quarantine")


def _init(folder: Path) -> int:
    try:
        key = init_identity(folder, os.urandom)
    except LocalFault as fault:
        sys.stderr.write(f"mesh-app --validator --init: {fault}\n")
        return 1
    sys.stdout.write(f"public key   {key.public_key.hex()}\nsecret key   {folder / IDENTITY_NAME}\ncertificate  {folder / TLS_CERTIFICATE_NAME}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
