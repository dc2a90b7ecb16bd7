"""`python -m mesh_core.validator --config FILE [--supervised]`, and `--init FOLDER`. `mesh-app --validator` is the same."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mesh_core.errors import LocalFault
from mesh_core.validator.identity import IDENTITY_NAME, TLS_CERTIFICATE_NAME, init_identity
from mesh_core.validator.process import run_validator


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a validator or make its keys; returns the exit status."""
    parser = argparse.ArgumentParser(prog="mesh-app --validator", description="Run one MESH validator without a screen, or make its keys.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, metavar="FILE", help="run the validator that FILE (TOML) describes")
    what.add_argument("--init", type=Path, metavar="DIR", help="make a new validator's keys and TLS certificate in DIR, before the genesis that names them")
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)
    if options.init is not None:
        return _init(options.init)
    return run_validator(options.config, supervised=options.supervised)


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
