"""`mesh-testnet bench`: what measures stands in `testnet/bench`."""

from testnet.bench.command import HELP, NAME, add_arguments, run

__all__ = ["HELP", "NAME", "add_arguments", "run"]
