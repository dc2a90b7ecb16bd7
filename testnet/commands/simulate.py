"""`mesh-testnet simulate`: its options and what it does stand in `testnet/simulation`."""

from testnet.simulation.command import add_arguments, check, run

__all__ = ["HELP", "NAME", "add_arguments", "check", "run"]

NAME = "simulate"
HELP = "the product's own code against seeded faults, in virtual time"
