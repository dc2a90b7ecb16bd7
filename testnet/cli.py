"""The `mesh-testnet` command: tools around the protocol. Each of its commands is a module of `testnet/commands`."""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.visible_text import visible_text
from testnet.commands import audit, bench, completion, down, export, import_ledger, init, provision, simulate, torture, up, vectors
from testnet.commands.control import CONTROL_COMMANDS
from testnet.commands.registry import EXIT_FAILED, Command, add_commands, run_chosen

EXIT_NO_VALIDATOR = 3
FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Where no more can be written."""
COMMANDS: Final[tuple[Command, ...]] = (
    vectors,
    bench,
    torture,
    init,
    provision,
    up,
    down,
    audit,
    export,
    import_ledger,
    simulate,
    *CONTROL_COMMANDS,
    completion,
)
"""In the order in which `--help` names them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 good, 1 failed, 2 wrong usage, 3 a validator of `up` could not be started."""
    options = make_parser().parse_args(arguments)
    # It writes the stack of a statement that failed; the failure is told in words by whoever asked for it.
    # By its level and not by switching it off: loggers below it inherit the one, and not the other.
    logging.getLogger("sqlitedict").setLevel(logging.CRITICAL + 1)
    try:
        status = run_chosen(options)
        # Here and not when Python ends: what cannot be written is told in words, and with a status.
        sys.stdout.flush()
        return status
    except LocalFault as fault:
        # Names of networks and words of validators may be in it, which are others'.
        sys.stderr.write(f"mesh-testnet: {visible_text(str(fault))}\n")
        return EXIT_NO_VALIDATOR if fault.code is ErrorCode.VALIDATOR_START else EXIT_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("mesh-testnet: interrupted\n")
        return EXIT_FAILED
    except BrokenPipeError:
        _give_up_output()
        return EXIT_FAILED
    except OSError as error:
        if error.errno not in FULL:
            raise  # a bug of ours: what the system refuses about files is told by whoever opens them
        _give_up_output()
        sys.stderr.write(f"mesh-testnet: standard output cannot be written: {error.strerror or error}\n")
        return EXIT_FAILED


def _give_up_output() -> None:
    """Python flushes once more at the end, and would complain of whoever has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="mesh-testnet", description="Tools around the MESH protocol.")
    add_commands(parser, COMMANDS, "command")
    return parser


if __name__ == "__main__":
    sys.exit(main())
